//! Release: one attempt to make an app be something, and the record of what happened.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::DeployManifest;
use crate::reference::Variables;

/// One attempt to make an app be something.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "Release",
    plural = "releases",
    shortname = "rel",
    category = "gimlet",
    namespaced,
    status = "ReleaseStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "One attempt to make an app be something in an environment: a manifest to render, or a rollback. Immutable; afterwards the record of what happened.",
    selectable = ".spec.environment",
    selectable = ".spec.app",
    printcolumn(name = "App", type_ = "string", json_path = ".spec.app"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Commit", type_ = "string", json_path = ".status.commit.short"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.requestedBy", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 200")
        .message("the name of a Release has at most 200 characters")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.manifest) != has(self.rollbackTo)")
        .message("a Release has exactly one source: set either manifest or rollbackTo"),
    validation = Rule::new("!has(self.rollbackTo) || (has(self.reason) && size(self.reason) > 0)")
        .message("a rollback needs a reason: set reason, people and the audit log will read it"),
    validation = Rule::new("self.app != 'flux'")
        .message("an app cannot be named flux: that folder of the gitops repository is Flux' own"),
    validation = Rule::new("!has(self.rollbackTo) || !has(self.vars)")
        .message("a rollback renders nothing, so vars have no meaning: remove them"),
    validation = Rule::new("!has(self.manifest) || !has(self.manifest.app) || self.manifest.app == self.app")
        .message("manifest.app is another app than the Release's: make them the same, or leave manifest.app out"),
    validation = Rule::new("!has(self.manifest) || !has(self.manifest.env) || self.manifest.env == self.environment")
        .message("manifest.env is another environment than the Release's: make them the same, or leave manifest.env out"),
    validation = Rule::new("size(self.app) + size(self.environment) <= 62")
        .message("app and environment together are too long for Flux' labels: at most 62 characters"),
    validation = Rule::new("!oldSelf.cancel || self.cancel")
        .message("a cancelled Release stays cancelled: create a new one"),
    validation = Rule::new("self.app == oldSelf.app && self.environment == oldSelf.environment && self.planOnly == oldSelf.planOnly && has(self.manifest) == has(oldSelf.manifest) && (!has(self.manifest) || self.manifest == oldSelf.manifest) && has(self.rollbackTo) == has(oldSelf.rollbackTo) && (!has(self.rollbackTo) || self.rollbackTo == oldSelf.rollbackTo) && has(self.vars) == has(oldSelf.vars) && (!has(self.vars) || self.vars == oldSelf.vars) && has(self.version) == has(oldSelf.version) && (!has(self.version) || self.version == oldSelf.version) && has(self.reason) == has(oldSelf.reason) && (!has(self.reason) || self.reason == oldSelf.reason) && has(self.requestedBy) == has(oldSelf.requestedBy) && (!has(self.requestedBy) || self.requestedBy == oldSelf.requestedBy) && has(self.expectedBase) == has(oldSelf.expectedBase) && (!has(self.expectedBase) || self.expectedBase == oldSelf.expectedBase)")
        .message("a Release is immutable, only cancel can be set: create a new Release instead")
)]
pub struct ReleaseSpec {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: String,
    /// Name of the app: its folder in the gitops repository, and the name of the Helm release.
    #[schemars(length(min = 1, max = 53), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub app: String,
    /// What to deploy: chart, values, patches, raw manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<DeployManifest>,
    /// Puts back what an earlier release or commit had recorded; nothing is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<RollbackTo>,
    /// Variables for the manifest's templates. They come before those of the environment.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub vars: Variables,
    /// The version of the application: facts of its source commit. `vars` gets SHA, BRANCH, TAG and more from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SourceVersion>,
    /// Why the release is made. Required for a rollback, and to release while the app is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// Who asked for it, as the client says; the API server's audit log is the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
    /// Plans only: `status.plan` says what would change, and nothing is committed.
    #[serde(default)]
    pub plan_only: bool,
    /// Optimistic lock: the gitops commit that `App.status.current.commit` shows. If the app is not
    /// there any more, the release is Rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub expected_base: Option<String>,
    /// Cancels the release as long as it is not in git.
    #[serde(default)]
    pub cancel: bool,
}

/// What a rollback puts back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.release) != has(self.commit)")
    .message("rollbackTo names exactly one: a release or a commit"))]
pub struct RollbackTo {
    /// Name of an earlier Release of the app. Its record in git is enough: the object may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub release: Option<String>,
    /// Commit of the gitops repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: Option<String>,
}

/// Facts of the application's source commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceVersion {
    /// What people call the version, such as `v1.4.2`. Left out: the tag, else the short commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub name: Option<String>,
    /// Repository, such as `acme/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub repository: Option<String>,
    /// Commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-fA-F]*$"))]
    pub sha: Option<String>,
    /// Branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub branch: Option<String>,
    /// Tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub tag: Option<String>,
    /// Author of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub author: Option<String>,
    /// Message of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// Page of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
}

impl SourceVersion {
    /// Returns what people call the version: its name, else the tag, else the short commit id.
    pub fn label(&self) -> Option<String> {
        let short = || self.sha.as_ref().map(|sha| sha.chars().take(7).collect());
        self.name.clone().or_else(|| self.tag.clone()).or_else(short)
    }

    /// Returns the template variables that the facts make: REPO, OWNER, SHA, BRANCH and TAG.
    pub fn variables(&self) -> Variables {
        let repository = self.repository.as_deref();
        [
            ("REPO", repository),
            ("OWNER", repository.and_then(|r| r.rsplit_once('/')).map(|(owner, _)| owner)),
            ("SHA", self.sha.as_deref()),
            ("BRANCH", self.branch.as_deref()),
            ("TAG", self.tag.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
    }
}

/// Where a release is on its way.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Not looked at yet.
    #[default]
    Pending,
    /// What it would change is known.
    Planned,
    /// Something holds it back; `blockedBy` says what.
    Waiting,
    /// On its way to git.
    Queued,
    /// In git.
    Committed,
    /// Applied by Flux.
    Applied,
    /// Its workloads run.
    Healthy,
    /// It ended without success.
    Failed,
    /// A rule refused it.
    Rejected,
    /// A newer release of the app came before it.
    Superseded,
    /// Somebody cancelled it.
    Cancelled,
    /// Git has exactly this already.
    Unchanged,
}

impl Phase {
    /// Returns the phase as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Planned => "Planned",
            Self::Waiting => "Waiting",
            Self::Queued => "Queued",
            Self::Committed => "Committed",
            Self::Applied => "Applied",
            Self::Healthy => "Healthy",
            Self::Failed => "Failed",
            Self::Rejected => "Rejected",
            Self::Superseded => "Superseded",
            Self::Cancelled => "Cancelled",
            Self::Unchanged => "Unchanged",
        }
    }

    /// Tells whether the release has ended without reaching git.
    pub fn ended_before_git(self) -> bool {
        matches!(self, Self::Rejected | Self::Superseded | Self::Cancelled)
    }
}

/// What happened to a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the release is on its way.
    #[serde(default)]
    pub phase: Phase,
    /// Planned, Committed, Applied, Healthy and Ready; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Resource version at which the operator first saw the release: it orders releases that were
    /// created within one second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// What people call the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the release changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The commit in the gitops repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitStatus>,
    /// The chart that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartStatus>,
    /// What holds the release back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<Blocker>,
    /// When each phase was reached.
    #[serde(default, skip_serializing_if = "Timestamps::is_empty")]
    pub timestamps: Timestamps,
}

/// What a release changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Digest of the rendered files.
    pub digest: String,
    /// Git tree of the app's folder as the release makes it.
    pub tree: String,
    /// Commit that the plan was made against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Number of objects that are added.
    pub added: i32,
    /// Number of objects that are changed.
    pub changed: i32,
    /// Number of objects that are removed.
    pub removed: i32,
    /// The first objects that differ: `+` added, `~` changed, `-` removed, such as `~ Deployment/shop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// What a person should look at before it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A commit in the gitops repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitStatus {
    /// Commit id.
    pub sha: String,
    /// First letters of the commit id.
    pub short: String,
    /// Page of the commit, where the git host is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Branch.
    pub branch: String,
    /// Folder of the app.
    pub path: String,
}

/// A chart that was rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartStatus {
    /// Name of the chart.
    pub name: String,
    /// Version of the chart.
    pub version: String,
    /// Digest of the chart.
    pub digest: String,
}

/// Something that holds a release back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// What kind of thing it is.
    pub kind: BlockerKind,
    /// Name of the thing.
    pub name: String,
    /// Why it holds the release back, and what to do.
    pub reason: String,
}

/// Kinds of things that hold a release back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BlockerKind {
    /// The environment is locked.
    Lock,
    /// The app is on hold.
    Hold,
    /// The environment is suspended.
    Suspend,
    /// The environment is not there.
    Environment,
    /// The app is being uninstalled.
    Uninstall,
    /// The git host cannot be written.
    Git,
    /// The chart cannot be fetched.
    Chart,
}

/// When each phase was reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timestamps {
    /// The plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Time>,
    /// The release was queued for git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Time>,
    /// The commit was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Time>,
    /// Flux had applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Time>,
    /// The workloads ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Time>,
    /// The release ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
}

impl Timestamps {
    /// Tells whether no phase was reached.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
