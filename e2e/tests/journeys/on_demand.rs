//! What a person asks for with `gimlet` and the dashboard's API, done by a real agent as that person.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Agent, Cli, ControlPlane, Dashboard, control_plane, root, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::json;

use crate::agent_reports::run;
use crate::agents::{identity, make};

const SOON: Duration = Duration::from_mins(1);

/// Lets the agent of a namespace act as others, by the role that `config/` has for it.
pub(crate) fn impersonation(cluster: &ControlPlane, ns: &str) -> Result<()> {
    let role = root()?.join("config/agent-on-demand/impersonation.yaml");
    let role = role.to_str().context("the path of the checkout is not UTF-8")?;
    cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", role])?;
    cluster.apply(
        &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{ns}-impersonation")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "gimlet-agent-impersonation"},
            "subjects": [{"kind": "ServiceAccount", "name": "gimlet-agent", "namespace": ns}],
        })
        .to_string(),
    )?;
    Ok(())
}

/// Has the only pod of a namespace log what is in a file.
pub(crate) async fn log_from(cluster: &ControlPlane, ns: &str, file: &Path) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(cluster.client().await?, ns);
    let pod = wait_until("a pod", SOON, async || {
        let list = pods.list(&ListParams::default()).await?;
        list.items.into_iter().next().and_then(|pod| pod.metadata.name).context("there is none")
    })
    .await?;
    cluster.apply(
        &json!({
            "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs",
            "metadata": {"name": pod, "namespace": ns},
            "spec": {"logs": [{"containers": ["app"], "logsFile": file}]},
        })
        .to_string(),
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_and_does_in_another_cluster_what_they_may_there_and_no_more() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("demand").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    make(&client, ns, ns).await?;
    run(&cluster, ns, "shop/web:1")?;
    let token = identity(&cluster, ns, ns).await?;
    let environment = format!("{ns}/{ns}");
    let args = ["--on-demand=all"];
    let agent = Agent::start_with(&cluster, ns, &dashboard.origin(), &environment, &token, &args)?;
    impersonation(&cluster, ns)?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("log");
    std::fs::write(&file, "2026-01-01T00:00:00.000000000Z stdout F hello from the log\n")?;
    log_from(&cluster, ns, &file).await?;
    agent.ready().await?;

    // Ada may see the App here, and nothing there.
    cluster.kubectl(["create", "serviceaccount", "ada", "-n", ns])?;
    let subject = format!("--serviceaccount={ns}:ada");
    let viewer = "--clusterrole=gimlet-viewer";
    cluster.kubectl(["create", "rolebinding", "ada", "-n", ns, viewer, &subject])?;
    let token = cluster.token(ns, "ada")?;
    let mut cli = Cli::bare()?;
    cli.set("GIMLET_SERVER", &dashboard.origin());
    cli.set("GIMLET_TOKEN", &token).set("GIMLET_NAMESPACE", ns);
    let tree = wait_until("the tree", SOON, async || {
        let said = cli.run(["tree", "web", "-e", ns])?;
        ensure!(said.code == 0 && said.out.contains("Pod/web-"), "{said:?}");
        Ok(said.out)
    })
    .await?;
    assert!(tree.contains("Deployment/web"), "{tree}");
    let refused = cli.run(["logs", "web", "-e", ns])?;
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.out.is_empty(), "{refused:?}");
    let refused = cli.run(["events", "web", "-e", ns])?;
    assert_eq!(refused.code, 5, "{refused:?}");

    // A role that somebody there gives to the name that she has there.
    let name = format!("--user=management:system:serviceaccount:{ns}:ada");
    cluster.kubectl(["create", "rolebinding", "see", "-n", ns, "--clusterrole=view", &name])?;
    wait_until("the log", SOON, async || {
        let said = cli.run(["logs", "web", "-e", ns, "--tail", "5"])?;
        ensure!(said.code == 0 && said.out.contains("hello from the log"), "{said:?}");
        Ok(())
    })
    .await?;
    let events = cli.run(["events", "web", "-e", ns])?;
    assert_eq!(events.code, 0, "{events:?}");

    let restart = format!("/api/agents/{ns}/{ns}/restart");
    let web =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": ns, "name": "web"});
    let bearer = format!("Bearer {token}");
    let as_ada = [("Authorization", bearer.as_str())];
    // Nothing measures here what pods use.
    let usage = format!("/api/agents/{ns}/{ns}/apps/web/usage");
    let said = dashboard.ask("GET", &usage, &as_ada, None)?;
    assert_eq!((said.status, &said.body), (200, &json!({"items": null})), "{said:?}");
    let refused = dashboard.ask("POST", &restart, &as_ada, Some(&web))?;
    assert_eq!(
        (refused.status, &refused.body["reason"]),
        (403, &json!("Forbidden")),
        "{refused:?}"
    );
    cluster.kubectl(["create", "rolebinding", "do", "-n", ns, "--clusterrole=edit", &name])?;
    wait_until("the restart", SOON, async || {
        let done = dashboard.ask("POST", &restart, &as_ada, Some(&web))?;
        ensure!(done.status == 200, "{done:?}");
        Ok(())
    })
    .await?;
    let web = Api::<Deployment>::namespaced(client, ns).get("web").await?;
    let template = web.spec.context("no spec")?.template.metadata.unwrap_or_default();
    let annotations = template.annotations.unwrap_or_default();
    assert!(annotations.contains_key("kubectl.kubernetes.io/restartedAt"), "{annotations:?}");
    cluster.kubectl(["delete", "clusterrolebinding", &format!("{ns}-impersonation")])?;
    Ok(())
}
