//! ReleaseSet: several apps of an environment in one commit, all of them or none.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::Variables;
use crate::release::{ArtifactRef, Phase, Trigger};

/// Several apps of an environment in one commit.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "ReleaseSet",
    plural = "releasesets",
    shortname = "relset",
    category = "gimlet",
    namespaced,
    status = "ReleaseSetStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Several apps of an environment in one commit, all of them or none: the apps of an artifact, or the whole environment as it was. Immutable; the operator makes a Release for each app.",
    selectable = ".spec.environment",
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Apps", type_ = "integer", json_path = ".status.total"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.ready"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Commit", type_ = "string", json_path = ".status.commit.short"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.requestedBy", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 200")
        .message("the name of a ReleaseSet has at most 200 characters")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.artifact) != has(self.rollbackTo)")
        .message("a ReleaseSet has exactly one source: set artifact or rollbackTo"),
    validation = Rule::new("!has(self.rollbackTo) || (has(self.reason) && size(self.reason) > 0)")
        .message("a rollback needs a reason: set reason, people and the audit log will read it"),
    validation = Rule::new("has(self.artifact) || !has(self.vars)")
        .message("only an artifact is rendered, so vars have no meaning here: remove them"),
    validation = Rule::new("!has(self.apps) || !self.apps.exists(a, a == 'flux')")
        .message("an app cannot be named flux: that folder of the gitops repository is Flux' own"),
    validation = Rule::new("!has(self.apps) || self.apps.all(a, size(a) + size(self.environment) <= 62)")
        .message("an app and the environment together are too long for Flux' labels: at most 62 characters"),
    validation = Rule::new("(!oldSelf.cancel || self.cancel) && (!oldSelf.confirm || self.confirm)")
        .message("what was cancelled or confirmed stays so: create a new ReleaseSet"),
    validation = Rule::new("self.environment == oldSelf.environment && has(self.apps) == has(oldSelf.apps) && (!has(self.apps) || self.apps == oldSelf.apps) && self.planOnly == oldSelf.planOnly && self.trigger == oldSelf.trigger && has(self.artifact) == has(oldSelf.artifact) && (!has(self.artifact) || self.artifact == oldSelf.artifact) && has(self.rollbackTo) == has(oldSelf.rollbackTo) && (!has(self.rollbackTo) || self.rollbackTo == oldSelf.rollbackTo) && has(self.vars) == has(oldSelf.vars) && (!has(self.vars) || self.vars == oldSelf.vars) && has(self.reason) == has(oldSelf.reason) && (!has(self.reason) || self.reason == oldSelf.reason) && has(self.requestedBy) == has(oldSelf.requestedBy) && (!has(self.requestedBy) || self.requestedBy == oldSelf.requestedBy)")
        .message("a ReleaseSet is immutable, only cancel and confirm can be set: create a new ReleaseSet instead")
)]
pub struct ReleaseSetSpec {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: String,
    /// Names of the apps. Empty: all that the artifact has for the environment; with `rollbackTo`
    /// all of the environment that were there then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 53), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub apps: Vec<String>,
    /// A version that CI made: its manifests for these apps and the environment are released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRef>,
    /// Puts back what git had recorded of the apps; nothing is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<SetRollback>,
    /// Variables for the manifests' templates. They come before those of the environment.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub vars: Variables,
    /// Why it is done. Required for a rollback, and to release apps that are on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// Who asked for it, as the client says; the API server's audit log is the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
    /// What made the set.
    #[serde(default)]
    pub trigger: Trigger,
    /// Plans only: the plans of the Releases say what would change, and nothing is committed.
    #[serde(default)]
    pub plan_only: bool,
    /// Cancels all of it as long as it is not in git.
    #[serde(default)]
    pub cancel: bool,
    /// Lets apps go on that remove more than the environment's deletion guard allows.
    #[serde(default)]
    pub confirm: bool,
}

/// What a rollback of several apps puts back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.commit) != has(self.time)")
    .message("rollbackTo names exactly one: a commit or a time"))]
pub struct SetRollback {
    /// Commit of the gitops repository: the apps become what they were in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: Option<String>,
    /// A point in time: the apps become what they were then, by the times of the commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// What became of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseSetStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the set is on its way: what all of its releases have reached, or the first that failed.
    #[serde(default)]
    pub phase: Phase,
    /// Ready sums up all releases; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The releases that the operator made, one for each app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["app".into()]))]
    pub releases: Vec<SetMember>,
    /// Apps of the environment that a rollback leaves as they are: they were not there then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The commit in the gitops repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<SetCommit>,
    /// Number of releases.
    #[serde(default)]
    pub total: i32,
    /// Number of releases that wait only for the others, or got further.
    #[serde(default)]
    pub ready: i32,
    /// When each step was reached.
    #[serde(default, skip_serializing_if = "SetTimestamps::is_empty")]
    pub timestamps: SetTimestamps,
}

/// A release of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetMember {
    /// Name of the app.
    pub app: String,
    /// Name of the Release.
    pub release: String,
    /// Where the Release is on its way.
    #[serde(default)]
    pub phase: Phase,
}

/// The commit of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetCommit {
    /// Commit id.
    pub sha: String,
    /// First letters of the commit id.
    pub short: String,
    /// Page of the commit, where the git host is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Branch.
    pub branch: String,
}

/// When each step of a set was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetTimestamps {
    /// The commit was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Time>,
    /// All releases had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
}

impl SetTimestamps {
    /// Tells whether no step was reached.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
