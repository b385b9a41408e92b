//! What every error of a reconcile can tell about its fate.

use std::time::Duration;

use gimlet_gitops::GitError;
use gimlet_hosts::HostError;

use crate::context::Context;

/// When a failed reconcile is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not before somebody changes something.
    Stalled,
    /// After a while, which is no failure of the object.
    After(Duration),
    /// Later and later.
    Backoff,
    /// Later and later, but soon enough that nobody waits for long once what is away is back: nothing
    /// tells of that.
    Outage,
}

impl Retry {
    /// Tells when git is asked again, which may be mended without the object being touched.
    pub(crate) fn of_git(error: &GitError) -> Self {
        if error.is_outage() { Self::Outage } else { Self::Backoff }
    }

    /// Tells when the API of a host is asked again: a token may be given the right that it lacks without
    /// the object being touched.
    pub(crate) fn of_host(error: &HostError) -> Self {
        match error.retry(Context::now()) {
            gimlet_hosts::Retry::After(pause) => Self::After(pause),
            _ if matches!(error, HostError::Unreachable { .. }) => Self::Outage,
            gimlet_hosts::Retry::Stalled | gimlet_hosts::Retry::Backoff => Self::Backoff,
        }
    }
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
