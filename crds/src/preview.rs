//! Previews: apps that live as long as a branch or a pull request.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Binds an app to a branch: when the branch goes, so does the app. The operator sets it, from the
/// manifest that was released last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preview {
    /// Repository of the branch, such as `acme/shop`, as its artifacts call it.
    #[schemars(length(min = 1, max = 256))]
    pub repository: String,
    /// Namespace of the Repository, where it is another than the App's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Branch that the app is of.
    #[schemars(length(min = 1, max = 256))]
    pub branch: String,
    /// Number of the branch's pull request, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub pull_request: Option<i64>,
    /// Removes the app too when its pull request is closed or merged and the branch stays.
    #[serde(default)]
    pub follow_pull_request: bool,
    /// Host that the app is reached at, where its manifest uses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')")
        .message("host is a DNS name such as shop-fix.preview.example.com"))]
    pub host: Option<String>,
    /// How long after the App was made it is removed, such as `72h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]{1,6}(s|m|h))+$')").message("use a duration such as 30m, 24h or 1h30m"))]
    pub after: Option<String>,
    /// How long after its last release the App is removed, such as `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]{1,6}(s|m|h))+$')").message("use a duration such as 30m, 24h or 1h30m"))]
    pub idle: Option<String>,
}

/// What is known of a preview.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewStatus {
    /// Where it is reached, once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When its time is up, if nothing is released before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// Why it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<PreviewRemoval>,
}

/// Why a preview goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRemoval {
    /// One word: `BranchDeleted`, `PullRequestClosed`, `TimeUp` or `Idle`.
    pub reason: String,
    /// A sentence for a person.
    pub message: String,
}
