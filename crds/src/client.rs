//! What every thin client does with the kinds: create a release, watch it, wait for it.
//!
//! Nothing here reconciles: the functions read what the operator wrote, and judge it in one place,
//! so that the CLI and the dashboard say the same of a release.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use tokio::time::Instant;

use crate::condition::{self, APPLIED, READY};
use crate::{Blocker, BlockerKind, Phase, Release, labels};

/// How far a release has to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// It is in git.
    Committed,
    /// Flux has applied it.
    Applied,
    /// Its workloads run.
    #[default]
    Healthy,
}

/// What there is to say of a release that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is on its way.
    Going,
    /// It got as far as it had to. The note tells what is not known.
    Done {
        /// Why nobody knows more, where nothing reports from the cluster.
        note: Option<String>,
    },
    /// It ended before it got there.
    Failed,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The release got as far as it had to.
    Done {
        /// Why nobody knows more, where nothing reports from the cluster.
        note: Option<String>,
    },
    /// The release ended before it got there.
    Failed,
    /// The time is over; the release goes on.
    TimedOut,
    /// The caller did not want to wait longer; the release goes on.
    Stopped,
}

/// The end of a wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Phase of the release when the wait ended.
    pub phase: Phase,
    /// How the wait ended.
    pub outcome: Outcome,
    /// The release as it was seen last.
    pub release: Box<Release>,
}

/// Why nobody can wait for a release.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The API server refused, or could not be reached at the start.
    #[error("release {name} cannot be read")]
    Api {
        /// Name of the release.
        name: String,
        /// What the client says.
        source: Box<kube::Error>,
    },
    /// Somebody deleted the object.
    #[error("release {name} was deleted while it was waited for; what it did is in git")]
    Gone {
        /// Name of the release.
        name: String,
    },
}

/// Creates a release; without a name it gets one from `<app>.<environment>-`.
///
/// A dry run is judged by the API server, and nothing is kept.
pub async fn create(
    api: &Api<Release>,
    release: &Release,
    dry_run: bool,
) -> Result<Release, kube::Error> {
    let mut release = release.clone();
    if release.metadata.name.is_none() && release.metadata.generate_name.is_none() {
        let spec = &release.spec;
        release.metadata.generate_name = Some(generate_name(&spec.app, &spec.environment));
    }
    let params = PostParams { dry_run, field_manager: Some(labels::CLI.to_owned()) };
    api.create(&params, &release).await
}

/// Returns the beginning of the names of an app's releases.
pub fn generate_name(app: &str, environment: &str) -> String {
    format!("{app}.{environment}-")
}

/// Watches a release: its present state first, then each change; `None` says that it is gone.
///
/// The watch recovers by itself, with growing delays; errors are passed on for the caller to judge.
pub fn watch_release(
    api: Api<Release>,
    name: &str,
) -> impl Stream<Item = Result<Option<Release>, watcher::Error>> + Send + use<> {
    watcher::watch_object(api, name).default_backoff()
}

/// Waits until a release got as far as it has to, ended before that, or the time is over.
///
/// The present state is looked at first. `seen` gets every state, and ends the wait by breaking.
/// A network that fails for a while does not end the wait; an API server that refuses does.
pub async fn wait(
    api: &Api<Release>,
    name: &str,
    until: Until,
    timeout: Duration,
    mut seen: impl FnMut(&Release) -> ControlFlow<()>,
) -> Result<Ended, WaitError> {
    let deadline = Instant::now() + timeout;
    let failed = |source| WaitError::Api { name: name.to_owned(), source: Box::new(source) };
    let mut last = api.get(name).await.map_err(failed)?;
    let mut stream = std::pin::pin!(watch_release(api.clone(), name));
    loop {
        let stop = seen(&last).is_break();
        let outcome = match judge(&last, until) {
            Judgement::Done { note } => Some(Outcome::Done { note }),
            Judgement::Failed => Some(Outcome::Failed),
            Judgement::Going => stop.then_some(Outcome::Stopped),
        };
        if let Some(outcome) = outcome {
            return Ok(ended(last, outcome));
        }
        last = loop {
            match tokio::time::timeout_at(deadline, stream.next()).await {
                Err(_) | Ok(None) => return Ok(ended(last, Outcome::TimedOut)),
                Ok(Some(Ok(None))) => return Err(WaitError::Gone { name: name.to_owned() }),
                Ok(Some(Ok(Some(next)))) if next.metadata.uid != last.metadata.uid => {
                    return Err(WaitError::Gone { name: name.to_owned() });
                }
                Ok(Some(Ok(Some(next)))) if next == last => {}
                Ok(Some(Ok(Some(next)))) => break next,
                Ok(Some(Err(error))) => {
                    if let Some(refusal) = refusal(error) {
                        return Err(failed(refusal));
                    }
                }
            }
        };
    }
}

fn ended(release: Release, outcome: Outcome) -> Ended {
    let phase = release.status.as_ref().map(|status| status.phase).unwrap_or_default();
    Ended { phase, outcome, release: Box::new(release) }
}

/// Returns the error of a watch that trying again does not mend.
fn refusal(error: watcher::Error) -> Option<kube::Error> {
    let error = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        watcher::Error::NoResourceVersion => return None,
    };
    let refused =
        matches!(&error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404));
    refused.then_some(error)
}

/// Judges a release by its status: whether it got as far as it has to.
///
/// A release that changes nothing counts as done, and so does one of which nothing reports.
pub fn judge(release: &Release, until: Until) -> Judgement {
    let Some(status) = &release.status else {
        return Judgement::Going;
    };
    let conditions = &status.conditions;
    let done = Judgement::Done { note: None };
    let in_git = status.commit.is_some();
    match status.phase {
        Phase::Unchanged => return done,
        Phase::Planned if release.spec.plan_only && condition::is_true(conditions, READY) => {
            return done;
        }
        _ => {}
    }
    let reached = match until {
        Until::Committed => in_git,
        Until::Applied => in_git && condition::is_true(conditions, APPLIED),
        Until::Healthy => status.phase == Phase::Healthy,
    };
    if reached {
        return done;
    }
    if status.phase == Phase::Failed || status.phase.ended_before_git() {
        return Judgement::Failed;
    }
    let unknown = condition::find(conditions, APPLIED).filter(|c| c.status == "Unknown");
    match unknown {
        Some(applied) if in_git && condition::is_true(conditions, READY) => {
            Judgement::Done { note: Some(applied.message.clone()) }
        }
        _ => Judgement::Going,
    }
}

/// Lists what holds a release back until a person acts.
///
/// Faults of git and of chart hosts are left out: the operator tries again by itself.
pub fn held_by(release: &Release) -> Vec<&Blocker> {
    let status = release.status.as_ref().filter(|status| status.phase == Phase::Waiting);
    let blockers = status.map_or(&[][..], |status| status.blocked_by.as_slice());
    blockers
        .iter()
        .filter(|blocker| match blocker.kind {
            BlockerKind::Lock
            | BlockerKind::Hold
            | BlockerKind::Suspend
            | BlockerKind::Environment
            | BlockerKind::Artifact
            | BlockerKind::Confirm
            | BlockerKind::Approval
            | BlockerKind::PullRequest => true,
            // These end by themselves, in time.
            BlockerKind::Window
            | BlockerKind::Set
            | BlockerKind::Promotion
            | BlockerKind::Uninstall
            | BlockerKind::Git
            | BlockerKind::Chart
            | BlockerKind::Merge => false,
        })
        .collect()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
