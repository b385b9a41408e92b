//! What the operator measures; no label ever holds a commit, a user or a message.

use std::sync::Arc;
use std::time::Duration;

use gimlet_gitops::{EngineKind, Observer, QueueStats};
use gimlet_hosts::Provider;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

/// The operator's metrics, in a registry of their own.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    git_operations: IntCounterVec,
    git_duration: HistogramVec,
    git_pushed: IntCounterVec,
    git_attempts: HistogramVec,
    queue_depth: IntGaugeVec,
    queue_oldest: GaugeVec,
    engines: IntGaugeVec,
    releases: IntCounterVec,
    phases: HistogramVec,
    render: HistogramVec,
    reconciles: IntCounterVec,
    events_dropped: IntCounter,
    webhooks: IntCounterVec,
    commit_statuses: IntCounterVec,
    deployments: IntCounterVec,
    notifications: IntCounterVec,
    comments: IntCounterVec,
    config_changes: IntCounterVec,
    previews_removed: IntCounterVec,
    scm_requests: IntCounterVec,
    scm_remaining: IntGaugeVec,
    apps: IntGaugeVec,
    drifted: IntGaugeVec,
}

const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

impl Metrics {
    /// Makes the metrics and registers them.
    #[expect(clippy::too_many_lines, reason = "it is the list of all metrics")]
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            let metric = HistogramVec::new(options, labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let queue_oldest = GaugeVec::new(
            Opts::new("gimlet_queue_oldest_seconds", "Age of the oldest waiting release."),
            &["repo"],
        )?;
        registry.register(Box::new(queue_oldest.clone()))?;
        let engines = IntGaugeVec::new(
            Opts::new("gimlet_git_engine", "How a repository is worked with: 1 for that engine."),
            &["repo", "engine"],
        )?;
        registry.register(Box::new(engines.clone()))?;
        let events_dropped = IntCounter::new(
            "gimlet_events_dropped_total",
            "Events that were not written because too many waited.",
        )?;
        registry.register(Box::new(events_dropped.clone()))?;
        let attempts = HistogramOpts::new(
            "gimlet_git_push_attempts",
            "Attempts until a batch was pushed; more than one is a race with somebody else.",
        );
        let git_attempts = HistogramVec::new(
            attempts.buckets(vec![1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0]),
            &["repo"],
        )?;
        registry.register(Box::new(git_attempts.clone()))?;
        Ok(Self {
            git_operations: counter(
                "gimlet_git_operations_total",
                "Git operations by kind and result.",
                &["op", "result"],
            )?,
            git_duration: histogram(
                "gimlet_git_operation_duration_seconds",
                "Duration of git operations.",
                &["op"],
            )?,
            git_pushed: counter(
                "gimlet_git_pushed_commits_total",
                "Commits that were pushed.",
                &["repo"],
            )?,
            releases: counter(
                "gimlet_releases_total",
                "Releases that ended, by result.",
                &["environment", "result", "trigger"],
            )?,
            phases: histogram(
                "gimlet_release_phase_duration_seconds",
                "Time from the creation of a release until it reached a phase.",
                &["environment", "phase"],
            )?,
            render: histogram(
                "gimlet_render_duration_seconds",
                "Duration of rendering a manifest.",
                &["result"],
            )?,
            reconciles: counter(
                "gimlet_reconciles_total",
                "Reconciles by kind and result; an error shows its reason.",
                &["kind", "result"],
            )?,
            webhooks: counter(
                "gimlet_webhook_requests_total",
                "Webhooks by what became of them; an error shows its reason.",
                &["provider", "result"],
            )?,
            commit_statuses: counter(
                "gimlet_commit_statuses_total",
                "Commit statuses that were reported to hosts, by result.",
                &["result"],
            )?,
            deployments: counter(
                "gimlet_deployments_total",
                "Deployments that hosts were asked to show, by result.",
                &["result"],
            )?,
            scm_requests: counter(
                "gimlet_scm_requests_total",
                "Requests to the APIs of git hosts by the status of the answer.",
                &["provider", "code"],
            )?,
            scm_remaining: gauge(
                "gimlet_scm_rate_limit_remaining",
                "Requests that a host still takes in this window, as its last answer said.",
                &["repository"],
            )?,
            apps: gauge("gimlet_apps", "Apps.", &["namespace", "environment"])?,
            drifted: gauge(
                "gimlet_apps_drifted",
                "Apps whose folder in git differs from what was released.",
                &["namespace", "environment"],
            )?,
            queue_depth: gauge("gimlet_queue_depth", "Releases that wait for a push.", &["repo"])?,
            notifications: counter(
                "gimlet_notifications_total",
                "Notifications by what became of them.",
                &["result"],
            )?,
            comments: counter(
                "gimlet_preview_comments_total",
                "Comments about previews that were written to pull requests, by result.",
                &["result"],
            )?,
            config_changes: counter(
                "gimlet_config_changes_total",
                "Changes of files in application repositories, by the phase that they reached.",
                &["phase"],
            )?,
            previews_removed: counter(
                "gimlet_previews_removed_total",
                "Previews that were removed by themselves, by reason.",
                &["reason"],
            )?,
            git_attempts,
            queue_oldest,
            engines,
            events_dropped,
            registry,
        })
    }

    /// Renders all metrics in the text format of Prometheus.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Forgets what is counted anew for each time the metrics are asked for.
    pub(crate) fn begin(&self) {
        self.queue_depth.reset();
        self.queue_oldest.reset();
        self.engines.reset();
        self.scm_remaining.reset();
        self.apps.reset();
        self.drifted.reset();
    }

    /// Records how many apps an environment has, and how many of them drifted.
    pub(crate) fn apps(&self, namespace: &str, environment: &str, all: i64, drifted: i64) {
        self.apps.with_label_values(&[namespace, environment]).set(all);
        self.drifted.with_label_values(&[namespace, environment]).set(drifted);
    }

    /// Records how many requests a repository's host still takes.
    pub(crate) fn rate_limit(&self, repository: &str, remaining: u64) {
        let remaining = i64::try_from(remaining).unwrap_or(i64::MAX);
        self.scm_remaining.with_label_values(&[repository]).set(remaining);
    }

    /// Records the state of a repository's queue.
    pub(crate) fn queue(&self, repo: &str, stats: &QueueStats) {
        let depth = i64::try_from(stats.depth).unwrap_or(i64::MAX);
        self.queue_depth.with_label_values(&[repo]).set(depth);
        let oldest = stats.oldest.map_or(0.0, |since| since.elapsed().as_secs_f64());
        self.queue_oldest.with_label_values(&[repo]).set(oldest);
    }

    /// Records how a repository is worked with.
    pub(crate) fn engine(&self, repo: &str, engine: EngineKind) {
        for kind in [EngineKind::Git, EngineKind::Wire] {
            let is = i64::from(kind == engine);
            self.engines.with_label_values(&[repo, kind.as_str()]).set(is);
        }
    }

    /// Counts a release that ended.
    pub(crate) fn release_ended(&self, environment: &str, result: &str, trigger: &str) {
        self.releases.with_label_values(&[environment, result, trigger]).inc();
    }

    /// Records how long a release took to reach a phase.
    pub(crate) fn phase(&self, environment: &str, phase: &str, since_created: Duration) {
        self.phases.with_label_values(&[environment, phase]).observe(since_created.as_secs_f64());
    }

    /// Records a rendering.
    pub(crate) fn rendered(&self, ok: bool, took: Duration) {
        let result = if ok { "ok" } else { "error" };
        self.render.with_label_values(&[result]).observe(took.as_secs_f64());
    }

    /// Counts a reconcile.
    pub(crate) fn reconciled(&self, kind: &str, result: &str) {
        self.reconciles.with_label_values(&[kind, result]).inc();
    }

    /// Counts a webhook.
    pub(crate) fn webhook(&self, provider: Provider, result: &str) {
        self.webhooks.with_label_values(&[provider.to_string().as_str(), result]).inc();
    }

    /// Counts a commit status.
    pub(crate) fn commit_status(&self, result: &str) {
        self.commit_statuses.with_label_values(&[result]).inc();
    }

    /// Counts a deployment, or a step of it.
    pub(crate) fn deployment(&self, result: &str) {
        self.deployments.with_label_values(&[result]).inc();
    }

    /// Counts a notification.
    pub(crate) fn notified(&self, result: &str) {
        self.notifications.with_label_values(&[result]).inc();
    }

    /// Counts a comment about previews.
    pub(crate) fn commented(&self, result: &str) {
        self.comments.with_label_values(&[result]).inc();
    }

    /// Counts a change of a file that reached a phase.
    pub(crate) fn config_change(&self, phase: &str) {
        self.config_changes.with_label_values(&[phase]).inc();
    }

    /// Counts a preview that goes by itself.
    pub(crate) fn preview_removed(&self, reason: &str) {
        self.previews_removed.with_label_values(&[reason]).inc();
    }

    /// Counts an event that was not written.
    pub(crate) fn event_dropped(&self) {
        self.events_dropped.inc();
    }

    /// Returns an observer of git operations.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(self.clone())
    }
}

impl gimlet_hosts::Observer for Metrics {
    fn requested(&self, provider: Provider, status: Option<u16>) {
        let code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.scm_requests.with_label_values(&[provider.to_string().as_str(), &code]).inc();
    }
}

impl Observer for Metrics {
    fn operation(&self, op: &'static str, result: &'static str, took: Duration) {
        self.git_operations.with_label_values(&[op, result]).inc();
        self.git_duration.with_label_values(&[op]).observe(took.as_secs_f64());
    }

    fn pushed(&self, remote_key: &str, commits: usize, attempts: u32, _took: Duration) {
        self.git_attempts.with_label_values(&[remote_key]).observe(f64::from(attempts));
        let commits = u64::try_from(commits).unwrap_or(u64::MAX);
        self.git_pushed.with_label_values(&[remote_key]).inc_by(commits);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prometheus::core::Collector;

    use super::*;

    #[test]
    fn every_metric_has_a_unique_name_and_is_printed() {
        let metrics = Metrics::new().unwrap();
        metrics.release_ended("staging", "Healthy", "Manual");
        metrics.rendered(true, Duration::from_millis(3));
        metrics.apps("ns", "staging", 7, 2);
        metrics.begin();
        metrics.apps("ns", "production", 3, 1);
        let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
        assert!(text.contains(
            "gimlet_releases_total{environment=\"staging\",result=\"Healthy\",trigger=\"Manual\"} 1"
        ));
        assert!(text.contains("gimlet_render_duration_seconds_count{result=\"ok\"} 1"));
        assert!(
            text.contains("gimlet_apps_drifted{environment=\"production\",namespace=\"ns\"} 1")
        );
        assert!(!text.contains("gimlet_apps{environment=\"staging\""), "it is gone: {text}");
    }

    /// Names of all metrics, each with its labels; a new one cannot be left out.
    fn exported() -> BTreeMap<String, Vec<String>> {
        let Metrics {
            registry: _,
            git_operations,
            git_duration,
            git_pushed,
            git_attempts,
            queue_depth,
            queue_oldest,
            engines,
            releases,
            phases,
            render,
            reconciles,
            events_dropped,
            webhooks,
            commit_statuses,
            deployments,
            notifications,
            comments,
            config_changes,
            previews_removed,
            scm_requests,
            scm_remaining,
            apps,
            drifted,
        } = Metrics::new().unwrap();
        let all: [&dyn Collector; 23] = [
            &git_operations,
            &git_duration,
            &git_pushed,
            &git_attempts,
            &queue_depth,
            &queue_oldest,
            &engines,
            &releases,
            &phases,
            &render,
            &reconciles,
            &events_dropped,
            &webhooks,
            &commit_statuses,
            &deployments,
            &notifications,
            &comments,
            &config_changes,
            &previews_removed,
            &scm_requests,
            &scm_remaining,
            &apps,
            &drifted,
        ];
        let descriptions = all.into_iter().flat_map(Collector::desc);
        descriptions.map(|found| (found.fq_name.clone(), found.variable_labels.clone())).collect()
    }

    #[test]
    fn the_page_of_metrics_names_each_with_its_labels_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let page = page.split("\n## The dashboard").next().unwrap();
        let mut documented = BTreeMap::new();
        for row in page.lines().filter(|line| line.starts_with("| `gimlet_")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            assert!(cells.len() >= 5, "{row}");
            let name = cells[0].trim_start_matches("| ").trim_matches('`').to_owned();
            let labels = cells[1].split(", ").map(|label| label.trim().trim_matches('`'));
            let labels: Vec<String> =
                labels.filter(|label| !matches!(*label, "" | "none")).map(str::to_owned).collect();
            let alert = cells.last().unwrap();
            assert!(alert.contains(&name), "the alert of {name} is about another metric: {alert}");
            documented.insert(name, labels);
        }
        let sorted = |all: BTreeMap<String, Vec<String>>| -> BTreeMap<String, Vec<String>> {
            all.into_iter()
                .map(|(name, mut labels)| {
                    labels.sort();
                    (name, labels)
                })
                .collect()
        };
        assert_eq!(sorted(documented), sorted(exported()));
    }

    #[test]
    fn no_label_has_values_without_end() {
        let unbounded = ["app", "release", "commit", "sha", "user", "message", "branch"];
        for (name, labels) in exported() {
            let found = labels.iter().find(|label| unbounded.contains(&label.as_str()));
            assert_eq!(found, None, "{name}");
        }
    }
}
