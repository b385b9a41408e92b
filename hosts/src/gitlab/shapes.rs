//! The JSON of GitLab, as far as it is read.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{
    Branch, Comment, Commit, PullRequest, PullRequestState, RepositoryInfo, Status, StatusState,
    Tag,
};
use crate::sha::{Sha, ShaError};

/// Turns what a host writes into what we work with.
pub(super) trait Shape {
    type Model;
    fn model(self) -> Result<Self::Model, ShaError>;

    /// Whether it belongs into a list.
    fn is_whole(&self) -> bool {
        true
    }
}

#[derive(Deserialize)]
pub(super) struct ProjectShape {
    path_with_namespace: String,
    default_branch: Option<String>,
    visibility: Option<String>,
    archived: Option<bool>,
    web_url: String,
}

impl Shape for ProjectShape {
    type Model = RepositoryInfo;

    fn model(self) -> Result<RepositoryInfo, ShaError> {
        let Self { path_with_namespace, default_branch, visibility, archived, web_url } = self;
        Ok(RepositoryInfo {
            full_name: path_with_namespace,
            default_branch,
            // Without a token it is not said, and only public ones can be seen.
            private: visibility.is_some_and(|visibility| visibility != "public"),
            archived: archived.unwrap_or_default(),
            url: web_url,
        })
    }
}

#[derive(Deserialize)]
struct CommitId {
    id: String,
}

#[derive(Deserialize)]
pub(super) struct BranchShape {
    name: String,
    commit: CommitId,
    protected: Option<bool>,
}

impl Shape for BranchShape {
    type Model = Branch;

    fn model(self) -> Result<Branch, ShaError> {
        let Self { name, commit, protected } = self;
        let protected = protected.unwrap_or_default();
        Ok(Branch { name, sha: Sha::parse(&commit.id)?, protected })
    }
}

#[derive(Deserialize)]
pub(super) struct TagShape {
    name: String,
    commit: CommitId,
}

impl Shape for TagShape {
    type Model = Tag;

    fn model(self) -> Result<Tag, ShaError> {
        Ok(Tag { name: self.name, sha: Sha::parse(&self.commit.id)? })
    }
}

#[derive(Deserialize)]
pub(super) struct CommitShape {
    id: String,
    message: String,
    author_name: Option<String>,
    author_email: Option<String>,
    committed_date: Option<String>,
    parent_ids: Option<Vec<String>>,
    web_url: Option<String>,
}

impl Shape for CommitShape {
    type Model = Commit;

    fn model(self) -> Result<Commit, ShaError> {
        let Self { id, message, author_name, author_email, committed_date, parent_ids, web_url } =
            self;
        let parents = parent_ids.unwrap_or_default();
        Ok(Commit {
            sha: Sha::parse(&id)?,
            message,
            author: author_name.unwrap_or_default(),
            email: author_email.unwrap_or_default(),
            committed: committed_date.and_then(|date| date.parse::<Timestamp>().ok()),
            parents: parents.iter().map(|id| Sha::parse(id)).collect::<Result<_, _>>()?,
            url: web_url,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct StatusShape {
    name: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

impl Shape for StatusShape {
    type Model = Status;

    fn model(self) -> Result<Status, ShaError> {
        let Self { name, status, description, target_url } = self;
        let state = match status.as_str() {
            "success" => StatusState::Success,
            "failed" => StatusState::Failure,
            // A job that waits for a hand on it keeps nothing waiting.
            "canceled" | "canceling" | "skipped" | "manual" => StatusState::Skipped,
            "created"
            | "waiting_for_resource"
            | "preparing"
            | "waiting_for_callback"
            | "pending"
            | "running"
            | "scheduled" => StatusState::Pending,
            _ => StatusState::Error,
        };
        Ok(Status { context: name, state, description, url: target_url })
    }
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
pub(super) struct MergeRequestShape {
    iid: u64,
    title: String,
    description: Option<String>,
    web_url: String,
    state: String,
    draft: Option<bool>,
    author: Option<User>,
    sha: Option<String>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
}

impl Shape for MergeRequestShape {
    type Model = PullRequest;

    fn model(self) -> Result<PullRequest, ShaError> {
        let Self {
            iid,
            title,
            description,
            web_url,
            state,
            draft,
            author,
            sha,
            source_branch,
            target_branch,
            source_project_id,
            target_project_id,
            merge_commit_sha,
            squash_commit_sha,
        } = self;
        let state = match state.as_str() {
            "merged" => PullRequestState::Merged,
            "closed" => PullRequestState::Closed,
            _ => PullRequestState::Open,
        };
        let merged = state == PullRequestState::Merged;
        let merge_sha = merge_commit_sha.or(squash_commit_sha).filter(|_| merged);
        Ok(PullRequest {
            number: iid,
            title,
            body: description.unwrap_or_default(),
            url: web_url,
            author: author.map(|author| author.username),
            head_sha: Sha::parse(&sha.unwrap_or_default())?,
            head_branch: source_branch,
            from_fork: source_project_id.is_none() || source_project_id != target_project_id,
            base_branch: target_branch,
            draft: draft.unwrap_or_default(),
            state,
            merge_sha: merge_sha.map(|sha| Sha::parse(&sha)).transpose()?,
        })
    }

    // One whose branch has no commit of its own yet has none.
    fn is_whole(&self) -> bool {
        self.sha.is_some()
    }
}

#[derive(Deserialize)]
pub(super) struct NoteShape {
    id: u64,
    body: String,
    author: Option<User>,
    #[serde(default)]
    system: bool,
}

impl Shape for NoteShape {
    type Model = Comment;

    fn model(self) -> Result<Comment, ShaError> {
        let Self { id, body, author, system: _ } = self;
        Ok(Comment { id, body, author: author.map(|author| author.username), url: None })
    }

    // GitLab notes what happens among what people say.
    fn is_whole(&self) -> bool {
        !self.system
    }
}
