//! What the dashboard measures; no label ever holds a user or a path that somebody made up.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{Encoder, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// The dashboard's metrics, in a registry of their own.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: IntCounterVec,
    clients: IntGauge,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let options = Opts::new("gimlet_http_requests_total", "requests, by route and status");
        let requests = IntCounterVec::new(options, &["route", "code"])?;
        registry.register(Box::new(requests.clone()))?;
        let clients = IntGauge::new("gimlet_live_clients", "pages that follow what happens")?;
        registry.register(Box::new(clients.clone()))?;
        Ok(Self { registry: Arc::new(registry), requests, clients })
    }

    /// Counts a page that follows what happens, for as long as the guard lives.
    pub(crate) fn client(&self) -> Client {
        self.clients.inc();
        Client(self.clients.clone())
    }

    /// Returns how many pages follow what happens.
    pub(crate) fn clients(&self) -> i64 {
        self.clients.get()
    }

    /// Writes all in the text format of Prometheus.
    pub(crate) fn encode(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Counts a page until it is dropped.
pub(crate) struct Client(IntGauge);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts each request.
pub(crate) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let route = route.as_deref().unwrap_or("page");
    metrics.requests.with_label_values(&[route, response.status().as_str()]).inc();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_names_each() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (_, own) = page.split_once("\n## The dashboard").unwrap();
        let metrics = Metrics::new().unwrap();
        metrics.requests.with_label_values(&["page", "200"]).inc();
        for family in metrics.registry.gather() {
            assert!(own.contains(&format!("| `{}` |", family.name())), "{}", family.name());
        }
    }

    #[test]
    fn a_page_counts_for_as_long_as_it_is_there() {
        let metrics = Metrics::new().unwrap();
        let page = metrics.client();
        assert_eq!(metrics.clients(), 1);
        drop(page);
        assert_eq!(metrics.clients(), 0);
    }
}
