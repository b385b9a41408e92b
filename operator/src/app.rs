//! App: what is released and runs, and uninstalling it.

mod gather;
mod merged;
mod status;
mod uninstall;

pub(crate) use status::is_of_live;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{App, AppSpec, DeletionPolicy, Phase, Preview, Release, labels, name};
use gimlet_gitops::{GitError, PathError};
use gimlet_hosts::HostError;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use serde_json::json;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::preview::{self, Fate, Outlook};
use crate::release::ReleaseError;
use crate::remotes::{RemoteError, refused_by_git, refused_by_host};

/// Why the state of an app cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Name(#[from] gimlet_crds::name::InvalidName),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Observe(#[from] ReleaseError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl AppError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Name(_) => "InvalidName",
            Self::Remote(error) => error.reason(),
            Self::Git(error) => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Path(_) => "PathRefused",
            Self::Observe(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Name(_) | Self::Path(_) => Retry::Stalled,
            // An uninstall goes on when the host is back, or a rule of it was changed.
            Self::Remote(_) | Self::Git(_) | Self::Host(_) | Self::Observe(_) | Self::Api(_) => {
                Retry::Backoff
            }
        }
    }
}

/// How long after a start apps that were judged before let releases go first.
const START: Duration = Duration::from_secs(30);

/// Tells whether the summary of an app waits, for many releases are on their way and it is not worth
/// their time yet.
pub(crate) fn may_wait(app: &App, ctx: &Context) -> bool {
    if app.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let namespace = app.namespace().unwrap_or_default();
    if ctx.traffic.is_heavy(&namespace, &app.spec.environment) {
        return true;
    }
    if !ctx.traffic.is_crowded() {
        return false;
    }
    let releases = ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app);
    // That its release comes is out of date in a moment, and would be a write more for each of them.
    releases.iter().any(|release| is_under_way(release))
        || ctx.begun.elapsed() < START && is_judged(app)
}

/// Tells whether nothing holds a release back on its way to git.
fn is_under_way(release: &Release) -> bool {
    let Some(status) = &release.status else { return true };
    matches!(status.phase, Phase::Pending | Phase::Queued)
        && status.commit.is_none()
        && status.timestamps.ended.is_none()
        && status.blocked_by.is_empty()
}

/// Tells whether the app as it is was looked at already.
fn is_judged(app: &App) -> bool {
    let status = app.status.as_ref();
    status.is_some_and(|status| status.observed_generation == app.metadata.generation)
}

/// Looks after an app.
pub(crate) async fn reconcile(app: &Arc<App>, ctx: &Arc<Context>) -> Result<Action, AppError> {
    if app.metadata.deletion_timestamp.is_some() {
        return uninstall::step(app, ctx).await;
    }
    keep_finalizer(app, ctx).await?;
    let found = gather::gather(app, ctx).await?;
    let settled = found.is_settled();
    let outlook = found.outlook.clone();
    status::write(app, found.into(), ctx).await?;
    ctx.comments.publish(app, ctx);
    let pause = if settled { ctx.refresh } else { Duration::from_secs(5) };
    let pause = pause.mul_f64(rand::random_range(0.9..1.1));
    let Some(outlook) = outlook else { return Ok(Action::requeue(pause)) };
    if let Fate::Goes(removal) = &outlook.fate
        && is_recorded(app, removal)
    {
        preview::remove(app, removal, ctx).await?;
    }
    Ok(Action::requeue(pause.min(until_expiry(&outlook))))
}

/// Why a preview goes is in its status before it is deleted: the commit of its removal says so, and
/// what was found out is found out twice.
fn is_recorded(app: &App, removal: &gimlet_crds::PreviewRemoval) -> bool {
    let status = app.status.as_ref().and_then(|status| status.preview.as_ref());
    status.and_then(|preview| preview.removal.as_ref()) == Some(removal)
}

/// Tells how long the time of a preview lasts.
fn until_expiry(outlook: &Outlook) -> Duration {
    let Some(expires) = outlook.expires else { return Duration::MAX };
    let left = Duration::try_from(expires.duration_since(Context::now())).unwrap_or_default();
    // Times are told in whole seconds.
    left + Duration::from_secs(1)
}

/// Makes an App, unless it is there.
pub(crate) async fn create(
    namespace: &str,
    app: &str,
    environment: &str,
    preview: Option<&Preview>,
    ctx: &Context,
) -> Result<(), ApiError> {
    let object = name::app_object(app, environment);
    let spec = AppSpec {
        environment: environment.to_owned(),
        app: app.to_owned(),
        hold: None,
        lock: None,
        deletion_policy: DeletionPolicy::default(),
        preview: preview.cloned(),
    };
    let mut made = App::new(&object, spec);
    made.metadata.finalizers = Some(vec![labels::UNINSTALL_FINALIZER.to_owned()]);
    let api: Api<App> = Api::namespaced(ctx.client.clone(), namespace);
    match api.create(&PostParams::default(), &made).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(ApiError::new(format!("create the App {object}"), error)),
    }
}

/// Records why a reconcile failed, before it is tried again.
pub(crate) async fn record_failure(app: &Arc<App>, error: &AppError, ctx: &Context) {
    let refused = match error {
        AppError::Git(error) => refused_by_git(error),
        AppError::Host(error) => refused_by_host(error),
        _ => false,
    };
    if refused {
        ctx.remotes.distrust(&app.namespace().unwrap_or_default(), &app.spec.environment);
    }
    let seen = status::Seen::Failed {
        reason: error.reason(),
        message: error.to_string(),
        stalled: error.retry() == Retry::Stalled,
    };
    if let Err(error) = status::write(app, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

/// An App that a person applied gets the finalizer too, so that deleting it uninstalls.
async fn keep_finalizer(app: &App, ctx: &Context) -> Result<(), ApiError> {
    if app.finalizers().iter().any(|f| f == labels::UNINSTALL_FINALIZER) {
        return Ok(());
    }
    let mut finalizers = app.finalizers().to_vec();
    finalizers.push(labels::UNINSTALL_FINALIZER.to_owned());
    set_finalizers(app, &finalizers, ctx).await
}

async fn set_finalizers(app: &App, finalizers: &[String], ctx: &Context) -> Result<(), ApiError> {
    let name = app.name_any();
    let api: Api<App> = Api::namespaced(ctx.client.clone(), &app.namespace().unwrap_or_default());
    // With the version, so that finalizers of others are never lost.
    let patch = json!({"metadata": {
        "resourceVersion": app.resource_version(), "uid": app.uid(), "finalizers": finalizers,
    }});
    match api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(error)) if error.is_not_found() => Ok(()),
        Err(error) => Err(ApiError::new(format!("set the finalizers of the App {name}"), error)),
    }
}
