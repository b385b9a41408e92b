//! Whether commits are signed by the key that signs now.

use bytes::Bytes;

use super::Writer;
use crate::error::GitError;
use crate::id::{CommitId, ObjectKind};
use crate::signing::{SignatureError, TrustedKeys, verify};

/// Says whether a commit is signed, as far as the key that signs now can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// By the key that signs now.
    Own,
    /// In the name of another key, which may be an older one of ours or that of a git host. Nothing is
    /// checked by it.
    Other,
    /// It is not what was signed, or the signature cannot be read.
    Invalid,
    /// Not at all.
    Unsigned,
}

impl Signature {
    /// Returns the state as a word.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Own => "Own",
            Self::Other => "Other",
            Self::Invalid => "Invalid",
            Self::Unsigned => "Unsigned",
        }
    }

    fn of(commit: &[u8], keys: &TrustedKeys) -> Self {
        match verify(commit, keys) {
            Ok(_) => Self::Own,
            Err(SignatureError::Unsigned) => Self::Unsigned,
            Err(SignatureError::Untrusted { .. } | SignatureError::Unusable { .. }) => Self::Other,
            Err(SignatureError::Invalid { .. } | SignatureError::Malformed(_)) => Self::Invalid,
        }
    }
}

impl Writer {
    /// Says of each commit whether it is signed; nothing of one that would have to be fetched first.
    pub async fn signatures(
        &self,
        commits: &[CommitId],
    ) -> Result<Vec<Option<Signature>>, GitError> {
        self.head().await?;
        let mut found: Vec<Option<Bytes>> = Vec::with_capacity(commits.len());
        for commit in commits {
            let object = self.shared.engine.at_hand(commit.0).await?;
            found.push(object.filter(|o| o.kind == ObjectKind::Commit).map(|object| object.data));
        }
        let mut keys = TrustedKeys::default();
        if let Some(signer) = self.shared.signer() {
            // A key that cannot be read as a public one is none whose signatures are known.
            let _ = keys.add_signer(&signer);
        }
        let judge = move || {
            let judged = found.iter().map(|text| Some(Signature::of(text.as_ref()?, &keys)));
            judged.collect()
        };
        tokio::task::spawn_blocking(judge)
            .await
            .map_err(|_| GitError::other("the task that checks signatures ended early: try again"))
    }
}
