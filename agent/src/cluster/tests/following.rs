//! The watches, against an API server that does what it is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode};
use kube::Client;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cluster::Cluster;

const PODS: &str = "/api/v1/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const SETS: &str = "/apis/apps/v1/replicasets";

/// An API server that holds objects by path and tells its watches of changes.
#[derive(Clone)]
struct Server(Arc<Shared>);

struct Shared {
    objects: Mutex<HashMap<String, Vec<Value>>>,
    /// How a path is refused.
    refused: Mutex<HashMap<String, StatusCode>>,
    /// Events of watches, by path; one without an object breaks the watch.
    events: broadcast::Sender<(String, Option<Value>)>,
    streams: bool,
    /// Whether it has Flux' Kustomizations.
    flux: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Server {
    fn new(streams: bool) -> Self {
        Self(Arc::new(Shared {
            objects: Mutex::default(),
            refused: Mutex::default(),
            events: broadcast::channel(64).0,
            streams,
            flux: AtomicBool::new(false),
            asked: Mutex::default(),
        }))
    }

    fn hold(&self, path: &str, object: Made) {
        self.0.objects.lock().unwrap().entry(path.to_owned()).or_default().push(version(object));
    }

    fn tell(&self, path: &str, event: &str, object: Made) {
        let event = json!({"type": event, "object": version(object)});
        self.0.events.send((path.to_owned(), Some(event))).unwrap();
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let answer = server.answer(request.uri());
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    fn answer(&self, uri: &http::Uri) -> Response<Body> {
        let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default());
        self.0.asked.lock().unwrap().push(format!("{path}?{query}"));
        if path == "/apis" {
            return json_answer(StatusCode::OK, &self.groups());
        }
        if path == "/apis/kustomize.toolkit.fluxcd.io/v1" {
            let resources = json!({"kind": "APIResourceList", "groupVersion": "kustomize.toolkit.fluxcd.io/v1",
                "resources": [{"name": "kustomizations", "singularName": "", "namespaced": true,
                               "kind": "Kustomization", "verbs": ["list", "watch"]}]});
            return json_answer(StatusCode::OK, &resources);
        }
        let streamed = query.contains("sendInitialEvents=true");
        let refused = self.0.refused.lock().unwrap().get(&path).copied();
        let refused = refused
            .or_else(|| (streamed && !self.0.streams).then_some(StatusCode::UNPROCESSABLE_ENTITY));
        if let Some(code) = refused {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "no", "reason": "Any", "code": code.as_u16()});
            return json_answer(code, &status);
        }
        let objects = self.0.objects.lock().unwrap().get(&path).cloned().unwrap_or_default();
        if !query.contains("watch=true") {
            let list = json!({"kind": "List", "apiVersion": "v1",
                "metadata": {"resourceVersion": "1"}, "items": objects});
            return json_answer(StatusCode::OK, &list);
        }
        let mut first: Vec<Value> = Vec::new();
        if streamed {
            first.extend(objects.into_iter().map(|o| json!({"type": "ADDED", "object": o})));
            first.push(json!({"type": "BOOKMARK", "object": {"kind": "Any", "apiVersion": "v1",
                "metadata": {"resourceVersion": "1", "creationTimestamp": null,
                             "annotations": {"k8s.io/initial-events-end": "true"}}}}));
        }
        let events = self.0.events.subscribe();
        let later = futures::stream::unfold(events, move |mut events| {
            let path = path.clone();
            async move {
                loop {
                    let (of, event) = events.recv().await.ok()?;
                    if of == path {
                        return Some((event?, events));
                    }
                }
            }
        });
        let lines = futures::stream::iter(first).chain(later);
        let lines = lines.map(|line| Ok::<_, Infallible>(format!("{line}\n")));
        Response::new(Body::from_stream(lines))
    }
}

impl Server {
    fn groups(&self) -> Value {
        let version = json!({"groupVersion": "kustomize.toolkit.fluxcd.io/v1", "version": "v1"});
        let flux = json!({"name": "kustomize.toolkit.fluxcd.io", "versions": [version],
                          "preferredVersion": version});
        let groups = if self.0.flux.load(Ordering::Relaxed) { vec![flux] } else { Vec::new() };
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }
}

fn json_answer(code: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(code).body(Body::from(body.to_string())).unwrap()
}

fn version(object: Made) -> Value {
    let mut object = object.object;
    object["metadata"]["resourceVersion"] = json!("1");
    object
}

async fn until(cluster: &Cluster, what: &str, holds: impl Fn(&Cluster) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !holds(cluster) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}: {:?}", cluster.objects());
}

async fn follow(server: &Server) -> (Cluster, CancellationToken) {
    let (cluster, stop) =
        (Cluster::looking("prod", None, Duration::from_millis(100)), CancellationToken::new());
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
    server.hold(DEPLOYMENTS, deployment(1, 0));
    server.hold(SETS, replica_set("web-a", "1"));
    server.hold(PODS, pod("web-a-1", "web-a", None));
    let (cluster, stop) = follow(&server).await;
    let (_, apps) = cluster.snapshot(Timestamp::now());
    assert_eq!((apps.len(), apps[0].pods.len()), (1, 1));

    server.tell(DEPLOYMENTS, "MODIFIED", deployment(1, 1));
    until(&cluster, "the change is seen", healthy).await;
    let progress = *cluster.progress().borrow();
    assert!(progress.pending);
    assert_eq!(cluster.changes(Timestamp::now()).upserts[0].workloads[0].ready, 1);
    server.tell(DEPLOYMENTS, "DELETED", deployment(1, 1));
    server.tell(SETS, "DELETED", replica_set("web-a", "1"));
    server.tell(PODS, "DELETED", pod("web-a-1", "web-a", None));
    until(&cluster, "the app ends", |c| c.objects().is_empty()).await;

    let asked = server.0.asked.lock().unwrap().clone();
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
    server.hold(DEPLOYMENTS, deployment(1, 1));
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the list is read", healthy).await;
    server.tell(DEPLOYMENTS, "MODIFIED", deployment(1, 0));
    until(&cluster, "the change is seen", |c| !healthy(c)).await;
    stop.cancel();
}

#[tokio::test]
async fn a_kind_that_may_not_be_seen_hides_no_other() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 1));
    server.0.refused.lock().unwrap().insert(PODS.to_owned(), StatusCode::FORBIDDEN);
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the others are read", healthy).await;
    stop.cancel();
}

#[tokio::test]
async fn a_watch_that_expires_is_made_anew_and_what_was_missed_is_found() {
    let server = Server::new(true);
    server.hold(DEPLOYMENTS, deployment(1, 0));
    let (cluster, stop) = follow(&server).await;
    until(&cluster, "the list is read", |c| c.words()["Progressing"] == 1).await;
    *server.0.objects.lock().unwrap().get_mut(DEPLOYMENTS).unwrap() =
        vec![version(deployment(1, 1))];
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": "too old", "reason": "Expired", "code": 410}});
    server.0.events.send((DEPLOYMENTS.to_owned(), Some(gone))).unwrap();
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
    server.hold(FLUX, app);
    let absent = |there: bool| {
        server.0.flux.store(there, Ordering::Relaxed);
        let mut refused = server.0.refused.lock().unwrap();
        if there {
            refused.remove(FLUX);
        } else {
            refused.insert(FLUX.to_owned(), StatusCode::NOT_FOUND);
        }
    };
    for _ in 0..2 {
        assert_eq!(cluster.objects().get("Kustomization"), None);
        absent(true);
        until(&cluster, "the kind is seen", |c| c.objects().contains_key("Kustomization")).await;
        absent(false);
        server.0.events.send((FLUX.to_owned(), None)).unwrap();
        until(&cluster, "the kind is gone", |c| !c.objects().contains_key("Kustomization")).await;
    }
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
