//! The operator ends at every point of a release, and starts again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Phase, Release, condition};
use gimlet_e2e::{Proxy, Stage, Trap, wait_until};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::faults::once;

const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_release_made_while_the_operator_was_down_is_committed_once() -> Result<()> {
    let mut stage = Stage::open("early").await?;
    stage.operator.kill()?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.operator.restart().await?;
    once(&stage, &release).await?;
    // And killed while it plans, wherever that is.
    let next = stage.release("web", stage.web("2")).await?;
    stage.operator.kill()?;
    stage.operator.restart().await?;
    once(&stage, &next).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_outlives_a_killed_operator_is_no_second_commit() -> Result<()> {
    let (mut stage, proxy) = Proxy::stage("queued").await?;
    proxy.trap_next_push(Trap::HoldRequest);
    let release = stage.release("web", stage.web("1")).await?;
    proxy.sprung(1).await?;
    let queued = stage.phase(&release.name_any(), Phase::Queued).await?;
    ensure!(queued.status.is_some_and(|status| status.commit.is_none()), "nothing is in git");
    assert!(stage.commits_of(&release)?.is_empty(), "the push has arrived already");
    stage.operator.kill()?;
    stage.operator.restart().await?;
    // The push of the process that is gone, and those of the new one.
    proxy.resume();
    once(&stage, &release).await?;
    let next = stage.release("web", stage.web("2")).await?;
    once(&stage, &next).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_before_it_heard_of_its_push_adopts_the_commit() -> Result<()> {
    let (mut stage, proxy) = Proxy::stage("adopt").await?;
    proxy.trap_next_push(Trap::HoldAnswer);
    let release = stage.release("web", stage.web("1")).await?;
    proxy.sprung(1).await?;
    assert_eq!(stage.commits_of(&release)?.len(), 1, "the server has taken the push");
    let before = stage.get(&release.name_any()).await?;
    assert_eq!(before.status.map(|status| status.phase), Some(Phase::Queued));
    stage.operator.kill()?;
    stage.operator.restart().await?;
    let status = once(&stage, &release).await?.status.context("it has a status")?;
    let committed = condition::find(&status.conditions, condition::COMMITTED);
    let message = &committed.context("it says that it is committed")?.message;
    assert!(message.contains("an earlier attempt had reached git"), "{message}");
    assert!(status.plan.is_some(), "the plan is kept");
    stage.end().await
}

/// A workload whose pod is only scheduled after [`let_go`].
fn gated(stage: &Stage) -> Value {
    let labels = json!({"run": "gated"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gated"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "schedulingGates": [{"name": "example.com/test"}],
                    "containers": [{"name": "app", "image": "example/app:1"}],
                },
            },
        },
    });
    json!({"namespace": stage.namespace.name(), "manifests": deployment.to_string()})
}

async fn let_go(stage: &Stage, client: &Client) -> Result<()> {
    let namespace = stage.namespace.name();
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod = wait_until("the pod", SOON, async || {
        let list = pods.list(&ListParams::default().labels("run=gated")).await?;
        list.items.into_iter().next().context("there is none")
    })
    .await?;
    let patch = r#"[{"op": "remove", "path": "/spec/schedulingGates"}]"#;
    let name = pod.name_any();
    stage.cluster.kubectl(["patch", "pod", &name, "-n", namespace, "--type=json", "-p", patch])?;
    Ok(())
}

fn suspend(stage: &Stage, suspended: bool) -> Result<()> {
    let patch = json!({"spec": {"suspend": suspended}}).to_string();
    let namespace = stage.namespace.name();
    let source = "gitrepository/gimlet-staging";
    stage.cluster.kubectl(["patch", source, "-n", namespace, "--type=merge", "-p", &patch])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_after_the_commit_follows_it_to_its_end() -> Result<()> {
    let mut stage = Stage::open_with("late", json!({"flux": {"timeout": "5m"}})).await?;
    stage.connect_flux().await?;
    suspend(&stage, true)?;
    let release = stage.release("web", gated(&stage)).await?;
    let name = release.name_any();
    stage.phase(&name, Phase::Committed).await?;
    stage.operator.kill()?;
    suspend(&stage, false)?;
    stage.operator.restart().await?;
    stage.phase(&name, Phase::Applied).await?;
    stage.operator.kill()?;
    let client = stage.client.clone();
    let_go(&stage, &client).await?;
    stage.operator.restart().await?;
    stage.phase(&name, Phase::Healthy).await?;
    once(&stage, &release).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_another_replica_finishes_its_work() -> Result<()> {
    let (mut stage, proxy) = Proxy::stage("replica").await?;
    let other = stage.operator.replica().await?;
    assert!(!other.log().contains("leading"), "two lead at once");
    proxy.trap_next_push(Trap::HoldRequest);
    let release = stage.release("web", stage.web("1")).await?;
    proxy.sprung(1).await?;
    stage.operator.kill()?;
    proxy.resume();
    once(&stage, &release).await?;
    assert!(other.log().contains("leading"), "nobody leads");
    let next = stage.release("web", stage.web("2")).await?;
    once(&stage, &next).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_told_to_stop_gives_the_lease_back_and_loses_nothing() -> Result<()> {
    let mut stage = Stage::open("term").await?;
    let mut releases: Vec<Release> = Vec::new();
    for count in 0..5 {
        releases.push(stage.release(&format!("web-{count}"), stage.web("1")).await?);
    }
    stage.operator.stop().await?;
    let holder = ["get", "lease", "gimlet-operator", "-o", "jsonpath={.spec.holderIdentity}"];
    let holder = stage.cluster.kubectl(holder.into_iter().chain(["-n", &*stage.namespace]))?;
    assert_eq!(holder, "", "the lease is still held");
    stage.operator.restart().await?;
    for release in &releases {
        once(&stage, release).await?;
    }
    stage.end().await
}
