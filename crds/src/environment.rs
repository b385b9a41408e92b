//! Environment: where releases go, and under which rules.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentStatus, Observer};
use crate::component::{Component, ComponentStatus};
use crate::gate::{ApprovalRule, AutomaticRollback, DeletionGuard, Lock, Promotion, Windows};
use crate::notification::Notification;
use crate::pull_request::{AutoMerge, PullRequestStatus, PushMode};
use crate::reference::{SecretRef, Variables};
use crate::repository::HostProvider;

/// Where releases go, and under which rules.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "gimlet.io",
    version = "v1alpha1",
    kind = "Environment",
    plural = "environments",
    shortname = "env",
    shortname = "genv",
    category = "gimlet",
    namespaced,
    status = "EnvironmentStatus",
    derive = "PartialEq",
    doc = "A place to deploy to: a folder of a gitops repository, or a whole one, that Flux applies to one cluster.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Apps", type_ = "integer", json_path = ".status.apps"),
    printcolumn(name = "Head", type_ = "string", json_path = ".status.head.short"),
    printcolumn(name = "Lock", type_ = "string", json_path = ".spec.lock.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Promotes From", type_ = "string", json_path = ".spec.promotion.from", priority = 1),
    printcolumn(name = "Repository", type_ = "string", json_path = ".spec.gitops.url", priority = 1),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')")
        .message("the name of an environment becomes a label and part of Flux' names: use lower-case letters, digits and '-', at most 40 characters"),
    validation = Rule::new("!has(self.spec.promotion) || self.spec.promotion.from != self.metadata.name")
        .message("promotion.from names the environment itself: name the one before it")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// The gitops repository that the operator writes.
    pub gitops: Gitops,
    /// How Flux applies the repository.
    #[serde(default)]
    pub flux: Flux,
    /// Who tells what runs in the environment's cluster: the operator, where Flux applies it to the
    /// operator's own cluster, or an agent in the cluster that it is applied to.
    #[serde(default, skip_serializing_if = "Observer::is_operator")]
    pub observed_by: Observer,
    /// How manifests are rendered.
    #[serde(default)]
    pub render: Render,
    /// Encrypts the values of Secrets before they reach git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Helm charts that Flux installs beside the apps, such as an ingress controller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub components: Vec<Component>,
    /// Where artifacts may come from.
    #[serde(default, skip_serializing_if = "Artifacts::is_empty")]
    pub artifacts: Artifacts,
    /// Variables for the templates of every manifest; those of a release come before them.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub vars: Variables,
    /// Domain of previews: each is reached at `<app>.<domain>`, so a wildcard record of it has to lead to
    /// the cluster's ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 190))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$')")
        .message("domain is a DNS name in lower case such as preview.example.com, without a scheme, a port or a wildcard"))]
    pub domain: Option<String>,
    /// Holds back every release of the environment, with the reason that people are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// When releases are committed. Rollbacks are free of it.
    #[serde(default, skip_serializing_if = "Windows::is_empty")]
    pub windows: Windows,
    /// What becomes of a release that removes much.
    #[serde(default, skip_serializing_if = "DeletionGuard::is_default")]
    pub deletion_guard: DeletionGuard,
    /// Who has to agree to a release before it is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
    /// Where an app has to be healthy before it is released here. Rollbacks are free of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Takes back releases that do not become healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic_rollback: Option<AutomaticRollback>,
    /// Who is told what happens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub notifications: Vec<Notification>,
    /// Stops the operator from doing anything for the environment. Nothing is lost meanwhile.
    #[serde(default)]
    pub suspend: bool,
    /// How much is kept.
    #[serde(default)]
    pub retention: Retention,
}

/// The gitops repository of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.url == oldSelf.url && self.branch == oldSelf.branch && self.path == oldSelf.path")
        .message("url, branch and path say where the environment is and cannot change: create another Environment and release to it"),
    validation = Rule::new("self.push != 'PullRequest' || (has(self.provider) && self.provider != 'Git')")
        .message("pull requests need a host that has them: set provider to GitHub, GitLab or Gitea"),
    validation = Rule::new("!has(self.createRepository) || (has(self.provider) && self.provider != 'Git')")
        .message("a repository is made by the API of its host: set provider to GitHub, GitLab or Gitea"),
    validation = Rule::new("!has(self.createRepository) || self.createBranch")
        .message("a new repository has no branch: leave createBranch true"),
    validation = Rule::new("self.push == 'PullRequest' || has(self.createRepository) || (!has(self.provider) && !has(self.apiUrl))")
        .message("provider and apiUrl are for pull requests and createRepository: set one of these, or remove them"),
    validation = Rule::new("self.push == 'PullRequest' || !has(self.autoMerge)")
        .message("autoMerge is for pull requests: set push to PullRequest, or remove it"),
    validation = Rule::new("!has(self.autoMerge) || self.autoMerge != 'Rebase' || !has(self.provider) || self.provider != 'GitLab'")
        .message("GitLab rebases where the project's merge method says so: set autoMerge to Merge")
)]
pub struct Gitops {
    /// Address: `https://…`, `ssh://…` or `git@host:path`. Credentials do not belong here, see `secretRef`.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new("self.matches('^(https?|ssh)://[^ ]+$') || self.matches('^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^ ]+$')")
            .message("url is not a git address: use https://host/path, ssh://git@host/path or git@host:path"),
        validation = Rule::new("!self.matches('^https?://[^/]*@')")
            .message("url holds credentials: put them into a Secret and name it in secretRef")
    )]
    pub url: String,
    /// Branch that Flux follows.
    #[serde(default = "main_branch")]
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._/-]*$') && !self.contains('..') && !self.endsWith('/') && !self.endsWith('.lock')")
        .message("branch is not a valid branch name"))]
    pub branch: String,
    /// Folder of the environment in the repository; empty where the repository is the environment's own.
    #[serde(default)]
    #[schemars(length(max = 250))]
    #[x_kube(validation = Rule::new("self == '' || (self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}$') && !self.contains('..'))")
        .message("path is a folder such as staging or clusters/eu/staging, without a leading or trailing slash, at most 4 deep"))]
    pub path: String,
    /// Secret with `username` and `password` (a token), with `identity` and `known_hosts` for SSH, or
    /// with `githubAppID`, `githubAppInstallationID` and `githubAppPrivateKey` of a GitHub App;
    /// `ca.crt` is trusted instead of the system's certificate authorities. The same keys as Flux uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Author of the commits.
    #[serde(default)]
    pub author: GitAuthor,
    /// Signs every commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Makes the repository at its host if it is not there, with the token of `secretRef`. One that was
    /// there and was deleted is never made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_repository: Option<Visibility>,
    /// Creates the branch by the first commit where the repository is empty or lacks it. A branch
    /// that was there and was deleted is never made again.
    #[serde(default = "yes")]
    pub create_branch: bool,
    /// How commits come to the branch: pushed, or by pull requests, as a protected branch wants it.
    #[serde(default)]
    pub push: PushMode,
    /// What kind of host it is at. Needed for pull requests and to make the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<HostProvider>,
    /// Address of the host's API, where it is another than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub api_url: Option<String>,
    /// Merges pull requests as soon as the gates and the host let it. Left out, people merge them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_merge: Option<AutoMerge>,
    /// How the operator works with the repository.
    #[serde(default, skip_serializing_if = "GitEngine::is_auto")]
    pub engine: GitEngine,
}

/// Makes the repository at its host, with the token of `secretRef`, where it never was there; who may see
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Visibility {
    /// Those to whom the host gives access.
    Private,
    /// Everybody.
    Public,
}

/// How the operator works with a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GitEngine {
    /// Without a clone if the host can do what is needed for it, over HTTP; else by the git program.
    #[default]
    Auto,
    /// By the git program, on a bare clone.
    Git,
    /// By git's protocol over HTTP, without a clone. An error where the host cannot do it.
    Wire,
}

impl GitEngine {
    /// Tells whether the operator chooses.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// How commits are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signing {
    /// Secret with `identity` (an OpenSSH private key) or `git.asc` (an armoured OpenPGP secret key), and
    /// with `passphrase` where the key is encrypted. The same keys as Flux uses.
    pub secret_ref: SecretRef,
}

/// Name and address in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitAuthor {
    /// Name of the author.
    #[serde(default = "author_name")]
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// E-mail address of the author.
    #[serde(default = "author_email")]
    #[schemars(length(min = 1, max = 254))]
    pub email: String,
}

impl Default for GitAuthor {
    fn default() -> Self {
        Self { name: author_name(), email: author_email() }
    }
}

/// How Flux applies the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flux {
    /// One Kustomization for each app, so that apps fail and recover alone. Otherwise one for all.
    #[serde(default = "yes")]
    pub kustomization_per_app: bool,
    /// How often Flux looks at the repository, such as `1m`.
    #[serde(default = "one_minute")]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$')").message("use a duration such as 30s, 1m or 1h30m"))]
    #[schemars(length(max = 32))]
    pub interval: String,
    /// Waits for the health of everything that was applied.
    #[serde(default = "yes")]
    pub wait: bool,
    /// How long applying and becoming healthy may take, such as `5m`.
    #[serde(default = "five_minutes")]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$')").message("use a duration such as 30s, 5m or 1h30m"))]
    #[schemars(length(max = 32))]
    pub timeout: String,
    /// Namespace of the Flux objects in the workload cluster.
    #[serde(default = "flux_system")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Secret in that namespace with which Flux reads the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Service account that Flux acts as when it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
}

impl Default for Flux {
    fn default() -> Self {
        Self {
            kustomization_per_app: true,
            interval: one_minute(),
            wait: true,
            timeout: five_minutes(),
            namespace: flux_system(),
            secret_ref: None,
            service_account_name: None,
        }
    }
}

/// How manifests are rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Render {
    /// Kubernetes version that charts are told, such as `1.33.0`. Left out: that of the operator's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^v?1[.][0-9]+([.][0-9]+)?$')").message("use a version such as 1.33.0"))]
    #[schemars(length(max = 32))]
    pub kubernetes_version: Option<String>,
    /// API versions that charts are told to be there beside Kubernetes' own, such as `monitoring.coreos.com/v1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub api_versions: Vec<String>,
    /// Hosts that charts may come from, such as `charts.example.com` or `*.example.com`. Empty: any host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub chart_hosts: Vec<String>,
    /// Credentials for chart repositories, OCI registries and git hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub chart_secrets: Vec<ChartSecret>,
    /// Lets releases contain plain Secret objects. They end in git, readable by everyone who reads git.
    #[serde(default)]
    pub allow_secrets: bool,
}

/// How Secrets are encrypted: in the format of SOPS, which Flux decrypts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Encryption {
    /// Public keys of age, such as `age1…`; each of their private keys can decrypt.
    #[schemars(length(min = 1, max = 16))]
    pub age: Vec<String>,
    /// Secret in the namespace of Flux' objects, in the workload cluster, that holds a private key
    /// under a name ending in `.agekey`.
    pub flux_secret_ref: SecretRef,
}

impl Environment {
    /// Tells whether artifacts of a namespace may be released here.
    pub fn takes_artifacts_of(&self, namespace: &str) -> bool {
        let own = self.metadata.namespace.as_deref() == Some(namespace);
        own || self.spec.artifacts.namespaces.iter().any(|named| named == namespace)
    }
}

/// Where the artifacts of an environment's releases may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifacts {
    /// Namespaces beside the environment's own whose artifacts may be released here. Whoever may
    /// create Artifacts there can set off releases here by a policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub namespaces: Vec<String>,
}

impl Artifacts {
    /// Tells whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}

/// Credentials for one host of charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChartSecret {
    /// Host (with port, where it is not the usual one) that the credentials are for.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Secret with `username` and `password`.
    pub secret_ref: SecretRef,
}

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retention {
    /// Ended Release objects that are kept for each app; git keeps the whole history.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    pub releases_per_app: i32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { releases_per_app: ten() }
    }
}

/// What the operator last saw of an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, GitReady, FluxReady, `AgentConnected`; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Newest commit of the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Number of apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<i32>,
    /// The pull request by which Flux' objects of the environment come to the branch, while it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestStatus>,
    /// The components that are in the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub components: Vec<ComponentStatus>,
    /// How the operator works with the repository: Git or Wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// What the environment's agent said last, where one does. Written with the agent's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentStatus>,
}

/// A commit of the gitops repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Commit id.
    pub commit: String,
    /// First letters of the commit id.
    pub short: String,
    /// When the operator first saw it.
    pub time: Time,
}

fn main_branch() -> String {
    "main".into()
}
fn author_name() -> String {
    "Gimlet".into()
}
fn author_email() -> String {
    "gimlet@localhost".into()
}
fn one_minute() -> String {
    "1m".into()
}
fn five_minutes() -> String {
    "5m".into()
}
fn flux_system() -> String {
    "flux-system".into()
}
const fn yes() -> bool {
    true
}
const fn ten() -> i32 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn artifacts_of_a_namespace_that_is_not_named_are_not_taken() {
        let of = |spec: &serde_json::Value| -> Environment {
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "staging", "namespace": "team"}, "spec": spec
            }))
            .unwrap()
        };
        let url = "https://git.example.com/a";
        let closed = of(&json!({"gitops": {"url": url}}));
        let open = of(&json!({"gitops": {"url": url}, "artifacts": {"namespaces": ["ci", "*"]}}));
        for (namespace, by_closed, by_open) in
            [("team", true, true), ("ci", false, true), ("other", false, false), ("", false, false)]
        {
            assert_eq!(closed.takes_artifacts_of(namespace), by_closed, "{namespace:?}");
            assert_eq!(open.takes_artifacts_of(namespace), by_open, "{namespace:?}");
        }
    }
}
