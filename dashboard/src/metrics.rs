//! What the dashboard measures; no label ever holds a user or a path that somebody made up.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The dashboard's metrics, in a registry of their own.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: IntCounterVec,
    sign_ins: IntCounterVec,
    clients: IntGauge,
    agents: IntGauge,
    agent_connected: IntGaugeVec,
    agent_refused: IntCounterVec,
    agent_frames: IntCounter,
    agent_bytes: IntCounter,
    agent_resyncs: IntCounter,
    agent_writes: IntCounterVec,
    agent_requests: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let options = Opts::new("gimlet_http_requests_total", "requests, by route and status");
        let requests = IntCounterVec::new(options, &["route", "code"])?;
        registry.register(Box::new(requests.clone()))?;
        let options = Opts::new(
            "gimlet_sign_ins_total",
            "sign-ins and renewals of sessions, by way and result",
        );
        let sign_ins = IntCounterVec::new(options, &["way", "result"])?;
        registry.register(Box::new(sign_ins.clone()))?;
        let clients = IntGauge::new("gimlet_live_clients", "pages that follow what happens")?;
        registry.register(Box::new(clients.clone()))?;
        let agents = IntGauge::new("gimlet_agents", "agents that are connected")?;
        registry.register(Box::new(agents.clone()))?;
        let options = Opts::new("gimlet_agent_connected", "connections of an environment's agent");
        let agent_connected = IntGaugeVec::new(options, &["namespace", "environment"])?;
        registry.register(Box::new(agent_connected.clone()))?;
        let options = Opts::new(
            "gimlet_agent_refused_total",
            "agents that were refused or sent away, by reason",
        );
        let agent_refused = IntCounterVec::new(options, &["reason"])?;
        registry.register(Box::new(agent_refused.clone()))?;
        let agent_frames = IntCounter::new("gimlet_agent_frames_total", "frames of agents")?;
        registry.register(Box::new(agent_frames.clone()))?;
        let agent_bytes = IntCounter::new("gimlet_agent_bytes_total", "bytes of these frames")?;
        registry.register(Box::new(agent_bytes.clone()))?;
        let agent_resyncs =
            IntCounter::new("gimlet_agent_resyncs_total", "gaps after which all was asked for")?;
        registry.register(Box::new(agent_resyncs.clone()))?;
        let options =
            Opts::new("gimlet_agent_writes_total", "writes with agents' tokens, by result");
        let agent_writes = IntCounterVec::new(options, &["kind", "result"])?;
        registry.register(Box::new(agent_writes.clone()))?;
        let options =
            Opts::new("gimlet_agent_requests_total", "what people asked agents for, by result");
        let agent_requests = IntCounterVec::new(options, &["kind", "result"])?;
        registry.register(Box::new(agent_requests.clone()))?;
        Ok(Self {
            registry: Arc::new(registry),
            requests,
            sign_ins,
            clients,
            agents,
            agent_connected,
            agent_refused,
            agent_frames,
            agent_bytes,
            agent_resyncs,
            agent_writes,
            agent_requests,
        })
    }

    /// Counts a sign-in, or the renewal of one; the result is a reason where it is no success.
    pub(crate) fn sign_in(&self, way: &str, result: &str) {
        self.sign_ins.with_label_values(&[way, result]).inc();
    }

    /// Counts an agent of an environment, for as long as the guard lives.
    pub(crate) fn agent(&self, namespace: &str, environment: &str) -> Agent {
        self.agents.inc();
        self.agent_connected.with_label_values(&[namespace, environment]).inc();
        Agent { metrics: self.clone(), labels: [namespace.to_owned(), environment.to_owned()] }
    }

    /// Returns how many agents are connected.
    pub(crate) fn agents(&self) -> i64 {
        self.agents.get()
    }

    /// Counts an agent that was refused or sent away.
    pub(crate) fn agent_refused(&self, reason: &str) {
        self.agent_refused.with_label_values(&[reason]).inc();
    }

    /// Counts a frame of an agent.
    pub(crate) fn agent_frame(&self, bytes: usize) {
        self.agent_frames.inc();
        self.agent_bytes.inc_by(bytes.try_into().unwrap_or_default());
    }

    /// Counts a gap.
    pub(crate) fn agent_resync(&self) {
        self.agent_resyncs.inc();
    }

    /// Counts a write with the token of an agent.
    pub(crate) fn agent_write(&self, kind: &str, result: &str) {
        self.agent_writes.with_label_values(&[kind, result]).inc();
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

    /// Counts a question of a person to an agent.
    pub(crate) fn agent_request(&self, kind: &str, result: &str) {
        self.agent_requests.with_label_values(&[kind, result]).inc();
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

/// Counts an agent until it is dropped.
pub(crate) struct Agent {
    metrics: Metrics,
    labels: [String; 2],
}

impl Drop for Agent {
    fn drop(&mut self) {
        let Self { metrics, labels } = self;
        metrics.agents.dec();
        metrics.agent_connected.with_label_values(labels).dec();
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
        metrics.agent_refused("Token");
        metrics.agent_write("App", "Done");
        metrics.agent_request("logs", "Asked");
        let _agent = metrics.agent("team", "prod");
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
