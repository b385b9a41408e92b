//! What the other tests take for granted of the cluster.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use gimlet_e2e::{ControlPlane, control_plane, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::Client;
use kube::api::{Api, AttachParams, ListParams, LogParams, ObjectMeta, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);

fn deployment(namespace: &str, tag: &str) -> String {
    format!(
        r#"{{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {{"name": "web", "namespace": "{namespace}"}},
"spec": {{"replicas": 2, "selector": {{"matchLabels": {{"app": "web"}}}}, "template": {{
  "metadata": {{"labels": {{"app": "web"}}}},
  "spec": {{"containers": [{{"name": "web", "image": "example/web:{tag}"}}]}}}}}}}}"#
    )
}

async fn first_pod(client: &Client, namespace: &str) -> Result<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let list = pods.list(&ListParams::default().labels("app=web")).await?;
    list.items.into_iter().next().context("no pod yet")
}

#[tokio::test]
async fn a_deployment_becomes_ready_and_its_pod_has_logs_and_exec() -> Result<()> {
    let cluster = control_plane()?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("deploy").await?;
    cluster.apply(&deployment(&namespace, "1"))?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    let completed = conditions::is_deployment_completed();
    timeout(SOON, await_condition(deployments, "web", completed)).await??;

    let pod = first_pod(&client, &namespace).await?.metadata.name.context("a pod has a name")?;
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("web.log");
    std::fs::write(&log, "2026-01-01T00:00:00.000000000Z stdout F hello from the log\n")?;
    // The simulated kubelet reads logs from a file, and runs commands on this machine.
    cluster.apply(&format!(
        r#"{{"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs", "metadata": {{"name": "{pod}", "namespace": "{ns}"}},
"spec": {{"logs": [{{"containers": ["web"], "logsFile": "{log}"}}]}}}}
---
{{"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Exec", "metadata": {{"name": "{pod}", "namespace": "{ns}"}},
"spec": {{"execs": [{{"containers": ["web"], "local": {{"workDir": "{dir}"}}}}]}}}}"#,
        ns = namespace.name(),
        log = log.display(),
        dir = dir.path().display(),
    ))?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    wait_until("the pod's log", SOON, async || {
        let text = pods.logs(&pod, &LogParams::default()).await?;
        ensure!(text.contains("hello from the log"), "{text:?}");
        Ok(())
    })
    .await?;
    let output = wait_until("the command's output", SOON, async || {
        let mut process = pods.exec(&pod, ["echo", "from exec"], &AttachParams::default()).await?;
        let mut output = String::new();
        process.stdout().context("stdout")?.read_to_string(&mut output).await?;
        Ok(output)
    })
    .await?;
    assert_eq!(output, "from exec\n");
    Ok(())
}

#[tokio::test]
async fn an_image_whose_tag_says_broken_is_never_pulled() -> Result<()> {
    let cluster = control_plane()?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("broken").await?;
    cluster.apply(&deployment(&namespace, "broken-1"))?;
    wait_until("the reason why the pod waits", SOON, async || {
        let pod = first_pod(&client, &namespace).await?;
        let status = serde_json::to_value(&pod.status)?;
        let reason = &status["containerStatuses"][0]["state"]["waiting"]["reason"];
        ensure!(reason == "ImagePullBackOff", "{status}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_watch_sees_what_is_created() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("watch").await?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client().await?, &namespace);
    let mut events = watcher(maps.clone(), watcher::Config::default()).boxed();
    let metadata = ObjectMeta { name: Some("seen".to_owned()), ..ObjectMeta::default() };
    let map = ConfigMap { metadata, ..ConfigMap::default() };
    maps.create(&PostParams::default(), &map).await?;
    let seen = async {
        while let Some(event) = events.next().await {
            match event? {
                watcher::Event::Apply(map) | watcher::Event::InitApply(map)
                    if map.metadata.name.as_deref() == Some("seen") =>
                {
                    return Ok(());
                }
                _ => {}
            }
        }
        anyhow::bail!("the watch has ended")
    };
    timeout(SOON, seen).await?
}

#[tokio::test]
async fn a_namespace_goes_when_the_guard_is_dropped() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("gone").await?;
    let name = namespace.name().to_owned();
    drop(namespace);
    let namespaces: Api<Namespace> = Api::all(cluster.client().await?);
    wait_until("the namespace's end", Duration::from_secs(90), async || {
        let found = namespaces.get_opt(&name).await?;
        ensure!(found.is_none(), "{:?}", found.and_then(|namespace| namespace.status));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_no_more() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("rbac").await?;
    let ns = namespace.name();
    cluster.kubectl(["create", "serviceaccount", "bot", "-n", ns])?;
    cluster.kubectl([
        "create",
        "role",
        "reader",
        "--verb=list",
        "--resource=configmaps",
        "-n",
        ns,
    ])?;
    let account = format!("--serviceaccount={ns}:bot");
    cluster.kubectl(["create", "rolebinding", "bot", "--role=reader", &account, "-n", ns])?;
    let client = cluster.client_with_token(&cluster.token(ns, "bot")?).await?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), ns);
    wait_until("the role's effect", SOON, async || Ok(maps.list(&ListParams::default()).await?))
        .await?;
    let pods: Api<Pod> = Api::namespaced(client, ns);
    let error = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&error, kube::Error::Api(status) if status.is_forbidden()), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_of_ones_own_survives_the_end_of_its_api_server() -> Result<()> {
    let cluster = ControlPlane::own("restart", false)?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("kept").await?;
    cluster.kill("kube-apiserver")?;
    let namespaces: Api<Namespace> = Api::all(client);
    assert!(namespaces.get(&namespace).await.is_err(), "a killed server does not answer");
    cluster.restart("kube-apiserver")?;
    wait_until("the server's return", Duration::from_mins(1), async || {
        Ok(namespaces.get(&namespace).await?)
    })
    .await?;
    Ok(())
}
