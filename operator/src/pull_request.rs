//! Pull requests of the operator: opened, kept up to date, merged, given up.

pub(crate) mod markdown;
mod withdrawn;

use std::sync::Arc;

use gimlet_crds::{AutoMerge, Environment, PullRequestStatus, PushMode};
use gimlet_gitops::{BranchName, Change, CommitId, GitError, Outcome, RepoPath, Writer};
use gimlet_hosts::{
    Host, HostError, MergeMethod, NewPullRequest, PullRequest, PullRequestChange, PullRequestState,
    Sha,
};

use crate::remotes::Access;
pub(crate) use withdrawn::Withdrawn;

/// What a pull request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) title: String,
    /// Markdown.
    pub(crate) body: String,
}

/// What came of proposing a change.
#[derive(Debug)]
pub(crate) enum Proposed {
    /// It waits in this pull request.
    Open(PullRequestStatus),
    /// It is on the branch already, in this commit.
    InGit(CommitId),
    /// The branch, at this commit, has exactly this.
    Unchanged(CommitId),
}

/// The place of the pull requests of one folder: its branch, the branch that it is merged into, and the
/// ways to both.
pub(crate) struct Place {
    writer: Writer,
    host: Arc<dyn Host>,
    branch: BranchName,
    base: String,
    auto_merge: Option<AutoMerge>,
    withdrawn: Arc<Withdrawn>,
}

impl Place {
    /// Finds the place of a folder; none where the environment's commits are pushed.
    ///
    /// Branch and folder together are what no other environment of a repository has.
    pub(crate) fn of(
        environment: &Environment,
        folder: &RepoPath,
        access: &Access,
    ) -> Result<Option<Self>, GitError> {
        let by_pull_request = environment.spec.gitops.push == PushMode::PullRequest;
        let Some(host) = access.host.as_ref().filter(|_| by_pull_request) else { return Ok(None) };
        Ok(Some(Self {
            writer: access.writer.clone(),
            host: Arc::clone(host),
            branch: branch(environment, folder)?,
            base: environment.spec.gitops.branch.clone(),
            auto_merge: environment.spec.gitops.auto_merge,
            withdrawn: Arc::clone(&access.withdrawn),
        }))
    }

    /// Puts a change on the branch, and opens the pull request or brings it up to date. `known` is the
    /// number that it has as far as somebody remembers.
    pub(crate) async fn propose<E>(
        &self,
        change: Change,
        text: Text,
        known: Option<i64>,
    ) -> Result<Proposed, E>
    where
        E: From<GitError> + From<HostError>,
    {
        let commit = match self.writer.propose(&self.branch, change).await? {
            Outcome::Committed { commit, .. } => commit,
            Outcome::Adopted { commit, .. } => return Ok(Proposed::InGit(commit)),
            Outcome::Unchanged { head, .. } => return Ok(Proposed::Unchanged(head)),
        };
        let pull = match self.find(known).await? {
            Some(found) => self.update(found, &text).await?,
            None => self.create(text).await?,
        };
        Ok(Proposed::Open(PullRequestStatus {
            number: i64::try_from(pull.number).unwrap_or(i64::MAX),
            url: pull.url,
            commit: commit.to_string(),
        }))
    }

    async fn find(&self, known: Option<i64>) -> Result<Option<PullRequest>, HostError> {
        let known = match known {
            Some(number) => self.look(number).await?,
            None => None,
        };
        let usable = |pull: &PullRequest| {
            pull.state == PullRequestState::Open && pull.head_branch == self.branch.as_str()
        };
        match known.filter(usable) {
            Some(pull) => Ok(Some(pull)),
            None => self.host.find_pull_request(self.branch.as_str()).await,
        }
    }

    async fn create(&self, text: Text) -> Result<PullRequest, HostError> {
        let Text { title, body } = text;
        let (head, base) = (self.branch.to_string(), self.base.clone());
        match self.host.create_pull_request(&NewPullRequest { head, base, title, body }).await {
            // Made a moment ago, by an attempt whose answer was lost.
            Err(HostError::Exists { what }) => {
                let found = self.host.find_pull_request(self.branch.as_str()).await?;
                found.ok_or(HostError::Exists { what })
            }
            made => made,
        }
    }

    async fn update(&self, found: PullRequest, text: &Text) -> Result<PullRequest, HostError> {
        let differing = |now: &str, wanted: &str| (now != wanted).then(|| wanted.to_owned());
        let change = PullRequestChange {
            title: differing(&found.title, &text.title),
            body: differing(&found.body, &text.body),
            base: differing(&found.base_branch, &self.base),
        };
        if change == PullRequestChange::default() {
            return Ok(found);
        }
        self.host.update_pull_request(found.number, &change).await
    }

    /// Reads a pull request; none where it is gone.
    pub(crate) async fn look(&self, number: i64) -> Result<Option<PullRequest>, HostError> {
        match self.host.pull_request(u64::try_from(number).unwrap_or_default()).await {
            Err(HostError::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Merges a pull request where the environment says so; else, and where the host does not let it be
    /// merged now, tells what it waits for.
    pub(crate) async fn merge(
        &self,
        pull: &PullRequestStatus,
    ) -> Result<Option<String>, HostError> {
        let waits = || Some(format!("{} waits to be merged", pull.url));
        let Some(method) = self.auto_merge else { return Ok(waits()) };
        let method = match method {
            AutoMerge::Merge => MergeMethod::Merge,
            AutoMerge::Rebase => MergeMethod::Rebase,
        };
        let (Ok(sha), Ok(number)) = (Sha::parse(&pull.commit), u64::try_from(pull.number)) else {
            return Ok(waits());
        };
        match self.host.merge_pull_request(number, &sha, method).await {
            Ok(()) => Ok(None),
            Err(error @ (HostError::Unreachable { .. } | HostError::RateLimited { .. })) => {
                Err(error)
            }
            Err(error) => Ok(Some(format!("{} is not merged yet: {error}", pull.url))),
        }
    }

    /// Closes a pull request that nobody wants any more.
    pub(crate) async fn close(&self, pull: &PullRequestStatus) -> Result<(), HostError> {
        let open = self.look(pull.number).await?;
        if let Some(open) = open.filter(|found| found.state == PullRequestState::Open) {
            self.host.close_pull_request(open.number).await?;
        }
        Ok(())
    }

    /// Deletes the branch of a pull request, unless somebody else wrote to it.
    ///
    /// Hosts close what is open on a deleted branch, and some do so a while later: whoever is about to
    /// propose something else on the branch must not find it deleted, but takes it over.
    pub(crate) async fn withdraw(&self, pull: &PullRequestStatus) -> Result<(), GitError> {
        if self.writer.withdraw(&self.branch, CommitId::parse(&pull.commit)?).await? {
            self.withdrawn.note(&self.branch);
        }
        Ok(())
    }

    /// Tells whether a pull request may have been closed by the host, for the branch that one before it had:
    /// once for each deletion.
    pub(crate) fn was_closed_late(&self) -> bool {
        self.withdrawn.take(&self.branch)
    }

    /// Deletes the branch after a merge. If that fails, the next proposal takes the branch over.
    pub(crate) async fn tidy(&self, pull: &PullRequestStatus) {
        if let Err(error) = self.withdraw(pull).await {
            tracing::warn!(branch = %self.branch, error = %error, "a merged branch was not deleted");
        }
    }
}

fn branch(environment: &Environment, folder: &RepoPath) -> Result<BranchName, GitError> {
    BranchName::parse(&format!("gimlet/{}/{folder}", environment.spec.gitops.branch))
}
