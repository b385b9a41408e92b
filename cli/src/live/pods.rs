//! The pods of workloads, and which of their containers have something to say.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use kube::core::Selector;
use serde_json::Value;

use super::refused;
use crate::cluster::Cluster;
use crate::error::CommandError;

/// Most pods that are looked at for one workload.
const MAX_PODS: u32 = 200;

/// How the pods of a workload are found.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    pub(crate) namespace: String,
    pub(crate) selector: Selector,
}

impl Selected {
    /// Reads the selector of a workload; other kinds have none.
    pub(crate) fn of(kind: &str, object: &Value) -> Option<Self> {
        if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job") {
            return None;
        }
        let selector = object["spec"]["selector"].clone();
        let selector: LabelSelector = serde_json::from_value(selector).ok()?;
        let selector = Selector::try_from(selector).ok()?;
        // An empty selector means every pod of the namespace.
        if selector.selects_all() {
            return None;
        }
        let namespace = object["metadata"]["namespace"].as_str()?.to_owned();
        Some(Self { namespace, selector })
    }

    /// Lists the pods.
    pub(crate) async fn pods(&self, cluster: &Cluster) -> Result<Vec<Pod>, CommandError> {
        let params = ListParams::default().labels_from(&self.selector).limit(MAX_PODS);
        let list = Api::<Pod>::namespaced(cluster.client.clone(), &self.namespace)
            .list(&params)
            .await
            .map_err(|error| refused(cluster, "list", "pods", &self.namespace, &error))?;
        let mut pods = list.items;
        pods.sort_by_key(|pod| (pod.creation_timestamp(), pod.name_any()));
        Ok(pods)
    }
}

/// A container that has been started, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Started {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    /// How often it was started before.
    pub(crate) restarts: i32,
    uid: String,
}

/// Finds the containers of a pod that have been started, the initial ones first; with `previous`
/// those that had an earlier life.
pub(crate) fn started(pod: &Pod, previous: bool) -> Vec<Started> {
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let containers =
        status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    containers
        .filter(|container| if previous { had_a_life(container) } else { lives(container) })
        .map(|container| Started {
            namespace: pod.namespace().unwrap_or_default(),
            pod: pod.name_any(),
            container: container.name.clone(),
            restarts: container.restart_count,
            uid: pod.uid().unwrap_or_default(),
        })
        .collect()
}

fn lives(container: &ContainerStatus) -> bool {
    let now = container.state.as_ref();
    let started = now.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
    // One that waits to be started again still has what it said before.
    started || had_a_life(container)
}

fn had_a_life(container: &ContainerStatus) -> bool {
    container.last_state.as_ref().is_some_and(|state| state.terminated.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_workloads_with_a_selector_have_pods() {
        let object = json!({"metadata": {"namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}}});
        let found = Selected::of("Deployment", &object).unwrap();
        assert_eq!(
            (found.namespace.as_str(), found.selector.to_string().as_str()),
            ("shop", "app=shop")
        );
        assert!(Selected::of("Service", &object).is_none());
        let all = json!({"metadata": {"namespace": "shop"}, "spec": {"selector": {}}});
        assert!(Selected::of("Deployment", &all).is_none(), "it would be every pod");
    }

    #[test]
    fn containers_that_never_started_have_nothing_to_say() {
        let status = |name: &str, state: Value, last: Value| {
            json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 1,
                "state": state, "lastState": last})
        };
        let ended = json!({"terminated": {"exitCode": 1}});
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "shop-1", "namespace": "shop", "uid": "u"},
            "status": {
                "initContainerStatuses": [status("migrate", ended.clone(), json!({}))],
                "containerStatuses": [
                    status("app", json!({"running": {}}), json!({})),
                    status("loops", json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended),
                    status("new", json!({"waiting": {"reason": "ImagePullBackOff"}}), json!({})),
                ],
            },
        }))
        .unwrap();
        let names = |previous| -> Vec<String> {
            started(&pod, previous).into_iter().map(|found| found.container).collect()
        };
        assert_eq!(names(false), ["migrate", "app", "loops"]);
        assert_eq!(names(true), ["loops"]);
    }
}
