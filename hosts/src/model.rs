//! What is read at a host and written there, the same for every kind of host.

use jiff::Timestamp;

use crate::sha::Sha;

/// Holds one page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it, at most 100.
    pub items: Vec<T>,
    /// The number of the next page, if there is one.
    pub next: Option<u32>,
}

/// Describes a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryInfo {
    /// Owner and name, or groups and name, as the host writes them.
    pub full_name: String,
    /// The branch that it is shown with; none while it is empty.
    pub default_branch: Option<String>,
    /// Whether not everybody may see it.
    pub private: bool,
    /// Whether it can only be read any more.
    pub archived: bool,
    /// The address of its page.
    pub url: String,
}

/// Describes a repository that is to be made, without any commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRepository {
    /// Whether not everybody may see it.
    pub private: bool,
    /// What it is for.
    pub description: String,
    /// The branch that it is to be shown with.
    pub branch: String,
}

/// Describes a key with which a repository is read over SSH, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployKey {
    /// What people know it by.
    pub title: String,
    /// The public key, in the form of OpenSSH.
    pub key: String,
    /// Whether it may push too.
    pub may_push: bool,
}

/// Describes a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Its newest commit.
    pub sha: Sha,
    /// Whether the host protects it against some pushes.
    pub protected: bool,
}

/// Describes a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The commit that it stands for.
    pub sha: Sha,
}

/// Describes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub sha: Sha,
    /// Its message.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// The author's mail address.
    pub email: String,
    /// When it was committed.
    pub committed: Option<Timestamp>,
    /// Its parents.
    pub parents: Vec<Sha>,
    /// The address of its page.
    pub url: Option<String>,
}

/// Says how a check of a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusState {
    /// It waits or runs.
    Pending,
    /// It went well.
    Success,
    /// What it checks is wrong.
    Failure,
    /// It could not find out.
    Error,
    /// It does not apply: skipped, cancelled, neutral.
    Skipped,
}

/// Describes one check of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub context: String,
    /// How it went.
    pub state: StatusState,
    /// What it says.
    pub description: Option<String>,
    /// The address of its page.
    pub url: Option<String>,
}

/// Holds the newest state of every check of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitStatuses {
    /// The checks, in the host's order.
    pub items: Vec<Status>,
    /// Why some could not be read: what the token lacks.
    pub incomplete: Option<String>,
}

/// Describes a check that is reported to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStatus {
    /// Its name, which stays the same so that a newer one takes the place of the older.
    pub context: String,
    /// How it goes; a host without [`StatusState::Skipped`] or [`StatusState::Error`] is told the nearest.
    pub state: StatusState,
    /// What to say, cut to 140 characters.
    pub description: String,
    /// The address of a page.
    pub url: Option<String>,
}

/// Says what became of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullRequestState {
    /// Nothing yet.
    Open,
    /// It was closed without being merged.
    Closed,
    /// It was merged.
    Merged,
}

/// Describes a pull request (at GitLab: merge request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The address of its page.
    pub url: String,
    /// Who opened it: a login name.
    pub author: Option<String>,
    /// The newest commit of its branch.
    pub head_sha: Sha,
    /// The branch to be merged.
    pub head_branch: String,
    /// Whether that branch is in another repository, or in none, so that others may write it.
    pub from_fork: bool,
    /// The branch to be merged into.
    pub base_branch: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// What became of it.
    pub state: PullRequestState,
    /// The commit that the merge made, if the host says it.
    pub merge_sha: Option<Sha>,
}

/// Describes a pull request to be opened, both branches in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPullRequest {
    /// The branch to be merged.
    pub head: String,
    /// The branch to be merged into.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
}

/// Says what of a pull request changes; nothing else does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestChange {
    /// Its new title.
    pub title: Option<String>,
    /// Its new text.
    pub body: Option<String>,
    /// The branch to be merged into from now on.
    pub base: Option<String>,
}

/// Says how a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeMethod {
    /// By a commit with two parents; at GitLab as the project is set up.
    Merge,
    /// As one commit.
    Squash,
    /// By commits put upon the base; GitLab decides that in the project's settings only.
    Rebase,
}

/// Describes a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// Who wrote it: a login name.
    pub author: Option<String>,
    /// The address of it, if the host says one.
    pub url: Option<String>,
}

/// Describes a deployment to be shown at the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// What is deployed.
    pub sha: Sha,
    /// The branch or tag that it comes from, which GitLab wants to know.
    pub reference: String,
    /// Whether that is a tag.
    pub is_tag: bool,
    /// The environment's name at the host.
    pub environment: String,
    /// What to say, cut to 140 characters.
    pub description: String,
    /// Whether the environment goes again some day, as previews do.
    pub transient: bool,
    /// Whether users work with it.
    pub production: bool,
    /// Tells it from others of the same commit and environment, such as a UID; GitLab has no place
    /// for it.
    pub key: String,
}

/// Says which deployment is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentSearch {
    /// The environment's name at the host.
    pub environment: String,
    /// What tells it from others; without it the newest of the environment is found.
    pub identity: Option<DeploymentIdentity>,
}

/// Tells a deployment from others of the same environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentIdentity {
    /// What is deployed.
    pub sha: Sha,
    /// The key that it was made with, which GitHub gives back.
    pub key: String,
    /// When it was made at the earliest, by which one is known at GitLab.
    pub since: Timestamp,
}

/// Describes a deployment that the host shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its id.
    pub id: u64,
    /// How it goes; none where nothing was said of it yet.
    pub state: Option<DeploymentState>,
}

/// Says how a deployment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeploymentState {
    /// It waits.
    Pending,
    /// It is under way.
    Running,
    /// It runs.
    Success,
    /// It does not.
    Failure,
    /// It was given up before it ran; at GitHub it is inactive.
    Cancelled,
    /// It is gone; at GitLab its environment is stopped.
    Inactive,
}

/// Describes a step of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentUpdate {
    /// How it goes.
    pub state: DeploymentState,
    /// What to say, cut to 140 characters; GitLab does not show it.
    pub description: String,
    /// Where to read more; GitLab does not show it.
    pub log_url: Option<String>,
    /// Where what was deployed can be seen; GitLab does not show it.
    pub environment_url: Option<String>,
}
