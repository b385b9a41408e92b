//! Release: one attempt to make an app be something, and the record of what happened.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blocker::Blocker;
use crate::manifest::DeployManifest;
use crate::pull_request::PullRequestStatus;
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
    validation = Rule::new("[has(self.artifact), has(self.manifest), has(self.rollbackTo), has(self.promoteFrom), has(self.adopt)].filter(set, set).size() == 1")
        .message("a Release has exactly one source: set one of artifact, manifest, rollbackTo, promoteFrom and adopt"),
    validation = Rule::new("!has(self.rollbackTo) || (has(self.reason) && size(self.reason) > 0)")
        .message("a rollback needs a reason: set reason, people and the audit log will read it"),
    validation = Rule::new("self.app != 'flux'")
        .message("an app cannot be named flux: that folder of the gitops repository is Flux' own"),
    validation = Rule::new("!has(self.adopt) || (has(self.reason) && size(self.reason) > 0)")
        .message("to adopt what somebody changed by hand needs a reason: set reason, people and the audit log will read it"),
    validation = Rule::new("has(self.artifact) || has(self.manifest) || !has(self.vars)")
        .message("only an artifact or a manifest is rendered, so vars have no meaning here: remove them"),
    validation = Rule::new("has(self.manifest) || !has(self.version)")
        .message("only a manifest leaves the version open; all other sources know theirs: remove version"),
    validation = Rule::new("!has(self.promoteFrom) || self.promoteFrom.environment != self.environment")
        .message("promoteFrom names the Release's own environment: name the one to promote from"),
    validation = Rule::new("!has(self.manifest) || !has(self.manifest.app) || self.manifest.app == self.app")
        .message("manifest.app is another app than the Release's: make them the same, or leave manifest.app out"),
    validation = Rule::new("!has(self.manifest) || !has(self.manifest.env) || self.manifest.env == self.environment")
        .message("manifest.env is another environment than the Release's: make them the same, or leave manifest.env out"),
    validation = Rule::new("size(self.app) + size(self.environment) <= 62")
        .message("app and environment together are too long for Flux' labels: at most 62 characters"),
    validation = Rule::new("(!oldSelf.cancel || self.cancel) && (!oldSelf.confirm || self.confirm)")
        .message("what was cancelled or confirmed stays so: create a new Release"),
    validation = Rule::new("self.app == oldSelf.app && self.environment == oldSelf.environment && self.planOnly == oldSelf.planOnly && self.trigger == oldSelf.trigger && has(self.artifact) == has(oldSelf.artifact) && (!has(self.artifact) || self.artifact == oldSelf.artifact) && has(self.manifest) == has(oldSelf.manifest) && (!has(self.manifest) || self.manifest == oldSelf.manifest) && has(self.rollbackTo) == has(oldSelf.rollbackTo) && (!has(self.rollbackTo) || self.rollbackTo == oldSelf.rollbackTo) && has(self.promoteFrom) == has(oldSelf.promoteFrom) && (!has(self.promoteFrom) || self.promoteFrom == oldSelf.promoteFrom) && has(self.adopt) == has(oldSelf.adopt) && (!has(self.adopt) || self.adopt == oldSelf.adopt) && has(self.vars) == has(oldSelf.vars) && (!has(self.vars) || self.vars == oldSelf.vars) && has(self.version) == has(oldSelf.version) && (!has(self.version) || self.version == oldSelf.version) && has(self.reason) == has(oldSelf.reason) && (!has(self.reason) || self.reason == oldSelf.reason) && has(self.requestedBy) == has(oldSelf.requestedBy) && (!has(self.requestedBy) || self.requestedBy == oldSelf.requestedBy) && has(self.expectedBase) == has(oldSelf.expectedBase) && (!has(self.expectedBase) || self.expectedBase == oldSelf.expectedBase) && has(self.set) == has(oldSelf.set) && (!has(self.set) || self.set == oldSelf.set)")
        .message("a Release is immutable, only cancel and confirm can be set: create a new Release instead")
)]
pub struct ReleaseSpec {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: String,
    /// Name of the app: its folder in the gitops repository, and the name of the Helm release.
    #[schemars(length(min = 1, max = 53), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub app: String,
    /// A version that CI made: its manifest for this app and environment is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRef>,
    /// What to deploy: chart, values, patches, raw manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<DeployManifest>,
    /// Puts back what an earlier release or commit had recorded; nothing is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<RollbackTo>,
    /// Releases what another environment runs now: the same artifact, with this environment's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_from: Option<PromoteFrom>,
    /// Takes what somebody changed in the app's folder by hand as the app's new state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adopt>,
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
    /// What made the release.
    #[serde(default)]
    pub trigger: Trigger,
    /// Plans only: `status.plan` says what would change, and nothing is committed.
    #[serde(default)]
    pub plan_only: bool,
    /// Name of the ReleaseSet that the release is a part of. The operator sets it when it makes the
    /// releases of a set; whoever else does gets a release that is Rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub set: Option<String>,
    /// Optimistic lock: the gitops commit that `App.status.current.commit` shows. If the app is not
    /// there any more, the release is Rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub expected_base: Option<String>,
    /// Cancels the release as long as it is not in git.
    #[serde(default)]
    pub cancel: bool,
    /// Lets a release go on that removes more than the environment's deletion guard allows.
    #[serde(default)]
    pub confirm: bool,
}

/// What made a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Trigger {
    /// A person, or a script of theirs.
    #[default]
    Manual,
    /// The policy of an artifact's manifest.
    Policy,
    /// The environment's rule of promotion.
    Promotion,
    /// An automatic rollback.
    Rollback,
}

impl Trigger {
    /// Returns the trigger as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "Manual",
            Self::Policy => "Policy",
            Self::Promotion => "Promotion",
            Self::Rollback => "Rollback",
        }
    }
}

/// Names an Artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactRef {
    /// Name of the Artifact.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the Artifact, where it is another than the Release's. The environment has to
    /// allow it in `spec.artifacts.namespaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// Names the environment that a release is promoted from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromoteFrom {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: String,
}

/// Takes a hand-made change of the app's folder as the app's new state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adopt {
    /// Newest commit that changed the folder by hand, as the person saw it: what came later is not adopted.
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: String,
}

/// What a rollback puts back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.release), has(self.commit), has(self.time)].filter(set, set).size() == 1")
    .message("rollbackTo names exactly one: a release, a commit or a time"))]
pub struct RollbackTo {
    /// Name of an earlier Release of the app. Its record in git is enough: the object may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub release: Option<String>,
    /// Commit of the gitops repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: Option<String>,
    /// A point in time: the app becomes what it was then, by the times of the commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
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
    /// The pull request by which it comes to the branch, where the environment has pull requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestStatus>,
    /// The commit in the gitops repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitStatus>,
    /// The artifact that it was made from; of a rollback, that of the release that it puts back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRef>,
    /// The chart that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartStatus>,
    /// Who approved the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// What holds the release back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<Blocker>,
    /// Names of the Releases that it set off: promotions, or the rollback of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets_off: Vec<String>,
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
    /// Why the removals have to be confirmed, where they have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
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
