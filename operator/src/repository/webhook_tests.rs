//! Deliveries to a replica whose API server is a function.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use axum::body::Body;
use axum::http::Method;
use futures::stream;
use kube::client::Body as KubeBody;
use kube::core::DeserializeGuard;
use kube::runtime::reflector;
use kube::runtime::watcher::Event;
use serde_json::Value;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::github_app::Apps;

const TOKEN: &str = "signed-with-this";

/// A replica, and what it asked of the API server.
struct Replica {
    router: Router,
    repositories: reflector::store::Writer<Guarded<Repository>>,
    slots: Arc<Semaphore>,
    patches: Arc<Mutex<Vec<Value>>>,
    away: Arc<AtomicBool>,
}

fn repository(mark: Option<&str>) -> Repository {
    let mut all = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
        "metadata": {"name": "shop", "namespace": "ns", "uid": "u"},
        "spec": {
            "url": "https://gitlab.example.com/acme/shop.git", "provider": "GitLab",
            "webhookSecretRef": {"name": "webhook"},
        },
    });
    if let Some(mark) = mark {
        all["metadata"]["annotations"] = json!({labels::LOOK_REQUESTED: mark});
    }
    serde_json::from_value(all).unwrap()
}

impl Replica {
    fn start() -> Self {
        Self::with(PATIENCE)
    }

    fn with(patience: Duration) -> Self {
        let patches = Arc::new(Mutex::new(Vec::new()));
        let away = Arc::new(AtomicBool::new(false));
        let (seen, is_away) = (Arc::clone(&patches), Arc::clone(&away));
        let api = service_fn(move |request: axum::http::Request<KubeBody>| {
            let (seen, is_away) = (Arc::clone(&seen), Arc::clone(&is_away));
            async move {
                let (parts, body) = request.into_parts();
                let (status, answer) = match (parts.method, parts.uri.path()) {
                    (Method::GET, "/api/v1/namespaces/ns/secrets/webhook") => {
                        // "signed-with-this" in base64.
                        let data = json!({"token": "c2lnbmVkLXdpdGgtdGhpcw=="});
                        (200, json!({"metadata": {"name": "webhook"}, "data": data}))
                    }
                    (Method::PATCH, "/apis/gimlet.io/v1alpha1/namespaces/ns/repositories/shop")
                        if !is_away.load(Ordering::Relaxed) =>
                    {
                        let body = body.collect_bytes().await.unwrap();
                        seen.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                        (200, serde_json::to_value(repository(None)).unwrap())
                    }
                    _ => (500, json!({"kind": "Status", "code": 500, "message": "away"})),
                };
                let answer = axum::http::Response::builder()
                    .status(status)
                    .body(KubeBody::from(answer.to_string().into_bytes()));
                Ok::<_, std::convert::Infallible>(answer.unwrap())
            }
        });
        let (repositories, writer) = reflector::store();
        let metrics = Metrics::new().unwrap();
        let apps = Arc::new(Apps::new(metrics.clone(), false));
        let slots = Arc::new(Semaphore::new(1));
        let router = router(Hooks {
            client: Client::new(api, "ns"),
            sources: Arc::new(Sources::new(PathBuf::from("unused"), metrics.clone(), apps, false)),
            metrics,
            repositories,
            replays: Arc::new(Replays::new(10, MEMORY)),
            slots: Arc::clone(&slots),
            patience,
        });
        let mut replica = Self { router, repositories: writer, slots, patches, away };
        replica.sees(None);
        replica
    }

    /// Lets the cache see the Repository with a mark.
    fn sees(&mut self, mark: Option<&str>) {
        let seen = DeserializeGuard(Ok(repository(mark)));
        self.repositories.apply_watcher_event(&Event::Apply(seen));
    }

    async fn send(&self, token: &str, body: impl Into<Body>) -> u16 {
        self.send_to("ns/shop", token, body).await
    }

    async fn send_to(&self, place: &str, token: &str, body: impl Into<Body>) -> u16 {
        let request = Request::post(format!("/webhooks/{place}"))
            .header("content-type", "application/json")
            .header("x-gitlab-event", "Pipeline Hook")
            .header("x-gitlab-token", token)
            .body(body.into());
        self.router.clone().oneshot(request.unwrap()).await.unwrap().status().as_u16()
    }

    fn marks(&self) -> Vec<String> {
        let patches = self.patches.lock().unwrap();
        let mark = |patch: &Value| {
            assert_eq!(patch["metadata"]["uid"], "u", "{patch}");
            let seen = patch["metadata"]["annotations"][labels::WEBHOOK_SEEN].as_str().unwrap();
            assert!(seen.parse::<jiff::Timestamp>().is_ok(), "{seen}");
            patch["metadata"]["annotations"][labels::LOOK_REQUESTED].as_str().unwrap().to_owned()
        };
        patches.iter().map(mark).collect()
    }
}

#[tokio::test]
async fn a_delivery_becomes_a_mark_once_whichever_replica_it_comes_to() {
    let (one, mut other) = (Replica::start(), Replica::start());
    assert_eq!(one.send(TOKEN, "{\"n\": 1}").await, 202);
    assert_eq!(one.send(TOKEN, "{\"n\": 1}").await, 200, "it was here before");
    assert_eq!(one.send(TOKEN, "{\"n\": 2}").await, 202);
    let marks = one.marks();
    assert_eq!(marks.len(), 2);
    assert_ne!(marks[0], marks[1]);
    assert!(marks.iter().all(|mark| mark.len() == 40), "{marks:?}");

    other.sees(Some(&marks[1]));
    assert_eq!(other.send(TOKEN, "{\"n\": 2}").await, 200, "the last one came to the first");
    assert_eq!(other.marks(), Vec::<String>::new());
}

#[tokio::test]
async fn a_delivery_that_is_not_passed_on_may_come_again() {
    let replica = Replica::start();
    replica.away.store(true, Ordering::Relaxed);
    assert_eq!(replica.send(TOKEN, "{}").await, 503);
    replica.away.store(false, Ordering::Relaxed);
    assert_eq!(replica.send(TOKEN, "{}").await, 202);
    assert_eq!(replica.marks().len(), 1);
}

#[tokio::test]
async fn what_is_not_signed_unknown_or_too_large_asks_for_nothing() {
    let replica = Replica::start();
    assert_eq!(replica.send("another", "{}").await, 401);
    assert_eq!(replica.send_to("ns/nowhere", TOKEN, "{}").await, 404);
    assert_eq!(replica.send_to("other/shop", TOKEN, "{}").await, 404);
    assert_eq!(replica.send(TOKEN, vec![b' '; MAX_BODY + 1]).await, 413);
    assert_eq!(replica.marks(), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_is_only_read_while_there_is_room_and_not_for_ever() {
    let replica = Replica::start();
    let hasty = Replica::with(Duration::from_millis(50));
    let unread = || {
        Body::from_stream(stream::poll_fn(|_| -> Poll<Option<Result<Bytes, std::io::Error>>> {
            panic!("it was read")
        }))
    };
    let taken = replica.slots.clone().try_acquire_owned().unwrap();
    assert_eq!(replica.send(TOKEN, unread()).await, 503);
    drop(taken);
    assert_eq!(replica.send_to("ns/nowhere", TOKEN, unread()).await, 404);
    let never = Body::from_stream(stream::pending::<Result<Bytes, &str>>());
    assert_eq!(hasty.send(TOKEN, never).await, 408);
    assert_eq!(hasty.slots.available_permits(), 1);
}
