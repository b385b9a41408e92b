//! ConfigChange: a change of one file in an application's repository.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pull_request::{PullRequestStatus, PushMode};

/// A change of one file in an application's repository.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "ConfigChange",
    plural = "configchanges",
    shortname = "cfg",
    category = "gimlet",
    namespaced,
    status = "ConfigChangeStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A change of one file in an application's repository, such as an app's deploy manifest: exactly one commit, or one pull request. Immutable; afterwards the record of what happened.",
    selectable = ".spec.repository",
    printcolumn(name = "Repository", type_ = "string", json_path = ".spec.repository"),
    printcolumn(name = "Branch", type_ = "string", json_path = ".spec.branch"),
    printcolumn(name = "Path", type_ = "string", json_path = ".spec.path"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Commit", type_ = "string", json_path = ".status.commit.short"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.requestedBy", priority = 1),
    printcolumn(name = "Pull Request", type_ = "string", json_path = ".status.pullRequest.url", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 200")
        .message("the name of a ConfigChange has at most 200 characters")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("a ConfigChange is immutable, as the commit is that it makes: create a new ConfigChange"),
    validation = Rule::new("has(self.content) != self.delete")
        .message("a ConfigChange writes a file or deletes it: set exactly one of content and delete"),
    validation = Rule::new("!self.delete || has(self.baseBlob)")
        .message("to delete a file, say which content of it: set baseBlob")
)]
pub struct ConfigChangeSpec {
    /// Name of the Repository, in the same namespace: its address, credentials and provider are used.
    #[schemars(length(min = 1, max = 100))]
    pub repository: String,
    /// Branch that is changed, or that the pull request is to be merged into.
    #[schemars(length(min = 1, max = 200))]
    pub branch: String,
    /// The file, in the folder `.gimlet` of the repository, such as `.gimlet/staging.yaml`.
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(validation = Rule::new("self.matches('^[.]gimlet(/[A-Za-z0-9][A-Za-z0-9._-]*)+$') && !self.contains('..') && !self.endsWith('.')")
        .message("path is a file in the folder .gimlet, such as .gimlet/staging.yaml: letters, digits, '.', '_' and '-'"))]
    pub path: String,
    /// The whole new text of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub content: Option<String>,
    /// Deletes the file.
    #[serde(default)]
    pub delete: bool,
    /// Optimistic lock: git's id of the file's content (blob) that was changed. Left out, the file must not be
    /// there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{40}$"))]
    pub base_blob: Option<String>,
    /// Message of the commit; its first line is the title of the pull request.
    #[schemars(length(min = 1, max = 4096))]
    #[x_kube(validation = Rule::new("self.trim() != ''").message("message is empty: say what changes"))]
    pub message: String,
    /// Whether the branch is changed, or a pull request opened.
    #[serde(default)]
    pub mode: PushMode,
    /// Who asked for it, as the client says; the API server's audit log is the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
}

/// Where a change of a file is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConfigChangePhase {
    /// Not made yet.
    #[default]
    Pending,
    /// On its way to git: only git can tell whether it is there.
    Queued,
    /// In git.
    Committed,
    /// In a pull request.
    Proposed,
    /// The file is like that already.
    Unchanged,
    /// It can not be made.
    Failed,
}

/// What became of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigChangeStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the change is on its way.
    #[serde(default)]
    pub phase: ConfigChangePhase,
    /// Ready; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The commit on the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<FileCommit>,
    /// The pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestStatus>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
}

/// A commit in an application's repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileCommit {
    /// Commit id.
    pub sha: String,
    /// First letters of the commit id.
    pub short: String,
    /// Page of the commit, where the git host is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
