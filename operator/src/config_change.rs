//! ConfigChange: one file of an application's repository becomes another, by one commit or pull request.

mod edit;
mod retention;
mod status;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{ConfigChange, PullRequestStatus, PushMode};
use gimlet_gitops::{BranchName, CommitId, GitError, GitErrorKind, Outcome, PathError};
use gimlet_hosts::HostError;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::pull_request::{Place, Proposed};
use crate::sources::{Source, SourceOpenError};
use status::Seen;

/// How often a Repository that is not there is looked for.
const MISSING: Duration = Duration::from_secs(5);
/// How soon a change that was made is looked at once more, for the old ones that may go.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigChangeError {
    #[error(
        "there is no Repository {name} in this namespace: create it, or name another in a new ConfigChange"
    )]
    NoRepository { name: String },
    #[error(
        "the Repository {name} has no pull requests: say in its spec.provider which host it is at, or use mode Commit"
    )]
    NoPullRequests { name: String },
    #[error("{path} is not in the folder .gimlet: nothing else is changed")]
    Outside { path: String },
    #[error("{0}; where the branch takes nothing but pull requests, use mode PullRequest")]
    Protected(GitError),
    #[error("{0}; look at what changed, and make the change again upon that")]
    Conflict(GitError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Open(#[from] SourceOpenError),
    #[error(transparent)]
    Git(GitError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<GitError> for ConfigChangeError {
    fn from(error: GitError) -> Self {
        match error.kind() {
            GitErrorKind::Rejected => Self::Protected(error),
            GitErrorKind::BaseChanged => Self::Conflict(error),
            _ => Self::Git(error),
        }
    }
}

impl ConfigChangeError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoRepository { .. } => "RepositoryNotFound",
            Self::NoPullRequests { .. } => "NoPullRequests",
            Self::Outside { .. } | Self::Path(_) => "PathRefused",
            Self::Open(error) => error.reason(),
            Self::Protected(error) | Self::Conflict(error) | Self::Git(error) => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::NoRepository { .. } => Retry::After(MISSING),
            Self::NoPullRequests { .. }
            | Self::Outside { .. }
            | Self::Path(_)
            | Self::Protected(_)
            | Self::Conflict(_) => Retry::Stalled,
            // The Repository may be mended, and with it the change can be made.
            Self::Open(error) => match error.retry() {
                Retry::Stalled => Retry::Backoff,
                retry => retry,
            },
            Self::Git(error) => match error.kind() {
                GitErrorKind::Unauthorized | GitErrorKind::NotFound => Retry::Backoff,
                _ if error.is_terminal() => Retry::Stalled,
                _ => Retry::Backoff,
            },
            Self::Host(error) => match error.retry(Context::now()) {
                gimlet_hosts::Retry::After(pause) => Retry::After(pause),
                // A token may be given the right that it lacks.
                gimlet_hosts::Retry::Stalled | gimlet_hosts::Retry::Backoff => Retry::Backoff,
            },
            Self::Api(_) => Retry::Backoff,
        }
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Made {
    Committed { commit: CommitId, adopted: bool },
    Proposed(PullRequestStatus),
    Unchanged { head: CommitId },
}

/// Makes a change, unless that was done; then the oldest of its repository may go.
pub(crate) async fn reconcile(
    change: &Arc<ConfigChange>,
    ctx: &Arc<Context>,
) -> Result<Action, ConfigChangeError> {
    if change.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if change.status.as_ref().is_some_and(|status| status.ended.is_some()) {
        retention::prune(change, ctx).await;
        return Ok(Action::await_change());
    }
    let made = make(change, ctx).await?;
    status::write(change, Seen::Made(made), ctx).await?;
    Ok(Action::requeue(AFTERWARDS))
}

/// Records why a change was not made, before it is tried again or for good.
pub(crate) async fn record_failure(
    change: &Arc<ConfigChange>,
    error: &ConfigChangeError,
    ctx: &Context,
) {
    let unauthorized =
        matches!(error, ConfigChangeError::Git(git) if git.kind() == GitErrorKind::Unauthorized);
    if unauthorized {
        // They are read anew the next time: somebody may have mended the Secret.
        ctx.sources.forget(&change.namespace().unwrap_or_default(), &change.spec.repository);
    }
    let seen = Seen::Failed {
        reason: error.reason(),
        message: error.to_string(),
        final_: error.retry() == Retry::Stalled,
    };
    if let Err(error) = status::write(change, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

/// Makes the commit or the pull request, or finds that it is there: git and the host are asked first.
async fn make(change: &ConfigChange, ctx: &Context) -> Result<Made, ConfigChangeError> {
    let spec = &change.spec;
    let namespace = change.namespace().unwrap_or_default();
    let edited = edit::edited(change)?;
    let branch = BranchName::parse(&spec.branch)?;
    let Some(repository) = ctx.repository(&namespace, &spec.repository) else {
        return Err(ConfigChangeError::NoRepository { name: spec.repository.clone() });
    };
    let source = ctx.sources.open(&ctx.client, &repository).await?;
    // Changes of one repository come one after the other: those of a branch share a copy.
    let _turn = source.changes.lock().await;
    let made = match spec.mode {
        PushMode::Commit => match source.writer(&branch).commit(edited).await? {
            Outcome::Committed { commit, .. } => Made::Committed { commit, adopted: false },
            Outcome::Adopted { commit, .. } => Made::Committed { commit, adopted: true },
            Outcome::Unchanged { head, .. } => Made::Unchanged { head },
        },
        PushMode::PullRequest => propose(change, &branch, &source, edited).await?,
    };
    source.forget_old_copies().await;
    Ok(made)
}

async fn propose(
    change: &ConfigChange,
    base: &BranchName,
    source: &Source,
    edited: gimlet_gitops::Change,
) -> Result<Made, ConfigChangeError> {
    let Some(host) = &source.host else {
        return Err(ConfigChangeError::NoPullRequests { name: change.spec.repository.clone() });
    };
    // No other change has this branch, and what it is called says nothing that others wrote.
    let branch =
        BranchName::parse(&format!("gimlet/config/{}", change.uid().unwrap_or_default()))?;
    let place = Place::new(source.writer(base), Arc::clone(host), branch, base);
    let text = edit::text(change);
    Ok(match place.propose::<ConfigChangeError>(edited, text, None).await? {
        Proposed::Open(pull) => Made::Proposed(pull),
        Proposed::InGit(commit) => Made::Committed { commit, adopted: true },
        Proposed::Unchanged(head) => Made::Unchanged { head },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(kind: GitErrorKind) -> ConfigChangeError {
        GitError::new(kind, "the server said so").into()
    }

    #[test]
    fn what_nobody_can_mend_is_final_and_says_what_to_do() {
        let protected = git(GitErrorKind::Rejected);
        assert_eq!((protected.reason(), protected.retry()), ("GitRejected", Retry::Stalled));
        assert!(protected.to_string().contains("use mode PullRequest"));
        let conflict = git(GitErrorKind::BaseChanged);
        assert_eq!((conflict.reason(), conflict.retry()), ("BaseChanged", Retry::Stalled));
        assert_eq!(git(GitErrorKind::BranchMissing).retry(), Retry::Stalled);
        assert_eq!(git(GitErrorKind::PathRefused).retry(), Retry::Stalled);
    }

    #[test]
    fn what_may_be_mended_is_tried_again() {
        for kind in
            [GitErrorKind::Unauthorized, GitErrorKind::NotFound, GitErrorKind::Unreachable]
        {
            assert_eq!(git(kind).retry(), Retry::Backoff, "{kind}");
        }
        let missing = ConfigChangeError::NoRepository { name: "shop".into() };
        assert_eq!(missing.retry(), Retry::After(MISSING));
    }
}
