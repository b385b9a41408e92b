//! Releases to another cluster, seen through its agent alone: two control planes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::condition::{self, AGENT_CONNECTED, FLUX_READY};
use gimlet_crds::{App, LiveState, Phase};
use gimlet_e2e::{
    Agent, ControlPlane, Dashboard, OwnControlPlane, Stage, gitea, secret, wait_until,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::json;

use crate::agents::identity;
use crate::release::status;

const SOON: Duration = Duration::from_mins(2);

/// A stage whose environment is applied to a cluster of its own, by Flux there.
struct Two {
    stage: Stage,
    dashboard: Dashboard,
    workload: OwnControlPlane,
    token: String,
}

impl Two {
    async fn open(name: &str) -> Result<Self> {
        let stage = Stage::bare(name).await?;
        let ns = stage.namespace.name().to_owned();
        stage.environment("staging", "staging", json!({"observedBy": "Agent"})).await?;
        stage.environment_ready("staging").await?;
        let workload = ControlPlane::own(name, true)?;
        workload.kubectl(["create", "namespace", &ns])?;
        let gitea = gitea()?;
        workload.apply(&secret(&ns, "gitops", &gitea.user, &gitea.token))?;
        let dashboard = Dashboard::start(&stage.cluster, &ns, &[]).await?;
        let token = identity(&stage.cluster, &ns, "staging").await?;
        Ok(Self { stage, dashboard, workload, token })
    }

    fn agent(&self) -> Result<Agent> {
        let ns = self.stage.namespace.name();
        let environment = format!("{ns}/staging");
        Agent::start(&self.workload, ns, &self.dashboard.origin(), &environment, &self.token)
    }

    /// Has Flux of the other cluster follow the environment, as a person does once.
    fn connect_flux(&self) -> Result<()> {
        let files = self.stage.files()?;
        for name in ["gitrepository.yaml", "root.yaml"] {
            let path = format!("staging/flux/{name}");
            self.workload.apply(files.get(&path).with_context(|| format!("git has no {path}"))?)?;
        }
        Ok(())
    }

    async fn environment_says(&self, kind: &'static str) -> Result<()> {
        let what = format!("says {kind}");
        let environment = self.stage.environment_until("staging", &what, |environment| {
            let status = environment.status.as_ref();
            status.is_some_and(|status| condition::is_true(&status.conditions, kind))
        });
        environment.await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_to_another_cluster_is_judged_by_its_agent_alone() -> Result<()> {
    let mut two = Two::open("two").await?;
    let ns = two.stage.namespace.name().to_owned();
    let mut agent = two.agent()?;
    agent.ready().await?;
    two.environment_says(AGENT_CONNECTED).await?;
    two.connect_flux()?;
    two.environment_says(FLUX_READY).await?;

    let stage = &two.stage;
    let first = stage.release("web", stage.web("1")).await?;
    let done = stage.phase(&first.name_any(), Phase::Healthy).await?;
    let times = &status(&done)?.timestamps;
    ensure!(times.applied.is_some() && times.healthy.is_some(), "{times:?}");
    let apps: Api<App> = Api::namespaced(stage.client.clone(), &ns);
    let app = apps.get("web.staging").await?;
    let live = app.status.and_then(|status| status.live).context("no live state")?;
    ensure!(live.state == LiveState::Healthy && live.replicas.is_some(), "{live:?}");
    ensure!(live.commit.is_some(), "{live:?}");
    let here: Api<Deployment> = Api::namespaced(stage.client.clone(), &ns);
    ensure!(here.list(&ListParams::default()).await?.items.is_empty(), "it runs here");
    let there: Api<Deployment> = Api::namespaced(two.workload.client().await?, &ns);
    there.get("web").await?;

    // What does not run is told by its cause, over there as here.
    let bad = stage.release("web", stage.web("broken-2")).await?;
    let failed = stage.phase(&bad.name_any(), Phase::Failed).await?;
    let ready =
        condition::find(&status(&failed)?.conditions, condition::READY).context("no Ready")?;
    ensure!(ready.reason == "ImagePullBackOff", "{ready:?}");
    ensure!(ready.message.contains("Deployment/web"), "{ready:?}");

    // While nobody reports, a release is not called healthy; afterwards it goes on by itself, and so does
    // one that others came on top of meanwhile.
    drop(agent);
    let third = stage.release("web", stage.web("3")).await?;
    let other = stage.release("other", stage.web("1")).await?;
    stage.phase(&other.name_any(), Phase::Committed).await?;
    wait_until("Flux to be done", SOON, async || {
        let web = there.get("web").await?;
        let image = web.spec.and_then(|spec| spec.template.spec?.containers.remove(0).image);
        ensure!(image.as_deref() == Some("example/web:3"), "{image:?}");
        Ok(())
    })
    .await?;
    let waits = stage.get(&third.name_any()).await?;
    ensure!(status(&waits)?.phase == Phase::Committed, "{waits:?}");
    agent = two.agent()?;
    for release in [&third, &other] {
        stage.phase(&release.name_any(), Phase::Healthy).await?;
    }

    // The dashboard goes and comes back where it was, and with it what is reported.
    two.dashboard.kill()?;
    let stage = &two.stage;
    let fourth = stage.release("web", stage.web("4")).await?;
    stage.phase(&fourth.name_any(), Phase::Committed).await?;
    two.dashboard.restart().await?;
    let stage = &two.stage;
    stage.phase(&fourth.name_any(), Phase::Healthy).await?;
    agent.ready().await?;

    // And the API server of the other cluster.
    two.workload.restart("kube-apiserver")?;
    let fifth = stage.release("web", stage.web("5")).await?;
    stage.phase(&fifth.name_any(), Phase::Healthy).await?;
    let Two { stage, .. } = two;
    stage.end().await
}
