//! What the agent measures; no label ever holds a name of an object.

use std::sync::Arc;

use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::cluster::Cluster;

/// The agent's metrics, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    connected: IntGauge,
    sees: IntGauge,
    connections: IntCounterVec,
    frames: IntCounter,
    bytes: IntCounter,
    resyncs: IntCounter,
    malformed: IntCounter,
    requests: IntCounterVec,
    apps: IntGaugeVec,
    objects: IntGaugeVec,
    breaks: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauges = |name: &str, help: &str, label| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let connected =
            IntGauge::new("gimlet_agent_has_dashboard", "whether the dashboard is there")?;
        registry.register(Box::new(connected.clone()))?;
        let sees = IntGauge::new("gimlet_agent_sees_cluster", "whether the cluster is seen")?;
        registry.register(Box::new(sees.clone()))?;
        let options = Opts::new("gimlet_agent_connections_total", "connections, by how they ended");
        let connections = IntCounterVec::new(options, &["end"])?;
        registry.register(Box::new(connections.clone()))?;
        let (frames, bytes) = (
            counter("gimlet_agent_frames_sent_total", "frames that were sent")?,
            counter("gimlet_agent_bytes_sent_total", "bytes of these frames")?,
        );
        let (resyncs, malformed) = (
            counter(
                "gimlet_agent_snapshots_asked_total",
                "snapshots that the dashboard asked for",
            )?,
            counter("gimlet_agent_frames_malformed_total", "frames that were not understood")?,
        );
        let options = Opts::new("gimlet_agent_requests_total", "what people asked for");
        let requests = IntCounterVec::new(options, &["query", "result"])?;
        registry.register(Box::new(requests.clone()))?;
        let apps = gauges("gimlet_agent_apps", "apps, by their word", "state")?;
        let objects = gauges("gimlet_agent_objects", "objects that are held, by kind", "kind")?;
        let options = Opts::new("gimlet_agent_watch_breaks_total", "watches that broke, by kind");
        let breaks = IntCounterVec::new(options, &["kind"])?;
        registry.register(Box::new(breaks.clone()))?;
        Ok(Self {
            registry: Arc::new(registry),
            connected,
            sees,
            connections,
            frames,
            bytes,
            resyncs,
            malformed,
            requests,
            apps,
            objects,
            breaks,
        })
    }

    /// Counts a connection that the dashboard has welcomed.
    pub(crate) fn connected(&self) {
        self.connected.set(1);
    }

    /// Counts the end of a connection, or of an attempt.
    pub(crate) fn disconnected(&self, end: &str) {
        self.connected.set(0);
        self.connections.with_label_values(&[end]).inc();
    }

    /// Tells whether the dashboard is there.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.get() == 1
    }

    /// Counts a frame.
    pub(crate) fn sent(&self, bytes: usize) {
        self.frames.inc();
        self.bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts a snapshot that the dashboard asked for.
    pub(crate) fn resync(&self) {
        self.resyncs.inc();
    }

    /// Counts a frame that was not understood.
    pub(crate) fn malformed(&self) {
        self.malformed.inc();
    }

    /// Counts what somebody asked for, and what became of it.
    pub(crate) fn request(&self, query: &str, result: &str) {
        self.requests.with_label_values(&[query, result]).inc();
    }

    /// Writes all in the text format of Prometheus.
    pub(crate) fn encode(&self, cluster: &Cluster) -> Result<String, prometheus::Error> {
        self.sees.set(i64::from(cluster.blind().is_none()));
        for (word, count) in cluster.words() {
            self.apps.with_label_values(&[word]).set(count);
        }
        self.objects.reset();
        for (kind, count) in cluster.objects() {
            self.objects.with_label_values(&[kind]).set(count);
        }
        for (kind, count) in cluster.breaks() {
            let counted = self.breaks.with_label_values(&[kind]);
            counted.inc_by(count.saturating_sub(counted.get()));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_names_each() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (_, own) = page.split_once("\n## The agent").unwrap();
        let metrics = Metrics::new().unwrap();
        metrics.disconnected("lost");
        metrics.request("logs", "done");
        metrics.objects.with_label_values(&["Pod"]).set(1);
        metrics.breaks.with_label_values(&["Pod"]).inc();
        metrics.apps.with_label_values(&["Healthy"]).set(1);
        for family in metrics.registry.gather() {
            assert!(own.contains(&format!("| `{}` |", family.name())), "{}", family.name());
        }
    }
}
