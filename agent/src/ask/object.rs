//! Single objects: shown, looked at by Flux, started again.

use gimlet_crds::labels;
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::answering::Answering;
use super::events;
use super::refused::Refused;
use crate::cluster::{Cluster, ObjectRef};
use crate::protocol::{Answer, ObjectName, Refusal};

/// Annotation by which `kubectl rollout restart` has pods started again.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Tells an object as it is, then its events.
pub(super) async fn describe(
    client: &Client,
    cluster: &Cluster,
    name: &ObjectName,
    answering: &Answering,
) -> Result<(), Refused> {
    let object = known(cluster, name)?;
    let mut found = api(client, name).await?.get(&name.name).await?;
    found.metadata.managed_fields = None;
    let yaml = serde_saphyr::to_string(&found).map_err(|error| {
        Refused::new(Refusal::Failed, format!("the object cannot be written as YAML: {error}"))
    })?;
    answering.send([Answer::object(yaml)]).await?;
    events::of_object(client, &object, answering).await
}

/// Asks Flux to look at an object of its own now.
pub(super) async fn reconcile(
    client: &Client,
    cluster: &Cluster,
    name: &ObjectName,
    answering: &Answering,
) -> Result<(), Refused> {
    known_of_flux(cluster, name)?;
    let now = Timestamp::now().to_string();
    let change = json!({"metadata": {"annotations": {labels::FLUX_REQUESTED_AT: now}}});
    patch(client, name, change).await?;
    done(answering, format!("Flux is asked to look at {} now", shown(name))).await
}

/// Has Flux go on with an object of its own that was suspended.
pub(super) async fn resume(
    client: &Client,
    cluster: &Cluster,
    name: &ObjectName,
    answering: &Answering,
) -> Result<(), Refused> {
    known_of_flux(cluster, name)?;
    patch(client, name, json!({"spec": {"suspend": false}})).await?;
    done(answering, format!("Flux goes on with {}", shown(name))).await
}

/// Starts the pods of a workload again, one after the other.
pub(super) async fn restart(
    client: &Client,
    cluster: &Cluster,
    name: &ObjectName,
    answering: &Answering,
) -> Result<(), Refused> {
    known(cluster, name)?;
    if !matches!(name.object_kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
        let why = format!("{} cannot be started again: only what keeps pods running", shown(name));
        return Err(Refused::new(Refusal::Invalid, why));
    }
    let now = Timestamp::now().to_string();
    let template = json!({"metadata": {"annotations": {RESTARTED: now}}});
    patch(client, name, json!({"spec": {"template": template}})).await?;
    done(answering, format!("the pods of {} are started again", shown(name))).await
}

/// Finds an object among those of the environment: the agent is no way to anything else.
fn known(cluster: &Cluster, name: &ObjectName) -> Result<ObjectRef, Refused> {
    if name.object_kind == "Secret" {
        return Err(Refused::new(Refusal::Forbidden, "Secrets are not shown"));
    }
    let object = ObjectRef {
        kind: name.object_kind.clone(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    };
    if cluster.holds(&object) {
        return Ok(object);
    }
    let why = format!(
        "{} is none of the objects of this environment that the agent follows",
        shown(name)
    );
    Err(Refused::new(Refusal::NotFound, why))
}

/// The same for an object of Flux.
fn known_of_flux(cluster: &Cluster, name: &ObjectName) -> Result<(), Refused> {
    known(cluster, name)?;
    if name.api_version.contains(".toolkit.fluxcd.io/") {
        return Ok(());
    }
    Err(Refused::new(Refusal::Invalid, format!("{} is none of Flux'", shown(name))))
}

async fn api(client: &Client, name: &ObjectName) -> Result<Api<DynamicObject>, Refused> {
    let (group, version) = name.api_version.split_once('/').unwrap_or(("", &name.api_version));
    let kind = GroupVersionKind::gvk(group, version, &name.object_kind);
    let (resource, _) = match kube::discovery::pinned_kind(client, &kind).await {
        Ok(found) => found,
        Err(kube::Error::Discovery(_)) => {
            let why = format!("the cluster has no {} in {}", name.object_kind, name.api_version);
            return Err(Refused::new(Refusal::NotFound, why));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Api::namespaced_with(client.clone(), &name.namespace, &resource))
}

async fn patch(client: &Client, name: &ObjectName, change: Value) -> Result<(), Refused> {
    let params =
        PatchParams { field_manager: Some(labels::AGENT.to_owned()), ..PatchParams::default() };
    api(client, name).await?.patch(&name.name, &params, &Patch::Merge(change)).await?;
    Ok(())
}

async fn done(answering: &Answering, message: String) -> Result<(), Refused> {
    answering.send([Answer::Done { message }]).await
}

fn shown(name: &ObjectName) -> String {
    format!("{} {}/{}", name.object_kind, name.namespace, name.name)
}
