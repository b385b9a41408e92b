//! Approval: what one person says of the plan of a release.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one person says of the plan of a release.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "Approval",
    plural = "approvals",
    shortname = "appr",
    category = "gimlet",
    namespaced,
    derive = "PartialEq",
    derive = "Default",
    doc = "What one person says of the plan of a release that waits for approval. It can only be created, and counts for this one plan.",
    selectable = ".spec.release",
    printcolumn(name = "Release", type_ = "string", json_path = ".spec.release"),
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(
        name = "By",
        type_ = "string",
        json_path = ".metadata.annotations.gimlet\\.io/created-by"
    ),
    printcolumn(name = "Comment", type_ = "string", json_path = ".spec.comment"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("an Approval cannot be changed: create another"),
    validation = Rule::new("self.decision == 'Approve' || (has(self.comment) && size(self.comment) > 0)")
        .message("who rejects a release says why: set comment")
)]
pub struct ApprovalSpec {
    /// Name of the Release, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub release: String,
    /// The plan that was looked at: `status.plan.digest` of the Release. Another plan of the same
    /// release has to be approved again.
    #[schemars(length(min = 8, max = 128))]
    pub digest: String,
    /// What the person says.
    #[serde(default)]
    pub decision: Decision,
    /// What others should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub comment: Option<String>,
}

/// What a person says of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decision {
    /// It may go on.
    #[default]
    Approve,
    /// It ends.
    Reject,
}
