//! Who is away for a while: the dashboard, and the network between an agent and the others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_crds::condition::{AGENT_CONNECTED, FLUX_READY};
use gimlet_crds::{App, Environment, Phase};
use gimlet_e2e::{Agent, Answer, ControlPlane, Dashboard, Proxy, control_plane, wait_until};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::agent_reports::{run, shows};
use crate::agents::{identity, make};
use crate::clusters::Two;
use crate::release::status;

const SOON: Duration = Duration::from_mins(2);
/// By how much an agent's memory may grow while nobody takes what it has to tell.
const GROWTH: u64 = 16 * 1024 * 1024;

/// Gives the memory that a process has now, in bytes.
fn resident(process: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let number = line.split_whitespace().next().context("no number")?;
    Ok(number.parse::<u64>()? * 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_was_away_for_a_minute_is_told_what_became_of_everything() -> Result<()> {
    let mut two = Two::open("away", json!({})).await?;
    let ns = two.stage.namespace.name().to_owned();
    let agent = two.agent()?;
    agent.ready().await?;
    two.environment_says(AGENT_CONNECTED).await?;
    two.connect_flux()?;
    two.environment_says(FLUX_READY).await?;
    let first = two.stage.release("web", two.stage.web("1")).await?;
    two.stage.phase(&first.name_any(), Phase::Healthy).await?;
    let before = resident(agent.pid())?;

    two.dashboard.kill()?;
    let gone = Instant::now();
    let second = two.stage.release("web", two.stage.web("2")).await?;
    two.stage.phase(&second.name_any(), Phase::Committed).await?;
    let pods: Api<Pod> = Api::namespaced(two.workload.client().await?, &ns);
    let (mut seen, mut rounds) = (BTreeSet::new(), 0);
    // By the clock: for how long it is away is what this is about.
    wait_until("a whole minute", SOON, async || {
        let present = pods.list(&ListParams::default()).await?;
        seen.extend(present.items.iter().map(ResourceExt::name_any));
        let now = DeleteParams::default().grace_period(0);
        pods.delete_collection(&now, &ListParams::default()).await?;
        rounds += 1;
        ensure!(gone.elapsed() >= Duration::from_mins(1), "{:?}", gone.elapsed());
        Ok(())
    })
    .await?;
    ensure!(seen.len() > rounds / 2, "only {} pods in {rounds} rounds", seen.len());
    let waits = two.stage.get(&second.name_any()).await?;
    ensure!(status(&waits)?.phase == Phase::Committed, "who told it? {waits:?}");
    two.dashboard.restart().await?;

    let stage = &two.stage;
    stage.phase(&second.name_any(), Phase::Healthy).await?;
    stage
        .app_until("web", "shows what runs now", |app| {
            let live = app.status.as_ref().and_then(|status| status.live.as_ref());
            live.is_some_and(|live| live.images == ["example/web:2"])
        })
        .await?;
    let grown = resident(agent.pid())?.saturating_sub(before);
    ensure!(grown < GROWTH, "the agent has {grown} bytes more, after {} pods", seen.len());

    // Everything is there once: the pods that the dashboard was told of, the commit, the agent.
    stage.cluster.kubectl(["create", "serviceaccount", "ada", "-n", &ns])?;
    let subject = format!("--serviceaccount={ns}:ada");
    let role = "--clusterrole=gimlet-viewer";
    stage.cluster.kubectl(["create", "rolebinding", "ada", "-n", &ns, role, &subject])?;
    let bearer = format!("Bearer {}", stage.cluster.token(&ns, "ada")?);
    let (path, as_ada) =
        (format!("/api/agents/{ns}/staging/apps/web"), [("Authorization", bearer.as_str())]);
    wait_until("the dashboard to know the pods of now", SOON, async || {
        let Answer { status, body, .. } = two.dashboard.ask("GET", &path, &as_ada, None)?;
        ensure!(status == 200, "{body}");
        let told = body["running"]["state"]["pods"].as_array().context("no pods")?;
        let mut told: Vec<_> = told.iter().filter_map(|pod| pod["name"].as_str()).collect();
        told.sort_unstable();
        let present = pods.list(&ListParams::default()).await?;
        let mut present: Vec<_> = present.items.iter().map(ResourceExt::name_any).collect();
        present.sort_unstable();
        ensure!(told == present, "{told:?} for {present:?}");
        Ok(())
    })
    .await?;
    ensure!(stage.commits_of(&second)?.len() == 1, "{:?}", stage.log()?);
    let all = stage.releases().list(&ListParams::default()).await?.items;
    ensure!(all.len() == 2, "there are releases that nobody made: {all:?}");
    let metrics = two.dashboard.probe("/metrics")?.body.to_string();
    ensure!(metrics.contains("gimlet_agents 1"), "{metrics}");
    let Two { stage, .. } = two;
    stage.end().await
}

/// How a network fails without a word.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// What is sent is taken by something on the way, and goes no further.
    Swallows,
    /// Packets are dropped, and the connections of before are never heard of again.
    Drops,
}

impl Failure {
    fn begin(self, proxy: &Proxy) -> Result<()> {
        match self {
            Self::Swallows => proxy.pause(),
            Self::Drops => proxy.lose()?,
        }
        Ok(())
    }

    /// How an agent finds it out: what is swallowed is answered for by the kernel in between.
    fn seen_by_agent(self) -> &'static str {
        match self {
            Self::Swallows => "the dashboard was silent for 45 seconds",
            Self::Drops => "Connection timed out",
        }
    }

    /// How the dashboard does; the proxy ends its own connection to it when packets are dropped.
    fn seen_by_dashboard(self) -> &'static str {
        match self {
            Self::Swallows => "nothing was heard for 45 seconds",
            Self::Drops => "an agent is sent away",
        }
    }

    fn end(self, proxy: &Proxy) -> Result<()> {
        match self {
            Self::Swallows => proxy.resume(),
            Self::Drops => proxy.find()?,
        }
        Ok(())
    }
}

/// An agent that reaches the dashboard and its API server through a proxy each.
struct Behind {
    cluster: ControlPlane,
    ns: String,
    to_dashboard: Proxy,
    to_cluster: Proxy,
    agent: Agent,
    dashboard: Dashboard,
    apps: Api<App>,
    environments: Api<Environment>,
}

impl Behind {
    async fn open(cluster: &ControlPlane, ns: &str) -> Result<Self> {
        let dashboard = Dashboard::start(cluster, ns, &[]).await?;
        let client = cluster.client().await?;
        // Its name is in labels of the whole cluster, which other tests use too.
        make(&client, ns, ns).await?;
        let environments: Api<Environment> = Api::namespaced(client.clone(), ns);
        let here = Patch::Merge(json!({"spec": {"flux": {"namespace": ns}}}));
        environments.patch(ns, &PatchParams::default(), &here).await?;
        let token = identity(cluster, ns, ns).await?;
        let config = cluster.kubectl(["config", "view", "--minify", "-o", "json"])?;
        let config: Value = serde_json::from_str(&config)?;
        let server = config["clusters"][0]["cluster"]["server"].as_str().context("no server")?;
        let (to_dashboard, to_cluster) =
            (Proxy::start(&dashboard.origin()).await?, Proxy::start(server).await?);
        let (server, address) =
            (to_cluster.through(server), to_dashboard.through(&dashboard.origin()));
        let environment = format!("{ns}/{ns}");
        let agent = Agent::start_behind(cluster, ns, &server, &address, &environment, &token)?;
        let (apps, ns) = (Api::namespaced(client, ns), ns.to_owned());
        let cluster = cluster.clone();
        Ok(Self { cluster, ns, to_dashboard, to_cluster, agent, dashboard, apps, environments })
    }

    /// Has another image run, and waits until the App says so; gives how long it took.
    async fn runs(&self, image: &str) -> Result<Duration> {
        run(&self.cluster, &self.ns, image)?;
        self.told(image).await
    }

    async fn told(&self, image: &str) -> Result<Duration> {
        let begun = Instant::now();
        shows(&self.apps, &self.ns, &json!({"state": "Healthy", "images": [image]})).await?;
        Ok(begun.elapsed())
    }

    /// Waits until the agent is not ready, and says these words.
    async fn not_ready(&self, words: &str, within: Duration) -> Result<()> {
        wait_until(&format!("the agent to say '{words}'"), within, async || {
            let probe = self.agent.probe("/readyz")?;
            ensure!(probe.status == 503 && probe.body.to_string().contains(words), "{probe:?}");
            Ok(())
        })
        .await
    }

    async fn blind(&self) -> Result<Option<String>> {
        let status = self.environments.get(&self.ns).await?.status;
        Ok(status.and_then(|status| status.agent?.blind).map(|blind| blind.message))
    }
}

async fn a_failure_is_noticed_told_and_made_up_for(failure: Failure) -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("network").await?;
    let here = Behind::open(&cluster, namespace.name()).await?;
    here.agent.ready().await?;
    here.runs("shop/web:1").await?;

    // Between the agent and the dashboard: three silent intervals of 15 seconds, on both sides.
    failure.begin(&here.to_dashboard)?;
    run(&cluster, &here.ns, "shop/web:2")?;
    here.not_ready("there is no connection to the dashboard", Duration::from_secs(55)).await?;
    wait_until("the agent to give the dashboard up", SOON, async || {
        let log = here.agent.log();
        ensure!(log.contains(failure.seen_by_agent()), "{log}");
        Ok(())
    })
    .await?;
    wait_until("the dashboard to give the agent up", SOON, async || {
        let log = here.dashboard.log();
        ensure!(log.contains(failure.seen_by_dashboard()), "{log}");
        let metrics = here.dashboard.probe("/metrics")?.body.to_string();
        ensure!(metrics.contains("gimlet_agents 0"), "{metrics}");
        Ok(())
    })
    .await?;
    failure.end(&here.to_dashboard)?;
    here.told("shop/web:2").await?;
    here.agent.ready().await?;

    // Between the agent and its API server.
    failure.begin(&here.to_cluster)?;
    run(&cluster, &here.ns, "shop/web:3")?;
    here.not_ready("the cluster is not seen since", Duration::from_secs(45)).await?;
    wait_until("the environment to say so", Duration::from_secs(10), async || {
        let said = here.blind().await?.context("nothing is said")?;
        ensure!(said.starts_with("the API server"), "{said}");
        Ok(())
    })
    .await?;
    failure.end(&here.to_cluster)?;
    here.told("shop/web:3").await?;
    wait_until("the environment to take it back", SOON, async || {
        let said = here.blind().await?;
        ensure!(said.is_none(), "{said:?}");
        Ok(())
    })
    .await?;
    here.agent.ready().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_noticed_told_and_made_up_for() -> Result<()> {
    a_failure_is_noticed_told_and_made_up_for(Failure::Swallows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_drops_everything_is_noticed_told_and_made_up_for() -> Result<()> {
    a_failure_is_noticed_told_and_made_up_for(Failure::Drops).await
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_are_dead_without_a_word_are_made_anew_within_half_a_minute() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("network").await?;
    let here = Behind::open(&cluster, namespace.name()).await?;
    here.agent.ready().await?;
    here.runs("shop/web:1").await?;
    // All connections are dead, and whoever makes a new one finds nothing wrong.
    here.to_cluster.lose()?;
    here.to_cluster.find()?;
    let took = here.runs("shop/web:2").await?;
    ensure!(took < Duration::from_secs(45), "{took:?}");
    let said = here.agent.log();
    ensure!(!said.contains("the cluster is not seen"), "it was there all the time: {said}");
    Ok(())
}
