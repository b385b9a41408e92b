//! Feedback: source commits are told what became of their releases.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{Phase, Release};
use gimlet_hosts::{NewStatus, Sha, StatusState};
use kube::ResourceExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Reports that may wait; what comes on top is left out: the next phase reports again.
const QUEUE: usize = 1024;
/// How often one report is tried.
const ATTEMPTS: u32 = 4;
/// Longest description that all hosts take, in characters.
const MAX_DESCRIPTION: usize = 140;
/// Checks whose last state is remembered, so that nothing is reported twice.
const REMEMBERED: usize = 10_000;

/// Where reports are published.
#[derive(Clone)]
pub(crate) struct Feedback(mpsc::Sender<Arc<Release>>);

/// Reports that are still to be sent.
pub(crate) struct Reports(mpsc::Receiver<Arc<Release>>);

impl Feedback {
    /// Makes a queue.
    pub(crate) fn new() -> (Self, Reports) {
        let (queue, reports) = mpsc::channel(QUEUE);
        (Self(queue), Reports(reports))
    }

    /// Reports how a release stands, soon.
    pub(crate) fn publish(&self, release: Release) {
        if state(&release).is_some() && self.0.try_send(Arc::new(release)).is_err() {
            tracing::debug!("a commit status was left out: too many wait");
        }
    }
}

impl Reports {
    /// Sends reports until the token is cancelled.
    pub(crate) async fn send(mut self, ctx: Arc<Context>, stop: CancellationToken) {
        let mut sent: HashMap<(String, String), StatusState> = HashMap::new();
        loop {
            let release = tokio::select! {
                release = self.0.recv() => release,
                () = stop.cancelled() => None,
            };
            let Some(release) = release else { return };
            let Some(report) = report(&release, &ctx) else { continue };
            let key = (report.sha.to_string(), report.status.context.clone());
            if sent.get(&key) == Some(&report.status.state) {
                continue;
            }
            if sent.len() >= REMEMBERED {
                sent.clear();
            }
            if tell(&report, &ctx, &stop).await {
                sent.insert(key, report.status.state);
            }
        }
    }
}

/// A check of a commit, and the repository that it is in.
struct Report {
    repository: Arc<gimlet_crds::Repository>,
    sha: Sha,
    status: NewStatus,
}

/// Finds the commit of a release, and its repository; none where nobody knows them.
fn report(release: &Release, ctx: &Context) -> Option<Report> {
    let namespace = release.namespace()?;
    let of_artifact = release.status.as_ref().and_then(|status| status.artifact.as_ref());
    let (place, version) = match of_artifact {
        Some(reference) => {
            let place = reference.namespace.clone().unwrap_or_else(|| namespace.clone());
            let artifact = ctx.artifact(&place, &reference.name)?;
            (place, artifact.spec.version.clone())
        }
        None => (namespace, release.spec.version.clone()?),
    };
    let repository = ctx.repository_called(&place, version.repository.as_deref()?)?;
    if !repository.spec.commit_status {
        return None;
    }
    let (state, description) = state(release)?;
    let spec = &release.spec;
    Some(Report {
        repository,
        sha: Sha::parse(version.sha.as_deref()?).ok()?,
        status: NewStatus {
            // One check for each environment and app, whatever the number of releases.
            context: format!("gimlet/{}/{}", spec.environment, spec.app),
            state,
            description: description.chars().take(MAX_DESCRIPTION).collect(),
            url: release.status.as_ref().and_then(|s| s.commit.as_ref()?.url.clone()),
        },
    })
}

/// Tells how a release stands; only what runs is a success.
fn state(release: &Release) -> Option<(StatusState, String)> {
    let status = release.status.as_ref()?;
    if release.spec.plan_only || release.spec.rollback_to.is_some() {
        return None;
    }
    let ready = condition::find(&status.conditions, READY);
    let message = ready.map_or_else(String::new, |ready| ready.message.clone());
    let state = match status.phase {
        Phase::Pending | Phase::Planned | Phase::Unchanged => return None,
        Phase::Waiting | Phase::Queued | Phase::Committed | Phase::Applied => StatusState::Pending,
        Phase::Healthy => StatusState::Success,
        Phase::Failed | Phase::Rejected => StatusState::Failure,
        Phase::Superseded | Phase::Cancelled => StatusState::Error,
    };
    Some((state, format!("{}: {message}", status.phase.as_str())))
}

/// Sends a report, a few times if need be; tells whether it arrived.
async fn tell(report: &Report, ctx: &Context, stop: &CancellationToken) -> bool {
    let name = report.repository.name_any();
    for attempt in 0..ATTEMPTS {
        let pause = match attempt_once(report, ctx).await {
            Ok(()) => {
                ctx.metrics.feedback("ok");
                return true;
            }
            Err(None) => {
                ctx.metrics.feedback("refused");
                return false;
            }
            Err(Some(pause)) => pause.unwrap_or_else(|| Duration::from_secs(2 << attempt)),
        };
        tokio::select! {
            () = tokio::time::sleep(pause.min(Duration::from_mins(1))) => {}
            () = stop.cancelled() => return false,
        }
    }
    ctx.metrics.feedback("failed");
    tracing::warn!(
        repository = name,
        context = report.status.context,
        "a commit status was not sent"
    );
    false
}

/// Sends a report; of an error, whether and when to try again.
async fn attempt_once(report: &Report, ctx: &Context) -> Result<(), Option<Option<Duration>>> {
    let name = report.repository.name_any();
    let source = match ctx.sources.open(&ctx.client, &report.repository).await {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(repository = name, error = %error, "a commit status cannot be sent");
            return Err(Some(None));
        }
    };
    let Some(host) = &source.host else { return Err(None) };
    let Err(error) = host.set_commit_status(&report.sha, &report.status).await else {
        return Ok(());
    };
    tracing::warn!(repository = name, reason = error.reason(), error = %error, "a commit status was refused");
    match error.retry(Context::now()) {
        gimlet_hosts::Retry::Stalled => Err(None),
        gimlet_hosts::Retry::After(pause) => Err(Some(Some(pause))),
        gimlet_hosts::Retry::Backoff => Err(Some(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(phase: &str, spec: &serde_json::Value) -> Release {
        let mut all = json!({"app": "shop", "environment": "staging"});
        for (field, value) in spec.as_object().unwrap() {
            all[field] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
            "spec": all, "status": {"phase": phase}
        }))
        .unwrap()
    }

    #[test]
    fn only_what_runs_is_a_success() {
        let of = |phase| state(&release(phase, &json!({}))).map(|(state, _)| state);
        assert_eq!(of("Healthy"), Some(StatusState::Success));
        assert_eq!(of("Committed"), Some(StatusState::Pending));
        assert_eq!(of("Applied"), Some(StatusState::Pending));
        assert_eq!(of("Failed"), Some(StatusState::Failure));
        assert_eq!(of("Superseded"), Some(StatusState::Error));
        assert_eq!(of("Pending"), None);
        let back = json!({"rollbackTo": {"commit": "abcdef0"}, "reason": "x"});
        assert_eq!(state(&release("Healthy", &back)), None, "it says nothing of the commit");
    }
}
