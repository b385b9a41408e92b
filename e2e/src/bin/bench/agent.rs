//! What an agent costs in a cluster of many pods, and how soon a change is seen at the other end.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt, TryStreamExt};
use gimlet_agent::protocol::{AppState, FromAgent, FromDashboard, VERSION, decode, encode};
use gimlet_e2e::{Agent, ControlPlane, tool, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::cost::{Cost, Took, in_mebibytes, percent};
use crate::report::{Samples, Section, Verdict, mebibytes, row, time};
use crate::site::count;

const ENVIRONMENT: &str = "bench";
const PODS_OF_AN_APP: usize = 4;
/// A cluster that plays thousands of pods needs a while for it.
const PATIENCE: Duration = Duration::from_mins(10);
/// Between two changes: a hundred in a second.
const PACE: Duration = Duration::from_millis(10);
/// Changes that are on their way to the API server at once.
const AT_ONCE: usize = 32;
/// For how long a change may stay unseen.
const LATE: Duration = Duration::from_secs(20);
/// Until what was begun has come to rest.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures an agent that watches many pods, at rest and while they change; gives its first snapshot too.
pub async fn measure(cluster: &ControlPlane, quick: bool) -> Result<(Section, Vec<AppState>)> {
    let (apps, seconds) = if quick { (50, 10) } else { (500, 60) };
    let long = Duration::from_secs(seconds);
    let namespace = cluster.namespace("bench-f").await?;
    let client = cluster.client().await?;
    let pods = fill(&client, &namespace, apps).await?;
    let seen = Seen::default();
    let (address, environment) = (listen(&seen).await?, format!("{}/{ENVIRONMENT}", &*namespace));
    let agent = Agent::start(cluster, &namespace, &address, &environment, "bench")?;
    agent.ready().await?;
    seen.until("the snapshot", |held| held.whole).await?;
    tokio::time::sleep(SETTLE).await;
    let rest = Cost::begin(agent.pid())?;
    tokio::time::sleep(long).await;
    let rest = rest.end()?;

    let beside = Kubectl::watch(cluster)?;
    let api = Api::namespaced(client, &namespace);
    seen.watch(api.clone());
    tokio::time::sleep(SETTLE).await;
    let (work, other) = (Cost::begin(agent.pid())?, Cost::begin(beside.0.id())?);
    let (began, before) = (Instant::now(), seen.held().bytes);
    change(&api, &pods, &seen, long).await?;
    let (work, other, took) = (work.end()?, other.end()?, began.elapsed());
    seen.until("all changes to be seen", |held| held.other_end.pods.is_empty()).await?;

    let mut held = seen.held();
    let first = std::mem::take(&mut held.first);
    let (samples, asked) = (Samples::of(&held.other_end.took), Samples::of(&held.asked));
    let plain = Samples::of(&held.watch.took);
    let rate = count(held.other_end.took.len()) / took.as_secs_f64();
    ensure!(rest.memory > 0 && work.memory > 0, "the agent has ended");
    let line = |what: &str, took: &Took| {
        // The API server sends those away who do not keep up, and kubectl does not come back.
        let size = if took.memory > 0 { mebibytes(took.memory) } else { "sent away".to_owned() };
        row([what, &size, &percent(took.share)])
    };
    let memory = |size: f64| format!("{size:.0} MiB");
    let section = Section {
        title: format!("(f) An agent, {} pods of {apps} apps", pods.len()),
        table: vec![
            row(["what", "memory", "of one processor"]),
            line("the agent at rest", &rest),
            line("the agent while pods change", &work),
            line("`kubectl get pods -A -w` meanwhile", &other),
        ],
        verdicts: vec![
            Verdict::at_most("memory at rest", 60.0, in_mebibytes(rest.memory), memory),
            Verdict::at_most("processor at rest", 0.02, rest.share, percent),
            Verdict::at_most("processor while pods change", 0.15, work.share, percent),
            Verdict::at_most(
                "change seen at the other end, p99",
                0.5,
                samples.percentile(99),
                time,
            ),
        ],
        notes: vec![
            format!(
                "from the API server's answer until the other end has it: p50 {}, p99 {}",
                time(samples.median()),
                time(samples.percentile(99))
            ),
            format!(
                "from that answer until a plain watch has it: p50 {}, p99 {}",
                time(plain.median()),
                time(plain.percentile(99))
            ),
            format!(
                "the API server's answer itself: p50 {}, p99 {}",
                time(asked.median()),
                time(asked.percentile(99))
            ),
            format!(
                "{rate:.0} changes a second, {} sent meanwhile",
                mebibytes(held.bytes - before)
            ),
        ],
        data: json!({"seen": samples.to_json(), "plain": plain.to_json()}),
    };
    Ok((section, first))
}

/// Makes the apps, and returns the names of their pods once all run.
async fn fill(client: &Client, namespace: &str, apps: usize) -> Result<Vec<String>> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let made = futures::stream::iter(0..apps).map(|n| {
        let deployments = deployments.clone();
        async move {
            let name = format!("app-{n:03}");
            let object = serde_json::from_value(json!({
                "metadata": {"name": name, "labels": {
                    "gimlet.io/app": name, "gimlet.io/environment": ENVIRONMENT}},
                "spec": {
                    "replicas": PODS_OF_AN_APP, "selector": {"matchLabels": {"app": name}},
                    "template": {"metadata": {"labels": {"app": name}},
                                 "spec": {"containers": [{"name": "app", "image": "shop/web:1"}]}},
                },
            }))?;
            deployments.create(&PostParams::default(), &object).await?;
            anyhow::Ok(())
        }
    });
    made.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let wanted = apps * PODS_OF_AN_APP;
    wait_until("all pods to run", PATIENCE, async || {
        let running = ListParams::default().fields("status.phase=Running");
        let found = pods.list_metadata(&running).await?;
        ensure!(found.items.len() == wanted, "{} of {wanted}", found.items.len());
        Ok(found.items.iter().map(ResourceExt::name_any).collect())
    })
    .await
}

/// Changes pods, one after the other and all again, at an even pace.
async fn change(api: &Api<Pod>, pods: &[String], seen: &Seen, busy: Duration) -> Result<()> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut pace = tokio::time::interval(PACE);
    let (begun, mut number) = (Instant::now(), 0);
    let mut changes = tokio::task::JoinSet::new();
    while begun.elapsed() < busy {
        pace.tick().await;
        let permit = Arc::clone(&room).acquire_owned().await?;
        let name = pods[number % pods.len()].clone();
        let restarts = i32::try_from(number / pods.len())? + 1;
        number += 1;
        let (api, seen) = (api.clone(), seen.clone());
        changes.spawn(async move {
            let _permit = permit;
            let asked = Instant::now();
            seen.expect(&name, restarts);
            let change =
                [json!({"op": "replace", "path": "/status/containerStatuses/0/restartCount",
                                 "value": restarts})];
            let patch: Patch<()> = Patch::Json(serde_json::from_value(json!(change))?);
            api.patch_status(&name, &PatchParams::default(), &patch).await?;
            seen.answered(&name, restarts, asked);
            anyhow::Ok(())
        });
        while let Some(done) = changes.try_join_next() {
            done??;
        }
    }
    while let Some(done) = changes.join_next().await {
        done??;
    }
    Ok(())
}

/// What changed, and when it was seen: at the other end, and by a plain watch.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    other_end: Track,
    watch: Track,
    /// What the API server took to answer.
    asked: Vec<Duration>,
    /// What the first snapshot tells.
    first: Vec<AppState>,
    bytes: u64,
    whole: bool,
}

/// Changes that are seen in one way.
#[derive(Default)]
struct Track {
    /// Restarts that a pod is to show, and since when it is known that they are there.
    pods: HashMap<String, (i32, Option<Instant>)>,
    took: Vec<Duration>,
}

impl Track {
    fn answered(&mut self, pod: &str, restarts: i32) {
        if let Some((wanted, since)) = self.pods.get_mut(pod)
            && *wanted == restarts
        {
            *since = Some(Instant::now());
        }
    }

    fn shows(&mut self, pod: &str, restarts: i32) {
        if self.pods.get(pod).is_some_and(|(wanted, _)| restarts >= *wanted)
            && let Some((_, since)) = self.pods.remove(pod)
        {
            // What is seen before whoever changed it has the answer took no time.
            self.took.push(since.map_or(Duration::ZERO, |since| since.elapsed()));
        }
    }
}

impl Seen {
    fn held(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, pod: &str, restarts: i32) {
        let mut held = self.held();
        held.other_end.pods.insert(pod.to_owned(), (restarts, None));
        held.watch.pods.insert(pod.to_owned(), (restarts, None));
    }

    fn answered(&self, pod: &str, restarts: i32, asked: Instant) {
        let mut held = self.held();
        held.asked.push(asked.elapsed());
        held.other_end.answered(pod, restarts);
        held.watch.answered(pod, restarts);
    }

    fn take_in(&self, text: &str) -> Result<()> {
        let frame = decode(text)?;
        let mut held = self.held();
        held.bytes += u64::try_from(text.len())?;
        match frame {
            FromAgent::SnapshotPart { apps, .. } if !held.whole => held.first.extend(apps),
            FromAgent::SnapshotEnd { .. } => held.whole = true,
            FromAgent::Delta { upserts, .. } => {
                for pod in upserts.into_iter().flat_map(|app| app.pods) {
                    held.other_end.shows(&pod.name, pod.restarts);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sees what a plain watch sees, until the process ends.
    fn watch(&self, pods: Api<Pod>) {
        let seen = self.clone();
        let events = watcher(pods, watcher::Config::default()).default_backoff();
        tokio::spawn(events.applied_objects().for_each(move |pod| {
            if let Ok(pod) = pod {
                let status = pod.status.as_ref();
                let containers = status.and_then(|status| status.container_statuses.as_ref());
                let first = containers.and_then(|containers| containers.first());
                let restarts = first.map_or(0, |container| container.restart_count);
                seen.held().watch.shows(&pod.name_any(), restarts);
            }
            std::future::ready(())
        }));
    }

    async fn until(&self, what: &str, holds: impl Fn(&Waiting) -> bool) -> Result<()> {
        wait_until(what, LATE, async || {
            let held = self.held();
            ensure!(holds(&held), "{} changes are not seen", held.other_end.pods.len());
            Ok(())
        })
        .await
    }
}

/// Is the other end: welcomes whoever comes, and takes in what they say. Gives its address.
async fn listen(seen: &Seen) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let seen = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = hear(stream, &seen).await {
                eprintln!("the other end of the agent broke: {error:#}");
            }
        }
    });
    Ok(address)
}

async fn hear(stream: TcpStream, seen: &Seen) -> Result<()> {
    let mut socket = accept_async(stream).await?;
    let welcome = FromDashboard::Welcome { protocol: VERSION, heartbeat_seconds: 15 };
    socket.send(Message::text(encode(&welcome)?)).await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            seen.take_in(&text)?;
            // The sign of life that a dashboard gives.
            socket.send(Message::Ping(Vec::new().into())).await?;
        }
    }
    Ok(())
}

/// `kubectl`, which follows all pods and shows them to nobody.
struct Kubectl(Child);

impl Kubectl {
    fn watch(cluster: &ControlPlane) -> Result<Self> {
        let child = Command::new(tool("kubectl")?)
            .args(["get", "pods", "-A", "-w", "--kubeconfig"])
            .arg(cluster.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("kubectl does not start")?;
        Ok(Self(child))
    }
}

impl Drop for Kubectl {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait().map(drop)) {
            eprintln!("a kubectl is left over: {error:#}");
        }
    }
}
