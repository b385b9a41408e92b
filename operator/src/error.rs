//! What every error of a reconcile can tell about its fate.

use std::time::Duration;

/// When a failed reconcile is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not before somebody changes something.
    Stalled,
    /// After a while, which is no failure of the object.
    After(Duration),
    /// Later and later.
    Backoff,
}

/// An error of the Kubernetes API, with what was tried.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action}: {source}")]
pub(crate) struct ApiError {
    action: String,
    #[source]
    source: Box<kube::Error>,
}

impl ApiError {
    /// Wraps an error of the client.
    pub(crate) fn new(action: impl Into<String>, source: kube::Error) -> Self {
        Self { action: action.into(), source: Box::new(source) }
    }
}
