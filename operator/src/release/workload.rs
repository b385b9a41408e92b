//! The workloads of an app: how many replicas are ready, and what keeps the others.

use std::collections::BTreeMap;

use gimlet_agent::diagnosis::{Rollout, Trouble, judge, pod_trouble};
use gimlet_agent::protocol::Cause;
use gimlet_crds::{Environment, LiveState};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::context::Context;
use crate::flux::InventoryEntry;

/// Workloads that are looked at; an app with more is judged by Flux alone.
const MAX_WORKLOADS: usize = 20;

/// What the workloads of an app say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Workloads {
    pub(super) ready: i32,
    pub(super) wanted: i32,
    pub(super) failure: Option<Failure>,
    /// Something is on its way that the numbers do not show.
    pub(super) moving: bool,
}

/// Why a workload does not run, and will not by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Workloads {
    pub(super) fn is_empty(&self) -> bool {
        self.wanted == 0
    }

    pub(super) fn all_ready(&self) -> bool {
        self.ready >= self.wanted && self.failure.is_none() && !self.moving
    }

    /// Says `2/3 replicas are ready`, or something else where there are no replicas.
    pub(super) fn summary(&self, otherwise: &str) -> String {
        if self.wanted == 0 {
            otherwise.to_owned()
        } else {
            format!("{}/{} replicas are ready", self.ready, self.wanted)
        }
    }
}

/// Picks the workloads of an app. Where one Kustomization applies all apps, only those that carry
/// the app's name can be told apart.
pub(super) fn of_app(
    inventory: &[InventoryEntry],
    app: &str,
    environment: &Environment,
) -> Vec<InventoryEntry> {
    let own = environment.spec.flux.kustomization_per_app;
    inventory
        .iter()
        .filter(|e| {
            e.group == "apps" && (own || e.name == app || e.name.starts_with(&format!("{app}-")))
        })
        .take(MAX_WORKLOADS)
        .cloned()
        .collect()
}

/// Looks at workloads. What cannot be read counts as not there.
pub(super) async fn look(entries: &[InventoryEntry], ctx: &Context) -> Workloads {
    let mut all = Workloads::default();
    for entry in entries {
        let Some((rollout, selector)) = rollout(entry, &ctx.client).await else {
            continue;
        };
        all.ready += rollout.done;
        all.wanted += rollout.wanted;
        if !rollout.is_done() && all.failure.is_none() {
            let troubles = troubles(&selector, &entry.namespace, &ctx.client).await;
            all.failure = failure(&rollout, &troubles);
        }
    }
    all
}

async fn rollout(entry: &InventoryEntry, client: &Client) -> Option<(Rollout, LabelSelector)> {
    let (namespace, name) = (&entry.namespace, &entry.name);
    let client = client.clone();
    match entry.kind.as_str() {
        "Deployment" => {
            let object =
                Api::<Deployment>::namespaced(client, namespace).get_opt(name).await.ok()??;
            Some((Rollout::deployment(&object), object.spec?.selector))
        }
        "StatefulSet" => {
            let object =
                Api::<StatefulSet>::namespaced(client, namespace).get_opt(name).await.ok()??;
            Some((Rollout::stateful_set(&object), object.spec?.selector))
        }
        "DaemonSet" => {
            let object =
                Api::<DaemonSet>::namespaced(client, namespace).get_opt(name).await.ok()??;
            Some((Rollout::daemon_set(&object), object.spec?.selector))
        }
        _ => None,
    }
}

/// Tells what keeps the pods of a workload.
async fn troubles(selector: &LabelSelector, namespace: &str, client: &Client) -> Vec<Trouble> {
    let Some(match_labels) = &selector.match_labels else { return Vec::new() };
    let params = ListParams::default().labels(&labels(match_labels)).limit(20);
    let pods = Api::<Pod>::namespaced(client.clone(), namespace).list(&params).await;
    pods.map_or_else(|_| Vec::new(), |pods| pods.iter().filter_map(pod_trouble).collect())
}

/// Tells why a workload does not run and will not by itself, where that is so.
fn failure(rollout: &Rollout, troubles: &[Trouble]) -> Option<Failure> {
    match judge(rollout, troubles) {
        (LiveState::Failed, Some(Cause { reason, message, next_step: _ })) => {
            Some(Failure { reason, message })
        }
        _ => None,
    }
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn failure_of(state: &Value) -> Option<Failure> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "shop-1"},
            "status": {"containerStatuses": [{
                "name": "app", "image": "shop:broken", "imageID": "", "ready": false, "restartCount": 0,
                "state": state
            }]}
        }))
        .unwrap();
        let rollout = Rollout { wanted: 1, ..Rollout::default() };
        failure(&rollout, &Vec::from_iter(pod_trouble(&pod)))
    }

    #[test]
    fn a_pod_that_cannot_pull_its_image_names_it() {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}});
        let failure = failure_of(&waiting).unwrap();
        assert_eq!(failure.reason, "ImagePullBackOff");
        assert_eq!(failure.message, "pod shop-1, container app: ImagePullBackOff: no such tag");
    }

    #[test]
    fn a_pod_that_is_only_starting_is_no_failure() {
        assert_eq!(failure_of(&json!({"waiting": {"reason": "ContainerCreating"}})), None);
        assert_eq!(failure_of(&json!({"running": {}})), None);
    }
}
