//! How it is with an object: one sign, and a few words.

use clap::builder::styling::AnsiColor;
use serde_json::Value;

use crate::output::Cell;

/// States of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// As its spec asks for.
    Ready,
    /// On the way.
    Progressing,
    /// Not as its spec asks for, and not by itself.
    Failed,
    /// Flux applied it, and it is gone.
    Missing,
    /// It cannot be seen.
    Unknown,
}

/// The state of an object, with what a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) health: Health,
    pub(crate) message: String,
}

impl State {
    pub(crate) fn new(health: Health, message: impl Into<String>) -> Self {
        Self { health, message: message.into() }
    }

    pub(crate) fn progressing(message: impl Into<String>) -> Self {
        Self::new(Health::Progressing, message)
    }

    fn ready(message: impl Into<String>) -> Self {
        Self::new(Health::Ready, message)
    }

    /// Tells the state of an object of a kind. What is not there in it counts as zero or empty.
    pub(crate) fn of(kind: &str, object: &Value) -> Self {
        if !object["metadata"]["deletionTimestamp"].is_null() {
            return Self::progressing("is being deleted");
        }
        match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" => workload(kind, object),
            "Pod" => pod(object),
            "Job" => job(object),
            "PersistentVolumeClaim" => claim(object),
            _ => by_conditions(object),
        }
    }

    /// Returns sign and word in the colour of the state.
    pub(crate) fn cell(&self) -> Cell {
        match self.health {
            Health::Ready => Cell::colored("✓ Ready", AnsiColor::Green),
            Health::Progressing => Cell::colored("⠿ Progressing", AnsiColor::Blue),
            Health::Failed => Cell::colored("✕ Failed", AnsiColor::Red),
            Health::Missing => Cell::colored("✕ Missing", AnsiColor::Red),
            Health::Unknown => Cell::colored("? Unknown", AnsiColor::Yellow),
        }
    }
}

fn workload(kind: &str, object: &Value) -> State {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
    let status = |name: &str| number(&format!("/status/{name}")).unwrap_or(0);
    let observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let (ready, wanted) = if kind == "DaemonSet" {
        let ready = status("updatedNumberScheduled").min(status("numberReady"));
        (ready, status("desiredNumberScheduled"))
    } else {
        let up = if kind == "Deployment" { "availableReplicas" } else { "readyReplicas" };
        (status("updatedReplicas").min(status(up)), number("/spec/replicas").unwrap_or(1))
    };
    let ready = if observed { ready } else { 0 };
    let message = format!("{ready}/{wanted} replicas are ready");
    if let Some(why) = condition(object, "Progressing")
        .filter(|found| found["reason"] == "ProgressDeadlineExceeded" && found["status"] == "False")
        .and_then(|found| found["message"].as_str())
    {
        return State::new(Health::Failed, format!("{message}: {why}"));
    }
    if ready >= wanted && observed { State::ready(message) } else { State::progressing(message) }
}

fn pod(object: &Value) -> State {
    let status = &object["status"];
    let list = |key: &str| status[key].as_array().map_or(&[][..], Vec::as_slice);
    let containers = list("containerStatuses");
    for container in list("initContainerStatuses").iter().chain(containers) {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str().unwrap_or_default();
        if !matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            let name = container["name"].as_str().unwrap_or_default();
            let detail = waiting["message"].as_str().unwrap_or_default();
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            return State::new(Health::Failed, format!("container {name}: {reason}{detail}"));
        }
    }
    let ready = containers.iter().filter(|c| c["ready"] == true).count();
    let restarts: i64 = containers.iter().filter_map(|c| c["restartCount"].as_i64()).sum();
    let restarts = if restarts > 0 { format!(", {restarts} restarts") } else { String::new() };
    let total = containers.len();
    let message = format!("{ready}/{total} containers are ready{restarts}");
    match status["phase"].as_str().unwrap_or_default() {
        "Succeeded" => State::ready("completed"),
        "Failed" => {
            let why = status["message"].as_str().or_else(|| status["reason"].as_str());
            State::new(Health::Failed, why.unwrap_or("failed"))
        }
        "Running" if ready == total => State::ready(message),
        "Running" => State::progressing(message),
        _ => {
            let why = condition(object, "PodScheduled")
                .filter(|found| found["status"] == "False")
                .and_then(|found| found["message"].as_str());
            State::progressing(why.unwrap_or("starting"))
        }
    }
}

fn job(object: &Value) -> State {
    let is = |kind: &str| condition(object, kind).filter(|found| found["status"] == "True");
    if is("Complete").is_some() {
        return State::ready("completed");
    }
    if let Some(failed) = is("Failed") {
        let why = failed["message"].as_str().unwrap_or("failed");
        return State::new(Health::Failed, why);
    }
    State::progressing("runs")
}

fn claim(object: &Value) -> State {
    match object["status"]["phase"].as_str() {
        Some("Bound") => State::ready(""),
        Some("Lost") => State::new(Health::Failed, "its volume is lost"),
        _ => State::progressing("waits for a volume"),
    }
}

/// What kstatus says of kinds that it does not know: the conditions that they have.
fn by_conditions(object: &Value) -> State {
    let message = |found: &Value| found["message"].as_str().unwrap_or_default().to_owned();
    if let Some(stalled) = condition(object, "Stalled").filter(|found| found["status"] == "True") {
        return State::new(Health::Failed, message(stalled));
    }
    match condition(object, "Ready") {
        Some(ready) => match ready["status"].as_str() {
            Some("True") => State::ready(message(ready)),
            Some("False") => State::new(Health::Failed, message(ready)),
            _ => State::progressing(message(ready)),
        },
        None => State::ready(""),
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|found| found["type"] == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(kind: &str, object: &Value) -> (Health, String) {
        let State { health, message } = State::of(kind, object);
        (health, message)
    }

    #[test]
    fn a_deployment_is_ready_once_all_its_new_replicas_are_available() {
        let mut object = json!({
            "metadata": {"generation": 2}, "spec": {"replicas": 2},
            "status": {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 1},
        });
        let half = (Health::Progressing, "1/2 replicas are ready".to_owned());
        assert_eq!(state("Deployment", &object), half);
        object["status"]["availableReplicas"] = json!(2);
        assert_eq!(state("Deployment", &object).0, Health::Ready);
        object["metadata"]["generation"] = json!(3);
        assert_eq!(state("Deployment", &object).0, Health::Progressing, "not observed yet");
    }

    #[test]
    fn a_deployment_that_gave_up_has_failed() {
        let object = json!({"status": {"conditions": [{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}});
        assert_eq!(
            state("Deployment", &object),
            (Health::Failed, "0/1 replicas are ready: timed out".to_owned())
        );
    }

    #[test]
    fn a_pod_says_what_keeps_its_container() {
        let object = json!({"status": {"phase": "Pending", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}}]}});
        let expected = "container app: ImagePullBackOff: no such tag".to_owned();
        assert_eq!(state("Pod", &object), (Health::Failed, expected));
        let starting = json!({"status": {"phase": "Pending", "containerStatuses": [{"name": "app",
            "state": {"waiting": {"reason": "ContainerCreating"}}}]}});
        assert_eq!(state("Pod", &starting), (Health::Progressing, "starting".to_owned()));
        let up = json!({"status": {"phase": "Running", "containerStatuses": [
            {"name": "app", "ready": true, "restartCount": 3}]}});
        let expected = "1/1 containers are ready, 3 restarts".to_owned();
        assert_eq!(state("Pod", &up), (Health::Ready, expected));
    }

    #[test]
    fn other_kinds_are_judged_by_their_conditions() {
        assert_eq!(state("Service", &json!({})).0, Health::Ready);
        let broken = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no"}]}});
        assert_eq!(state("Certificate", &broken), (Health::Failed, "no".to_owned()));
        let failed = json!({"status": {"conditions": [{"type": "Failed", "status": "True", "message": "backoff"}]}});
        assert_eq!(state("Job", &failed), (Health::Failed, "backoff".to_owned()));
        let gone = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(state("ConfigMap", &gone).0, Health::Progressing);
    }
}
