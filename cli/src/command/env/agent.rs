//! The agent of an environment: its identity in the cluster of the Environment, and itself in the workload
//! cluster.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;
use gimlet_crds::{Environment, Observer, labels};
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use url::Url;

use super::plan::Wanted;
use crate::cluster::{Cluster, parse_server};
use crate::error::{CommandError, chain};
use crate::live::refused;
use crate::output;

/// The objects of an agent, as they are installed by hand.
const FILES: [&str; 3] = [
    include_str!("../../../../config/agent/namespace.yaml"),
    include_str!("../../../../config/agent/rbac.yaml"),
    include_str!("../../../../config/agent/deployment.yaml"),
];
/// What all agents of a cluster share, and what the names of their own objects begin with.
const AGENT: &str = "gimlet-agent";
/// What the agent is told its environment by.
const ENVIRONMENT: &str = "GIMLET_AGENT_ENVIRONMENT";
/// The image that has all programs of this version.
const IMAGE: &str = concat!("gimlet-operator:", env!("CARGO_PKG_VERSION"));
/// For how long a token is asked for, in seconds. An API server may give less.
const LIFE: i64 = 365 * 24 * 3600;
/// A token that ends sooner is exchanged, in seconds.
const SOON: i64 = 30 * 24 * 3600;

/// Whether and how an agent tells what runs.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AgentArgs {
    /// Put the agent there too: it tells the dashboard at this address what runs. Its token is made here, and
    /// exchanged by the same command before it ends
    #[arg(long, value_name = "URL", help_heading = "Agent")]
    agent: Option<String>,
    /// Image of the agent
    #[arg(
        long,
        value_name = "IMAGE",
        requires = "agent",
        default_value = IMAGE,
        env = "GIMLET_AGENT_IMAGE",
        hide_env_values = true,
        help_heading = "Agent"
    )]
    agent_image: String,
}

/// The agent of one environment.
#[derive(Debug)]
pub(super) struct Agent<'a> {
    environment: &'a Environment,
    namespace: String,
    dashboard: Url,
    image: &'a str,
}

impl AgentArgs {
    /// Returns the agent that is to be there; `namespace` is that of the Environment.
    pub(super) fn of<'a>(
        &'a self,
        environment: &'a Environment,
        namespace: &str,
    ) -> Result<Option<Agent<'a>>, CommandError> {
        let Some(address) = &self.agent else { return Ok(None) };
        let dashboard = parse_server(address)?;
        let namespace = environment.namespace().unwrap_or_else(|| namespace.to_owned());
        Ok(Some(Agent { environment, namespace, dashboard, image: &self.agent_image }))
    }
}

/// Names an environment's own objects of the agent, in both clusters.
pub(super) fn name(environment: &str) -> String {
    format!("{AGENT}-{environment}")
}

/// Returns which environment the agent of that name in a workload cluster speaks for, with its namespace;
/// nothing where there is none, or it may not be seen.
async fn spoken_for(cluster: &Cluster, environment: &str) -> Result<Option<String>, CommandError> {
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), AGENT);
    match api.get_opt(&name(environment)).await {
        Ok(found) => Ok(found.and_then(|map| map.data?.remove(ENVIRONMENT))),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => Err(refused(cluster, "get", "configmaps", AGENT, &error)),
    }
}

/// Finds an environment's own objects of the agent in the workload cluster; none where they are those of an
/// environment of the same name in another namespace.
pub(super) async fn find(
    cluster: &Cluster,
    environment: &str,
    namespace: &str,
) -> Result<Vec<Wanted>, CommandError> {
    let found = spoken_for(cluster, environment).await?;
    if found.is_some_and(|other| other != format!("{namespace}/{environment}")) {
        return Ok(Vec::new());
    }
    Ok(own(environment))
}

/// Lists an environment's own objects of the agent in the workload cluster, the Deployment first.
pub(super) fn own(environment: &str) -> Vec<Wanted> {
    let of = |version: &str, kind: &str| {
        Wanted::of(json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": name(environment), "namespace": AGENT}}))
    };
    vec![of("apps/v1", "Deployment"), of("v1", "Secret"), of("v1", "ConfigMap")]
}

/// Lists the agent's identity in the cluster of the Environment.
pub(super) fn identity(environment: &str, namespace: &str) -> Vec<Wanted> {
    let name = name(environment);
    let labels = json!({"app.kubernetes.io/part-of": "gimlet", labels::ENVIRONMENT: environment});
    let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
    vec![
        Wanted::of(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})),
        Wanted::of(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "gimlet-agent-identity"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        })),
    ]
}

impl Agent<'_> {
    fn name(&self) -> String {
        name(&self.environment.name_any())
    }

    /// Lists its identity, see [`identity`].
    pub(super) fn identity(&self) -> Vec<Wanted> {
        identity(&self.environment.name_any(), &self.namespace)
    }

    /// Tells whether the Environment has yet to be told that an agent speaks for it.
    pub(super) fn is_news(&self) -> bool {
        self.environment.spec.observed_by != Observer::Agent
    }

    /// Lists what has to be in the workload cluster; with a Secret where there is a token to put into it.
    pub(super) fn objects(&self, token: Option<&str>) -> Result<Vec<Wanted>, CommandError> {
        let environment = self.environment.name_any();
        let metadata = json!({
            "name": self.name(), "namespace": AGENT,
            "labels": {"app.kubernetes.io/name": AGENT, "app.kubernetes.io/part-of": "gimlet",
                       labels::ENVIRONMENT: environment},
        });
        let mut objects = Vec::new();
        for mut object in documents()? {
            if object["kind"] == "Deployment" {
                objects.push(json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                    "data": {"GIMLET_AGENT_DASHBOARD": self.dashboard.as_str().trim_end_matches('/'),
                             ENVIRONMENT: self.speaks_for()},
                }));
                if let Some(token) = token {
                    objects
                        .push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata,
                        "type": "Opaque", "data": {"token": STANDARD.encode(token)}}));
                }
                self.fit(&mut object, &metadata)?;
            }
            objects.push(object);
        }
        Ok(objects.into_iter().map(Wanted::of).collect())
    }

    /// Makes the Deployment that of the environment, beside those of others.
    fn fit(&self, deployment: &mut Value, metadata: &Value) -> Result<(), CommandError> {
        let mut put = |pointer: &str, value: Value| {
            let place = deployment.pointer_mut(pointer);
            let place = place.ok_or_else(|| broken(&format!("the Deployment has no {pointer}")))?;
            *place = value;
            Ok::<_, CommandError>(())
        };
        put("/metadata", metadata.clone())?;
        put("/spec/selector/matchLabels", metadata["labels"].clone())?;
        put("/spec/template/metadata/labels", metadata["labels"].clone())?;
        put("/spec/template/spec/containers/0/image", self.image.into())?;
        put(
            "/spec/template/spec/containers/0/envFrom/0/configMapRef/name",
            metadata["name"].clone(),
        )?;
        put("/spec/template/spec/volumes/0/secret/secretName", metadata["name"].clone())
    }

    /// Tells the Environment that the agent speaks for it.
    pub(super) async fn tell(
        &self,
        management: &Cluster,
        dry_run: bool,
    ) -> Result<(), CommandError> {
        let name = self.environment.name_any();
        let params = PatchParams {
            dry_run,
            field_manager: Some(labels::CLI.to_owned()),
            ..PatchParams::default()
        };
        // Applying would take back what the Environment was made with.
        let patch = Patch::Merge(json!({"spec": {"observedBy": Observer::Agent}}));
        let api = management.api::<Environment>();
        let request = management.request("patch", "environments", Some(&name));
        api.patch(&name, &params, &patch).await.map_err(|error| request.failed(&error))?;
        let note = if dry_run { " (server dry run)" } else { "" };
        output::print(&format!("environment.gimlet.io/{name} observed by its agent{note}\n"))
    }

    fn speaks_for(&self) -> String {
        format!("{}/{}", self.namespace, self.environment.name_any())
    }

    /// Refuses to take the place of the agent of another environment of the same name.
    pub(super) async fn check_place(&self, cluster: &Cluster) -> Result<(), CommandError> {
        let found = spoken_for(cluster, &self.environment.name_any()).await?;
        match found.filter(|other| *other != self.speaks_for()) {
            None => Ok(()),
            Some(other) => {
                let name = self.name();
                let message = format!("the agent {name} in that cluster speaks for {other}");
                Err(CommandError::general(message)
                    .hint("install this one by hand, under another name: docs/agent.md"))
            }
        }
    }

    /// Tells whether the token that is in the workload cluster does for some time yet.
    pub(super) async fn has_token(&self, cluster: &Cluster) -> Result<bool, CommandError> {
        let api: Api<Secret> = Api::namespaced(cluster.client.clone(), AGENT);
        let found = match api.get_opt(&self.name()).await {
            Ok(found) => found.and_then(|secret| secret.data?.remove("token")),
            // Who may not see it exchanges it.
            Err(kube::Error::Api(status)) if status.code == 403 => None,
            Err(error) => return Err(refused(cluster, "get", "secrets", AGENT, &error)),
        };
        let token = found.and_then(|token| String::from_utf8(token.0).ok());
        let account = format!("system:serviceaccount:{}:{}", self.namespace, self.name());
        Ok(token.is_some_and(|token| lasts(&token, &account, Timestamp::now())))
    }

    /// Makes a token of its identity.
    pub(super) async fn token(&self, management: &Cluster) -> Result<String, CommandError> {
        let api: Api<ServiceAccount> = Api::namespaced(management.client.clone(), &self.namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(LIFE),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let made = api.create_token_request(&self.name(), &PostParams::default(), &request).await;
        let made = made.map_err(|error| {
            refused(management, "create", "serviceaccounts/token", &self.namespace, &error)
        })?;
        let status = made.status.unwrap_or_default();
        let token = status.token.ok_or_else(|| broken("the API server gives no token"))?;
        if let Some(end) = status.expiration_timestamp {
            output::note(&format!(
                "the agent's token ends at {}: run this again before, and it is exchanged",
                end.0.strftime("%Y-%m-%d %H:%M UTC")
            ));
        }
        Ok(token)
    }
}

/// Reads the objects of config/agent.
fn documents() -> Result<Vec<Value>, CommandError> {
    let mut documents = Vec::new();
    for file in FILES {
        let read: Vec<Value> =
            serde_saphyr::from_multiple(file).map_err(|error| broken(&chain(&error)))?;
        documents.extend(read);
    }
    Ok(documents)
}

fn broken(why: &str) -> CommandError {
    CommandError::general(format!("the agent cannot be installed: {why}"))
}

/// Tells whether a token is one of an account, and does not end soon. Nobody is let in by what this says: it
/// is read without being verified.
fn lasts(token: &str, account: &str, now: Timestamp) -> bool {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value =
        claims.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    claims["sub"] == *account
        && claims["exp"].as_i64().is_some_and(|end| end > now.as_second() + SOON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn environment() -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "team"},
            "spec": {"gitops": {"url": "https://git.example.com/acme/gitops.git", "path": "staging"}},
        }))
        .unwrap()
    }

    fn args() -> AgentArgs {
        let agent = Some("https://gimlet.example.com/".into());
        AgentArgs { agent, agent_image: "registry.example.com/gimlet:1".into() }
    }

    fn yaml(wanted: &[Wanted]) -> String {
        let objects: Vec<Value> = wanted.iter().map(|one| one.object().clone()).collect();
        output::list(&objects, output::Format::Yaml).unwrap()
    }

    #[test]
    fn each_environment_has_its_own_agent_and_one_role_is_enough() {
        let (environment, args) = (environment(), args());
        let agent = args.of(&environment, "team").unwrap().unwrap();
        assert!(agent.is_news());
        assert_snapshot!(yaml(&agent.identity()));
        assert_snapshot!(yaml(&agent.objects(Some("the token")).unwrap()));
        let kept = agent.objects(None).unwrap();
        assert_eq!(kept.len() + 1, agent.objects(Some("x")).unwrap().len());
        assert!(AgentArgs::default().of(&environment, "team").unwrap().is_none());
    }

    #[test]
    fn a_token_is_kept_as_long_as_it_is_the_right_one_and_lasts() {
        let now = Timestamp::UNIX_EPOCH;
        let token = |sub: &str, exp: i64| {
            let claims = json!({"sub": sub, "exp": exp}).to_string();
            format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
        };
        assert!(lasts(&token("me", SOON + 1), "me", now));
        assert!(!lasts(&token("me", SOON), "me", now));
        assert!(!lasts(&token("other", SOON + 1), "me", now));
        for garbage in ["", "a.b.c", "a", "e30.e30.x"] {
            assert!(!lasts(garbage, "me", now), "{garbage}");
        }
    }

    #[test]
    fn the_token_goes_nowhere_in_the_clear() {
        let refuse = |address: &str| {
            let args = AgentArgs { agent: Some(address.into()), ..args() };
            args.of(&environment(), "team").unwrap_err().message().to_owned()
        };
        assert!(refuse("http://gimlet.example.com").contains("in the clear"));
        assert!(!refuse("https://me:hunter2@gimlet.example.com").contains("hunter2"));
    }
}
