//! What the views of application repositories show.

use gimlet_crds::{ArtifactEvent, LiveState};
use gimlet_hosts::StatusState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many requests the host still takes from the operator.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RateLimit {
    /// Requests in a window of time.
    pub(super) limit: u64,
    /// Requests left in this window.
    pub(super) remaining: u64,
    /// When the next window begins (RFC 3339).
    pub(super) reset: String,
}

impl From<gimlet_hosts::RateLimit> for RateLimit {
    fn from(known: gimlet_hosts::RateLimit) -> Self {
        let gimlet_hosts::RateLimit { limit, remaining, reset } = known;
        Self { limit, remaining, reset: reset.to_string() }
    }
}

/// A page of the branches.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchPage {
    /// The branches.
    pub(super) items: Vec<Branch>,
    /// The cursor of the next page; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// What the host last said of its rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limit: Option<RateLimit>,
}

/// A branch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Branch {
    /// Its name.
    pub(super) name: String,
    /// Its newest commit.
    pub(super) commit: String,
    /// Whether it is the one that the host shows first.
    pub(super) default: bool,
    /// Whether the host protects it against some pushes, where that can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protected: Option<bool>,
}

/// A page of the tags.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagPage {
    /// The tags: in the host's order, or from git the newest first.
    pub(super) items: Vec<Tag>,
    /// The cursor of the next page; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// What the host last said of its rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limit: Option<RateLimit>,
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tag {
    /// Its name.
    pub(super) name: String,
    /// The commit that it stands for.
    pub(super) commit: String,
    /// When it was made (RFC 3339), where git alone is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<String>,
    /// The Artifacts that were made of its commit; left out for callers who may not read Artifacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifacts: Option<Vec<CommitArtifact>>,
}

/// A page of the commits of a branch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitPage {
    /// The branch that the first page was of; left out on later ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<String>,
    /// The commits, newest first.
    pub(super) items: Vec<Commit>,
    /// The cursor of the next page; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// Why some statuses are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incomplete: Option<String>,
    /// What the host last said of its rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limit: Option<RateLimit>,
}

/// A commit of an application.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "all views call an id of a commit so")]
pub(super) struct Commit {
    /// Commit id.
    pub(super) commit: String,
    /// The message, at most 4 KiB.
    pub(super) message: String,
    /// Name of the author.
    pub(super) author: String,
    /// When it was committed (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<String>,
    /// The address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Its build statuses, where they were asked for and could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statuses: Option<Vec<Status>>,
    /// Where it is what was released last; left out for callers who may not read Apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployments: Option<Vec<Deployment>>,
    /// The Artifacts that were made of it; left out for callers who may not read Artifacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifacts: Option<Vec<CommitArtifact>>,
}

/// An app whose current release is of a commit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deployment {
    /// Namespace of the App.
    pub(super) namespace: String,
    /// Name of the environment.
    pub(super) environment: String,
    /// Name of the app.
    pub(super) app: String,
    /// Name of the Release.
    pub(super) release: String,
    /// Version that it made the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// When it was committed to the gitops repository (RFC 3339).
    pub(super) time: String,
    /// Commit in the gitops repository.
    pub(super) commit: String,
    /// Healthy, Progressing, Failed or Unknown, where something reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) state: Option<LiveState>,
}

/// An Artifact that was made of a commit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitArtifact {
    /// Name of the Artifact.
    pub(super) name: String,
    /// `Push`, `Tag` or `PullRequest`.
    #[schema(value_type = String)]
    pub(super) event: ArtifactEvent,
    /// Branch that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<String>,
    /// Tag that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
    /// Number of the pull request that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_request: Option<i64>,
    /// How many releases it set off, once its policies were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) released: Option<i32>,
}

/// The build statuses of a commit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statuses {
    /// The newest state of every check.
    pub(super) items: Vec<Status>,
    /// Why some are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incomplete: Option<String>,
    /// What the host last said of its rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limit: Option<RateLimit>,
}

/// A check of a commit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// Its name.
    pub(super) context: String,
    /// How it went.
    pub(super) state: CheckState,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// The address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum CheckState {
    /// It waits or runs.
    Pending,
    /// It went well.
    Success,
    /// What it checks is wrong.
    Failure,
    /// It could not find out.
    Error,
    /// It does not apply.
    Skipped,
}

impl From<gimlet_hosts::Status> for Status {
    fn from(status: gimlet_hosts::Status) -> Self {
        let gimlet_hosts::Status { context, state, description, url } = status;
        let state = match state {
            StatusState::Pending => CheckState::Pending,
            StatusState::Success => CheckState::Success,
            StatusState::Failure => CheckState::Failure,
            StatusState::Error => CheckState::Error,
            StatusState::Skipped => CheckState::Skipped,
        };
        Self { context, state, description, url }
    }
}

/// A page of the open pull requests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PullRequestPage {
    /// The pull requests, in the host's order.
    pub(super) items: Vec<PullRequest>,
    /// The cursor of the next page; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// Why some are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incomplete: Option<String>,
    /// What the host last said of its rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limit: Option<RateLimit>,
}

/// An open pull request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PullRequest {
    /// Its number.
    pub(super) number: u64,
    /// Its title.
    pub(super) title: String,
    /// The address of its page.
    pub(super) url: String,
    /// Login name of who opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<String>,
    /// The branch to be merged.
    pub(super) branch: String,
    /// The newest commit of that branch.
    pub(super) commit: String,
    /// Whether that branch is in another repository.
    pub(super) from_fork: bool,
    /// The branch to be merged into.
    pub(super) target_branch: String,
    /// Whether it is a draft.
    pub(super) draft: bool,
}

impl From<gimlet_hosts::PullRequest> for PullRequest {
    fn from(request: gimlet_hosts::PullRequest) -> Self {
        Self {
            number: request.number,
            title: request.title,
            url: request.url,
            author: request.author,
            branch: request.head_branch,
            commit: request.head_sha.to_string(),
            from_fork: request.from_fork,
            target_branch: request.base_branch,
            draft: request.draft,
        }
    }
}

/// The files of the folder `.gimlet` at a commit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceFiles {
    /// The commit.
    pub(super) commit: String,
    /// The files directly in the folder, at most 64; none where there is no such folder.
    pub(super) files: Vec<SourceFile>,
    /// Whether there are more files, or contents that were too large: at most 1 MiB together.
    pub(super) cut: bool,
}

/// A file of an application's repository, as it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceFile {
    /// Its path in the repository.
    pub(super) path: String,
    /// Git's id of its content: who changes the file can say by it which content was seen.
    pub(super) blob: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its text; left out where it is none, or too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
}

impl From<gimlet_gitops::SourceFile> for SourceFile {
    fn from(file: gimlet_gitops::SourceFile) -> Self {
        let gimlet_gitops::SourceFile { path, blob, size, text } = file;
        Self { path, blob: blob.to_string(), size, content: text }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The `next` of the page before; left out for the first page.
    pub(super) cursor: Option<String>,
}

/// Which commits are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitsQuery {
    /// Name of the branch; left out, the default branch.
    pub(super) branch: Option<String>,
    /// Commits of a page, at most 50; 20 where it is left out.
    pub(super) limit: Option<usize>,
    /// The `next` of the page before; left out for the first page.
    pub(super) cursor: Option<String>,
    /// Whether build statuses are wanted too: one or two requests to the host for each commit.
    pub(super) statuses: Option<bool>,
}

/// At which commit files are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceAtQuery {
    /// Commit of the repository; left out, the newest of the branch.
    pub(super) commit: Option<String>,
    /// Name of the branch; left out, the default branch.
    pub(super) branch: Option<String>,
}
