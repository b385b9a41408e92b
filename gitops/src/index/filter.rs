//! What is asked of the release log.

use jiff::Timestamp;

use crate::id::CommitId;
use crate::path::RepoPath;

/// Chooses entries of the release log; what is set must all be true of an entry.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Only this environment's application of this name.
    pub app: Option<(String, String)>,
    /// Only this environment.
    pub environment: Option<String>,
    /// Only what this person asked for, or is the author of: a name or a mail address.
    pub person: Option<String>,
    /// Only releases of this application repository.
    pub repository: Option<String>,
    /// Only what is not older.
    pub since: Option<Timestamp>,
    /// Only what is older.
    pub until: Option<Timestamp>,
    /// Also commits that the original Gimlet made, or others.
    ///
    /// Those of others say nothing of environments and applications: with [`Self::app`] or
    /// [`Self::environment`] they are chosen by [`Self::folder`], and left out without it.
    pub others: bool,
    /// The folder of that application or environment in the repository.
    pub folder: Option<RepoPath>,
    /// At most this many entries, and the other members of the last one's commit; zero stands for
    /// all.
    pub limit: usize,
    /// Only entries of commits that come before this one.
    pub before: Option<CommitId>,
}
