//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::Metrics;
use crate::remotes::Remotes;

/// What the probes tell.
#[derive(Clone)]
pub(crate) struct Probes {
    ready: Arc<AtomicBool>,
    metrics: Metrics,
    remotes: Arc<Remotes>,
}

impl Probes {
    /// Makes probes of a process that is not ready yet.
    pub(crate) fn new(metrics: Metrics, remotes: Arc<Remotes>) -> Self {
        Self { ready: Arc::default(), metrics, remotes }
    }

    /// Says that the process is ready: it leads and has read its caches, or waits to lead.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}

/// Makes the routes.
pub(crate) fn router(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

async fn readyz(State(probes): State<Probes>) -> (StatusCode, &'static str) {
    if probes.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the caches are still being read\n")
    }
}

async fn metrics(State(probes): State<Probes>) -> Response {
    for (repo, stats, engine) in probes.remotes.queues() {
        probes.metrics.queue(&repo, &stats);
        if let Some(engine) = engine {
            probes.metrics.engine(&repo, engine);
        }
    }
    match probes.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
