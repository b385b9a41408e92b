//! A round: releases are made while things go wrong, and then everything has to be right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures::future::try_join_all;
use gimlet_crds::{Release, condition};
use gimlet_e2e::wait_until;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::{sleep_until, timeout};

use super::evidence;
use super::model::{Asked, Content, Fault, Told, Violation, World, check};
use super::scene::Scene;
use super::script::{ENVIRONMENTS, Order, Script};
use super::site::Site;
use super::strike::{repair, strike};

/// How long a request to the API server may be made again and again.
const INSIST: Duration = Duration::from_mins(1);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(5);
/// How long after the last trouble until every release has ended.
const ENDED: Duration = Duration::from_secs(90);
/// How long from then until everything is said as it is.
const RIGHT: Duration = Duration::from_secs(20);

/// What came of a round.
#[derive(Debug)]
pub struct Outcome {
    /// How many releases were made.
    pub asked: usize,
    /// How many commits of them are on the branches.
    pub commits: usize,
    /// How long it took after the last trouble until everything was right.
    pub settled: Duration,
    /// What was not.
    pub violations: Vec<Violation>,
}

/// Plays a round; what is known of it is kept where something was wrong.
pub async fn play(site: &Arc<Site>, seed: u64) -> Result<Outcome> {
    let script = Script::draw(seed);
    let scene = Scene::open(site).await.context("the round does not begin")?;
    let played = tokio::select! {
        ended = scene.look_after_crew() => ended.and(Err(anyhow!("nobody looks after the operators"))),
        played = perform(&scene, &script) => played,
    };
    if !played.as_ref().is_ok_and(|outcome| outcome.violations.is_empty()) {
        evidence::keep(&scene, seed).await?;
    }
    played
}

async fn perform(scene: &Scene, script: &Script) -> Result<Outcome> {
    let begun = tokio::time::Instant::now();
    let asked = ask(script);
    let orders = try_join_all(by_app(script, &asked).into_values().map(async |orders| {
        for (order, asked) in orders {
            sleep_until(begun + order.at).await;
            create(scene, order, asked).await?;
        }
        Ok::<_, anyhow::Error>(())
    }));
    let blows = try_join_all(script.blows.iter().map(async |blow| {
        sleep_until(begun + blow.at).await;
        strike(scene, blow).await.with_context(|| format!("{:?}", blow.trouble))
    }));
    // A round without its troubles is none, so both have to come to their end.
    tokio::try_join!(orders, blows)?;
    repair(scene).await?;
    let over = Instant::now();
    let ended = all_ended(scene, &asked).await;
    let worlds = settle(scene, &asked).await?;
    let settled = over.elapsed();
    scene.crew_is_ready().await?;
    let mut violations = worlds.1;
    if let Err(error) = ended {
        violations.push(Violation { fault: Fault::Stuck, text: format!("{error:#}") });
    }
    // Whoever slept has woken up and ended by now: nothing may have changed.
    for environment in 0..ENVIRONMENTS.len() {
        violations.extend(check(&observe(scene, &asked, environment).await?));
        scene.hosts[environment].verify()?;
    }
    violations.sort();
    violations.dedup();
    scene.guard.verify().await?;
    let commits = worlds.0.iter().flat_map(|world| &world.branch);
    let commits = commits.filter(|entry| entry.release.is_some()).count();
    Ok(Outcome { asked: asked.len(), commits, settled, violations })
}

/// Names the releases of a script, each with the place of its environment.
fn ask(script: &Script) -> Vec<(usize, Asked)> {
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut asked = Vec::new();
    for order in &script.orders {
        let count = counts.entry((order.environment, order.app)).or_default();
        *count += 1;
        let app = format!("app-{}", order.app);
        let name = format!("{app}.{}-{count:03}", ENVIRONMENTS[order.environment]);
        let content = match order.content {
            Some(number) => Content::Value(format!("v{number}")),
            None => Content::Broken,
        };
        let cancelled = order.cancelled.is_some();
        asked.push((order.environment, Asked { name, app, content, cancelled }));
    }
    asked
}

type Orders<'a> = BTreeMap<(usize, usize), Vec<(&'a Order, &'a Asked)>>;

fn by_app<'a>(script: &'a Script, asked: &'a [(usize, Asked)]) -> Orders<'a> {
    let mut apps = Orders::new();
    for (order, (_, asked)) in script.orders.iter().zip(asked) {
        apps.entry((order.environment, order.app)).or_default().push((order, asked));
    }
    apps
}

/// Makes a release, and makes sure that it was made: the next one of its app is newer.
async fn create(scene: &Scene, order: &Order, asked: &Asked) -> Result<()> {
    let object: Release = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": asked.name},
        "spec": {
            "environment": ENVIRONMENTS[order.environment], "app": asked.app,
            "manifest": manifest(scene, &asked.content),
        },
    }))?;
    let releases = scene.releases();
    insist(&format!("create {}", asked.name), async || {
        match releases.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(error)) if error.is_already_exists() => Ok(()),
            made => Ok(made.map(drop)?),
        }
    })
    .await?;
    let Some(after) = order.cancelled else { return Ok(()) };
    tokio::time::sleep(after).await;
    let patch = Patch::Merge(json!({"spec": {"cancel": true}}));
    insist(&format!("cancel {}", asked.name), async || {
        releases.patch(&asked.name, &PatchParams::default(), &patch).await?;
        Ok(())
    })
    .await
}

fn manifest(scene: &Scene, content: &Content) -> Value {
    let value = match content {
        Content::Value(value) => value.as_str(),
        Content::Broken => "{{ .NOBODY_SETS_THIS }}",
    };
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"},
        "data": {"value": value},
    });
    json!({"namespace": scene.namespace.name(), "manifests": object.to_string()})
}

/// Makes a request again and again until it is answered.
async fn insist(what: &str, mut request: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    wait_until(what, INSIST, async || timeout(REQUEST, request()).await?).await
}

async fn all_ended(scene: &Scene, asked: &[(usize, Asked)]) -> Result<()> {
    let releases = scene.releases();
    wait_until("the end of all releases", ENDED, async || {
        let list = timeout(REQUEST, releases.list(&ListParams::default())).await??;
        ensure!(list.items.len() == asked.len(), "{} of {}", list.items.len(), asked.len());
        let open: Vec<_> = list.iter().filter(|release| !told(release).ended).collect();
        let names: Vec<_> = open.into_iter().map(ResourceExt::name_any).collect();
        ensure!(names.is_empty(), "not ended: {}", names.join(", "));
        Ok(())
    })
    .await
}

/// Waits until nothing is wrong any more; gives what is, too.
async fn settle(scene: &Scene, asked: &[(usize, Asked)]) -> Result<(Vec<World>, Vec<Violation>)> {
    let mut last = (Vec::new(), Vec::new());
    let waited = wait_until("that everything is right", RIGHT, async || {
        let mut worlds = Vec::new();
        for environment in 0..ENVIRONMENTS.len() {
            worlds.push(observe(scene, asked, environment).await?);
        }
        let violations: Vec<_> = worlds.iter().flat_map(check).collect();
        let right = violations.is_empty();
        last = (worlds, violations);
        ensure!(right, "{:?}", last.1);
        Ok(())
    })
    .await;
    // Whoever looked and found something wrong has it in `last`.
    match waited {
        Err(error) if last.0.is_empty() => Err(error),
        _ => Ok(last),
    }
}

/// Reads everything that is known of an environment.
pub async fn observe(scene: &Scene, asked: &[(usize, Asked)], environment: usize) -> Result<World> {
    let name = ENVIRONMENTS[environment];
    let host = &scene.hosts[environment];
    let asked: Vec<_> =
        asked.iter().filter(|(of, _)| *of == environment).map(|(_, a)| a.clone()).collect();
    let releases = scene.releases().list(&ListParams::default()).await?;
    let told = releases.iter().map(|release| (release.name_any(), told(release))).collect();
    let apps = scene.apps().list(&ListParams::default()).await?;
    let current = apps.iter().filter(|app| app.spec.environment == name).filter_map(|app| {
        let current = app.status.as_ref()?.current.as_ref()?;
        Some((app.spec.app.clone(), current.commit.clone()))
    });
    let done = host.done();
    let world = World {
        environment: name.to_owned(),
        folders: host.folders(asked.iter().map(|asked| asked.app.as_str()))?,
        asked,
        told,
        branch: host.branch()?,
        removed: done.removed,
        others: done.others,
        current: current.collect(),
        refusing: done.refusing,
        rewriting_told: rewriting_told(scene, name).await?,
        audit: scene.site.audit(host.folder())?,
    };
    Ok(world)
}

async fn rewriting_told(scene: &Scene, environment: &str) -> Result<bool> {
    let events: Api<Event> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let events = events.list(&ListParams::default()).await?;
    Ok(events.iter().any(|event| {
        event.reason.as_deref() == Some("HistoryRewritten")
            && event.regarding.as_ref().and_then(|of| of.name.as_deref()) == Some(environment)
    }))
}

fn told(release: &Release) -> Told {
    let status = release.status.clone().unwrap_or_default();
    let ready = condition::find(&status.conditions, condition::READY);
    Told {
        uid: release.uid().unwrap_or_default(),
        phase: status.phase.as_str().to_owned(),
        reason: ready.map(|ready| ready.reason.clone()).unwrap_or_default(),
        commit: status.commit.map(|commit| commit.sha),
        ended: status.timestamps.ended.is_some(),
    }
}
