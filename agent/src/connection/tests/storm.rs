//! Ten thousand things at once, from the watches to the other end of the connection.

use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::cluster::testing::server::Server;

const PODS: &str = "/api/v1/pods";
const EVENTS: &str = "/api/v1/events";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const APPS: usize = 50;
const PODS_OF_AN_APP: usize = 40;
const ROUNDS: usize = 5;
/// How often an app is told at most.
const GATHER: f64 = 0.1;

fn object(app: usize, name: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "labels": {
        "gimlet.io/app": format!("app-{app:02}"), "gimlet.io/environment": "prod"}}})
}

fn pod(app: usize, number: usize, restarts: usize) -> Value {
    let mut pod = object(app, &format!("app-{app:02}-{number:02}"));
    pod["status"] = json!({"phase": "Running", "containerStatuses": [{"name": "app", "image": "i",
        "imageID": "", "ready": true, "restartCount": restarts, "state": {"running": {}}}]});
    pod
}

fn warning(app: usize, number: usize, round: usize) -> Value {
    let name = format!("app-{app:02}-{number:02}");
    json!({"metadata": {"namespace": "shop", "name": format!("{name}.{round}")}, "type": "Warning",
        "reason": "Unhealthy", "message": format!("probe failed, {round}"),
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": name},
        "lastTimestamp": "2026-03-01T10:00:00Z"})
}

fn all() -> impl Iterator<Item = (usize, usize)> {
    (0..APPS).flat_map(|app| (0..PODS_OF_AN_APP).map(move |number| (app, number)))
}

fn shows(mirror: &Mirror, restarts: usize) -> bool {
    let mut pods = mirror.apps().values().flat_map(|app| &app.pods);
    mirror.apps().len() == APPS
        && pods.clone().count() == APPS * PODS_OF_AN_APP
        && pods.all(|pod| usize::try_from(pod.restarts).unwrap() == restarts)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_at_once_end_in_the_last_state_told_a_few_times() {
    let server = Server::new(true);
    for app in 0..APPS {
        let mut deployment = object(app, &format!("app-{app:02}"));
        deployment["spec"] = json!({"selector": {}, "template": {}});
        server.hold(DEPLOYMENTS, deployment);
    }
    server.set(PODS, all().map(|(app, number)| pod(app, number, 0)));
    let cluster = testing::hasty();
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, cluster.clone());
    let (follower, client, stop) = (cluster.clone(), server.client(), agent.stop.clone());
    let following = tokio::spawn(async move { follower.follow(client, stop).await });
    let mut peer = dashboard.peer().await;
    peer.welcome(60).await;
    let mut mirror = Mirror::default();
    peer.until(&mut mirror, |mirror| shows(mirror, 0)).await;

    let begun = Instant::now();
    for round in 1..=ROUNDS {
        for (app, number) in all() {
            server.tell(PODS, "MODIFIED", pod(app, number, round));
            server.tell(EVENTS, "ADDED", warning(app, number, round));
        }
    }
    // The dashboard misses something in the middle of it.
    peer.say(&FromDashboard::Resync).await;
    let (mut frames, mut states, mut snapshots) = (0_u32, 0_u32, 0_u32);
    while !(snapshots > 0 && shows(&mirror, ROUNDS)) {
        let frame = peer.hear().await;
        frames += 1;
        match &frame {
            FromAgent::Delta { upserts, .. } => states += u32::try_from(upserts.len()).unwrap(),
            FromAgent::SnapshotEnd { .. } => snapshots += 1,
            _ => {}
        }
        let applied = mirror.apply(frame);
        assert!(!matches!(applied, Applied::Gap | Applied::TooMany), "{applied:?}");
    }
    assert_eq!(snapshots, 1, "the snapshot that was asked for");
    // An app is told once for all that happened to it in a while, whatever the machine.
    let most =
        f64::from(u32::try_from(APPS).unwrap()) * (begun.elapsed().as_secs_f64() / GATHER + 2.0);
    assert!(f64::from(states) <= most, "{states} states in {frames} frames, and at most {most:.0}");
    // Of all these events as much is held as of none.
    let held: i64 = cluster.objects().values().sum();
    assert_eq!(usize::try_from(held).unwrap(), APPS * (1 + PODS_OF_AN_APP));
    assert_eq!(cluster.breaks().len(), 0, "a watch was given up");
    // And it is over: nothing comes any more.
    let quiet = tokio::time::timeout(Duration::from_millis(500), async {
        loop {
            if matches!(peer.hear().await, FromAgent::Delta { .. }) {
                return;
            }
        }
    });
    assert!(quiet.await.is_err(), "the same is told again");
    agent.stop.cancel();
    following.await.unwrap();
}
