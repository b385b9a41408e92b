//! `/healthz`, `/readyz` and `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gimlet_crds::App;
use kube::ResourceExt;

use crate::context::{Context, Guarded};
use crate::metrics::Metrics;

/// What the probes tell.
#[derive(Clone)]
pub(crate) struct Probes {
    ready: Arc<AtomicBool>,
    metrics: Metrics,
    /// What a leader has at hand; it ends with the leading.
    leading: Arc<OnceLock<Weak<Context>>>,
    /// One answer at a time: some metrics are counted for each.
    turn: Arc<Mutex<()>>,
}

impl Probes {
    /// Makes probes of a process that is not ready yet.
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { ready: Arc::default(), metrics, leading: Arc::default(), turn: Arc::default() }
    }

    /// Says that the process leads; what it has at hand is counted from now on.
    pub(crate) fn lead(&self, ctx: &Arc<Context>) {
        // It leads once in its life.
        let _ = self.leading.set(Arc::downgrade(ctx));
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
    let encoded = {
        let _turn = probes.turn.lock().unwrap_or_else(PoisonError::into_inner);
        probes.metrics.begin();
        if let Some(ctx) = probes.leading.get().and_then(Weak::upgrade) {
            count(&ctx);
        }
        probes.metrics.encode()
    };
    match encoded {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Counts what is there now.
fn count(ctx: &Context) {
    for (repo, stats, engine) in ctx.remotes.queues() {
        ctx.metrics.queue(&repo, &stats);
        if let Some(engine) = engine {
            ctx.metrics.engine(&repo, engine);
        }
    }
    for (repository, limit) in
        ctx.sources.rate_limits().into_iter().chain(ctx.remotes.rate_limits())
    {
        ctx.metrics.rate_limit(&repository, limit.remaining);
    }
    for ((namespace, environment), (all, drifted)) in drift(&ctx.apps.state()) {
        ctx.metrics.apps(&namespace, &environment, all, drifted);
    }
}

/// Counts the apps of each environment, and those of them that drifted.
fn drift(apps: &[Arc<Guarded<App>>]) -> BTreeMap<(String, String), (i64, i64)> {
    let mut counts: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for app in apps.iter().filter_map(|guarded| guarded.0.as_ref().ok()) {
        let place = (app.namespace().unwrap_or_default(), app.spec.environment.clone());
        let drifted = app.status.as_ref().is_some_and(|status| status.drift.is_some());
        let count = counts.entry(place).or_default();
        count.0 += 1;
        count.1 += i64::from(drifted);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn drifted_apps_are_counted_by_environment() {
        let app = |environment: &str, drift: bool| {
            let status = if drift { json!({"drift": {"git": "commit abc"}}) } else { json!({}) };
            let app: App = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
                "metadata": {"name": "x", "namespace": "ns"},
                "spec": {"app": "x", "environment": environment}, "status": status
            }))
            .unwrap();
            Arc::new(kube::core::DeserializeGuard(Ok(app)))
        };
        let counts = drift(&[app("a", true), app("a", false), app("b", false)]);
        let of = |environment: &str| counts[&("ns".to_owned(), environment.to_owned())];
        assert_eq!((of("a"), of("b")), ((2, 1), (1, 0)));
    }
}
