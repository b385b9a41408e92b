//! What runs of an app: the objects that Flux applied, as the cluster has them now.
//!
//! It is read with the person's rights from the cluster of the context, which has to be the one that
//! Flux applies the app to. That is often not the one where the Environment is, so nothing here
//! needs Gimlet's own kinds.

mod agent;
mod applied;
mod object;
mod pods;

use std::fmt::Display;

pub(crate) use agent::{Agent, Running, Said};
pub(crate) use applied::{Applied, ObjectRef};
pub(crate) use object::{Health, State};
pub(crate) use pods::{Selected, Started, started};

use crate::cluster::Cluster;
use crate::error::{CommandError, Kind};

/// Translates an error of a request about an object that is not Gimlet's.
pub(crate) fn refused(
    cluster: &Cluster,
    verb: &'static str,
    resource: &str,
    namespace: &str,
    error: &kube::Error,
) -> CommandError {
    let request = crate::error::Request { namespace, ..cluster.request(verb, resource, None) };
    match error {
        kube::Error::Api(status) if status.code == 403 => CommandError::new(
            Kind::Forbidden,
            format!("you may not {verb} {resource} in namespace {namespace}"),
        )
        .hint(format!(
            "ask for the right, then check with: kubectl auth can-i {verb} {resource} -n {namespace}"
        )),
        _ => request.failed(error),
    }
}

/// Says that something is not there, and where it was looked for.
fn missing(what: impl Display, cluster: &Cluster) -> CommandError {
    CommandError::new(Kind::NotFound, format!("{what} in the cluster at {}", cluster.server()))
        .hint("name the cluster that Flux applies the app to with --context")
}
