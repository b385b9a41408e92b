//! What a dashboard costs that many agents report to, and how soon pages show what they say.
//!
//! The agents speak from this process, so that nothing but the dashboard is measured: each tells apps of
//! a snapshot that a real agent made before, and then how they change.

mod page;
mod speaker;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use gimlet_agent::protocol::AppState;
use gimlet_crds::{App, Environment, agent_account};
use gimlet_e2e::{ControlPlane, Dashboard, wait_until};
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cost::{Cost, Took, in_mebibytes, percent};
use crate::report::{Samples, Section, Verdict, mebibytes, row, time};
use crate::site::count;
use page::Page;
use speaker::Speaker;

const AGENTS: usize = 50;
/// Pages that people have open; each follows one app of some of the environments.
const PAGES: usize = 2;
/// Between two changes of all agents together: a hundred in a second.
const PACE: Duration = Duration::from_millis(10);
/// Objects that are made at once.
const AT_ONCE: usize = 32;
/// Until roles and objects that were made a moment ago count everywhere.
const PATIENCE: Duration = Duration::from_mins(2);
/// For how long a change may stay unseen.
const LATE: Duration = Duration::from_secs(20);
/// Until what was begun has come to rest.
const SETTLE: Duration = Duration::from_secs(5);

/// What the agents do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// They are there, and nothing changes.
    Rest,
    /// Their apps change.
    Change,
}

/// Measures a dashboard without agents, with many at rest, and while what they see changes.
pub async fn measure(cluster: &ControlPlane, seen: &[AppState], quick: bool) -> Result<Section> {
    let (apps, seconds) = if quick { (5, 10) } else { (40, 60) };
    let (apps, long) = (&seen[..apps.min(seen.len())], Duration::from_secs(seconds));
    ensure!(apps.iter().all(|app| !app.pods.is_empty()), "the agent told of apps without pods");
    let namespace = cluster.namespace("bench-f-many").await?;
    let dashboard = Dashboard::start(cluster, &namespace, &[]).await?;
    let tokens = prepare(cluster, &namespace, apps).await?;
    let process = dashboard.pid().context("the dashboard has ended")?;
    tokio::time::sleep(SETTLE).await;
    let alone = pass(process, long).await?;

    let told = Told::default();
    let (mode, modes) = watch::channel(Mode::Rest);
    let mut running = JoinSet::new();
    for (number, token) in tokens.iter().enumerate() {
        let (environment, place) = (name(number), format!("{}/{}", &*namespace, name(number)));
        let speaker = wait_until("an agent to be welcome", PATIENCE, async || {
            Speaker::welcome(&dashboard, token, &place, apps).await
        });
        let speaker = speaker.await?;
        let (told, modes) = (told.clone(), modes.clone());
        let due = (PACE * u32::try_from(number)?, PACE * u32::try_from(AGENTS)?);
        running.spawn(async move { speaker.speak(&environment, due, modes, &told).await });
    }
    let viewer = viewer(cluster, &namespace)?;
    let watched = &apps[0].key.app;
    for first in 0..PAGES {
        let environments: Vec<_> = (first..AGENTS).step_by(PAGES).map(name).collect();
        let page = wait_until("a page to show what agents said", PATIENCE, async || {
            Page::open(&dashboard, &viewer, &namespace, &environments, watched).await
        });
        let (page, told) = (page.await?, told.clone());
        running.spawn(async move { page.follow(&told).await });
    }
    tokio::time::sleep(SETTLE).await;
    let rest = pass(process, long).await?;

    mode.send_replace(Mode::Change);
    tokio::time::sleep(SETTLE).await;
    told.begin();
    let begun = Instant::now();
    let change = pass(process, long).await?;
    let took = begun.elapsed();
    mode.send_replace(Mode::Rest);
    // Whoever has ended by now has something to say of it.
    while let Some(ended) = running.try_join_next() {
        ended??;
    }
    wait_until("all changes to be shown", LATE, async || {
        let waiting: usize = told.held().waiting.values().map(VecDeque::len).sum();
        ensure!(waiting == 0, "{waiting} are not");
        Ok(())
    })
    .await?;
    running.shutdown().await;
    let held = told.held();
    let rate = count(held.changes) / took.as_secs_f64();
    let samples = Samples::of(&held.took);
    Ok(section(apps.len(), [alone, rest, change], &samples, rate))
}

fn section(apps: usize, [alone, rest, change]: [Took; 3], shown: &Samples, rate: f64) -> Section {
    let line = |what: &str, took: &Took| row([what, &mebibytes(took.memory), &percent(took.share)]);
    let added = change.memory.max(rest.memory).saturating_sub(alone.memory);
    let memory = |size: f64| format!("{size:.0} MiB");
    Section {
        title: format!("(f) {AGENTS} agents on one dashboard, each with {apps} apps"),
        table: vec![
            row(["what", "memory", "of one processor"]),
            line("the dashboard before the agents come", &alone),
            line(&format!("with {AGENTS} agents and {PAGES} pages, at rest"), &rest),
            line("the same, while what they see changes", &change),
        ],
        verdicts: vec![
            Verdict::at_most("memory that the agents add", 48.0, in_mebibytes(added), memory),
            Verdict::at_most("change shown on a page, p99", 0.5, shown.percentile(99), time),
        ],
        notes: vec![
            format!(
                "from an agent's word until a page shows it: p50 {}, p99 {}",
                time(shown.median()),
                time(shown.percentile(99))
            ),
            format!("{rate:.0} changes a second, of which a tenth is written into an App"),
        ],
        data: json!({"shown": shown.to_json()}),
    }
}

/// Looks at a process for a while.
async fn pass(process: u32, long: Duration) -> Result<Took> {
    let cost = Cost::begin(process)?;
    tokio::time::sleep(long).await;
    let took = cost.end()?;
    ensure!(took.memory > 0, "the dashboard has ended");
    Ok(took)
}

/// Names an environment.
fn name(number: usize) -> String {
    format!("bench-{number:02}")
}

/// Makes environments with their apps and the identities of their agents; gives the agents' tokens.
async fn prepare(cluster: &ControlPlane, ns: &str, apps: &[AppState]) -> Result<Vec<String>> {
    let client = cluster.client().await?;
    let environments = (0..AGENTS).map(|number| {
        json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": name(number)},
            "spec": {"observedBy": "Agent", "gitops": {"url": "https://git.example.com/a/b.git"}},
        })
    });
    create::<Environment>(&client, ns, environments).await?;
    let objects = (0..AGENTS).flat_map(|number| {
        apps.iter().map(move |app| {
            let (app, environment) = (&app.key.app, name(number));
            json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
                "metadata": {"name": format!("{app}.{environment}")},
                "spec": {"app": app, "environment": environment},
            })
        })
    });
    create::<App>(&client, ns, objects).await?;
    let identities: Vec<_> = (0..AGENTS)
        .flat_map(|number| {
            let account = agent_account(&name(number));
            let metadata = json!({"name": account, "namespace": ns});
            [
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
                json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                    "metadata": metadata,
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                "name": "gimlet-agent-identity"},
                    "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": ns}],
                }),
            ]
        })
        .collect();
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": identities}).to_string())?;
    (0..AGENTS).map(|number| cluster.token(ns, &agent_account(&name(number)))).collect()
}

async fn create<K>(client: &Client, ns: &str, objects: impl Iterator<Item = Value>) -> Result<()>
where
    K: Resource<DynamicType = ()>,
{
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), ns, &ApiResource::erase::<K>(&()));
    let made = futures::stream::iter(objects).map(|object| {
        let api = api.clone();
        async move {
            let object: DynamicObject = serde_json::from_value(object)?;
            let made = api.create(&PostParams::default(), &object).await;
            made.map(drop).with_context(|| format!("{} is not made", object.name_any()))
        }
    });
    made.buffer_unordered(AT_ONCE).try_collect().await
}

/// Makes somebody who looks, and gives a token of theirs.
fn viewer(cluster: &ControlPlane, ns: &str) -> Result<String> {
    cluster.kubectl(["create", "serviceaccount", "viewer", "-n", ns])?;
    let subject = format!("--serviceaccount={ns}:viewer");
    let role = "--clusterrole=gimlet-viewer";
    cluster.kubectl(["create", "rolebinding", "viewer", "-n", ns, role, &subject])?;
    cluster.token(ns, "viewer")
}

/// What agents said of the apps that pages follow, until a page shows it.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    /// Restarts that are to be shown of the followed app of an environment, and since when.
    waiting: HashMap<String, VecDeque<(i32, Instant)>>,
    took: Vec<Duration>,
    /// Changes of all apps.
    changes: usize,
}

impl Told {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was measured before.
    fn begin(&self) {
        let mut held = self.held();
        held.took.clear();
        held.changes = 0;
    }

    /// Counts a change; `followed` is how often the followed app has restarted, where it is of that one.
    fn says(&self, environment: &str, followed: Option<i32>) {
        let mut held = self.held();
        held.changes += 1;
        if let Some(restarts) = followed {
            let waiting = held.waiting.entry(environment.to_owned()).or_default();
            waiting.push_back((restarts, Instant::now()));
        }
    }

    /// A page shows so many restarts; with them it shows all that came before.
    fn shows(&self, environment: &str, restarts: i32) {
        let mut held = self.held();
        let Held { waiting, took, changes: _ } = &mut *held;
        let Some(waiting) = waiting.get_mut(environment) else { return };
        while let Some((_, since)) = waiting.pop_front_if(|(wanted, _)| *wanted <= restarts) {
            took.push(since.elapsed());
        }
    }
}
