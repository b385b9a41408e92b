//! Artifact: its policies are judged once, and set off releases.

mod changes;
mod documents;
mod judge;
mod retention;
mod status;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{Artifact, Release, ReleaseSpec, condition};
use kube::api::{Api, PostParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use crate::app;
use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::origin;
use crate::release::ReleaseError;
pub(crate) use documents::{Document, documents};
use judge::Wait;
pub(crate) use retention::{forget_branch, oldest_kept};

/// Seconds after which what was applied together with an artifact is in the caches.
const CACHED: i64 = 10;
/// How soon a new artifact is looked at again for which something is missing.
const AGAIN: Duration = Duration::from_secs(1);

/// Why an artifact was not judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtifactError {
    #[error(transparent)]
    Resolve(#[from] ReleaseError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl ArtifactError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Resolve(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    /// Tells whether trying again helps.
    #[expect(clippy::unused_self, reason = "all errors answer the same questions")]
    pub(crate) fn retry(&self) -> Retry {
        Retry::Backoff
    }
}

/// Judges an artifact, unless that was done; then the oldest of its branch may go.
pub(crate) async fn reconcile(
    artifact: &Arc<Artifact>,
    ctx: &Arc<Context>,
) -> Result<Action, ArtifactError> {
    if artifact.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if is_judged(artifact) {
        retention::prune(artifact, ctx).await;
        return Ok(Action::await_change());
    }
    if origin::is_restored(&artifact.metadata) {
        // What it set off was set off then; its releases would be made, and played, again.
        status::write(artifact, status::Seen::Restored, ctx).await?;
        return Ok(Action::await_change());
    }
    if origin::mark(&mut Artifact::clone(artifact), ctx).await? {
        return Ok(Action::await_change());
    }
    let judged = judge::judge(artifact, ctx).await?;
    let waits = |on: Wait| judged.iter().any(|judged| judged.wait == Some(on));
    if waits(Wait::NextSecond) || (is_new(artifact) && waits(Wait::Caches)) {
        return Ok(Action::requeue(AGAIN));
    }
    for judged in &judged {
        let Some(release) = &judged.release else { continue };
        // The App of a preview is there first: it tells the pull request what became of the release,
        // whatever that is.
        if let Some(preview) = &judged.preview {
            let namespace = release.namespace().unwrap_or_default();
            let ReleaseSpec { app, environment, .. } = &release.spec;
            app::create(&namespace, app, environment, Some(preview), ctx).await?;
        }
        create(release, ctx).await?;
    }
    let verdicts = judged.into_iter().map(|judged| judged.verdict).collect();
    status::write(artifact, status::Seen::Judged(verdicts), ctx).await?;
    Ok(Action::await_change())
}

/// Records why a reconcile failed, before it is tried again.
pub(crate) async fn record_failure(artifact: &Arc<Artifact>, error: &ArtifactError, ctx: &Context) {
    let seen = status::Seen::Failed { reason: error.reason(), message: error.to_string() };
    if let Err(error) = status::write(artifact, seen, ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
}

/// Tells whether what was applied together with the artifact may not be in the caches yet.
fn is_new(artifact: &Artifact) -> bool {
    let created = artifact.creation_timestamp().map_or(0, |time| time.0.as_second());
    Context::now().as_second() - created < CACHED
}

fn is_judged(artifact: &Artifact) -> bool {
    let status = artifact.status.as_ref();
    status.is_some_and(|status| condition::is_true(&status.conditions, condition::READY))
}

/// Creates a release. Its name follows from the artifact, so that a second attempt makes no other.
async fn create(release: &Release, ctx: &Context) -> Result<(), ApiError> {
    let namespace = release.meta().namespace.clone().unwrap_or_default();
    let api: Api<Release> = Api::namespaced(ctx.client.clone(), &namespace);
    match api.create(&PostParams::default(), release).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => {
            Err(ApiError::new(format!("create the Release {}", release.name_any()), error))
        }
    }
}
