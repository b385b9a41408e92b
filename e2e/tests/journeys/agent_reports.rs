//! The agent: from what runs in a cluster to the App and the Environment, through the dashboard.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, Environment, agent_account};
use gimlet_e2e::{Agent, ControlPlane, Dashboard, control_plane, wait_until};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::agents::{identity, make};

const SOON: Duration = Duration::from_mins(1);

/// Has the app `web` of an environment run an image, as Flux would.
pub(crate) fn run(cluster: &ControlPlane, ns: &str, image: &str) -> Result<()> {
    let labels = json!({"gimlet.io/app": "web", "gimlet.io/environment": ns});
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": ns, "labels": labels},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [{"name": "app", "image": image}]}},
        },
    });
    cluster.apply(&object.to_string()).map(drop)
}

/// Waits until the live state of the app `web` holds these fields.
pub(crate) async fn shows(apps: &Api<App>, ns: &str, expected: &Value) -> Result<Value> {
    wait_until(&format!("the app to show {expected}"), SOON, async || {
        let app = apps.get(&format!("web.{ns}")).await?;
        let live = serde_json::to_value(app.status.as_ref().and_then(|s| s.live.as_ref()))?;
        let fields = expected.as_object().context("no fields")?;
        ensure!(fields.iter().all(|(key, value)| live[key] == *value), "{live}");
        Ok(live)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_really_runs_reaches_the_app_and_the_environment() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("reports").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    let apps: Api<App> = Api::namespaced(client.clone(), ns);
    let environments: Api<Environment> = Api::namespaced(client.clone(), ns);
    // Its name is in labels of the whole cluster, which other tests use too.
    make(&client, ns, ns).await?;
    let here = Patch::Merge(json!({"spec": {"flux": {"namespace": ns}}}));
    environments.patch(ns, &PatchParams::default(), &here).await?;
    run(&cluster, ns, "shop/web:1")?;
    let token = identity(&cluster, ns, ns).await?;
    let agent = Agent::start(&cluster, ns, &dashboard.origin(), &format!("{ns}/{ns}"), &token)?;
    agent.ready().await?;

    let healthy = json!({"state": "Healthy", "replicas": "1/1", "images": ["shop/web:1"]});
    shows(&apps, ns, &healthy).await?;

    run(&cluster, ns, "shop/web:broken")?;
    let failed = shows(&apps, ns, &json!({"state": "Failed"})).await?;
    let text = |key: &str| failed[key].as_str().unwrap_or_default().to_owned();
    assert!(text("reason").contains("Image"), "{failed}");
    assert!(text("message").contains("container app"), "{failed}");
    assert!(!text("nextStep").is_empty(), "{failed}");

    // Another token makes another connection, and what changes meanwhile is told.
    agent.exchange(&cluster.token(ns, &agent_account(ns))?)?;
    run(&cluster, ns, "shop/web:2")?;
    shows(&apps, ns, &json!({"state": "Healthy", "images": ["shop/web:2"]})).await?;
    wait_until("the new token to be taken", SOON, async || {
        let metrics = agent.probe("/metrics")?.body.to_string();
        ensure!(
            metrics.contains(r#"gimlet_agent_connections_total{end=\"rotated\"} 1"#),
            "{metrics}"
        );
        ensure!(metrics.contains("gimlet_agent_has_dashboard 1"), "{metrics}");
        Ok(())
    })
    .await?;

    let root = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": format!("gimlet-{ns}"), "namespace": ns,
                     "labels": {"gimlet.io/environment": ns}},
        "spec": {"interval": "1h", "prune": false, "path": "./", "suspend": true,
                 "sourceRef": {"kind": "GitRepository", "name": "nothing"}},
    });
    cluster.apply(&root.to_string())?;
    wait_until("the environment to show its Kustomization", SOON, async || {
        let environment = environments.get(ns).await?;
        let agent = environment.status.and_then(|status| status.agent);
        let agent = serde_json::to_value(agent)?;
        ensure!(agent.to_string().contains(&format!("gimlet-{ns}")), "{agent}");
        Ok(())
    })
    .await?;
    let said = agent.log();
    assert!(!said.contains("may not be seen") && !said.contains("ERROR"), "{said}");
    Ok(())
}
