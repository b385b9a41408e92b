//! What Flux says of its objects, where it runs in the operator's own cluster.

mod cache;
mod object;

pub(crate) use cache::FluxCache;
pub(crate) use object::{InventoryEntry, Kustomization, Readiness, Source};

/// Names Flux' GitRepository and root Kustomization of an environment.
pub(crate) fn environment_object(environment: &str) -> String {
    format!("gimlet-{environment}")
}

/// Names Flux' Kustomization of an app.
pub(crate) fn app_object(environment: &str, app: &str) -> String {
    format!("{environment}-{app}")
}
