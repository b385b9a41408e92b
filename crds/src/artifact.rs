//! Artifact: a version of an application that can be released, with the manifests of its commit.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::Variables;
use crate::release::SourceVersion;

/// A version of an application that can be released.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "Artifact",
    plural = "artifacts",
    shortname = "art",
    category = "gimlet",
    namespaced,
    status = "ArtifactStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A version of an application that can be released: a source commit, its variables and its deploy manifests. Immutable; its policies are judged once.",
    selectable = ".spec.version.repository",
    selectable = ".spec.version.branch",
    printcolumn(name = "Repository", type_ = "string", json_path = ".spec.version.repository"),
    printcolumn(name = "Branch", type_ = "string", json_path = ".spec.version.branch"),
    printcolumn(name = "Event", type_ = "string", json_path = ".spec.event"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Author", type_ = "string", json_path = ".spec.version.author", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 200")
        .message("the name of an Artifact has at most 200 characters")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("an Artifact is immutable, as the commit is that it stands for: create a new Artifact"),
    validation = Rule::new("self.manifests.map(m, size(bytes(m.content))).sum() <= 262144")
        .message("the manifests have more than 256 KiB together: split the artifact, or ship fewer files"),
    validation = Rule::new("self.event != 'Tag' || has(self.version.tag)")
        .message("an artifact of a tag names it: set version.tag"),
    validation = Rule::new("self.event == 'Tag' || has(self.version.branch)")
        .message("an artifact of a push or a pull request names its branch: set version.branch")
)]
pub struct ArtifactSpec {
    /// What made the version. Policies ask for it.
    #[serde(default)]
    pub event: ArtifactEvent,
    /// Facts of the source commit.
    #[x_kube(
        validation = Rule::new("has(self.sha) && self.sha.matches('^[0-9a-fA-F]{7,64}$')")
            .message("version.sha is missing: name the commit that the artifact was made of"),
        validation = Rule::new("has(self.repository) && size(self.repository) > 0")
            .message("version.repository is missing: name the repository, such as acme/shop")
    )]
    pub version: SourceVersion,
    /// The branch that a pull request goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub target_branch: Option<String>,
    /// Number of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub pull_request: Option<i64>,
    /// When the version was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// Variables for the templates of the manifests; the environment's come before, those of a
    /// Release after them.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub vars: Variables,
    /// The deploy manifests of the commit: the files of its folder `.gimlet`.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["path".into()]))]
    pub manifests: Vec<ManifestSource>,
}

/// What made a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ArtifactEvent {
    /// Commits were pushed to a branch.
    #[default]
    Push,
    /// A tag was made.
    Tag,
    /// A pull request was opened or changed.
    PullRequest,
}

impl ArtifactEvent {
    /// Returns the event as deploy manifests spell it.
    pub fn as_policy(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Tag => "tag",
            Self::PullRequest => "pr",
        }
    }
}

/// A file with deploy manifests. One that is not valid is told of in the status, and the others count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestSource {
    /// Where the file was, such as `.gimlet/staging.yaml`.
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new("self.matches('^[^/\\\\pC]+(/[^/\\\\pC]+)*$') && !self.split('/').exists(p, p == '..' || p == '.')")
        .message("path is a path inside of the repository, such as .gimlet/staging.yaml"))]
    pub path: String,
    /// The text of the file: one or more YAML documents.
    #[schemars(length(min = 1, max = 262_144))]
    pub content: String,
}

/// What an artifact set off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready once the policies were judged; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What people call the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What became of each manifest, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub releases: Vec<ManifestVerdict>,
    /// Manifests that set off a release.
    #[serde(default)]
    pub released: i32,
    /// Manifests that are not valid.
    #[serde(default)]
    pub invalid: i32,
}

/// What became of one manifest of an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestVerdict {
    /// The file, and the number of the document where it has more than one: `.gimlet/all.yaml#2`.
    pub manifest: String,
    /// Name of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Name of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// One word for what became of it.
    pub result: ManifestResult,
    /// Name of the Release that it set off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Namespace of the Release, where it is another than the artifact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The policy that matched, or the condition that did not, with the values that it was held against.
    pub message: String,
}

/// One word for what became of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManifestResult {
    /// Its policy matched, and a Release was made.
    Released,
    /// It has no policy: somebody has to release it.
    #[default]
    Manual,
    /// A condition of its policy did not match.
    NotMatched,
    /// Its policy matched, and something else forbids the release.
    Refused,
    /// It is not valid.
    Invalid,
}
