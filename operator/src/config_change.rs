//! ConfigChange: one file of an application's repository, changed by one commit or one pull request.
//!
//! The host's API writes the file, with the id of the content that was read as the lock. Before
//! anything is written, the host is asked whether it was written already: by the trailer of the
//! commit, and by the branch of the pull request, which both follow from the UID of the change.

mod decide;
mod message;
mod proposal;
mod retention;
mod status;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{ConfigChange, PushMode, Repository};
use gimlet_hosts::{Commit, Host, HostError};
use gimlet_manifest::file;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::origin;
use crate::sources::SourceOpenError;
use crate::witness::Word;
use decide::{Step, Wanted};
use status::Seen;

/// How often an open pull request is looked at.
const OPEN: Duration = Duration::from_mins(1);
/// How long until a change is looked at again that waits for its Repository.
const AGAIN: Duration = Duration::from_secs(10);
/// How long until a file is read again that changed in between.
const SOON: Duration = Duration::from_secs(1);
/// Seconds after which a change that could not be written is given up: nobody expects it any more.
const PATIENCE: i64 = 3600;

/// Why a change is not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigChangeError {
    #[error("there is no Repository {name} in this namespace: create it, or name another")]
    NoRepository { name: String },
    #[error(
        "files are written by the API of a git host: set spec.provider of Repository {name} to GitHub, GitLab or Gitea"
    )]
    NoApi { name: String },
    #[error("the repository has no branch {branch}")]
    NoBranch { branch: String },
    #[error("the repository does not say which branch is its default one: set spec.branch")]
    NoDefaultBranch,
    #[error("Repository {name}: {error}")]
    Open { name: String, error: SourceOpenError },
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl ConfigChangeError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoRepository { .. } => "NoRepository",
            Self::NoApi { .. } => "NeedsProvider",
            Self::NoBranch { .. } | Self::NoDefaultBranch => "NoBranch",
            Self::Open { error, .. } => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::NoRepository { .. }
            | Self::NoApi { .. }
            | Self::NoBranch { .. }
            | Self::NoDefaultBranch
            | Self::Open { .. } => Retry::After(AGAIN),
            Self::Host(HostError::FileChanged { .. }) => Retry::After(SOON),
            Self::Host(error) => Retry::of_host(error),
            Self::Api(_) => Retry::Backoff,
        }
    }

    /// Tells whether somebody has to act before it can go on.
    fn needs_somebody(&self) -> bool {
        match self {
            Self::NoRepository { .. }
            | Self::NoApi { .. }
            | Self::NoBranch { .. }
            | Self::NoDefaultBranch
            | Self::Open { .. } => true,
            Self::Host(HostError::FileChanged { .. }) | Self::Api(_) => false,
            Self::Host(error) => error.retry(Context::now()) == gimlet_hosts::Retry::Stalled,
        }
    }
}

/// The place that a change is for, and the way to it.
struct Target {
    host: Arc<dyn Host>,
    branch: String,
}

/// Writes a change, unless that was done; then the oldest of its repository may go.
pub(crate) async fn reconcile(
    change: &Arc<ConfigChange>,
    ctx: &Arc<Context>,
) -> Result<Action, ConfigChangeError> {
    if change.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if change.status.as_ref().is_some_and(|status| status.phase.is_end()) {
        retention::prune(change, ctx).await;
        return Ok(Action::await_change());
    }
    if origin::mark(&mut ConfigChange::clone(change), ctx).await? {
        return Ok(Action::await_change());
    }
    let seen = look(change, ctx).await?;
    let open = matches!(seen, Seen::Proposed { .. });
    status::write(change, seen, ctx).await?;
    Ok(if open {
        Action::requeue(OPEN.mul_f64(rand::random_range(0.9..1.1)))
    } else {
        Action::await_change()
    })
}

/// Records why a reconcile failed, before it is tried again or given up.
pub(crate) async fn record_failure(
    change: &Arc<ConfigChange>,
    error: &ConfigChangeError,
    ctx: &Context,
) {
    let (reason, message) = (error.reason(), error.to_string());
    let waited = change
        .creation_timestamp()
        .map_or(0, |created| Context::now().as_second() - created.0.as_second());
    // A pull request that is open does not go away because its host is away.
    let proposed = change.status.as_ref().is_some_and(|status| status.pull_request.is_some());
    let seen = if waited > PATIENCE && !proposed {
        Seen::Failed { reason, message: format!("given up after an hour: {message}") }
    } else {
        Seen::Waiting { reason, message, stalled: error.needs_somebody() }
    };
    if let Err(error) = status::write(change, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

async fn look(change: &ConfigChange, ctx: &Context) -> Result<Seen, ConfigChangeError> {
    if let Some(seen) = refused(change) {
        return Ok(seen);
    }
    let target = target(change, ctx).await?;
    let word = ctx.witness.word();
    let done = match change.spec.mode {
        PushMode::Commit => commit(change, &target, &word).await,
        PushMode::PullRequest => proposal::propose(change, &target, &word).await,
    };
    if let Err(ConfigChangeError::Host(
        HostError::Unauthorized { .. } | HostError::Forbidden { .. } | HostError::NotFound { .. },
    )) = &done
    {
        // Its Secret is read anew the next time: somebody may have mended it.
        ctx.sources.distrust(&change.namespace().unwrap_or_default(), &change.spec.repository);
    }
    done
}

/// Refuses what could not be released: nobody wants such a file in the repository.
fn refused(change: &ConfigChange) -> Option<Seen> {
    let content = change.spec.content.as_ref()?;
    let error = file::parse_files(content).err()?;
    let message = format!("{} would be no deploy manifest: {error}", change.spec.path);
    Some(Seen::Failed { reason: "InvalidManifest", message })
}

async fn target(change: &ConfigChange, ctx: &Context) -> Result<Target, ConfigChangeError> {
    let namespace = change.namespace().unwrap_or_default();
    let name = &change.spec.repository;
    let repository = ctx.repository(&namespace, name);
    let repository: Arc<Repository> =
        repository.ok_or_else(|| ConfigChangeError::NoRepository { name: name.clone() })?;
    let source = ctx
        .sources
        .open(&ctx.client, &repository)
        .await
        .map_err(|error| ConfigChangeError::Open { name: name.clone(), error })?;
    let host = source.host.ok_or_else(|| ConfigChangeError::NoApi { name: name.clone() })?;
    let known = change.status.as_ref().and_then(|status| status.branch.clone());
    let branch = match change.spec.branch.clone().or(known) {
        Some(branch) => branch,
        None => {
            host.repository().await?.default_branch.ok_or(ConfigChangeError::NoDefaultBranch)?
        }
    };
    Ok(Target { host, branch })
}

/// Puts a change on the branch, unless it is there.
async fn commit(
    change: &ConfigChange,
    target: &Target,
    word: &Word,
) -> Result<Seen, ConfigChangeError> {
    let Target { host, branch } = target;
    let wanted = Wanted::of(change);
    let commits = commits(host.as_ref(), branch, wanted.path).await?;
    if let Some(own) = message::find(change, &commits) {
        return Ok(Seen::committed(branch, own.sha.to_string(), own.url.clone()));
    }
    let now = host.file(branch, wanted.path).await?;
    match decide::decide(&wanted, now.as_ref(), commits.first()) {
        Step::Unchanged => Ok(Seen::Unchanged { branch: branch.clone() }),
        Step::Conflict(message, found) => {
            Ok(Seen::Conflict { branch: branch.clone(), message, found })
        }
        Step::Write if origin::is_restored(&change.metadata) => Ok(Seen::restored()),
        Step::Write => {
            let file = decide::file_change(&wanted, branch, now, message::commit(change, word));
            let written = host.write_file(&file).await?;
            Ok(Seen::committed(branch, written.sha.to_string(), written.url))
        }
    }
}

/// Reads the newest commits of the file, and tells a branch that is not there from one without the file.
async fn commits(
    host: &dyn Host,
    branch: &str,
    path: &str,
) -> Result<Vec<Commit>, ConfigChangeError> {
    let commits = host.file_commits(branch, path).await?;
    if commits.is_empty() && host.branch(branch).await?.is_none() {
        return Err(ConfigChangeError::NoBranch { branch: branch.to_owned() });
    }
    Ok(commits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(content: &str) -> ConfigChange {
        let mut change = ConfigChange::default();
        change.spec.path = ".gimlet/shop.yaml".into();
        change.spec.content = Some(content.into());
        change
    }

    #[test]
    fn what_is_no_deploy_manifest_is_refused_with_its_place() {
        let Some(Seen::Failed { reason, message }) = refused(&change("app: shop\nenv: [")) else {
            panic!("it was taken");
        };
        assert_eq!(reason, "InvalidManifest");
        assert!(
            message.starts_with(".gimlet/shop.yaml would be no deploy manifest: "),
            "{message}"
        );
        let good = "app: shop\nenv: staging\nnamespace: shop\nchart: {name: app}\n";
        assert!(refused(&change(good)).is_none());
        let mut deleted = change(good);
        deleted.spec.content = None;
        assert!(refused(&deleted).is_none());
    }

    #[test]
    fn a_missing_right_needs_somebody_and_a_race_does_not() {
        let forbidden = HostError::Forbidden {
            host: "h".into(),
            doing: "write",
            right: "write",
            detail: String::new(),
        };
        let error = ConfigChangeError::Host(forbidden);
        assert!(error.needs_somebody() && error.retry() == Retry::Backoff);
        let race = ConfigChangeError::Host(HostError::FileChanged { path: "p".into() });
        assert!(!race.needs_somebody() && race.retry() == Retry::After(SOON));
    }
}
