//! What keeps a pod from running.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Pod,
};

use super::{Trouble, advice};

/// What the kubelet says of an image that it cannot have.
const PULL: [&str; 6] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
];

/// Finds what keeps a pod from running; what stays is told before what may pass by itself.
pub fn pod_trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    if pod.metadata.deletion_timestamp.is_some() || status.phase.as_deref() == Some("Succeeded") {
        return None;
    }
    let containers = || {
        let inits = status.init_container_statuses.iter().flatten();
        inits
            .map(|c| (c, true))
            .chain(status.container_statuses.iter().flatten().map(|c| (c, false)))
    };
    let lasting = containers().find_map(|(container, _)| stuck(name, container));
    lasting
        .or_else(|| ended(name, pod))
        .or_else(|| unscheduled(name, pod))
        .or_else(|| containers().find_map(|(container, init)| late(name, container, init)))
}

/// Finds a state of a container that does not pass by itself.
fn stuck(pod: &str, container: &ContainerStatus) -> Option<Trouble> {
    let waiting = state(container)?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let words = waiting.message.as_deref().unwrap_or(&container.image);
    let told = |detail: &str| format!("{}: {reason}: {detail}", place(pod, container));
    match reason {
        "InvalidImageName" => {
            Some(Trouble::lasting(reason, told(words), "correct the name of the image"))
        }
        _ if PULL.contains(&reason) => {
            Some(Trouble::lasting(reason, told(words), advice::image(words)))
        }
        "CrashLoopBackOff" => Some(crashing(pod, container, waiting)),
        "CreateContainerConfigError" => Some(Trouble::lasting(
            reason,
            told(words),
            "create the Secret or ConfigMap that is missing, or correct its name or key",
        )),
        "CreateContainerError" | "RunContainerError" | "StartError" => Some(Trouble::lasting(
            reason,
            told(words),
            "check the container's command, mounts and securityContext",
        )),
        _ => None,
    }
}

fn crashing(pod: &str, container: &ContainerStatus, waiting: &ContainerStateWaiting) -> Trouble {
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let place = place(pod, container);
    let Some(last) = container.last_state.as_ref().and_then(|state| state.terminated.as_ref())
    else {
        let words = waiting.message.as_deref().unwrap_or("it ends again and again");
        return Trouble::lasting(reason, format!("{place}: {reason}: {words}"), advice::exit(1));
    };
    if last.reason.as_deref() == Some("OOMKilled") {
        return Trouble::lasting(
            "OOMKilled",
            format!(
                "{place}: OOMKilled, exit code {}: it took more memory than its limit",
                last.exit_code
            ),
            "raise the container's memory limit, or find what takes the memory",
        );
    }
    let words =
        last_words(last).or(waiting.message.as_deref()).unwrap_or("it ends again and again");
    let message = format!("{place}: {reason}, exit code {}: {words}", last.exit_code);
    Trouble::lasting(reason, message, advice::exit(last.exit_code))
}

/// Tells why a pod is over, where it should not be.
fn ended(name: &str, pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() != Some("Failed") {
        return None;
    }
    let Some(reason) = status.reason.as_deref() else {
        let containers =
            status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
        let (container, end) = containers
            .filter_map(|c| Some((c, state(c)?.terminated.as_ref()?)))
            .find(|(_, end)| end.exit_code != 0)?;
        return Some(exited(name, container, end));
    };
    let words = status.message.as_deref().unwrap_or("the pod was ended");
    let next_step = match reason {
        "Evicted" => "the node ran short: set requests that fit, or give the node more room",
        "DeadlineExceeded" => "raise activeDeadlineSeconds, or make it faster",
        "NodeLost" | "NodeShutdown" | "Terminated" => "the node went away; another pod takes over",
        _ => "see the pod's events",
    };
    Some(Trouble::passing(reason, format!("pod {name}: {reason}: {words}"), next_step))
}

fn exited(pod: &str, container: &ContainerStatus, end: &ContainerStateTerminated) -> Trouble {
    let reason = end.reason.as_deref().unwrap_or("Error");
    let words = last_words(end).map_or_else(String::new, |words| format!(": {words}"));
    let message =
        format!("{}: {reason}, exit code {}{words}", place(pod, container), end.exit_code);
    let next_step = if reason == "OOMKilled" {
        "raise the container's memory limit, or find what takes the memory"
    } else {
        advice::exit(end.exit_code)
    };
    Trouble::passing(reason, message, next_step)
}

/// Tells why a pod is on no node.
fn unscheduled(name: &str, pod: &Pod) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    let reason = scheduled.reason.as_deref().unwrap_or("Unschedulable");
    let words = scheduled.message.as_deref().unwrap_or("no node takes it");
    let next_step = if reason == "SchedulingGated" {
        "whoever set the pod's scheduling gates has to remove them"
    } else {
        advice::scheduling(words)
    };
    Some(Trouble::passing(reason, format!("pod {name}: {reason}: {words}"), next_step))
}

/// Tells what a container that is on its way waits for.
fn late(pod: &str, container: &ContainerStatus, init: bool) -> Option<Trouble> {
    let state = state(container)?;
    let place = place(pod, container);
    if let Some(end) = state.terminated.as_ref().filter(|end| end.exit_code != 0) {
        return Some(exited(pod, container, end));
    }
    if state.running.is_none() || container.ready || init {
        return None;
    }
    Some(if container.started == Some(false) {
        Trouble::passing(
            "NotStarted",
            format!("{place}: it runs, and its startup probe has not passed"),
            "check the startup probe, and what the program waits for at its start",
        )
    } else {
        Trouble::passing(
            "NotReady",
            format!("{place}: it runs, and its readiness probe fails"),
            "check the readiness probe, and what the program waits for",
        )
    })
}

/// Adds what an event says to a trouble of its pod, where the pod itself has no words for it.
pub fn with_event(
    pod: &str,
    trouble: Option<Trouble>,
    reason: &str,
    message: &str,
) -> Option<Trouble> {
    match (reason, trouble) {
        ("Unhealthy", Some(mut trouble))
            if matches!(trouble.cause.reason.as_str(), "NotReady" | "NotStarted") =>
        {
            trouble.cause.message = format!("{}: {message}", trouble.cause.message);
            Some(trouble)
        }
        ("Failed", Some(mut trouble))
            if PULL.contains(&trouble.cause.reason.as_str())
                && trouble.cause.message.len() < message.len()
                && message.contains("image") =>
        {
            advice::image(message).clone_into(&mut trouble.cause.next_step);
            trouble.cause.message = format!("pod {pod}: {}: {message}", trouble.cause.reason);
            Some(trouble)
        }
        ("FailedMount" | "FailedAttachVolume" | "FailedMapVolume", None) => Some(Trouble::passing(
            reason,
            format!("pod {pod}: {reason}: {message}"),
            "check that the volume, Secret or ConfigMap is there and is not in use on another node",
        )),
        ("FailedCreatePodSandBox" | "NetworkNotReady", None) => Some(Trouble::passing(
            reason,
            format!("pod {pod}: {reason}: {message}"),
            "the node cannot start pods: its network or container runtime needs a look",
        )),
        (_, trouble) => trouble,
    }
}

fn state(container: &ContainerStatus) -> Option<&ContainerState> {
    container.state.as_ref()
}

fn place(pod: &str, container: &ContainerStatus) -> String {
    format!("pod {pod}, container {}", container.name)
}

/// What a container said last, where the pod holds it.
fn last_words(end: &ContainerStateTerminated) -> Option<&str> {
    end.message.as_deref().map(str::trim).filter(|words| !words.is_empty())
}
