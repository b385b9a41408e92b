//! What is known of an app: one word, why, and what it consists of.

use jiff::Timestamp;
use serde::de::value::{Error as ValueError, StringDeserializer};
use serde::de::{Deserializer, IntoDeserializer};
use serde::{Deserialize, Serialize};

/// One word for the state of a workload or an app.
pub use gimlet_crds::LiveState as Word;

/// Names an app within the cluster of an agent.
///
/// An app of an environment is reported once: where its objects are in several namespaces, under that
/// of its first workload; where it has none yet, under Flux' target namespace or an empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AppKey {
    /// Namespace of the app's objects in the workload cluster.
    pub namespace: String,
    /// Name of the app.
    pub app: String,
}

impl AppKey {
    /// Names an app.
    pub fn new(namespace: &str, app: &str) -> Self {
        Self { namespace: namespace.to_owned(), app: app.to_owned() }
    }
}

/// The state of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppState {
    /// Which app it is.
    #[serde(flatten)]
    pub key: AppKey,
    /// One word for all.
    #[serde(deserialize_with = "word")]
    pub word: Word,
    /// Why it is that word, where it is not Healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What runs it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload>,
    /// The pods, those with trouble first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<Pod>,
    /// Pods that are not in `pods`, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted_pods: u32,
    /// Where it can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Flux' objects that apply it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flux: Vec<FluxItem>,
    /// What those of Flux' objects that are the app's own have applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inventories: Vec<Inventory>,
    /// What it was or is warned of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
}

impl AppState {
    /// Returns an app of which nothing is known yet.
    pub fn new(key: AppKey) -> Self {
        Self {
            key,
            word: Word::Unknown,
            cause: None,
            workloads: Vec::new(),
            pods: Vec::new(),
            omitted_pods: 0,
            links: Vec::new(),
            flux: Vec::new(),
            inventories: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

/// Reads a word; one that is newer than this side is unknown.
fn word<'de, D: Deserializer<'de>>(source: D) -> Result<Word, D::Error> {
    let text: StringDeserializer<ValueError> = String::deserialize(source)?.into_deserializer();
    Ok(Word::deserialize(text).unwrap_or(Word::Unknown))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why something is not as it should be, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// One word of Kubernetes' vocabulary, such as `ImagePullBackOff`.
    pub reason: String,
    /// What happened, in the words of whoever knows.
    pub message: String,
    /// What a person does about it.
    pub next_step: String,
}

/// Something that runs pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job` or `CronJob`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Replicas that are asked for.
    pub wanted: i32,
    /// Replicas that are ready.
    pub ready: i32,
    /// Replicas that have the present version of the template.
    pub updated: i32,
    /// Replicas that have been ready for long enough to count.
    #[serde(default)]
    pub available: i32,
    /// Images of the template.
    pub images: Vec<String>,
    /// What scales it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub autoscalers: Vec<Autoscaler>,
    /// When it runs, of a `CronJob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Cron>,
    /// One word for it.
    #[serde(deserialize_with = "word")]
    pub word: Word,
    /// Why it is that word, where it is not Healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// When a `CronJob` runs. When it does next is for whoever shows it to reckon: that changes by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cron {
    /// Its cron expression.
    pub schedule: String,
    /// Time zone of the expression; that of the control plane where it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// Whether it makes no Jobs for now.
    #[serde(default)]
    pub suspended: bool,
    /// The time of the last run that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_schedule: Option<Timestamp>,
    /// When a run last ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
}

/// A `HorizontalPodAutoscaler`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaler {
    /// Name of the object.
    pub name: String,
    /// Fewest replicas.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// Replicas that it saw last.
    pub current: i32,
    /// Replicas that it wants.
    pub desired: i32,
    /// What keeps it from scaling; empty where nothing does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Name of the pod.
    pub name: String,
    /// Name of the workload that it belongs to; empty where it stands alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workload: String,
    /// What made it, where something stands between: `ReplicaSet/web-6c` of a Deployment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Phase as Kubernetes calls it.
    pub phase: String,
    /// Node that it is on; empty while it is on none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Whether it takes requests.
    pub ready: bool,
    /// How often its containers were started again.
    pub restarts: i32,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Why it does not run as it should, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Its containers, those that prepare it first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
}

impl Pod {
    /// Returns a pod of which only the name is known.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            workload: String::new(),
            owner: String::new(),
            phase: "Unknown".to_owned(),
            node: String::new(),
            ready: false,
            restarts: 0,
            created: None,
            cause: None,
            containers: Vec::new(),
        }
    }
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name of the container.
    pub name: String,
    /// Whether it prepares the pod and ends before the others start.
    #[serde(default)]
    pub init: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i32,
    /// What it does.
    pub state: ContainerState,
    /// How it ended last, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Terminated>,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub enum ContainerState {
    /// It is not started.
    Waiting {
        /// Why, such as `CrashLoopBackOff`.
        reason: String,
        /// Details.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
    },
    /// It runs.
    Running {
        /// Since when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// It ended.
    Terminated(Terminated),
    /// Nothing is known, or it is something newer than this side.
    #[serde(other)]
    Unknown,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminated {
    /// Exit code.
    pub exit_code: i32,
    /// Why, such as `OOMKilled`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What it wrote last, where the pod says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Where an app can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Service, Ingress or HTTPRoute.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Address, such as `https://shop.example`.
    pub url: String,
}

/// An object of Flux.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxItem {
    /// `GitRepository`, `OCIRepository`, `Kustomization` or `HelmRelease`.
    pub kind: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Whether it is ready; neither while Flux has not looked at its present version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Why, as Flux calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What Flux says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Commit, tag or digest that was applied last, as Flux writes it; of a source the one that was
    /// fetched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// Commit, tag or digest that was tried last, whether or not it could be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// Whether Flux leaves it alone.
    #[serde(default)]
    pub suspended: bool,
}

/// What an object of Flux has applied, by its own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Kind of the object of Flux.
    pub kind: String,
    /// Namespace of the object of Flux.
    pub namespace: String,
    /// Name of the object of Flux.
    pub name: String,
    /// What it has applied, in its own order.
    pub objects: Vec<InventoryEntry>,
    /// Objects that are not in `objects`, because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u32,
}

/// An object that Flux has applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// Kind of the object.
    pub kind: String,
    /// Its namespace; empty where it is of the whole cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is known of an environment as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentState {
    /// Flux' objects that follow the environment: its source and its root.
    pub flux: Vec<FluxItem>,
    /// Version of Flux, where there is one and it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux_version: Option<String>,
    /// That the agent does not see its cluster, where that is so: all else is how it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
}

impl From<Vec<FluxItem>> for EnvironmentState {
    fn from(flux: Vec<FluxItem>) -> Self {
        Self { flux, ..Self::default() }
    }
}

/// That an agent does not see its own cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blind {
    /// Since when.
    pub since: Timestamp,
    /// What the API server says, or what keeps it from saying anything.
    pub message: String,
}

/// What an app is warned of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Rule that saw it, such as `CrashLoop`.
    pub rule: String,
    /// What it is about, such as `Deployment/web`.
    pub object: String,
    /// How far it is.
    pub phase: AlertPhase,
    /// Since when it is that far.
    pub since: Timestamp,
    /// What a person should know.
    pub message: String,
}

/// How far an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertPhase {
    /// It may pass by itself.
    Pending,
    /// Somebody should look.
    Firing,
    /// It is over.
    Resolved,
    /// Something newer than this side.
    #[serde(other)]
    Unknown,
}
