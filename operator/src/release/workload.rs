//! The workloads of an app: how many replicas are ready, and what keeps the others.

use std::collections::BTreeMap;

use gimlet_crds::Environment;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

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
        self.ready >= self.wanted && self.failure.is_none()
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
        let Some(rollout) = rollout(entry, &ctx.client).await else {
            continue;
        };
        all.ready += rollout.ready;
        all.wanted += rollout.wanted;
        if rollout.ready < rollout.wanted && all.failure.is_none() {
            all.failure = failure(&rollout.selector, &entry.namespace, &ctx.client).await;
        }
    }
    all
}

/// How far a workload is with the present version of its template.
struct Rollout {
    ready: i32,
    wanted: i32,
    selector: LabelSelector,
}

async fn rollout(entry: &InventoryEntry, client: &Client) -> Option<Rollout> {
    let namespace = &entry.namespace;
    match entry.kind.as_str() {
        "Deployment" => {
            let found = Api::<Deployment>::namespaced(client.clone(), namespace)
                .get_opt(&entry.name)
                .await
                .ok()??;
            let spec = found.spec?;
            let status = found.status.unwrap_or_default();
            let current = status.observed_generation >= found.metadata.generation;
            let updated =
                status.updated_replicas.unwrap_or(0).min(status.available_replicas.unwrap_or(0));
            Some(Rollout {
                ready: if current { updated } else { 0 },
                wanted: spec.replicas.unwrap_or(1),
                selector: spec.selector,
            })
        }
        "StatefulSet" => {
            let found = Api::<StatefulSet>::namespaced(client.clone(), namespace)
                .get_opt(&entry.name)
                .await
                .ok()??;
            let spec = found.spec?;
            let status = found.status.unwrap_or_default();
            let current = status.observed_generation >= found.metadata.generation;
            let updated =
                status.updated_replicas.unwrap_or(0).min(status.ready_replicas.unwrap_or(0));
            Some(Rollout {
                ready: if current { updated } else { 0 },
                wanted: spec.replicas.unwrap_or(1),
                selector: spec.selector,
            })
        }
        "DaemonSet" => {
            let found = Api::<DaemonSet>::namespaced(client.clone(), namespace)
                .get_opt(&entry.name)
                .await
                .ok()??;
            let status = found.status.unwrap_or_default();
            Some(Rollout {
                ready: status.updated_number_scheduled.unwrap_or(0).min(status.number_ready),
                wanted: status.desired_number_scheduled,
                selector: found.spec?.selector,
            })
        }
        _ => None,
    }
}

async fn failure(selector: &LabelSelector, namespace: &str, client: &Client) -> Option<Failure> {
    let labels = labels(selector.match_labels.as_ref()?);
    let params = ListParams::default().labels(&labels).limit(20);
    let pods = Api::<Pod>::namespaced(client.clone(), namespace).list(&params).await.ok()?;
    pods.iter().find_map(failure_of_pod)
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Finds a state of a pod that does not pass by itself.
fn failure_of_pod(pod: &Pod) -> Option<Failure> {
    const LASTING: [&str; 7] = [
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ];
    let status = pod.status.as_ref()?;
    let containers =
        status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    for container in containers {
        let Some(waiting) = container.state.as_ref().and_then(|state| state.waiting.as_ref())
        else {
            continue;
        };
        let reason = waiting.reason.clone().unwrap_or_default();
        if LASTING.contains(&reason.as_str()) {
            let detail = waiting.message.clone().unwrap_or_else(|| container.image.clone());
            let exit =
                last_exit(container).map_or_else(String::new, |code| format!(", exit code {code}"));
            let message = format!(
                "pod {}, container {}: {reason}{exit}: {detail}",
                pod.name_any(),
                container.name
            );
            return Some(Failure { reason, message });
        }
    }
    None
}

fn last_exit(container: &ContainerStatus) -> Option<i32> {
    Some(container.last_state.as_ref()?.terminated.as_ref()?.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_that_cannot_pull_its_image_names_it() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "shop-1"},
            "status": {"containerStatuses": [{
                "name": "app", "image": "shop:broken", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}
            }]}
        }))
        .unwrap();
        let failure = failure_of_pod(&pod).unwrap();
        assert_eq!(failure.reason, "ImagePullBackOff");
        assert_eq!(failure.message, "pod shop-1, container app: ImagePullBackOff: no such tag");
    }

    #[test]
    fn a_pod_that_is_only_starting_is_no_failure() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "shop-1"},
            "status": {"containerStatuses": [{
                "name": "app", "image": "shop", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ContainerCreating"}}
            }]}
        }))
        .unwrap();
        assert_eq!(failure_of_pod(&pod), None);
    }
}
