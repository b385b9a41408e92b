//! An API server that does what it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// Events of watches that are on their way at once.
const AHEAD: usize = 1 << 15;

/// Holds objects by path and tells its watches of changes.
#[derive(Clone)]
pub(crate) struct Server(Arc<Shared>);

struct Shared {
    objects: Mutex<HashMap<String, Vec<Value>>>,
    /// How a path is refused.
    refused: Mutex<HashMap<String, StatusCode>>,
    events: broadcast::Sender<Arc<News>>,
    streams: bool,
    /// Whether it has Flux' Kustomizations.
    flux: AtomicBool,
    away: AtomicBool,
    asked: Mutex<Vec<String>>,
}

/// What watches are told.
enum News {
    /// An event of those who watch a path.
    Event(String, Value),
    /// The watches of a path break.
    Break(String),
    /// All watches break.
    BreakAll,
}

impl Server {
    pub(crate) fn new(streams: bool) -> Self {
        Self(Arc::new(Shared {
            objects: Mutex::default(),
            refused: Mutex::default(),
            events: broadcast::channel(AHEAD).0,
            streams,
            flux: AtomicBool::new(false),
            away: AtomicBool::new(false),
            asked: Mutex::default(),
        }))
    }

    /// Has one more object from its lists on; its watches are not told.
    pub(crate) fn hold(&self, path: &str, object: Value) {
        self.0.objects.lock().unwrap().entry(path.to_owned()).or_default().push(version(object));
    }

    /// Has these objects from its lists on; its watches are not told.
    pub(crate) fn set(&self, path: &str, objects: impl IntoIterator<Item = Value>) {
        let objects = objects.into_iter().map(version).collect();
        self.0.objects.lock().unwrap().insert(path.to_owned(), objects);
    }

    /// Tells those who watch.
    pub(crate) fn tell(&self, path: &str, event: &str, object: Value) {
        self.event(path, json!({"type": event, "object": version(object)}));
    }

    /// Tells those who watch, in so many words.
    pub(crate) fn event(&self, path: &str, event: Value) {
        self.send(News::Event(path.to_owned(), event));
    }

    /// Breaks the watches of a path.
    pub(crate) fn cut(&self, path: &str) {
        self.send(News::Break(path.to_owned()));
    }

    /// Goes away, or comes back.
    pub(crate) fn away(&self, away: bool) {
        self.0.away.store(away, Ordering::Relaxed);
        self.send(News::BreakAll);
    }

    /// Has Flux, or not.
    pub(crate) fn has_flux(&self, flux: bool) {
        self.0.flux.store(flux, Ordering::Relaxed);
    }

    /// Refuses a path with a status, or does not any more.
    pub(crate) fn refuse(&self, path: &str, status: Option<StatusCode>) {
        let mut refused = self.0.refused.lock().unwrap();
        match status {
            Some(status) => refused.insert(path.to_owned(), status),
            None => refused.remove(path),
        };
    }

    /// Lists what it was asked for: paths with their queries.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.asked.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let away = server.0.away.load(Ordering::Relaxed);
            let answer = if away {
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
            } else {
                Ok(server.answer(request.uri()))
            };
            std::future::ready(answer)
        });
        Client::new(service, "default")
    }

    fn send(&self, news: News) {
        // Nobody may be there who watches.
        let _ = self.0.events.send(Arc::new(news));
    }

    fn answer(&self, uri: &http::Uri) -> Response<Body> {
        let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default());
        self.0.asked.lock().unwrap().push(format!("{path}?{query}"));
        if path == "/apis" {
            return answer(StatusCode::OK, &self.groups());
        }
        if path == "/apis/kustomize.toolkit.fluxcd.io/v1" {
            let resources = json!({"kind": "APIResourceList", "groupVersion": "kustomize.toolkit.fluxcd.io/v1",
                "resources": [{"name": "kustomizations", "singularName": "", "namespaced": true,
                               "kind": "Kustomization", "verbs": ["list", "watch"]}]});
            return answer(StatusCode::OK, &resources);
        }
        let streamed = query.contains("sendInitialEvents=true");
        let refused = self.0.refused.lock().unwrap().get(&path).copied();
        let refused = refused
            .or_else(|| (streamed && !self.0.streams).then_some(StatusCode::UNPROCESSABLE_ENTITY));
        if let Some(code) = refused {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "no", "reason": "Any", "code": code.as_u16()});
            return answer(code, &status);
        }
        let mut objects = self.0.objects.lock().unwrap().get(&path).cloned().unwrap_or_default();
        if query.contains("part-of%3Dflux") {
            objects.retain(|o| o["metadata"]["labels"]["app.kubernetes.io/part-of"] == "flux");
        }
        if !query.contains("watch=true") {
            let list = json!({"kind": "List", "apiVersion": "v1",
                "metadata": {"resourceVersion": "1"}, "items": objects});
            return answer(StatusCode::OK, &list);
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
                    match &*events.recv().await.ok()? {
                        News::Event(of, event) if *of == path => {
                            return Some((event.clone(), events));
                        }
                        News::Break(of) if *of == path => return None,
                        News::BreakAll => return None,
                        News::Event(..) | News::Break(_) => {}
                    }
                }
            }
        });
        let lines = futures::stream::iter(first).chain(later);
        let lines = lines.map(|line| Ok::<_, std::io::Error>(format!("{line}\n")));
        Response::new(Body::from_stream(lines))
    }

    fn groups(&self) -> Value {
        let version = json!({"groupVersion": "kustomize.toolkit.fluxcd.io/v1", "version": "v1"});
        let flux = json!({"name": "kustomize.toolkit.fluxcd.io", "versions": [version],
                          "preferredVersion": version});
        let groups = if self.0.flux.load(Ordering::Relaxed) { vec![flux] } else { Vec::new() };
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }
}

fn answer(code: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(code).body(Body::from(body.to_string())).unwrap()
}

fn version(mut object: Value) -> Value {
    object["metadata"]["resourceVersion"] = json!("1");
    object
}
