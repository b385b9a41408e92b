//! What a person asks an agent for, and the answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who asks: the agent acts as this person, with their rights in the workload cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name, as the management cluster knows it.
    pub user: String,
    /// Groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What else the management cluster knows of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Query {
    /// Logs of pods.
    Logs(Logs),
    /// Events of an app: its pods, workloads and Flux' objects.
    Events {
        /// Namespace of the app.
        namespace: String,
        /// Name of the app.
        app: String,
    },
    /// An object as it is, then its events. Secrets are refused.
    Describe(ObjectName),
    /// Asks Flux to look at an object of its own now.
    ReconcileFlux(ObjectName),
    /// Has Flux go on with an object of its own that was suspended.
    ResumeFlux(ObjectName),
    /// Starts the pods of a workload again, one after the other.
    Restart(ObjectName),
    /// What the pods of an app use, where something measures it.
    Usage {
        /// Namespace of the app.
        namespace: String,
        /// Name of the app.
        app: String,
    },
    /// Something newer than this side; it is answered by [`Refusal::Unsupported`].
    #[serde(other)]
    Unknown,
}

/// Which logs are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Logs {
    /// Namespace of the app.
    pub namespace: String,
    /// Name of the app.
    pub app: String,
    /// Pods of the app; all of them where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// Containers of the pods; all of them where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// Goes on with what comes.
    pub follow: bool,
    /// Those of the containers before the present ones.
    pub previous: bool,
    /// Not older than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// At most that many last lines of each container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<u32>,
}

/// Names an object of the workload cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// Kind, such as `Deployment`.
    pub object_kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Answer {
    /// Lines of logs.
    Lines {
        /// The lines, in the order in which they were read.
        lines: Vec<LogLine>,
        /// Lines before these that were left out, because there were too many.
        #[serde(default)]
        dropped: u64,
    },
    /// Events.
    Events {
        /// The events, the oldest first.
        events: Vec<EventLine>,
    },
    /// An object.
    Object {
        /// The object in YAML.
        yaml: String,
        /// Whether its end is missing, because it is too long.
        #[serde(default)]
        cut: bool,
    },
    /// What pods use; left out where nobody measures it.
    Usage {
        /// The pods.
        pods: Vec<PodUsage>,
    },
    /// Something was done.
    Done {
        /// What.
        message: String,
    },
    /// Something newer than this side.
    #[serde(other)]
    Unknown,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Pod that wrote it.
    pub pod: String,
    /// Container that wrote it.
    pub container: String,
    /// When, by the clock of its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The line, without its end.
    pub text: String,
}

/// What a pod uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodUsage {
    /// Name of the pod.
    pub pod: String,
    /// Thousandths of a processor.
    pub cpu: u64,
    /// Bytes of memory.
    pub memory: u64,
}

/// An event of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLine {
    /// When it was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Whether it is a warning.
    pub warning: bool,
    /// Why, such as `BackOff`.
    pub reason: String,
    /// What it is about, such as `Pod/web-1`.
    pub object: String,
    /// Details.
    pub message: String,
    /// How often it was seen.
    pub count: i32,
}

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// The agent takes no requests, by its own settings.
    Off,
    /// The person has no right to it in the workload cluster.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// What is asked makes no sense.
    Invalid,
    /// The agent is too old for it.
    Unsupported,
    /// Too many requests are being answered.
    Busy,
    /// The cluster failed, or a reason that is newer than this side.
    #[serde(other)]
    Failed,
}
