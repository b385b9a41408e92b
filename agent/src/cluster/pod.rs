//! What is kept of a pod.

use k8s_openapi::api::core::v1::{
    ContainerState as KubeState, ContainerStateTerminated, ContainerStatus, Pod as KubePod,
};

use crate::diagnosis::pod_trouble;
use crate::protocol::{Container, ContainerState, MAX_PARTS, Pod, Terminated, clip};

/// Reads a pod, and whether what is wrong with it stays until somebody does something.
pub(super) fn read(object: &KubePod) -> (Pod, bool) {
    let (meta, spec) = (&object.metadata, object.spec.as_ref());
    let status = object.status.as_ref();
    let trouble = pod_trouble(object);
    let lasting = trouble.as_ref().is_some_and(|trouble| trouble.lasting);
    let ready = status.and_then(|status| status.conditions.as_ref()).is_some_and(|conditions| {
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let inits = status.and_then(|status| status.init_container_statuses.as_ref());
    let mains = status.and_then(|status| status.container_statuses.as_ref());
    let statuses = || inits.into_iter().chain(mains).flatten();
    let containers: Vec<_> = inits
        .into_iter()
        .flatten()
        .map(|status| container(status, true))
        .chain(mains.into_iter().flatten().map(|status| container(status, false)))
        .take(MAX_PARTS)
        .collect();
    let phase = if meta.deletion_timestamp.is_some() {
        "Terminating"
    } else {
        status.and_then(|status| status.phase.as_deref()).unwrap_or("Unknown")
    };
    let pod = Pod {
        name: meta.name.clone().unwrap_or_default(),
        workload: String::new(),
        owner: String::new(),
        phase: phase.to_owned(),
        node: spec.and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        ready,
        restarts: statuses().map(|status| status.restart_count).sum(),
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
        cause: trouble.map(|trouble| trouble.cause),
        containers,
    };
    (pod, lasting)
}

fn container(status: &ContainerStatus, init: bool) -> Container {
    Container {
        name: status.name.clone(),
        init,
        ready: status.ready,
        restarts: status.restart_count,
        state: status.state.as_ref().map_or(ContainerState::Unknown, state),
        last: status
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref())
            .map(terminated),
    }
}

fn state(state: &KubeState) -> ContainerState {
    if let Some(running) = &state.running {
        return ContainerState::Running { since: running.started_at.as_ref().map(|time| time.0) };
    }
    if let Some(end) = &state.terminated {
        return ContainerState::Terminated(terminated(end));
    }
    // A container without any state is waiting, by the API's definition.
    let waiting = state.waiting.clone().unwrap_or_default();
    ContainerState::Waiting {
        reason: waiting.reason.unwrap_or_default(),
        message: clip(&waiting.message.unwrap_or_default()),
    }
}

fn terminated(end: &ContainerStateTerminated) -> Terminated {
    Terminated {
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_default(),
        message: clip(end.message.as_deref().unwrap_or_default().trim()),
        at: end.finished_at.as_ref().map(|time| time.0),
    }
}
