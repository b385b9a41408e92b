//! The JSON of GitHub and Gitea, as far as it is read.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{
    Branch, Comment, Commit, PullRequest, PullRequestState, RepositoryInfo, Status, StatusState,
    Tag,
};
use crate::reference::Head;
use crate::sha::{Sha, ShaError};

/// Turns what a host writes into what we work with.
pub(super) trait Shape {
    type Model;
    fn model(self) -> Result<Self::Model, ShaError>;
}

#[derive(Deserialize)]
pub(super) struct RepositoryShape {
    full_name: String,
    default_branch: Option<String>,
    private: bool,
    archived: bool,
    html_url: String,
    /// Said by Gitea, which names a default branch of a repository without any.
    empty: Option<bool>,
}

impl Shape for RepositoryShape {
    type Model = RepositoryInfo;

    fn model(self) -> Result<RepositoryInfo, ShaError> {
        let Self { full_name, default_branch, private, archived, html_url, empty } = self;
        let default_branch =
            default_branch.filter(|branch| !branch.is_empty() && empty != Some(true));
        Ok(RepositoryInfo { full_name, default_branch, private, archived, url: html_url })
    }
}

#[derive(Deserialize)]
struct CommitId {
    #[serde(alias = "id")]
    sha: String,
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
        Ok(Branch { name, sha: Sha::parse(&commit.sha)?, protected })
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
        Ok(Tag { name: self.name, sha: Sha::parse(&self.commit.sha)? })
    }
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    email: Option<String>,
    date: Option<String>,
}

#[derive(Deserialize)]
struct CommitText {
    message: String,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
pub(super) struct CommitShape {
    sha: String,
    html_url: Option<String>,
    commit: CommitText,
    parents: Option<Vec<CommitId>>,
}

impl Shape for CommitShape {
    type Model = Commit;

    fn model(self) -> Result<Commit, ShaError> {
        let Self { sha, html_url, commit: CommitText { message, author, committer }, parents } =
            self;
        GitCommitShape { sha, html_url, message, author, committer, parents }.model()
    }
}

/// A commit without what GitHub knows of it beside git.
#[derive(Deserialize)]
pub(super) struct GitCommitShape {
    sha: String,
    html_url: Option<String>,
    message: String,
    author: Option<Person>,
    committer: Option<Person>,
    parents: Option<Vec<CommitId>>,
}

impl Shape for GitCommitShape {
    type Model = Commit;

    fn model(self) -> Result<Commit, ShaError> {
        let Self { sha, html_url, message, author, committer, parents } = self;
        let (name, email) = author.map(|a| (a.name, a.email)).unwrap_or_default();
        let date = committer.and_then(|committer| committer.date);
        let parents = parents.unwrap_or_default();
        Ok(Commit {
            sha: Sha::parse(&sha)?,
            message,
            author: name.unwrap_or_default(),
            email: email.unwrap_or_default(),
            committed: date.and_then(|date| date.parse::<Timestamp>().ok()),
            parents: parents
                .iter()
                .map(|parent| Sha::parse(&parent.sha))
                .collect::<Result<_, _>>()?,
            url: html_url,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct CombinedShape {
    pub(super) statuses: Option<Vec<StatusShape>>,
}

#[derive(Deserialize)]
pub(super) struct StatusShape {
    context: String,
    /// Gitea's name of it is `status`.
    #[serde(alias = "status")]
    state: String,
    description: Option<String>,
    target_url: Option<String>,
}

impl StatusShape {
    pub(super) fn model(self) -> Status {
        let Self { context, state, description, target_url } = self;
        let state = match state.as_str() {
            "pending" => StatusState::Pending,
            "success" => StatusState::Success,
            "failure" => StatusState::Failure,
            "warning" | "skipped" => StatusState::Skipped,
            _ => StatusState::Error,
        };
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Status { context, state, description: some(description), url: some(target_url) }
    }
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    reference: String,
    label: Option<String>,
    sha: String,
    repo: Option<EndRepository>,
}

#[derive(Deserialize)]
struct EndRepository {
    id: u64,
}

#[derive(Deserialize)]
pub(super) struct PullShape {
    number: u64,
    title: String,
    body: Option<String>,
    html_url: String,
    state: String,
    draft: Option<bool>,
    merged: Option<bool>,
    merged_at: Option<String>,
    merge_commit_sha: Option<String>,
    user: Option<User>,
    head: End,
    base: End,
}

impl Shape for PullShape {
    type Model = PullRequest;

    fn model(self) -> Result<PullRequest, ShaError> {
        let Self {
            number,
            title,
            body,
            html_url,
            state,
            draft,
            merged,
            merged_at,
            merge_commit_sha,
            user,
            head,
            base,
        } = self;
        // GitHub's lists do not have the first.
        let merged = merged.unwrap_or_default() || merged_at.is_some();
        // Before the merge it is that of a trial.
        let merge_sha = merge_commit_sha.filter(|_| merged);
        let same = match (&head.repo, &base.repo) {
            (Some(head), Some(base)) => head.id == base.id,
            _ => false,
        };
        let Head { branch, loose } = Head::new(head.reference, head.label.as_deref());
        Ok(PullRequest {
            number,
            title,
            body: body.unwrap_or_default(),
            url: html_url,
            author: user.map(|user| user.login),
            head_sha: Sha::parse(&head.sha)?,
            head_branch: branch,
            from_fork: loose || !same,
            base_branch: base.reference,
            draft: draft.unwrap_or_default(),
            state: match state.as_str() {
                _ if merged => PullRequestState::Merged,
                "closed" => PullRequestState::Closed,
                _ => PullRequestState::Open,
            },
            merge_sha: merge_sha.map(|sha| Sha::parse(&sha)).transpose()?,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct CommentShape {
    id: u64,
    body: Option<String>,
    html_url: Option<String>,
    user: Option<User>,
}

impl Shape for CommentShape {
    type Model = Comment;

    fn model(self) -> Result<Comment, ShaError> {
        let Self { id, body, html_url, user } = self;
        let body = body.unwrap_or_default();
        Ok(Comment { id, body, author: user.map(|user| user.login), url: html_url })
    }
}
