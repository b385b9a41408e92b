//! Releases to another cluster, seen through its agent alone: two control planes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::condition::{self, AGENT_BLIND, AGENT_CONNECTED, FLUX_READY, READY};
use gimlet_crds::{App, LiveState, Phase};
use gimlet_e2e::{
    Agent, ControlPlane, Dashboard, OwnControlPlane, Stage, gitea, secret, wait_until,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::agents::identity;
use crate::release::status;

const SOON: Duration = Duration::from_mins(2);

/// A stage whose environment is applied to a cluster of its own, by Flux there.
pub(crate) struct Two {
    pub(crate) stage: Stage,
    pub(crate) dashboard: Dashboard,
    pub(crate) workload: OwnControlPlane,
    token: String,
}

impl Two {
    pub(crate) async fn open(name: &str, mut spec: Value) -> Result<Self> {
        let stage = Stage::bare(name).await?;
        let ns = stage.namespace.name().to_owned();
        spec["observedBy"] = json!("Agent");
        // Nobody tells Flux over there of a commit.
        spec["flux"] = json!({"interval": "10s"});
        stage.environment("staging", "staging", spec).await?;
        stage.environment_ready("staging").await?;
        let workload = ControlPlane::own(name, true)?;
        workload.kubectl(["create", "namespace", &ns])?;
        let gitea = gitea()?;
        workload.apply(&secret(&ns, "gitops", &gitea.user, &gitea.token))?;
        let dashboard = Dashboard::start(&stage.cluster, &ns, &[]).await?;
        let token = identity(&stage.cluster, &ns, "staging").await?;
        Ok(Self { stage, dashboard, workload, token })
    }

    pub(crate) fn agent(&self) -> Result<Agent> {
        let ns = self.stage.namespace.name();
        let environment = format!("{ns}/staging");
        Agent::start(&self.workload, ns, &self.dashboard.origin(), &environment, &self.token)
    }

    /// Has Flux of the other cluster follow the environment, as a person does once.
    pub(crate) fn connect_flux(&self) -> Result<()> {
        let files = self.stage.files()?;
        for name in ["gitrepository.yaml", "root.yaml"] {
            let path = format!("staging/flux/{name}");
            self.workload.apply(files.get(&path).with_context(|| format!("git has no {path}"))?)?;
        }
        Ok(())
    }

    pub(crate) async fn environment_says(&self, kind: &'static str) -> Result<()> {
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
    let mut two = Two::open("two", json!({})).await?;
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

    // And Flux.
    for controller in ["source-controller", "kustomize-controller"] {
        two.workload.restart(controller)?;
    }
    let again = stage.release("web", stage.web("4b")).await?;
    stage.phase(&again.name_any(), Phase::Healthy).await?;

    // And the API server of the other cluster.
    two.workload.restart("kube-apiserver")?;
    two.workload.answers().await?;
    let fifth = stage.release("web", stage.web("5")).await?;
    stage.phase(&fifth.name_any(), Phase::Healthy).await?;
    let Two { stage, .. } = two;
    stage.end().await
}

/// Tells whether the agent is why a condition is not known.
fn is_blind(conditions: &[Condition], kind: &str) -> bool {
    condition::find(conditions, kind).is_some_and(|found| found.reason == AGENT_BLIND)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_agent_does_not_see_its_cluster_it_says_so_and_nothing_is_judged_or_rolled_back()
-> Result<()> {
    let rule = json!({"automaticRollback": {"after": "20s"}});
    let mut two = Two::open("blind", rule).await?;
    let ns = two.stage.namespace.name().to_owned();
    let agent = two.agent()?;
    agent.ready().await?;
    two.environment_says(AGENT_CONNECTED).await?;
    two.connect_flux()?;
    two.environment_says(FLUX_READY).await?;
    let first = two.stage.release("web", two.stage.web("1")).await?;
    two.stage.phase(&first.name_any(), Phase::Healthy).await?;
    // So late that nobody would find it out by looking now and then.
    two.stage.operator.restart_with(&["--refresh-seconds", "3600"]).await?;
    let stage = &two.stage;
    let before = stage
        .app_until("web", "is healthy", |app| {
            let status = app.status.as_ref();
            status.is_some_and(|status| condition::is_true(&status.conditions, READY))
        })
        .await?;
    let live = |app: &App| app.status.as_ref().and_then(|status| status.live.clone());

    two.workload.kill("kube-apiserver")?;
    let environment = stage
        .environment_until("staging", "says that its agent is blind", |environment| {
            let status = environment.status.as_ref();
            status.is_some_and(|status| is_blind(&status.conditions, AGENT_CONNECTED))
        })
        .await?;
    let said = environment.status.and_then(|status| status.agent).context("no agent")?;
    let blind = said.blind.context("the agent says nothing of it")?;
    ensure!(blind.message.contains("the API server"), "{blind:?}");
    let app = stage
        .app_until("web", "says so too", |app| {
            app.status.as_ref().is_some_and(|status| is_blind(&status.conditions, READY))
        })
        .await?;
    ensure!(live(&app) == live(&before), "what was seen last is told: {app:?}");
    let probe = agent.probe("/readyz")?;
    ensure!(probe.status == 503 && probe.body.to_string().contains("not seen"), "{probe:?}");

    // What is released now reaches git, and there it waits, however long it takes.
    let second = stage.release("web", stage.web("2")).await?;
    let second = stage
        .until(&second.name_any(), "waits for the agent", |release| {
            release.status.as_ref().is_some_and(|status| is_blind(&status.conditions, READY))
        })
        .await?;
    let committed = status(&second)?.timestamps.committed.clone().context("it is not in git")?;
    wait_until("the time for a rollback", SOON, async || {
        let since = Timestamp::now().duration_since(committed.0);
        ensure!(since > SignedDuration::from_secs(25), "{since} since the commit");
        Ok(())
    })
    .await?;
    let waits = stage.get(&second.name_any()).await?;
    ensure!(status(&waits)?.phase == Phase::Committed, "{waits:?}");
    ensure!(status(&waits)?.sets_off.is_empty(), "it is taken back: {waits:?}");

    // When the cluster is seen again, it goes on as if nothing had been, and nothing was taken back. Flux
    // takes as long as it takes to find its way back, which is not what is looked at here.
    let rule = json!({"automaticRollback": {"after": "15m"}});
    stage.change_environment("staging", rule).await?;
    two.workload.restart("kube-apiserver")?;
    wait_until("Flux to be told to look", SOON, async || {
        let now = format!("reconcile.fluxcd.io/requestedAt={}", Timestamp::now());
        let source = ["annotate", "--overwrite", "gitrepository", "gimlet-staging", "-n", &ns];
        two.workload.kubectl(source.into_iter().chain([now.as_str()]))
    })
    .await?;
    two.environment_says(AGENT_CONNECTED).await?;
    wait_until("the release to be healthy", Duration::from_mins(5), async || {
        let second = stage.get(&second.name_any()).await?;
        ensure!(status(&second)?.phase == Phase::Healthy, "{second:?}");
        Ok(())
    })
    .await?;
    stage
        .app_until("web", "is healthy again", |app| {
            let status = app.status.as_ref();
            status.is_some_and(|status| condition::is_true(&status.conditions, READY))
        })
        .await?;
    let all = stage.releases().list(&ListParams::default()).await?;
    ensure!(all.items.len() == 2, "there are releases that nobody made: {:?}", all.items);
    for release in [&first, &second] {
        ensure!(stage.commits_of(release)?.len() == 1, "{}", release.name_any());
    }
    let Two { stage, .. } = two;
    stage.end().await
}
