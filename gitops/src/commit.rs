//! Commits as they are written.

use std::sync::Arc;

use gix_hash::ObjectId;
use jiff::Timestamp;

use crate::change::{Change, Identity, line};
use crate::error::GitError;
use crate::id::CommitId;
use crate::signing::{Signer, with_signature};

/// Writes the commit of a change, signed if there is a signer.
pub(crate) async fn encode(
    change: &Change,
    tree: ObjectId,
    parent: Option<CommitId>,
    signer: Option<Arc<Signer>>,
) -> Result<Vec<u8>, GitError> {
    let time = change.time.max(Timestamp::UNIX_EPOCH).as_second();
    let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    let headers = format!(
        "tree {}\n{parent}author {} {time} +0000\ncommitter {} {time} +0000\n",
        tree.to_hex(),
        signature(&change.author),
        signature(&change.committer),
    );
    let message = change.message();
    let unsigned = with_signature(&headers, &message, None);
    let Some(signer) = signer else { return Ok(unsigned) };
    // Large keys take milliseconds, and a batch has hundreds of commits.
    let text = tokio::task::spawn_blocking(move || signer.sign(&unsigned, time)).await;
    let text = text.map_err(|e| GitError::other(format!("signing was broken off: {e}")))?;
    Ok(with_signature(&headers, &message, Some(&text?)))
}

/// Writes an identity so that no character of it has a meaning in a commit's header.
fn signature(identity: &Identity) -> String {
    let plain = |text: &str, fallback: &str| {
        let text = line(&text.replace(['<', '>'], ""));
        if text.is_empty() { fallback.to_owned() } else { text }
    };
    let email = plain(&identity.email, "unknown").replace(' ', "");
    format!("{} <{email}>", plain(&identity.name, "unknown"))
}
