//! Everything that is done in one repository at its host.

use async_trait::async_trait;

use crate::error::HostError;
use crate::file::{File, FileChange, Written};
use crate::model::{
    Branch, Comment, Commit, CommitStatuses, Deployment, DeploymentSearch, DeploymentUpdate,
    MergeMethod, NewDeployKey, NewDeployment, NewPullRequest, NewRepository, NewStatus, Page,
    PullRequest, PullRequestChange, RepositoryInfo, Tag,
};
use crate::provider::Provider;
use crate::sha::Sha;

/// The most comments with a marker that are tried to be edited.
const MAX_CANDIDATES: usize = 5;

/// One repository at its host.
///
/// Pages are counted from 1. Lists that are read whole end with an error where they are longer than
/// what is read, and not with a part of them. Whatever is done twice is done once:
/// merging and deleting find out whether that was done already.
#[async_trait]
pub trait Host: Send + Sync {
    /// Returns the kind of host.
    fn provider(&self) -> Provider;

    /// Reads what the repository is like.
    async fn repository(&self) -> Result<RepositoryInfo, HostError>;

    /// Makes the repository; [`HostError::Exists`] if it is there.
    async fn create(&self, new: &NewRepository) -> Result<RepositoryInfo, HostError>;

    /// Lets a key read the repository, or write it as well; one that is there already is left as it is.
    async fn add_deploy_key(&self, new: &NewDeployKey) -> Result<(), HostError>;

    /// Takes a public key away from the repository, and with it all that it may; tells whether it was there.
    async fn remove_deploy_key(&self, key: &str) -> Result<bool, HostError>;

    /// Reads a page of the branches.
    async fn branches(&self, page: u32) -> Result<Page<Branch>, HostError>;

    /// Reads a page of the tags.
    async fn tags(&self, page: u32) -> Result<Page<Tag>, HostError>;

    /// Reads a page of a branch's commits, newest first.
    async fn commits(&self, branch: &str, page: u32) -> Result<Page<Commit>, HostError>;

    /// Reads a commit.
    async fn commit(&self, sha: &Sha) -> Result<Commit, HostError>;

    /// Reads the newest state of every check of a commit.
    async fn statuses(&self, sha: &Sha) -> Result<CommitStatuses, HostError>;

    /// Reads a page of the open pull requests.
    async fn pull_requests(&self, page: u32) -> Result<Page<PullRequest>, HostError>;

    /// Reads a pull request.
    async fn pull_request(&self, number: u64) -> Result<PullRequest, HostError>;

    /// Finds the open pull request of a branch of this repository, never that of a fork.
    async fn find_pull_request(&self, head: &str) -> Result<Option<PullRequest>, HostError>;

    /// Reports a check of a commit.
    async fn set_commit_status(&self, sha: &Sha, status: &NewStatus) -> Result<(), HostError>;

    /// Opens a pull request; [`HostError::Exists`] if the branch has one.
    async fn create_pull_request(&self, new: &NewPullRequest) -> Result<PullRequest, HostError>;

    /// Changes a pull request.
    async fn update_pull_request(
        &self,
        number: u64,
        change: &PullRequestChange,
    ) -> Result<PullRequest, HostError>;

    /// Closes a pull request without merging it.
    async fn close_pull_request(&self, number: u64) -> Result<(), HostError>;

    /// Merges a pull request if `sha` is its newest commit.
    async fn merge_pull_request(
        &self,
        number: u64,
        sha: &Sha,
        method: MergeMethod,
    ) -> Result<(), HostError>;

    /// Reads all comments of a pull request, oldest first.
    async fn comments(&self, number: u64) -> Result<Vec<Comment>, HostError>;

    /// Adds a comment to a pull request.
    async fn create_comment(&self, number: u64, body: &str) -> Result<Comment, HostError>;

    /// Replaces the text of a comment.
    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<Comment, HostError>;

    /// Reads where a branch is; none where there is none of the name.
    async fn branch(&self, name: &str) -> Result<Option<Sha>, HostError>;

    /// Makes a branch at a commit; [`HostError::Exists`] if there is one of the name.
    async fn create_branch(&self, name: &str, at: &Sha) -> Result<(), HostError>;

    /// Reads a file at a branch or commit; none where it is not there.
    async fn file(&self, at: &str, path: &str) -> Result<Option<File>, HostError>;

    /// Reads the newest commits of a branch that changed a file, the newest first.
    async fn file_commits(&self, branch: &str, path: &str) -> Result<Vec<Commit>, HostError>;

    /// Commits a change of one file; [`HostError::FileChanged`] if it is not what it was made from.
    async fn write_file(&self, change: &FileChange) -> Result<Written, HostError>;

    /// Deletes a branch; tells whether it was there.
    async fn delete_branch(&self, branch: &str) -> Result<bool, HostError>;

    /// Finds a deployment among the newest hundred of its environment. Gitea has none.
    ///
    /// One that was given up or is gone is found as well.
    async fn find_deployment(
        &self,
        search: &DeploymentSearch,
    ) -> Result<Option<Deployment>, HostError>;

    /// Shows a deployment; returns its id. Gitea has none.
    async fn create_deployment(&self, new: &NewDeployment) -> Result<u64, HostError>;

    /// Shows how a deployment goes.
    async fn update_deployment(&self, id: u64, update: &DeploymentUpdate) -> Result<(), HostError>;

    /// Returns the login name that belongs to the token, where the token may read it.
    async fn account(&self) -> Result<Option<String>, HostError>;

    /// Writes the one comment with a marker: creates it, or replaces its text.
    ///
    /// Anybody can write a comment with the marker in it. Those of others are passed over where the
    /// own name is known, and where the host refuses to let them be edited.
    async fn upsert_comment(
        &self,
        number: u64,
        marker: &Marker,
        body: &str,
    ) -> Result<Upserted, HostError> {
        let same = |_: Option<&str>| Some(body.to_owned());
        self.rewrite_comment(number, marker, &same).await
    }

    /// Writes the one comment with a marker as [`Self::upsert_comment`] does, with a text that may
    /// depend on the one that is there; where it is none, nothing is written.
    async fn rewrite_comment(
        &self,
        number: u64,
        marker: &Marker,
        body: &(dyn for<'a> Fn(Option<&'a str>) -> Option<String> + Send + Sync),
    ) -> Result<Upserted, HostError> {
        let account = self.account().await?;
        let own = |comment: &Comment| {
            account.is_none() || comment.author.is_none() || comment.author == account
        };
        let comments = self.comments(number).await?;
        let marked = comments.into_iter().filter(|c| marker.is_in(&c.body) && own(c));
        for comment in marked.take(MAX_CANDIDATES) {
            let Some(text) = body(Some(&comment.body)) else { return Ok(Upserted::Nothing) };
            let text = marker.mark(&text);
            if comment.body.trim_end() == text.trim_end() {
                return Ok(Upserted::Unchanged(comment));
            }
            match self.edit_comment(number, comment.id, &text).await {
                Ok(comment) => return Ok(Upserted::Edited(comment)),
                // It is somebody else's, or was deleted meanwhile.
                Err(HostError::Forbidden { .. } | HostError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(text) = body(None) else { return Ok(Upserted::Nothing) };
        self.create_comment(number, &marker.mark(&text)).await.map(Upserted::Created)
    }
}

/// Says what became of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// There was none.
    Created(Comment),
    /// It had another text.
    Edited(Comment),
    /// It had this text; nothing was written.
    Unchanged(Comment),
    /// There was nothing to say.
    Nothing,
}

/// Names a comment by a text in it that is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(String);

/// Says that a text can not be a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a marker has 1 to 200 letters, digits, '.', ':', '/', '_' and single '-'")]
pub struct MarkerError;

impl Marker {
    /// Makes a marker of a name such as `gimlet:preview/shop`.
    pub fn new(name: &str) -> Result<Self, MarkerError> {
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '_' | '-');
        // Two hyphens may end a comment of HTML.
        let fits = !name.is_empty()
            && name.len() <= 200
            && name.chars().all(usual)
            && !name.contains("--")
            && !name.starts_with('-')
            && !name.ends_with('-');
        if fits { Ok(Self(format!("<!-- {name} -->"))) } else { Err(MarkerError) }
    }

    fn mark(&self, body: &str) -> String {
        format!("{}\n\n{}", body.trim_end(), self.0)
    }

    fn is_in(&self, body: &str) -> bool {
        body.contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_can_not_end_the_html_comment_that_hides_it() {
        assert_eq!(Marker::new("gimlet:preview/a-b").unwrap().0, "<!-- gimlet:preview/a-b -->");
        for name in ["", "a--b", "-a", "a-", "a b", "a>b", &"a".repeat(201)] {
            assert_eq!(Marker::new(name), Err(MarkerError), "{name}");
        }
    }

    #[test]
    fn one_marker_is_not_found_in_a_longer_one() {
        let short = Marker::new("gimlet:a").unwrap();
        assert!(short.is_in(&short.mark("text")));
        assert!(!short.is_in(&Marker::new("gimlet:ab").unwrap().mark("text")));
    }
}
