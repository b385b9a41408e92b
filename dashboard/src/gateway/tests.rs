//! The gateway with agents that speak over real connections, beside an API server that does what it is told.

mod world;

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use gimlet_agent::protocol::{AppKey, AppState, FromAgent, MAX_FRAME, Word, Workload};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::Place;
use super::connection::skew;
use world::{NAMESPACE, Speaker, World, token};

const AGENTS: usize = 50;
const APPS: usize = 20;
const ROUNDS: usize = 40;

/// The name of an environment.
fn name(number: usize) -> String {
    format!("env-{number:02}")
}

/// An app of some kilobytes, which says whose it is and how new.
fn app(environment: &str, number: usize, round: usize) -> AppState {
    let mut app = AppState::new(AppKey::new("shop", &format!("app-{number}")));
    app.word = Word::Healthy;
    app.workloads = vec![Workload {
        kind: "Deployment".into(),
        name: "web".into(),
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        images: vec![format!("{environment}:{round}"), "i".repeat(2_000)],
        autoscalers: Vec::new(),
        cron: None,
        word: Word::Healthy,
        cause: None,
    }];
    app
}

fn apps(environment: &str, round: usize) -> Vec<AppState> {
    (0..APPS).map(|number| app(environment, number, round)).collect()
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_at_once_are_told_apart_and_cost_no_more_than_what_is_shown() {
    let world = World::start(AGENTS).await;
    let joined = (0..AGENTS).map(|number| Speaker::welcome(&world, name(number)));
    let mut agents = futures::future::join_all(joined).await;
    assert_eq!(world.dashboard.metrics.agents(), i64::try_from(AGENTS).unwrap());
    for (number, agent) in agents.iter_mut().enumerate() {
        agent.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(number), 0))).await;
    }
    let shows = |round: usize| {
        (0..AGENTS).all(|number| {
            let (environment, place) = (name(number), Place::new(NAMESPACE, &name(number)));
            (0..APPS).all(|app| {
                let found = world.dashboard.gateway.app(&place, &format!("app-{app}"));
                found.is_some_and(|found| {
                    found.silent.is_none()
                        && found.state.workloads[0].images[0] == format!("{environment}:{round}")
                })
            })
        })
    };
    world.until("all snapshots", || shows(0)).await;
    let (before, begun, written) = (resident(), Instant::now(), world.writes("apps"));
    let speaking = agents.into_iter().enumerate().map(async |(number, mut agent)| {
        let first = agent.seq + 1;
        for round in 1..=ROUNDS {
            let seq = first + u64::try_from(round - 1).unwrap();
            let frames = FromAgent::deltas(seq, apps(&name(number), round), Vec::new());
            assert_eq!(frames.len(), 1);
            agent.tell(frames).await;
        }
        agent
    });
    let agents = futures::future::join_all(speaking).await;
    world.until("all changes", || shows(ROUNDS)).await;
    // Eighty megabytes were said; what is held is what is shown.
    let grown = resident().saturating_sub(before);
    assert!(grown < 48 << 20, "{} MiB more than before", grown >> 20);
    // No storm of writes: one App of each environment is there, and written once a second at most.
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    let writes = world.writes("apps") - written;
    assert!(writes <= AGENTS * (seconds + 2), "{writes} writes in {seconds} seconds");
    for number in 0..AGENTS {
        let last = format!("{}:{ROUNDS}", name(number));
        let what = "what was said last to be written";
        world.until(what, || world.written("apps", &name(number)).contains(&last)).await;
        let what = "the contact to be written";
        world.until(what, || !world.written("environments", &name(number)).is_empty()).await;
    }
    assert_eq!(world.strangers(), 0, "something was written with the token of another environment");
    drop(agents);
    world.until("all to be gone", || world.dashboard.metrics.agents() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_are_answered_and_in_the_end_their_sender_is_sent_away() {
    let world = World::start(2).await;
    let mut good = Speaker::welcome(&world, name(0)).await;
    let mut bad = Speaker::welcome(&world, name(1)).await;
    bad.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(1), 0))).await;
    let deep = format!(r#"{{"kind":"delta","seq":{}"#, "[".repeat(100_000));
    for nonsense in [
        Message::text(""),
        Message::text("{"),
        Message::text("null"),
        Message::text(r#"{"kind":"delta","seq":-1}"#),
        Message::text(r#"{"kind":"delta","seq":1e400}"#),
        Message::text(r#"{"kind":"heartbeat","seq":4,"time":"yesterday"}"#),
        Message::text(r#"{"kind":"snapshotPart","seq":5,"apps":[{"app":"x"}]}"#),
        Message::text(deep),
        Message::binary(vec![0xff; 64]),
    ] {
        bad.send(nonsense).await;
        let told = bad.error().await;
        assert!(told.contains("malformed"), "{told}");
    }
    // Nothing of it has touched what was said, nor the numbers.
    bad.tell(FromAgent::deltas(5, [app(&name(1), 0, 7)], Vec::new())).await;
    let place = Place::new(NAMESPACE, &name(1));
    let shows = || {
        let found = world.dashboard.gateway.app(&place, "app-0");
        found.is_some_and(|found| found.state.workloads[0].images[0] == format!("{}:7", name(1)))
    };
    world.until("the change", shows).await;
    for _ in 0..100 {
        bad.send(Message::text("nonsense")).await;
    }
    let told = bad.last_words().await;
    assert!(told.contains("too many frames were no frames"), "{told}");
    let mut long = Speaker::welcome(&world, name(1)).await;
    long.send(Message::text("x".repeat(MAX_FRAME + 1))).await;
    long.last_words().await;
    good.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(0), 3))).await;
    let place = Place::new(NAMESPACE, &name(0));
    let heard = || world.dashboard.gateway.app(&place, "app-0").is_some();
    world.until("the other one to be heard all the same", heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_token_expires_is_sent_away_and_comes_back_with_a_new_one() {
    let world = World::start(1).await;
    let soon = Timestamp::now() + SignedDuration::from_secs(3);
    let mut agent = Speaker::with(&world, &token(&name(0), soon)).await.unwrap();
    agent.hello(&name(0)).await;
    agent.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(0), 0))).await;
    let place = Place::new(NAMESPACE, &name(0));
    let silent = || world.dashboard.gateway.app(&place, "app-0").map(|found| found.silent);
    world.until("it is heard", || silent() == Some(None)).await;
    let told = agent.last_words().await;
    assert!(told.contains("the token has expired: come back with a new one"), "{told}");
    world.until("what it said to be of before", || silent().flatten().is_some()).await;
    // The old one is not taken any more, the new one is.
    world.refuse_expired();
    let refused = Speaker::with(&world, &token(&name(0), soon)).await;
    assert_eq!(refused.err(), Some(StatusCode::UNAUTHORIZED));
    let mut agent = Speaker::welcome(&world, name(0)).await;
    agent.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(0), 1))).await;
    world.until("it is heard again", || silent() == Some(None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_and_nothing_is_judged_by_it() {
    let world = World::start(1).await;
    let mut agent = Speaker::welcome(&world, name(0)).await;
    agent.tell(FromAgent::snapshot(1, Vec::new(), apps(&name(0), 0))).await;
    for hours in [-30, 30] {
        let time = Timestamp::now() + SignedDuration::from_hours(hours);
        agent.tell(vec![FromAgent::Heartbeat { seq: agent.seq, time }]).await;
    }
    agent.tell(FromAgent::deltas(agent.seq + 1, apps(&name(0), 1), Vec::new())).await;
    let written = || world.written("apps", &name(0));
    world.until("the change", || written().contains(&format!("{}:1", name(0)))).await;
    let today = Timestamp::now().to_string()[..10].to_owned();
    for kind in ["apps", "environments"] {
        world.until(kind, || world.written(kind, &name(0)).contains(&today)).await;
    }
    assert!(agent.hears_nothing(Duration::from_millis(200)).await, "it is no reason to complain");
}

#[test]
fn a_skew_is_told_in_its_direction_and_a_small_one_never() {
    let now = Timestamp::now();
    let off = |seconds| skew(now + SignedDuration::from_secs(seconds), now);
    assert_eq!((off(0), off(30), off(-30)), (None, None, None));
    assert!(off(31).unwrap().contains("31 seconds ahead of this one"));
    assert!(off(-3600).unwrap().contains("3600 seconds behind this one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_that_name_without_the_role_is_refused_before_it_speaks() {
    let world = World::start(1).await;
    let agent = token(&name(0), Timestamp::now() + SignedDuration::from_hours(1));
    assert!(Speaker::with(&world, &agent).await.is_ok());
    world.take_roles();
    assert_eq!(Speaker::with(&world, &agent).await.err(), Some(StatusCode::FORBIDDEN));
    let asked = world.asked();
    let user = format!("system:serviceaccount:{NAMESPACE}:gimlet-agent-{}", name(0));
    assert_eq!(asked["user"], user.as_str());
    assert_eq!(asked["groups"], json!(["system:serviceaccounts"]));
    let right = json!({"verb": "patch", "group": "gimlet.io", "resource": "environments",
        "subresource": "status", "namespace": NAMESPACE, "name": name(0)});
    assert_eq!(asked["resourceAttributes"], right);
}
