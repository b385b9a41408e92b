//! Repository: looked at now and then and when its host says so; artifacts are made of its commits.

mod artifacts;
mod status;
pub(crate) mod webhook;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{Repository, labels};
use gimlet_gitops::{GitError, Reference};
use gimlet_hosts::{Host, HostError, PullRequest};
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::remotes::{refused_by_git, refused_by_host};
use crate::sources::{SourceOpenError, View};

/// Folder of the deploy manifests.
pub(crate) const FOLDER: &str = ".gimlet";
/// Pages of open pull requests that are read.
const MAX_PAGES: u32 = 5;
/// How often a repository is looked at where its interval means nothing.
const INTERVAL: Duration = Duration::from_mins(1);
/// The shortest interval.
const SHORTEST: Duration = Duration::from_secs(5);

/// Why a repository is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepositoryError {
    #[error(transparent)]
    Open(#[from] SourceOpenError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl RepositoryError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Open(error) => error.reason(),
            Self::Git(error) => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Open(error) => error.retry(),
            Self::Host(error) => Retry::of_host(error),
            Self::Git(error) => Retry::of_git(error),
            Self::Api(_) => Retry::Backoff,
        }
    }
}

impl RepositoryError {
    /// Tells whether the credentials were refused, or lack a right.
    fn credentials_refused(&self) -> bool {
        match self {
            Self::Git(error) => refused_by_git(error),
            Self::Host(error) => refused_by_host(error),
            Self::Open(_) | Self::Api(_) => false,
        }
    }
}

/// What a look at a repository found.
struct Found {
    references: Vec<Reference>,
    default_branch: Option<String>,
    /// The open pull requests; none where the host has no API.
    pull_requests: Option<Vec<PullRequest>>,
}

/// Looks after a repository.
pub(crate) async fn reconcile(
    repository: &Arc<Repository>,
    ctx: &Arc<Context>,
) -> Result<Action, RepositoryError> {
    let (namespace, name) = (repository.namespace().unwrap_or_default(), repository.name_any());
    let interval = repository.spec.interval.parse::<jiff::SignedDuration>().ok();
    let interval = interval.and_then(|interval| interval.try_into().ok()).unwrap_or(INTERVAL);
    let interval = interval.max(SHORTEST);
    let seen = repository.status.as_ref().and_then(|status| status.observed_generation);
    let same = seen.is_some() && seen == repository.metadata.generation;
    let asked = repository.annotations().get(labels::LOOK_REQUESTED);
    // Every write of a status brings it here too.
    let left = ctx.sources.not_due(&namespace, &name, interval, asked.map(String::as_str));
    if let Some(left) = left.filter(|_| same) {
        return Ok(Action::requeue(left));
    }
    let result = look(repository, ctx).await;
    // It is tried again soon, with its Secrets read anew: somebody may have mended them.
    match &result {
        Ok(_) => {}
        Err(error) if error.credentials_refused() => ctx.sources.distrust(&namespace, &name),
        Err(_) => ctx.sources.forget(&namespace, &name),
    }
    let (found, refused) = result?;
    status::write(repository, status::Seen::Found { found: Box::new(found), refused }, ctx).await?;
    Ok(Action::requeue(interval.mul_f64(rand::random_range(1.0..1.1))))
}

/// Records why a reconcile failed, before it is tried again.
pub(crate) async fn record_failure(
    repository: &Arc<Repository>,
    error: &RepositoryError,
    ctx: &Context,
) {
    let seen = status::Seen::Failed {
        reason: error.reason(),
        message: error.to_string(),
        stalled: error.retry() == Retry::Stalled,
    };
    if let Err(error) = status::write(repository, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

/// Reads what is there, and makes artifacts of what is new; returns also what could not be made.
async fn look(
    repository: &Repository,
    ctx: &Context,
) -> Result<(Found, Vec<String>), RepositoryError> {
    let source = ctx.sources.open(&ctx.client, repository).await?;
    let references = source.mirror.refresh().await?;
    let (default_branch, pull_requests) = match &source.host {
        Some(host) => at_host(host.as_ref()).await?,
        None => (source.mirror.ask().await?.default_branch, None),
    };
    let found = Found { references, default_branch, pull_requests };
    // Before the artifacts: who judges them asks for it.
    ctx.sources.keep(repository, view(&found));
    let refused = if repository.spec.artifacts_from_commits {
        artifacts::make(repository, &source, &found, ctx).await?
    } else {
        Vec::new()
    };
    Ok((found, refused))
}

fn view(found: &Found) -> View {
    let Found { references, default_branch, pull_requests } = found;
    let branches = references.iter().filter(|reference| !reference.tag);
    let requests = pull_requests.iter().flatten().filter(|request| !request.from_fork);
    View {
        branches: branches.map(|reference| reference.name.clone()).collect(),
        default_branch: default_branch.clone(),
        requests: requests.map(|request| (request.number, request.head_branch.clone())).collect(),
    }
}

async fn at_host(host: &dyn Host) -> Result<(Option<String>, Option<Vec<PullRequest>>), HostError> {
    let branch = host.repository().await?.default_branch;
    let mut requests = Vec::new();
    let mut page = Some(1);
    while let Some(number) = page.filter(|number| *number <= MAX_PAGES) {
        let read = host.pull_requests(number).await?;
        requests.extend(read.items);
        page = read.next;
    }
    Ok((branch, Some(requests)))
}
