//! Environment: its repository is reachable, its flux folder is right, and Flux follows it.

mod flux_folder;
mod looks;
mod new_repository;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gimlet_crds::{Environment, Observer, SILENT_AFTER_SECONDS};
use gimlet_gitops::{GitError, Head, PathError};
use gimlet_hosts::HostError;
use gimlet_schedule::ScheduleError;
use gimlet_sops::{Recipients, RecipientsError};
use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::flux::{self, Readiness};
use crate::release::{self, Unheard};
use crate::remotes::{RemoteError, refused_by_git, refused_by_host};
pub(crate) use looks::Looks;
use status::{FluxState, Seen};

/// Why an environment is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Name(#[from] gimlet_crds::name::InvalidName),
    #[error("spec.windows: {0}")]
    Windows(#[from] ScheduleError),
    #[error("spec.encryption.age: {0}")]
    Recipients(#[from] RecipientsError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl EnvironmentError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Remote(error) => error.reason(),
            Self::Git(error) => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Name(_) => "InvalidName",
            Self::Windows(_) => "InvalidWindows",
            Self::Recipients(_) => "InvalidRecipients",
            Self::Path(_) => "PathRefused",
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Remote(error) => error.retry(),
            Self::Git(error) => Retry::of_git(error),
            Self::Host(error) => Retry::of_host(error),
            Self::Api(_) => Retry::Backoff,
            Self::Name(_) | Self::Path(_) | Self::Windows(_) | Self::Recipients(_) => {
                Retry::Stalled
            }
        }
    }
}

/// How long a new environment waits at most for the event of its own first status.
const FIRST: Duration = Duration::from_secs(1);

/// Looks after an environment.
pub(crate) async fn reconcile(
    environment: &Arc<Environment>,
    ctx: &Arc<Context>,
) -> Result<Action, EnvironmentError> {
    if environment.metadata.deletion_timestamp.is_some() {
        let namespace = environment.namespace().unwrap_or_default();
        ctx.remotes.forget(&namespace, &environment.name_any());
        ctx.looks.forget(environment);
        return Ok(Action::await_change());
    }
    if environment.spec.suspend {
        status::write(environment, Seen::Suspended, ctx).await?;
        return Ok(Action::await_change());
    }
    if environment.status.is_none() {
        // A host that does not answer takes its time; the write brings the environment back at once.
        status::write(environment, Seen::First, ctx).await?;
        return Ok(Action::requeue(FIRST));
    }
    if let Some(look) = ctx.looks.recent(environment, Instant::now()) {
        // Only what the agent says is new: git is asked as often as without one.
        let (seen, due) = (look.seen(look_at_flux(environment, ctx)), look.due(Instant::now()));
        status::write(environment, seen, ctx).await?;
        return Ok(Action::requeue(due.min(until_silent(environment))));
    }
    release::windows(environment)?;
    if let Some(encryption) = &environment.spec.encryption {
        Recipients::parse(&encryption.age)?;
    }
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let refreshed = match access.writer.refresh().await {
        Err(error) if new_repository::is_to_be_made(environment, error.kind(), ctx) => {
            new_repository::make(environment, &access, ctx).await?;
            access.writer.refresh().await?
        }
        refreshed => refreshed?,
    };
    let kept = flux_folder::keep(environment, &access, ctx).await?;
    // Only the answer of the refresh tells of a rewritten history, and only once.
    let head = Head { rewritten: refreshed.rewritten, ..access.writer.head().await? };
    if head.rewritten {
        let note = "somebody rewrote the branch; releases go on from its new head, and nothing that was removed comes back";
        ctx.event(&**environment, EventType::Warning, "HistoryRewritten", note);
    }
    let (engine, flux) = (access.writer.engine(), look_at_flux(environment, ctx));
    let seen = Seen::Reachable { head, engine, flux, kept };
    let pause = ctx.refresh.mul_f64(rand::random_range(0.9..1.1));
    ctx.looks.record(environment, &seen, pause, Instant::now());
    status::write(environment, seen, ctx).await?;
    Ok(Action::requeue(pause.min(until_silent(environment))))
}

/// Tells how long it takes until the environment's agent is silent for too long.
fn until_silent(environment: &Environment) -> Duration {
    let agent = environment.status.as_ref().and_then(|status| status.agent.as_ref());
    let heard = agent.filter(|_| !environment.spec.observed_by.is_operator());
    let Some(heard) = heard.filter(|agent| !agent.is_silent(Context::now())) else {
        return Duration::MAX;
    };
    let since = Context::now().as_second() - heard.last_contact.0.as_second();
    // Times are told in whole seconds.
    Duration::from_secs((SILENT_AFTER_SECONDS + 1 - since).max(1).unsigned_abs())
}

/// Records why a reconcile failed, before it is tried again.
pub(crate) async fn record_failure(
    environment: &Arc<Environment>,
    error: &EnvironmentError,
    ctx: &Context,
) {
    ctx.looks.forget(environment);
    let refused = match error {
        EnvironmentError::Git(error) => refused_by_git(error),
        EnvironmentError::Host(error) => refused_by_host(error),
        _ => false,
    };
    if refused {
        ctx.remotes.distrust(&environment.namespace().unwrap_or_default(), &environment.name_any());
    }
    let seen = Seen::Failed {
        reason: error.reason(),
        message: error.to_string(),
        stalled: error.retry() == Retry::Stalled,
    };
    if let Err(error) = status::write(environment, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

fn look_at_flux(environment: &Environment, ctx: &Context) -> FluxState {
    let name = flux::environment_object(&environment.name_any());
    let found = match environment.spec.observed_by {
        Observer::Operator => {
            let namespace = &environment.spec.flux.namespace;
            ctx.flux.kustomization(namespace, &name).zip(ctx.flux.source(namespace, &name))
        }
        Observer::Agent => match release::heard(environment, Context::now()) {
            Ok(agent) => release::reported_flux(environment, agent),
            Err(Unheard { reason, message }) => return FluxState::Unheard { reason, message },
        },
    };
    let Some((root, source)) = found else {
        let reachable = ctx.flux.is_present() || !environment.spec.observed_by.is_operator();
        return if reachable { FluxState::NotConnected } else { FluxState::NotHere };
    };
    for (what, readiness) in
        [("GitRepository", source.readiness), ("Kustomization", root.readiness)]
    {
        match readiness {
            Readiness::Ready => {}
            Readiness::NotReady { message, .. } => {
                return FluxState::Failing { message: format!("Flux' {what} {name}: {message}") };
            }
            Readiness::Unknown { message } => {
                return FluxState::Working { message: format!("Flux' {what} {name}: {message}") };
            }
        }
    }
    FluxState::Ready
}
