//! Taking an app away, and leaving it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use gimlet_crds::{App, Phase, condition};
use gimlet_e2e::{Stage, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

const SOON: Duration = Duration::from_mins(2);

/// Collects everything that the Ready condition of Apps says from now on.
fn listen(apps: Api<App>) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let into = Arc::clone(&heard);
    tokio::spawn(async move {
        let stream = watcher(apps, watcher::Config::default()).default_backoff();
        let mut stream = std::pin::pin!(stream.applied_objects());
        while let Some(app) = stream.next().await {
            let status = app.ok().and_then(|app| app.status).unwrap_or_default();
            let ready = condition::find(&status.conditions, condition::READY);
            hold(&into).extend(ready.map(|ready| ready.message.clone()));
        }
    });
    heard
}

fn hold(heard: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_app_removes_it_from_git_and_from_the_cluster() -> Result<()> {
    let stage = Stage::open("uninstall").await?;
    stage.connect_flux().await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.name_any(), Phase::Healthy).await?;
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &stage.namespace);
    deployments.get("web").await?;
    let heard = listen(stage.apps());
    wait_until("a first message", SOON, async || {
        ensure!(!hold(&heard).is_empty(), "the watch has not begun");
        Ok(())
    })
    .await?;

    let ns = stage.namespace.name();
    stage.cluster.kubectl(["delete", "app.gimlet.io/web.staging", "-n", ns, "--wait=false"])?;
    stage.app_gone("web").await?;
    let heard = hold(&heard).clone();
    assert!(heard.iter().any(|m| m.contains("waiting for Flux to remove")), "{heard:?}");
    assert_eq!(deployments.get_opt("web").await?.map(|d| d.name_any()), None);
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), ns);
    wait_until("the end of the pods", SOON, async || {
        let left = pods.list(&ListParams::default()).await?.items;
        ensure!(left.is_empty(), "{} pods", left.len());
        Ok(())
    })
    .await?;

    let files: Vec<String> = stage.files()?.into_keys().collect();
    assert_eq!(files, ["staging/flux/gitrepository.yaml", "staging/flux/root.yaml"]);
    let log = stage.log()?;
    let last = log.first().context("the log is empty")?;
    assert_eq!(last.subject, "staging/web: uninstall");
    assert_eq!(last.trailer("Gimlet-Action"), Some("uninstall"));
    assert_eq!(last.trailer("Gimlet-App"), Some("web"));

    // The name is free again, and the record of the first release does not bring it back.
    let again = stage.release("web", stage.web("2")).await?;
    stage.phase(&again.name_any(), Phase::Healthy).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_orphaned_leaves_everything_as_it_is() -> Result<()> {
    let stage = Stage::open("orphan").await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.ended(&release.name_any()).await?;
    let (head, files) = (stage.repository.head("main")?, stage.files()?);
    let orphan = Patch::Merge(json!({"spec": {"deletionPolicy": "Orphan"}}));
    stage.apps().patch("web.staging", &PatchParams::default(), &orphan).await?;
    stage.apps().delete("web.staging", &DeleteParams::default()).await?;
    stage.app_gone("web").await?;
    assert_eq!(stage.repository.head("main")?, head);
    assert_eq!(stage.files()?, files);
    assert!(files.contains_key("staging/web/deployment-web.yaml"), "{:?}", files.keys());
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstall_waits_while_its_environment_is_locked() -> Result<()> {
    let stage = Stage::open("locked-app").await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.ended(&release.name_any()).await?;
    let head = stage.repository.head("main")?;
    stage.change_environment("staging", json!({"lock": {"reason": "audit"}})).await?;
    stage.apps().delete("web.staging", &DeleteParams::default()).await?;
    stage
        .app_until("web", "says that it waits", |app| {
            let status = app.status.clone().unwrap_or_default();
            let ready = condition::find(&status.conditions, condition::READY);
            ready.is_some_and(|ready| ready.message == "the environment is locked: audit")
        })
        .await?;
    assert_eq!(stage.repository.head("main")?, head);
    stage.change_environment("staging", json!({"lock": null})).await?;
    stage.app_gone("web").await?;
    assert!(!stage.files()?.contains_key("staging/web/release.json"));
    stage.end().await
}
