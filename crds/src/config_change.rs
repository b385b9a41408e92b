//! ConfigChange: a change of one file in an application's repository.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pull_request::PushMode;

/// A change of one file in an application's repository.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "ConfigChange",
    plural = "configchanges",
    shortname = "cfgc",
    category = "gimlet",
    namespaced,
    status = "ConfigChangeStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A change of one deploy manifest in an application's repository: one commit, or one pull request. It can only be created.",
    selectable = ".spec.repository",
    printcolumn(name = "Repository", type_ = "string", json_path = ".spec.repository"),
    printcolumn(name = "File", type_ = "string", json_path = ".spec.path"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "By",
        type_ = "string",
        json_path = ".metadata.annotations.gimlet\\.io/created-by",
        priority = 1
    ),
    printcolumn(name = "Commit", type_ = "string", json_path = ".status.commit.sha", priority = 1),
    printcolumn(
        name = "Pull request",
        type_ = "string",
        json_path = ".status.pullRequest.url",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("a ConfigChange cannot be changed: create another"),
    validation = Rule::new("has(self.content) != has(self.delete)")
        .message("say what is to be in the file with content, or delete: true"),
    validation = Rule::new("!has(self.delete) || self.delete")
        .message("delete is true or left out"),
    validation = Rule::new("!has(self.delete) || has(self.baseBlob)")
        .message("deleting a file needs baseBlob: the id of the content that is deleted")
)]
pub struct ConfigChangeSpec {
    /// Name of the Repository, in the same namespace. Its `provider` has to be one with an API.
    #[schemars(length(min = 1, max = 253))]
    pub repository: String,
    /// Branch that gets the change; the default branch of the repository otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 244))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.#+@/-]+$') && !self.startsWith('-') && !self.contains('..')")
        .message("branch is not the name of a branch"))]
    pub branch: Option<String>,
    /// The file: a deploy manifest, such as `.gimlet/shop.yaml`.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(
        validation = Rule::new("self.matches('^[.]gimlet/[A-Za-z0-9_-][A-Za-z0-9._ -]*[.](yaml|yml)$')")
            .message("path is a file directly in .gimlet/ that ends in .yaml or .yml, such as .gimlet/shop.yaml")
    )]
    pub path: String,
    /// What is to be in the file, the whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub content: Option<String>,
    /// Deletes the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<bool>,
    /// The id of the content that the change was made from, as `git rev-parse BRANCH:PATH` says it. Where
    /// the file has another one by now, the change is refused. Without it the file must not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9a-f]{40}|[0-9a-f]{64})$')")
        .message("baseBlob is a whole git id: 40 or 64 hexadecimal digits"))]
    pub base_blob: Option<String>,
    /// What the commit or the pull request says; the first line is its title.
    #[schemars(length(min = 1, max = 2048))]
    pub message: String,
    /// Whether the branch gets the commit, or a pull request is opened for it.
    #[serde(default)]
    pub mode: PushMode,
    /// Who asks for it, where the API server does not write that down itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
}

/// How far a ConfigChange is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConfigChangePhase {
    /// Nothing was written yet.
    #[default]
    Pending,
    /// Its pull request waits to be merged.
    Proposed,
    /// It is on the branch.
    Committed,
    /// The branch had exactly this already; nothing was written.
    Unchanged,
    /// Somebody else changed the file meanwhile; nothing was written.
    Conflict,
    /// Its pull request was closed without being merged.
    Closed,
    /// It cannot be written.
    Failed,
}

impl ConfigChangePhase {
    /// Returns the phase as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Proposed => "Proposed",
            Self::Committed => "Committed",
            Self::Unchanged => "Unchanged",
            Self::Conflict => "Conflict",
            Self::Closed => "Closed",
            Self::Failed => "Failed",
        }
    }

    /// Tells whether nothing comes after it.
    pub fn is_end(self) -> bool {
        match self {
            Self::Pending | Self::Proposed => false,
            Self::Committed | Self::Unchanged | Self::Conflict | Self::Closed | Self::Failed => {
                true
            }
        }
    }
}

/// What became of a change of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigChangeStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// How far it is.
    #[serde(default)]
    pub phase: ConfigChangePhase,
    /// The branch that gets the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that has the change: on the branch, or on that of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<ChangeCommit>,
    /// The pull request, where the change has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<ChangePullRequest>,
    /// The file as the branch has it, where somebody else changed it: what the change can be merged with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<FoundFile>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
}

/// A commit of an application's repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCommit {
    /// Its id.
    pub sha: String,
    /// Its page, where the host has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A file as a branch has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundFile {
    /// The id of its content: `baseBlob` of a change that is made from it.
    pub blob: String,
    /// What is in it; missing where it is no text, or more than 256 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// The pull request of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePullRequest {
    /// Its number.
    pub number: i64,
    /// Its page.
    pub url: String,
    /// Its branch.
    pub branch: String,
}
