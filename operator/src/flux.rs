//! What Flux says of its objects, where it runs in the operator's own cluster.

mod cache;
mod object;

pub(crate) use cache::FluxCache;
pub(crate) use gimlet_crds::name::{
    flux_of_app as app_object, flux_of_environment as environment_object,
};
pub(crate) use object::{InventoryEntry, Kustomization, Readiness, Source};
