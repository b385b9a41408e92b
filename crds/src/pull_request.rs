//! Pull requests: how a commit comes to a branch that nobody pushes to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How commits come to the branch of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PushMode {
    /// They are pushed.
    #[default]
    Commit,
    /// Each app has a branch and a pull request, which people merge.
    PullRequest,
}

impl PushMode {
    /// Tells whether this is the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the operator merges a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AutoMerge {
    /// By a commit with two parents, so that the release's own commit stays as it was made and signed.
    Merge,
    /// By a new commit upon the branch, with the same message. A signature does not survive that.
    Rebase,
}

/// A pull request that the operator opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestStatus {
    /// Its number.
    pub number: i64,
    /// Its page.
    pub url: String,
    /// The commit that the operator put on its branch.
    pub commit: String,
}
