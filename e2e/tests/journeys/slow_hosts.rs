//! A git host that does not answer: whose work waits for it, and whose does not.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gimlet_crds::{App, Phase};
use gimlet_e2e::{Proxy, Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::json;

const SOON: Duration = Duration::from_mins(1);
/// Less than a silent connection is waited for; nobody waits for another environment's.
const WITHOUT_DELAY: Duration = Duration::from_secs(20);

/// Reads a metric of a repository that is reached through an address.
fn of_repository(metrics: &str, name: &str, address: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(address))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_host_that_is_silent_delays_no_other_environment_and_the_queue_tells() -> Result<()> {
    let mut stage = Stage::open("silent").await?;
    let proxy = Proxy::start(&gitea()?.url).await?;
    let url = proxy.through(&stage.repository.http_url);
    stage.environment("slow", "slow", json!({"gitops": {"url": url}})).await?;
    stage.environment_ready("slow").await?;
    stage.operator.stop().await?;
    // More of everything than is worked on at once.
    for number in 0..40 {
        let name = format!("app-{number:02}");
        let app = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": format!("{name}.slow")},
            "spec": {"app": name, "environment": "slow"},
        });
        let app: App = serde_json::from_value(app)?;
        stage.apps().create(&PostParams::default(), &app).await?;
    }
    let mut slow = Vec::new();
    for number in 0..8 {
        let manifest = json!({"manifest": stage.web("1")});
        slow.push(stage.create_in("slow", &format!("app-{number:02}"), manifest).await?);
    }
    proxy.pause();
    let visits = proxy.visits();
    stage.operator.restart_with(&["--concurrency", "4"]).await?;
    proxy.visited(visits).await?;

    let began = Instant::now();
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.name_any(), Phase::Committed).await?;
    stage
        .app_until("web", "tells its release", |app| {
            app.status.as_ref().is_some_and(|status| status.current.is_some())
        })
        .await?;
    let took = began.elapsed();
    ensure!(took < WITHOUT_DELAY, "another environment's host delayed it: {took:?}");

    // The host answers again, and then takes a push without an answer: that is lag, too.
    proxy.resume();
    for release in &slow {
        stage.ended(&release.name_any()).await?;
    }
    proxy.trap_next_push(gimlet_e2e::Trap::HoldAnswer);
    let held = stage.create_in("slow", "late", json!({"manifest": stage.web("1")})).await?;
    proxy.sprung(1).await?;
    let address = proxy.through(&gitea()?.url);
    let address = address.trim_start_matches("http://").to_owned();
    wait_until("a queue with one release that waits for two seconds", SOON, async || {
        let metrics = stage.operator.metrics()?;
        let depth = of_repository(&metrics, "gimlet_queue_depth{", &address);
        let oldest = of_repository(&metrics, "gimlet_queue_oldest_seconds{", &address);
        ensure!(depth == Some(1.0), "{depth:?} wait");
        ensure!(oldest.is_some_and(|oldest| oldest > 2.0), "the oldest waits {oldest:?}");
        Ok(())
    })
    .await?;
    proxy.resume();
    stage.ended(&held.name_any()).await?;
    wait_until("an empty queue", SOON, async || {
        let metrics = stage.operator.metrics()?;
        let depth = of_repository(&metrics, "gimlet_queue_depth{", &address);
        let oldest = of_repository(&metrics, "gimlet_queue_oldest_seconds{", &address);
        ensure!(depth == Some(0.0) && oldest == Some(0.0), "{depth:?} wait {oldest:?}");
        Ok(())
    })
    .await?;
    stage.end().await
}
