//! What can go wrong with a repository, and whether trying again helps.

use std::fmt;

/// Says what class of failure a [`GitError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GitErrorKind {
    /// The server could not be reached or broke off.
    Unreachable,
    /// The server refused the credentials, or its host key is not the known one.
    Unauthorized,
    /// The repository, or an object asked for, does not exist.
    NotFound,
    /// The branch does not exist and may not be created.
    BranchMissing,
    /// The server refused the push: a protected branch or a hook.
    Rejected,
    /// The branch of a proposal has commits of somebody else.
    BranchTaken,
    /// A path is not allowed or is taken by something that is not ours.
    PathRefused,
    /// A newer change of the same application has already been committed.
    Superseded,
    /// The folder is no longer what the change was made for.
    BaseChanged,
    /// A limit on files or bytes was passed.
    TooLarge,
    /// Other writers were faster too many times.
    Conflict,
    /// The local cache is unusable.
    Cache,
    /// The commit cannot be signed.
    Signing,
    /// A deadline passed.
    Timeout,
    /// The change was withdrawn, or the writer was shut down.
    Cancelled,
    /// The address, the credentials or the change itself do not make sense.
    Invalid,
    /// Something else.
    Other,
}

/// Describes a failed operation in the server's own words, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GitError {
    kind: GitErrorKind,
    message: String,
    /// The older and the newer change.
    superseded: Option<(String, String)>,
}

const MESSAGE_CAP: usize = 1024;

impl GitError {
    pub(crate) fn new(kind: GitErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: cap(message.into()), superseded: None }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(GitErrorKind::Other, message)
    }

    pub(crate) fn cache(message: impl Into<String>) -> Self {
        Self::new(GitErrorKind::Cache, message)
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(GitErrorKind::Cancelled, "the repository's writer has stopped: try again")
    }

    pub(crate) fn superseded(id: &str, by: &str) -> Self {
        Self {
            superseded: Some((id.to_owned(), by.to_owned())),
            ..Self::new(
                GitErrorKind::Superseded,
                format!("{id} is older than {by}, which is already committed: nothing to do"),
            )
        }
    }

    /// Returns the class of the failure.
    pub fn kind(&self) -> GitErrorKind {
        self.kind
    }

    /// Returns the id of the newer change that is already committed.
    pub fn superseded_by(&self) -> Option<&str> {
        self.superseded.as_ref().map(|(_, by)| by.as_str())
    }

    /// Returns the id of the member that is older than a change that is already committed.
    pub fn superseded_id(&self) -> Option<&str> {
        self.superseded.as_ref().map(|(id, _)| id.as_str())
    }

    /// Returns the class as a word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self.kind {
            GitErrorKind::Unreachable => "GitUnreachable",
            GitErrorKind::Unauthorized => "GitUnauthorized",
            GitErrorKind::NotFound => "GitNotFound",
            GitErrorKind::BranchMissing => "GitBranchMissing",
            GitErrorKind::Rejected => "GitRejected",
            GitErrorKind::BranchTaken => "GitBranchTaken",
            GitErrorKind::PathRefused => "GitPathRefused",
            GitErrorKind::Superseded => "Superseded",
            GitErrorKind::BaseChanged => "BaseChanged",
            GitErrorKind::TooLarge => "GitTooLarge",
            GitErrorKind::Conflict => "GitConflict",
            GitErrorKind::Cache => "GitCache",
            GitErrorKind::Signing => "GitSigning",
            GitErrorKind::Timeout => "GitTimeout",
            GitErrorKind::Cancelled => "GitCancelled",
            GitErrorKind::Invalid => "GitInvalid",
            GitErrorKind::Other => "GitFailed",
        }
    }

    /// Says whether the host is away, which is the fault of nothing that was asked.
    pub fn is_outage(&self) -> bool {
        self.kind == GitErrorKind::Unreachable
    }

    /// Says whether the same request can only fail again until somebody changes something.
    pub fn is_terminal(&self) -> bool {
        match self.kind {
            GitErrorKind::Unauthorized
            | GitErrorKind::NotFound
            | GitErrorKind::BranchMissing
            | GitErrorKind::Rejected
            | GitErrorKind::BranchTaken
            | GitErrorKind::PathRefused
            | GitErrorKind::Superseded
            | GitErrorKind::BaseChanged
            | GitErrorKind::TooLarge
            | GitErrorKind::Signing
            | GitErrorKind::Invalid => true,
            GitErrorKind::Unreachable
            | GitErrorKind::Conflict
            | GitErrorKind::Cache
            | GitErrorKind::Timeout
            | GitErrorKind::Cancelled
            | GitErrorKind::Other => false,
        }
    }
}

impl fmt::Display for GitErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Cuts a message at a character boundary.
fn cap(mut message: String) -> String {
    if message.len() > MESSAGE_CAP {
        let mut end = MESSAGE_CAP - '…'.len_utf8();
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let error = GitError::other("ü".repeat(2000));
        assert!(error.to_string().len() <= MESSAGE_CAP);
        assert!(error.to_string().ends_with('…'));
    }

    #[test]
    fn a_superseded_change_names_the_newer_one() {
        let error = GitError::superseded("old", "new");
        assert_eq!(error.superseded_by(), Some("new"));
        assert_eq!(error.superseded_id(), Some("old"));
        assert!(error.is_terminal());
    }
}
