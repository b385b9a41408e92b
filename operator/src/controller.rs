//! What the three controllers share: objects that cannot be read, errors, and metrics.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use crate::context::{Context, Guarded};
use crate::error::Retry;

/// An error of a reconcile with all that the runner needs to know of it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    reason: &'static str,
    message: String,
    retry: Retry,
}

impl Failure {
    /// Takes over what an error says of itself.
    pub(crate) fn new(reason: &'static str, message: impl Display, retry: Retry) -> Self {
        Self { reason, message: message.to_string(), retry }
    }
}

/// Unwraps an object, or logs why it cannot be read: the others go on.
pub(crate) fn readable<K>(guarded: &Guarded<K>) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone,
{
    match &guarded.0 {
        Ok(object) => Some(Arc::new(object.clone())),
        Err(invalid) => {
            tracing::warn!(
                kind = %K::kind(&()),
                name = invalid.metadata.name,
                namespace = invalid.metadata.namespace,
                error = invalid.error,
                "an object cannot be read, probably it is of a newer version; it is left alone"
            );
            None
        }
    }
}

/// Ends a reconcile: counts it, and lets a success clear the object's back-off.
pub(crate) fn finish<K>(
    object: &K,
    result: Result<Action, Failure>,
    ctx: &Context,
) -> Result<Action, Failure>
where
    K: Resource<DynamicType = ()>,
{
    let kind = K::kind(&());
    match &result {
        Ok(_) => {
            ctx.backoff.forget(object.meta().uid.as_deref().unwrap_or_default());
            ctx.metrics.reconciled(&kind, "ok");
        }
        Err(failure) => ctx.metrics.reconciled(&kind, failure.reason),
    }
    result
}

/// Tells the runner when a failed object is tried again.
#[expect(clippy::needless_pass_by_value, reason = "the runner fixes the signature")]
pub(crate) fn error_policy<K>(
    object: Arc<DeserializeGuard<K>>,
    failure: &Failure,
    ctx: Arc<Context>,
) -> Action
where
    K: Resource<DynamicType = ()>,
{
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    match failure.retry {
        Retry::Stalled => Action::await_change(),
        Retry::After(pause) => Action::requeue(pause),
        Retry::Backoff => Action::requeue(ctx.backoff.failed(uid)),
        Retry::Outage => Action::requeue(ctx.backoff.outage(uid)),
    }
}

/// Drives a controller until it is told to stop, and logs what goes wrong.
pub(crate) async fn drive<K>(
    results: impl futures::Stream<
        Item = Result<
            (ObjectRef<Guarded<K>>, Action),
            controller::Error<Failure, kube::runtime::watcher::Error>,
        >,
    >,
) where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    results
        .for_each(|result| async move {
            match result {
                Ok(_) => {}
                // Normal for an object that was deleted while it waited.
                Err(controller::Error::ObjectNotFound(object)) => {
                    tracing::debug!(object = %object, "an object is gone");
                }
                Err(controller::Error::ReconcilerFailed(failure, object)) => {
                    let Failure { reason, message, retry } = failure;
                    tracing::warn!(
                        kind = %K::kind(&()), name = object.name, namespace = object.namespace,
                        reason, error = message, retry = ?retry, "a reconcile failed"
                    );
                }
                Err(error) => {
                    tracing::warn!(kind = %K::kind(&()), error = %error, "a watch broke; it is made anew");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        })
        .await;
}

/// Names an object for a log.
pub(crate) fn identity<K: Resource<DynamicType = ()>>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}
