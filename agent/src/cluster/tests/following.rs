//! The watches, against an API server that does what it is told.

use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cluster::Cluster;
use crate::cluster::testing::{self, server::Server};

const PODS: &str = "/api/v1/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const SETS: &str = "/apis/apps/v1/replicasets";

async fn until(cluster: &Cluster, what: &str, holds: impl Fn(&Cluster) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !holds(cluster) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}: {:?}", cluster.objects());
}

async fn follow(server: &Server) -> (Cluster, CancellationToken) {
    let (cluster, stop) = (testing::hasty(), CancellationToken::new());
    let (follower, client, token) = (cluster.clone(), server.client(), stop.clone());
    tokio::spawn(async move { follower.follow(client, token).await });
    let mut progress = cluster.progress();
    let settled = tokio::time::timeout(Duration::from_secs(20), progress.wait_for(|p| p.settled));
    settled.await.expect("everything is read in time").unwrap();
    (cluster, stop)
}

fn healthy(cluster: &Cluster) -> bool {
    cluster.words()["Healthy"] == 1
}

#[tokio::test]
async fn lists_are_streamed_and_changes_are_followed() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 0).object);
    server.hold(SETS, replica_set("web-a", "1").object);
    server.hold(PODS, pod("web-a-1", "web-a", None).object);
    let (cluster, stop) = follow(&server).await;
    let (_, apps) = cluster.snapshot(Timestamp::now());
    assert_eq!((apps.len(), apps[0].pods.len()), (1, 1));

    server.tell(DEPLOYMENTS, "MODIFIED", deployment(1, 1).object);
    until(&cluster, "the change is seen", healthy).await;
    let progress = *cluster.progress().borrow();
    assert!(progress.pending);
    assert_eq!(cluster.changes(Timestamp::now()).upserts[0].workloads[0].ready, 1);
    server.tell(DEPLOYMENTS, "DELETED", deployment(1, 1).object);
    server.tell(SETS, "DELETED", replica_set("web-a", "1").object);
    server.tell(PODS, "DELETED", pod("web-a-1", "web-a", None).object);
    until(&cluster, "the app ends", |c| c.objects().is_empty()).await;

    let asked = server.asked();
    assert!(asked.len() > 12, "{asked:?}");
    for path in asked.iter().filter(|path| path.contains("watch=true")) {
        let (path, _) = path.split_once('?').unwrap();
        let resource = path.rsplit('/').next().unwrap();
        assert!(role_lists(resource), "{resource} is not in config/agent/rbac.yaml");
    }
    stop.cancel();
}

#[tokio::test]
async fn a_server_that_does_not_stream_lists_is_asked_for_pages() {
    let server = Server::new(false);
    server.hold(DEPLOYMENTS, deployment(1, 1).object);
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the list is read", healthy).await;
    server.tell(DEPLOYMENTS, "MODIFIED", deployment(1, 0).object);
    until(&cluster, "the change is seen", |c| !healthy(c)).await;
    stop.cancel();
}

#[tokio::test]
async fn a_kind_that_may_not_be_seen_hides_no_other() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 1).object);
    server.refuse(PODS, Some(StatusCode::FORBIDDEN));
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the others are read", healthy).await;
    stop.cancel();
}

#[tokio::test]
async fn a_watch_that_expires_is_made_anew_and_what_was_missed_is_found() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 0).object);
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the list is read", |c| c.words()["Progressing"] == 1).await;
    server.set(DEPLOYMENTS, [deployment(1, 1).object]);
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": "too old", "reason": "Expired", "code": 410}});
    server.event(DEPLOYMENTS, gone);
    until(&cluster, "the new list is read", healthy).await;
    assert_eq!(cluster.breaks()["Deployment"], 1);
    stop.cancel();
}

#[tokio::test]
async fn a_kind_comes_and_goes_with_its_definition() {
    const FLUX: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
    let server = Server::new(true);
    let (cluster, stop) = follow(&server).await;
    let app = make(Kind::Kustomization, "prod-web").within("flux-system").of("web", "prod");
    server.hold(FLUX, app.object);
    let there = |there: bool| {
        server.has_flux(there);
        server.refuse(FLUX, (!there).then_some(StatusCode::NOT_FOUND));
    };
    for _ in 0..2 {
        assert_eq!(cluster.objects().get("Kustomization"), None);
        there(true);
        until(&cluster, "the kind is seen", |c| c.objects().contains_key("Kustomization")).await;
        there(false);
        server.cut(FLUX);
        until(&cluster, "the kind is gone", |c| !c.objects().contains_key("Kustomization")).await;
    }
    stop.cancel();
}

#[tokio::test]
async fn an_api_server_that_restarts_is_found_again_with_what_it_did_not_tell() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 0).object);
    server.hold(SETS, replica_set("web-a", "1").object);
    server.hold(PODS, pod("web-a-1", "web-a", None).object);
    let (cluster, stop) = follow(&server).await;
    let (_, before) = cluster.snapshot(Timestamp::now());
    server.away(true);
    // What happens while nobody is told: one is changed, one is gone, one is new.
    server.set(DEPLOYMENTS, [deployment(1, 1).object]);
    server.set(PODS, [pod("web-a-2", "web-a", None).object]);
    until(&cluster, "all watches break", |c| c.breaks().len() > 12).await;
    let (_, meanwhile) = cluster.snapshot(Timestamp::now());
    assert_eq!(meanwhile, before, "what is not seen is not gone");
    // What its watches knew is of no use to the API server that comes.
    for path in [DEPLOYMENTS, SETS, PODS] {
        server.refuse(path, Some(StatusCode::GONE));
    }
    server.away(false);
    let asked = server.asked().len();
    until(&cluster, "it is asked again", |_| {
        server.asked()[asked..].iter().filter(|path| path.starts_with(PODS)).count() > 0
    })
    .await;
    for path in [DEPLOYMENTS, SETS, PODS] {
        server.refuse(path, None);
    }
    let found = |cluster: &Cluster| {
        let (environment, apps) = cluster.snapshot(Timestamp::now());
        let pods: Vec<_> = apps[0].pods.iter().map(|pod| pod.name.as_str()).collect();
        environment.blind.is_none() && apps[0].workloads[0].ready == 1 && pods == ["web-a-2"]
    };
    until(&cluster, "what was missed is found", found).await;
    assert!(cluster.breaks()["Pod"] > 0);
    stop.cancel();
}

#[tokio::test]
async fn an_agent_that_does_not_see_its_cluster_says_so_and_tells_what_it_saw_last() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 1).object);
    let (cluster, stop) = follow(&server).await;
    cluster.snapshot(Timestamp::now());
    server.away(true);
    server.set(DEPLOYMENTS, [deployment(1, 0).object]);
    until(&cluster, "it is said", |c| c.progress().borrow().pending).await;
    let news = cluster.changes(Timestamp::now());
    let blind = news.environment.unwrap().blind.unwrap();
    assert!(blind.message.contains("the API server is not reached"), "{}", blind.message);
    assert_eq!((news.upserts.len(), news.removals.len()), (0, 0));
    // However long it takes: no alert begins, and nothing is taken back.
    let (environment, apps) = cluster.snapshot(Timestamp::now() + SignedDuration::from_hours(2));
    assert_eq!(environment.blind, Some(blind));
    assert_eq!((apps[0].workloads[0].ready, apps[0].alerts.len()), (1, 0));

    server.away(false);
    let is_found = |cluster: &Cluster| cluster.blind().is_none() && !healthy(cluster);
    until(&cluster, "the cluster is seen", is_found).await;
    until(&cluster, "it is said", |c| c.progress().borrow().pending).await;
    let news = cluster.changes(Timestamp::now());
    assert_eq!(news.environment.unwrap().blind, None);
    assert_eq!(news.upserts[0].workloads[0].ready, 0);
    stop.cancel();
}

/// A Deployment of Flux itself.
fn flux(version: &str) -> Value {
    let flux = make(Kind::Deployment, "source-controller").within("flux-system");
    let flux = flux.label("app.kubernetes.io/part-of", "flux");
    flux.label("app.kubernetes.io/version", version).object
}

#[tokio::test]
async fn the_version_of_flux_is_told_once_it_is_known_and_whenever_it_is_another_one() {
    let server = Server::new(true);
    let web = deployment(1, 1).object;
    server.set(DEPLOYMENTS, [web.clone()]);
    let (cluster, stop) = follow(&server).await;
    assert_eq!(cluster.snapshot(Timestamp::now()).0.flux_version, None);
    server.set(DEPLOYMENTS, [web.clone(), flux("v2.9.0")]);
    until(&cluster, "Flux is there", |c| c.progress().borrow().pending).await;
    let told = cluster.changes(Timestamp::now()).environment.unwrap();
    assert_eq!(told.flux_version.as_deref(), Some("v2.9.0"));

    // While the API server is away, what was known is told, and afterwards what was missed.
    server.away(true);
    server.set(DEPLOYMENTS, [web, flux("v2.10.0")]);
    until(&cluster, "it is blind", |c| c.blind().is_some()).await;
    let told = cluster.snapshot(Timestamp::now()).0;
    assert_eq!(told.flux_version.as_deref(), Some("v2.9.0"));
    server.away(false);
    until(&cluster, "the newer one is told", |c| {
        let told = c.snapshot(Timestamp::now()).0;
        told.flux_version.as_deref() == Some("v2.10.0") && told.blind.is_none()
    })
    .await;
    stop.cancel();
}

#[tokio::test]
async fn who_starts_beside_an_api_server_that_is_away_tells_nothing_until_all_was_read() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 1).object);
    server.away(true);
    let cluster = testing::hasty();
    let (follower, client, stop) = (cluster.clone(), server.client(), CancellationToken::new());
    let token = stop.clone();
    tokio::spawn(async move { follower.follow(client, token).await });
    // Longer than all lists together are waited for.
    until(&cluster, "it is blind", |c| c.blind().is_some()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!cluster.progress().borrow().settled, "an empty cluster is told");
    server.away(false);
    let mut progress = cluster.progress();
    progress.wait_for(|progress| progress.settled).await.unwrap();
    let (environment, apps) = cluster.snapshot(Timestamp::now());
    assert_eq!((environment.blind, apps.len()), (None, 1));
    stop.cancel();
}

#[tokio::test]
async fn what_may_not_be_seen_any_more_is_not_gone() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 1).object);
    let (cluster, stop) = follow(&server).await;
    server.refuse(DEPLOYMENTS, Some(StatusCode::FORBIDDEN));
    server.cut(DEPLOYMENTS);
    until(&cluster, "it is said", |c| c.blind().is_some()).await;
    let blind = cluster.blind().unwrap();
    assert!(blind.message.contains("Deployment"), "{}", blind.message);
    let asked = server.asked().len();
    until(&cluster, "it is looked again", |_| server.asked().len() > asked + 20).await;
    assert!(healthy(&cluster) && cluster.blind().is_some());
    server.refuse(DEPLOYMENTS, None);
    until(&cluster, "it is seen again", |c| c.blind().is_none()).await;
    stop.cancel();
}

fn role() -> &'static str {
    include_str!("../../../../config/agent/rbac.yaml")
}

fn role_lists(resource: &str) -> bool {
    let lists = role().lines().filter_map(|line| line.trim().strip_prefix("resources: ["));
    let mut named = lists.flat_map(|list| list.split([',', ']']).map(str::trim));
    named.any(|named| named == resource)
}

#[test]
fn the_role_of_the_agent_looks_and_does_nothing_else_and_sees_no_secrets() {
    let verbs: Vec<_> =
        role().lines().filter_map(|line| line.trim().strip_prefix("verbs: ")).collect();
    assert!(verbs.len() > 5);
    assert!(verbs.iter().all(|verbs| matches!(*verbs, "[list, watch]" | "[get, list, watch]")));
    for hidden in ["secrets", "configmaps", "*", "pods/log", "pods/exec"] {
        assert!(!role_lists(hidden), "{hidden}");
    }
    for optional in
        ["httproutes", "gitrepositories", "ocirepositories", "kustomizations", "helmreleases"]
    {
        assert!(role_lists(optional), "{optional}");
    }
}
