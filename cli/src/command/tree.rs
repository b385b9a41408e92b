//! `tree`: what a release made in the cluster, and how it is with it.

mod reported;

use std::collections::HashMap;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, oneshot};
use serde_json::{Value, json};

use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::live::{Agent, Applied, Health, ObjectRef, Selected, State};
use crate::output::{self, Cell, Format, since};

/// Objects that are asked for at the same time.
const AT_ONCE: usize = 8;

/// Show what a release made in the cluster, with the state of each object
///
/// The objects are those that Flux keeps for the app, with the pods of its workloads. They are read
/// with your rights from the cluster of the context; where that is not the one that Flux applies the
/// app to, name it with --context. With a server they are what the agent of that cluster said last:
/// workloads, pods and Flux' objects. Values of Secrets are never shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet tree shop -e production
  gimlet tree shop -e production --context eu-1
  gimlet tree shop -e production -o name")]
pub(crate) struct TreeArgs {
    #[command(flatten)]
    place: Place,
    /// Namespace of Flux' objects; the Environment says it where this cluster has it
    #[arg(long, value_name = "NAME")]
    flux_namespace: Option<String>,
    /// Form of the output; wide also tells namespaces, json and yaml are the objects
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Leave the titles of the columns out
    #[arg(long)]
    no_headers: bool,
}

/// An object, with the pods that it keeps.
struct Node {
    object: ObjectRef,
    state: State,
    found: Option<Value>,
    pods: Vec<Value>,
}

pub(super) async fn run(args: &TreeArgs, global: &Global) -> Result<Finish, CommandError> {
    let TreeArgs { place, flux_namespace, output, no_headers } = args;
    let cluster = Cluster::connect(global).await?;
    if let Some((_, running)) = Agent::find(&cluster, place).await? {
        return reported::show(args, &running);
    }
    let applied = Applied::find(&cluster, place, flux_namespace.as_deref()).await?;
    let kinds = kinds(&cluster, &applied.objects).await;
    let nodes: Vec<Node> = futures::stream::iter(&applied.objects)
        .map(|object| look(&cluster, &kinds, object))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let text = match output {
        Format::Json | Format::Yaml => {
            let found = nodes.iter().flat_map(|node| node.found.iter().chain(&node.pods));
            output::list(&found.collect::<Vec<_>>(), *output)?
        }
        Format::Name => output::lines(nodes.iter().map(|node| path(&node.object))),
        Format::Table | Format::Wide => {
            let wide = *output == Format::Wide;
            let headers: &[&str] = if wide {
                &["OBJECT", "STATE", "AGE", "NAMESPACE", "MESSAGE"]
            } else {
                &["OBJECT", "STATE", "AGE", "MESSAGE"]
            };
            let rows = rows(&applied, &nodes, wide, Timestamp::now());
            output::table((!no_headers).then_some(headers), &rows)
        }
    };
    output::print(&text)?;
    Ok(Finish::Done)
}

type Kinds = HashMap<GroupVersionKind, (ApiResource, Scope)>;

/// Asks how each kind is spelled. A kind that the cluster does not have any more is left out.
async fn kinds(cluster: &Cluster, objects: &[ObjectRef]) -> Kinds {
    let mut kinds = Kinds::new();
    for object in objects {
        let kind = object.gvk();
        if !kinds.contains_key(&kind)
            && let Ok((resource, abilities)) = oneshot::pinned_kind(&cluster.client, &kind).await
        {
            kinds.insert(kind, (resource, abilities.scope));
        }
    }
    kinds
}

/// Reads an object and its pods; what may not be seen is unknown, and no reason to stop.
async fn look(cluster: &Cluster, kinds: &Kinds, object: &ObjectRef) -> Result<Node, CommandError> {
    let node = |state, found| Node { object: object.clone(), state, found, pods: Vec::new() };
    let Some((resource, scope)) = kinds.get(&object.gvk()) else {
        let message = format!("the cluster does not know {}", object.kind);
        return Ok(node(State::new(Health::Unknown, message), None));
    };
    let client = cluster.client.clone();
    let api: Api<DynamicObject> = match scope {
        Scope::Namespaced => Api::namespaced_with(client, &object.namespace, resource),
        Scope::Cluster => Api::all_with(client, resource),
    };
    let found = match api.get_opt(&object.name).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(node(State::new(Health::Missing, "it is not there"), None)),
        Err(kube::Error::Api(status)) if status.code == 403 => {
            return Ok(node(State::new(Health::Unknown, "you may not see it"), None));
        }
        Err(error) => {
            return Err(crate::live::refused(
                cluster,
                "get",
                &resource.plural,
                &object.namespace,
                &error,
            ));
        }
    };
    let mut value = serde_json::to_value(&found).unwrap_or(Value::Null);
    hide_secret(&object.kind, &mut value);
    let state = State::of(&object.kind, &value);
    let pods = match Selected::of(&object.kind, &value) {
        // Who may not list pods sees the rest.
        Some(selected) => selected.pods(cluster).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let pods = pods.iter().map(|pod| {
        let mut value = serde_json::to_value(pod).unwrap_or(Value::Null);
        value["apiVersion"] = json!("v1");
        value["kind"] = json!("Pod");
        value
    });
    Ok(Node { pods: pods.collect(), ..node(state, Some(value)) })
}

fn hide_secret(kind: &str, value: &mut Value) {
    if kind != "Secret" {
        return;
    }
    if let Some(object) = value.as_object_mut() {
        object.remove("data");
        object.remove("stringData");
    }
    // kubectl keeps a whole copy here.
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
}

/// Names an object as kubectl does.
fn path(object: &ObjectRef) -> String {
    let kind = object.kind.to_lowercase();
    let group = if object.group.is_empty() { String::new() } else { format!(".{}", object.group) };
    format!("{kind}{group}/{}", object.name)
}

fn rows(applied: &Applied, nodes: &[Node], wide: bool, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |name: String, state: &State, value: Option<&Value>, namespace: &str| {
        let created = value.and_then(|value| value["metadata"]["creationTimestamp"].as_str());
        let created = created.and_then(|text| text.parse().ok()).map(Time);
        let age = created.map(|time| since(&time, now)).unwrap_or_default();
        let mut cells = vec![name.into(), state.cell(), age.into()];
        if wide {
            cells.push(namespace.into());
        }
        cells.push(state.message.as_str().into());
        cells
    };
    let revision = applied.revision.clone().unwrap_or_else(|| "nothing was applied yet".into());
    let root = if applied.state.health == Health::Ready {
        State::new(Health::Ready, format!("applied {revision}"))
    } else {
        applied.state.clone()
    };
    let mut rows = vec![row(format!("Kustomization/{}", applied.name), &root, None, "")];
    for (index, node) in nodes.iter().enumerate() {
        let last = index + 1 == nodes.len();
        let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let ObjectRef { kind, name, namespace, group: _, version: _ } = &node.object;
        let name = format!("{branch}{kind}/{name}");
        rows.push(row(name, &node.state, node.found.as_ref(), namespace));
        for (index, pod) in node.pods.iter().enumerate() {
            let branch = if index + 1 == node.pods.len() { "└─ " } else { "├─ " };
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let name = format!("{trunk}{branch}Pod/{name}");
            rows.push(row(name, &State::of("Pod", pod), Some(pod), namespace));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn reference(kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            kind: kind.into(),
            name: name.into(),
            namespace: "shop".into(),
            group: String::new(),
            version: "v1".into(),
        }
    }

    #[test]
    fn a_tree_has_the_pods_below_their_workload() {
        let pod = |name: &str, ready: bool| {
            json!({"metadata": {"name": name, "creationTimestamp": "2026-01-01T11:59:00Z"},
                "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": ready}]}})
        };
        let applied = Applied {
            name: "staging-shop".into(),
            state: State::new(Health::Ready, "fine"),
            revision: Some("main@sha1:4e1f09c".into()),
            objects: Vec::new(),
        };
        let nodes = [
            Node {
                object: reference("Deployment", "shop"),
                state: State::progressing("1/2 replicas are ready"),
                found: Some(json!({"metadata": {"creationTimestamp": "2026-01-01T09:00:00Z"}})),
                pods: vec![pod("shop-a", true), pod("shop-b", false)],
            },
            Node {
                object: reference("Service", "shop"),
                state: State::new(Health::Missing, "it is not there"),
                found: None,
                pods: Vec::new(),
            },
        ];
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let text = output::table(None, &rows(&applied, &nodes, false, now));
        assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }

    #[test]
    fn a_secret_is_shown_without_its_values() {
        let mut value = json!({"kind": "Secret", "data": {"password": "aHVudGVyMg=="},
            "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}}});
        hide_secret("Secret", &mut value);
        assert_eq!(value, json!({"kind": "Secret", "metadata": {"name": "s"}}));
    }

    #[test]
    fn an_object_is_named_as_kubectl_does() {
        assert_eq!(path(&reference("Service", "shop")), "service/shop");
        let deployment = ObjectRef { group: "apps".into(), ..reference("Deployment", "shop") };
        assert_eq!(path(&deployment), "deployment.apps/shop");
    }
}
