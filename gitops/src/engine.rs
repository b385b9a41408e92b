//! What a way of talking git must be able to do.

use std::path::PathBuf;

use async_trait::async_trait;
use gix_hash::ObjectId;

use crate::error::GitError;
use crate::id::{CommitId, Object, ObjectKind};
use crate::index::LogEntry;
use crate::options::EngineKind;
use crate::path::RepoPath;
use crate::remote::{BranchName, Credentials};

/// What the server says about its branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) branch: Option<CommitId>,
    /// The repository has no branch at all.
    pub(crate) empty: bool,
}

/// Why a push did not report success. Only a look at the server tells what really happened.
#[derive(Debug)]
pub(crate) enum PushError {
    /// The server said no, with this text.
    Refused(String),
    /// The branch was seen at another commit than the expected one.
    Stale,
    /// No usable answer came; the server may have accepted all the same.
    Lost(GitError),
}

impl PushError {
    /// Returns the failure as a word for metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(_) => "GitRejected",
            Self::Stale => "GitConflict",
            Self::Lost(error) => error.reason(),
        }
    }
}

impl From<GitError> for PushError {
    fn from(error: GitError) -> Self {
        Self::Lost(error)
    }
}

/// Holds objects.
#[async_trait]
pub(crate) trait Objects: Send + Sync + 'static {
    /// Reads an object; none if it is not known here.
    async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError>;
    /// Reads an object for which nothing has to be fetched.
    async fn at_hand(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        self.object(id).await
    }
    /// Returns kind and size of an object without its content.
    async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError>;
    /// Brings objects here together that are about to be read one by one.
    async fn gather(&self, _: &[ObjectId]) -> Result<(), GitError> {
        Ok(())
    }
    /// Brings a folder here that is about to be read whole, with what is directly in it.
    async fn unfold(&self, _: ObjectId) -> Result<(), GitError> {
        Ok(())
    }
}

/// Reaches one branch of one repository.
///
/// Reading may go on at any time. `open`, `fetch`, `write`, `push`, `send`, `maintain` and `wipe` are
/// called by the branch's one task only.
#[async_trait]
pub(crate) trait Engine: Objects {
    /// Returns which way it is, once that is known.
    fn kind(&self) -> Option<EngineKind>;
    /// Prepares the cache and returns the head that it knows.
    async fn open(&self) -> Result<Option<CommitId>, GitError>;
    /// Asks the server for the head.
    async fn look(&self) -> Result<Seen, GitError>;
    /// Brings in everything that the branch has, and returns its head.
    async fn fetch(&self) -> Result<CommitId, GitError>;
    /// Keeps new objects until they are pushed.
    async fn write(&self, objects: Vec<Object>) -> Result<(), GitError>;
    /// Moves the branch from `old` to `new`, provided that it is still at `old`.
    async fn push(&self, old: Option<CommitId>, new: CommitId) -> Result<(), PushError>;
    /// Asks the server for the head of another branch.
    async fn look_at(&self, branch: &BranchName) -> Result<Option<CommitId>, GitError>;
    /// Moves another branch from `old` to `new`, or deletes it, provided that it is still at `old`.
    async fn send(
        &self,
        branch: &BranchName,
        old: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), PushError>;
    /// Finds a commit up to `at`, the head of another branch, and not up to `base`, that is not Gimlet's
    /// as it made it, with who committed it. Merges have no work of their own.
    async fn stranger(
        &self,
        branch: &BranchName,
        base: CommitId,
        at: CommitId,
    ) -> Result<Option<(CommitId, String)>, GitError>;
    /// Returns the commits, oldest first, that `new` has and `not` has not.
    ///
    /// Of those that others made, very old ones may be left out.
    async fn log(&self, new: CommitId, not: Option<CommitId>) -> Result<Vec<LogEntry>, GitError>;
    /// Says whether one commit leads to another; both must be known here.
    async fn is_ancestor(&self, ancestor: CommitId, of: CommitId) -> Result<bool, GitError>;
    /// Returns the last commit up to `head` that changed a path.
    async fn last_touch(
        &self,
        head: CommitId,
        path: &RepoPath,
    ) -> Result<Option<CommitId>, GitError>;
    /// Returns where the release log may be kept between two processes, beside the cache; none
    /// before it was opened.
    fn log_file(&self) -> Option<PathBuf>;
    /// Tidies up if it is time to.
    async fn maintain(&self) -> Result<(), GitError>;
    /// Throws the cache away.
    async fn wipe(&self) -> Result<(), GitError>;
    /// Uses other credentials from now on.
    fn set_credentials(&self, credentials: Credentials);
}
