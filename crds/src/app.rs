//! App: desired and observed state of one app in one environment.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::FluxState;
use crate::gate::Lock;
use crate::preview::{Preview, PreviewStatus};
use crate::pull_request::PullRequestStatus;
use crate::release::ArtifactRef;

/// Desired and observed state of one app in one environment.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "App",
    plural = "apps",
    shortname = "gapp",
    category = "gimlet",
    namespaced,
    status = "AppStatus",
    derive = "PartialEq",
    doc = "One application in one environment. It is made by the first release; deleting it uninstalls the application.",
    selectable = ".spec.environment",
    selectable = ".spec.app",
    printcolumn(name = "App", type_ = "string", json_path = ".spec.app"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.current.version"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Hold", type_ = "string", json_path = ".spec.hold.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Branch", type_ = "string", json_path = ".spec.preview.branch", priority = 1),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.preview.url", priority = 1),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.preview.expires", priority = 1),
    printcolumn(name = "Release", type_ = "string", json_path = ".status.current.name", priority = 1),
    printcolumn(name = "Commit", type_ = "string", json_path = ".status.current.commit", priority = 1),
    validation = Rule::new("self.metadata.name == self.spec.app + '.' + self.spec.environment")
        .message("an App is named <app>.<environment>")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.app == oldSelf.app && self.environment == oldSelf.environment")
        .message("app and environment cannot change: delete the App to uninstall it, and release it elsewhere"),
    validation = Rule::new("self.app != 'flux'")
        .message("an app cannot be named flux: that folder of the gitops repository is Flux' own"),
    validation = Rule::new("size(self.app) + size(self.environment) <= 62")
        .message("app and environment together are too long for Flux' labels: at most 62 characters")
)]
pub struct AppSpec {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: String,
    /// Name of the app: its folder in the gitops repository, and the name of the Helm release.
    #[schemars(length(min = 1, max = 53), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub app: String,
    /// Holds back releases of the app until somebody removes it; a rollback sets it. A release that
    /// was made after the hold by a person goes through with `reason` set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Holds back every release of the app, with the reason that people are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// What deleting the App does: remove the app's folder from git (and so from the cluster), or leave it.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Binds the app to a branch of an application's repository, and removes it when that goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

/// Why releases of an app wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hold {
    /// What people are told.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
    /// Commit of the application's repository that was rolled back: policies leave it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-fA-F]*$"))]
    pub culprit: Option<String>,
}

/// What deleting an App does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The app's folder is removed from git, so that Flux removes its objects.
    #[default]
    Remove,
    /// Git and the cluster stay as they are.
    Orphan,
}

/// What is known of an app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The release that is in git now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<AppRelease>,
    /// The release that was in git before the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<AppRelease>,
    /// Name of the newest Release that is not in git yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// What runs, as the cluster reports it. Written by the operator, or where the environment is
    /// `observedBy: Agent`, with the identity of that environment's agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Differences between what was released and what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// The pull request that uninstalls the app, where the environment has pull requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestStatus>,
    /// What is known of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewStatus>,
}

/// A release that reached git.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppRelease {
    /// Name of the Release.
    pub name: String,
    /// UID of the Release.
    pub uid: String,
    /// Version that it made the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Artifact that was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRef>,
    /// Commit of the application's repository that was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Commit in the gitops repository.
    pub commit: String,
    /// Git tree of the app's folder.
    pub tree: String,
    /// When it was committed.
    pub time: Time,
}

/// What runs, as the cluster reports it. One writer has all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Live {
    /// Commit that Flux applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub commit: Option<String>,
    /// Commit that Flux tried last. Only an agent says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attempted: Option<String>,
    /// What Flux says of applying the app. Only an agent says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux: Option<FluxState>,
    /// One word for the state of the workloads.
    pub state: LiveState,
    /// Since when it is that word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Replicas that are ready, of those that are wanted, such as `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub replicas: Option<String>,
    /// Images that the workloads run, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 512)))]
    pub images: Vec<String>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Why a workload does not run, in one word such as `ImagePullBackOff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,
    /// The workload that does not run, such as `Deployment/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub object: Option<String>,
    /// What a person does about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub next_step: Option<String>,
}

impl Live {
    /// Returns a state of which nothing more is known.
    pub fn new(state: LiveState) -> Self {
        Self {
            commit: None,
            attempted: None,
            flux: None,
            state,
            since: None,
            replicas: None,
            images: Vec::new(),
            message: None,
            reason: None,
            object: None,
            next_step: None,
        }
    }
}

/// One word for the state of what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LiveState {
    /// Everything runs.
    Healthy,
    /// On the way.
    Progressing,
    /// Does not run, and will not by itself.
    Failed,
    /// Nothing reports.
    Unknown,
}

/// Differences between what was released and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What differs in git: the app's folder was changed by a commit that is not a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
}
