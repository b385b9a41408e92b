//! Agents of other clusters: what their tokens may do, and what becomes of what they say.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, Environment, agent_account, labels};
use gimlet_e2e::{ControlPlane, control_plane, install, wait_until};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

/// Makes the identity of an environment's agent, and gives a token of it once its role counts.
pub(crate) async fn identity(
    cluster: &ControlPlane,
    ns: &str,
    environment: &str,
) -> Result<String> {
    let account = agent_account(environment);
    cluster.kubectl(["create", "serviceaccount", &account, "-n", ns])?;
    let subject = format!("--serviceaccount={ns}:{account}");
    let role = "--clusterrole=gimlet-agent-identity";
    cluster.kubectl(["create", "rolebinding", &account, "-n", ns, role, &subject])?;
    may_report(cluster, ns, environment).await?;
    cluster.token(ns, &account)
}

/// Waits until the role of an environment's agent counts.
pub(crate) async fn may_report(cluster: &ControlPlane, ns: &str, environment: &str) -> Result<()> {
    let who = format!("--as=system:serviceaccount:{ns}:{}", agent_account(environment));
    let what = format!("environments.gimlet.io/{environment}");
    wait_until("the role of the agent to count", SOON, async || {
        cluster.kubectl(["auth", "can-i", "patch", &what, "--subresource=status", "-n", ns, &who])
    })
    .await?;
    Ok(())
}

pub(crate) async fn make(client: &Client, ns: &str, environment: &str) -> Result<()> {
    let object: Environment = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": environment},
        "spec": {"observedBy": "Agent", "gitops": {"url": "https://git.example.com/a/b.git"}},
    }))?;
    Api::namespaced(client.clone(), ns).create(&PostParams::default(), &object).await?;
    let object: App = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": format!("web.{environment}")},
        "spec": {"app": "web", "environment": environment},
    }))?;
    Api::namespaced(client.clone(), ns).create(&PostParams::default(), &object).await?;
    Ok(())
}

/// An agent with its token, at the API server itself.
struct Agent<'a> {
    client: Client,
    ns: &'a str,
}

impl Agent<'_> {
    /// Applies a status, and gives what was said where it was refused.
    async fn report(&self, kind: &str, name: &str, status: &Value) -> Result<(), String> {
        let patch = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": kind, "metadata": {"name": name},
            "status": status,
        });
        let (params, patch) = (PatchParams::apply(labels::AGENT).force(), Patch::Apply(patch));
        let told = if kind == "App" {
            let api: Api<App> = Api::namespaced(self.client.clone(), self.ns);
            api.patch_status(name, &params, &patch).await.map(drop)
        } else {
            let api: Api<Environment> = Api::namespaced(self.client.clone(), self.ns);
            api.patch_status(name, &params, &patch).await.map(drop)
        };
        told.map_err(|error| error.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_agent_writes_what_it_reports_of_its_environment_and_no_more() -> Result<()>
{
    let cluster = control_plane()?;
    install(&cluster)?;
    let client = cluster.client().await?;
    let (namespace, other) = (cluster.namespace("agent").await?, cluster.namespace("agent").await?);
    let ns = namespace.name();
    for environment in ["prod", "staging"] {
        make(&client, ns, environment).await?;
    }
    make(&client, other.name(), "prod").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let agent = Agent { client: cluster.client_with_token(&token).await?, ns };
    // More rights than the role gives: what is refused now is refused by the policy alone.
    let subject = format!("--serviceaccount={ns}:{}", agent_account("prod"));
    for place in [ns, other.name()] {
        let role = "--clusterrole=gimlet-operator";
        cluster.kubectl(["create", "rolebinding", "more", "-n", place, role, &subject])?;
    }

    let live = json!({"live": {"state": "Healthy", "replicas": "1/1", "flux": {"ready": true}}});
    wait_until("the agent's right to report", SOON, async || {
        agent.report("App", "web.prod", &live).await.map_err(anyhow::Error::msg)
    })
    .await?;
    let said = json!({"agent": {"version": "0.1.0", "cluster": "c", "lastContact": "2026-03-01T10:00:00Z"}});
    agent.report("Environment", "prod", &said).await.map_err(anyhow::Error::msg)?;
    let app: App = Api::namespaced(client.clone(), ns).get("web.prod").await?;
    let status = app.status.context("no status")?;
    assert_eq!(status.live.context("no live")?.replicas.as_deref(), Some("1/1"));

    // A policy that was made a moment ago takes a while to bite.
    wait_until("the policy", SOON, async || {
        let told = agent.report("App", "web.staging", &live).await;
        let refused = told.is_err_and(|told| told.contains("speaks for environment"));
        ensure!(refused, "another environment's App was written");
        Ok(())
    })
    .await?;
    let condition = json!([{"type": "Ready", "status": "True", "reason": "Healthy", "message": "",
        "lastTransitionTime": "2026-03-01T10:00:00Z"}]);
    for (kind, name, status, why) in [
        ("Environment", "staging", said.clone(), "speaks for environment"),
        (
            "App",
            "web.prod",
            json!({"live": {"state": "Healthy"}, "conditions": condition}),
            "status.live",
        ),
        ("App", "web.prod", json!({"pending": "x"}), "status.live"),
        ("Environment", "prod", json!({"conditions": condition}), "status.agent"),
        ("Environment", "prod", json!({"apps": 7}), "status.agent"),
    ] {
        let told = agent.report(kind, name, &status).await;
        assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{kind} {name}: {told:?}");
    }
    let elsewhere = Agent { client: agent.client.clone(), ns: other.name() };
    let told = elsewhere.report("App", "web.prod", &live).await;
    assert!(told.as_ref().is_err_and(|told| told.contains("speaks for environment")), "{told:?}");

    let api: Api<App> = Api::namespaced(agent.client.clone(), ns);
    let lock = Patch::Merge(json!({"spec": {"lock": {"reason": "mine"}}}));
    let changed = api.patch("web.prod", &PatchParams::default(), &lock).await.map(drop);
    let deleted = api.delete("web.prod", &DeleteParams::default()).await.map(drop);
    for told in [changed, deleted] {
        let told = told.map_err(|error| error.to_string());
        assert!(
            told.as_ref().is_err_and(|told| told.contains("an agent only reports")),
            "{told:?}"
        );
    }
    // What is below the status is not taken over by a write of the status either.
    let sly = Patch::Merge(json!({
        "metadata": {"labels": {"sly": "yes"}}, "spec": {"lock": {"reason": "mine"}},
        "status": {"live": {"state": "Failed"}},
    }));
    let app = api.patch_status("web.prod", &PatchParams::default(), &sly).await?;
    assert!(app.spec.lock.is_none() && app.labels().is_empty(), "{app:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_an_agent_is_no_more_than_its_report() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("agent-role").await?;
    let ns = namespace.name();
    make(&client, ns, "prod").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let agent = Agent { client: cluster.client_with_token(&token).await?, ns };
    let live = json!({"live": {"state": "Unknown"}});
    wait_until("the agent's right to report", SOON, async || {
        agent.report("App", "web.prod", &live).await.map_err(anyhow::Error::msg)
    })
    .await?;
    let api: Api<App> = Api::namespaced(agent.client.clone(), ns);
    let lock = Patch::Merge(json!({"spec": {"lock": {"reason": "mine"}}}));
    let told = api.patch("web.prod", &PatchParams::default(), &lock).await;
    assert!(told.is_err_and(|error| error.to_string().contains("forbidden")));
    assert!(api.list(&ListParams::default()).await.is_err(), "it lists Apps");
    let secrets: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(agent.client.clone(), ns);
    assert!(secrets.list(&ListParams::default()).await.is_err(), "it lists Secrets");
    Ok(())
}
