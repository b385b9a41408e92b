//! Repository: an application's repository, watched for what can be released.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretRef;

/// An application's repository, watched for what can be released.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "Repository",
    plural = "repositories",
    shortname = "repo",
    category = "gimlet",
    namespaced,
    status = "RepositoryStatus",
    derive = "PartialEq",
    doc = "An application's repository: artifacts are made from its commits, and commits are told what became of them.",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Head", type_ = "string", json_path = ".status.head.short"),
    printcolumn(name = "Branches", type_ = "integer", json_path = ".status.branches"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 100")
        .message("the name of a Repository has at most 100 characters: it begins the names of its artifacts")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.provider != 'Git' || !has(self.webhookSecretRef)")
        .message("plain git sends no webhooks: remove webhookSecretRef, or say which provider it is"),
    validation = Rule::new("self.provider != 'Git' || !has(self.apiUrl)")
        .message("plain git has no API: remove apiUrl, or say which provider it is")
)]
pub struct RepositorySpec {
    /// Address: `https://…`, `ssh://…` or `git@host:path`. Credentials do not belong here, see `secretRef`.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new("self.matches('^(https?|ssh)://[^ ]+$') || self.matches('^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^ ]+$')")
            .message("url is not a git address: use https://host/path, ssh://git@host/path or git@host:path"),
        validation = Rule::new("!self.matches('^https?://[^/]*@')")
            .message("url holds credentials: put them into a Secret and name it in secretRef")
    )]
    pub url: String,
    /// What kind of host it is at.
    #[serde(default)]
    pub provider: HostProvider,
    /// Address of the host's API, where it is another than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub api_url: Option<String>,
    /// Secret with `username` and `password` (a token, which the API is asked with too), with
    /// `identity` and `known_hosts` for SSH and `password` for the API, or with `githubAppID`,
    /// `githubAppInstallationID` and `githubAppPrivateKey` of a GitHub App; `ca.crt` is trusted instead
    /// of the system's certificate authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Secret with `token`: what the host signs its webhooks with. Without it none are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret_ref: Option<SecretRef>,
    /// How often it is looked at without a webhook, such as `1m`.
    #[serde(default = "one_minute")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$')").message("use a duration such as 30s, 1m or 1h30m"))]
    pub interval: String,
    /// Makes an Artifact of the newest commit of each branch, of new tags and of pull requests, where the
    /// commit has deploy manifests in `.gimlet/`. No CI is needed.
    #[serde(default)]
    pub artifacts_from_commits: bool,
    /// Tells the commits what became of their releases, as a check `gimlet/<environment>/<app>`.
    #[serde(default = "yes")]
    pub commit_status: bool,
    /// Tells pull requests of their previews, in one comment that is edited in place.
    #[serde(default = "yes")]
    pub preview_comments: bool,
    /// Shows the releases of its commits as deployments, at GitHub and GitLab: each app in an
    /// environment of its own, `<environment>/<app>`.
    #[serde(default = "yes")]
    pub deployments: bool,
}

/// Kinds of git hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HostProvider {
    /// GitHub, also on one's own servers.
    GitHub,
    /// GitLab, also on one's own servers.
    GitLab,
    /// Gitea or Forgejo.
    Gitea,
    /// Any other: only git itself is spoken.
    #[default]
    Git,
}

/// What the operator last saw of a repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Branch that the host shows first, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Newest commit of that branch, or else of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<RepositoryHead>,
    /// Number of branches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branches: Option<i32>,
    /// Number of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<i32>,
    /// Number of open pull requests, where the host has an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_requests: Option<i32>,
}

/// The newest commit of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryHead {
    /// Branch.
    pub branch: String,
    /// Commit id.
    pub commit: String,
    /// First letters of the commit id.
    pub short: String,
}

fn one_minute() -> String {
    "1m".into()
}
const fn yes() -> bool {
    true
}
