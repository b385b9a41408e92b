//! The only place that writes the status of a release.

use std::time::Duration;

use gimlet_crds::condition::{
    self, APPLIED, COMMITTED, HEALTHY, PLANNED, READY, RECONCILING, STALLED, Truth, Verdict,
};
use gimlet_crds::{Blocker, CommitStatus, Phase, Release, ReleaseStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::outcome::{Committed, End, Observation, Outcome, Prepared};
use crate::context::Context;
use crate::error::ApiError;
use crate::notification::News;
use crate::origin;
use crate::status::apply;

/// Reason of a release that nothing stopped on its way to git.
const QUEUED: &str = "Queued";
/// Reason of a release that ended because its set did.
pub(crate) const SET_ENDED: &str = "SetEnded";

/// Writes the status that follows from an outcome, if it differs from the one that is there. What is
/// about to be pushed is written in any case: the API server tells so of a release that was cancelled or
/// deleted meanwhile.
///
/// Returns false where the release changed meanwhile or is gone: what was found out is out of date.
pub(super) async fn write(
    release: &mut Release,
    outcome: Outcome,
    ctx: &Context,
) -> Result<bool, ApiError> {
    let now = Context::now();
    let old = release.status.clone().unwrap_or_default();
    let is_pushed_next = matches!(outcome, Outcome::Queued(_));
    let status = compute(&old, release, outcome, now);
    if status == old && !is_pushed_next {
        return Ok(true);
    }
    let Some(version) = apply(release, &status, ctx).await? else {
        return Ok(false);
    };
    release.metadata.resource_version = Some(version);
    announce(release, &old, &status, now, ctx);
    release.status = Some(status);
    Ok(true)
}

/// Records that a release set off another.
pub(super) async fn set_off(
    release: &mut Release,
    name: String,
    ctx: &Context,
) -> Result<(), ApiError> {
    let mut status = release.status.clone().unwrap_or_default();
    if status.sets_off.contains(&name) {
        return Ok(());
    }
    status.sets_off.push(name);
    if let Some(version) = apply(release, &status, ctx).await? {
        release.metadata.resource_version = Some(version);
        release.status = Some(status);
    }
    Ok(())
}

/// Tells of a new phase or end: by an event, a line in the log, and in the metrics.
fn announce(
    release: &Release,
    old: &ReleaseStatus,
    status: &ReleaseStatus,
    now: Timestamp,
    ctx: &Context,
) {
    let restored = origin::is_restored(&release.metadata);
    if !restored {
        measure(release, old, status, now, ctx);
    }
    let ready = condition::find(&status.conditions, READY);
    let (reason, message) = ready.map_or(("", ""), |c| (c.reason.as_str(), c.message.as_str()));
    let was = condition::find(&old.conditions, READY).map_or("", |c| c.reason.as_str());
    if status.phase == old.phase && reason == was {
        return;
    }
    let phase = status.phase.as_str();
    tracing::info!(
        release = release.name_any(),
        namespace = release.namespace(),
        app = release.spec.app,
        environment = release.spec.environment,
        phase,
        reason,
        commit = status.commit.as_ref().map(|c| c.sha.as_str()),
        message,
        "a release moved"
    );
    // Of a copy from a backup everybody was told when it happened.
    if !restored {
        let mut seen = release.clone();
        seen.status = Some(status.clone());
        ctx.feedback.publish(seen.clone());
        ctx.announcer.publish(News::Release(Box::new(seen)));
    }
    let bad = matches!(status.phase, Phase::Failed | Phase::Rejected);
    let kind = if bad { EventType::Warning } else { EventType::Normal };
    ctx.event(release, kind, reason, &format!("{phase}: {message}"));
}

fn measure(
    release: &Release,
    old: &ReleaseStatus,
    status: &ReleaseStatus,
    now: Timestamp,
    ctx: &Context,
) {
    let environment = &release.spec.environment;
    let phase = status.phase.as_str();
    if status.phase != old.phase {
        let created = release.creation_timestamp().map_or(now, |time| time.0);
        let took = Duration::try_from(now.duration_since(created)).unwrap_or_default();
        ctx.metrics.phase(environment, phase, took);
    }
    // Where nothing reports from the cluster, a release ends without another phase.
    if status.timestamps.ended.is_some() && old.timestamps.ended.is_none() {
        ctx.metrics.release_ended(environment, phase, release.spec.trigger.as_str());
    }
}

/// Computes a status: a function of the old one and the outcome.
fn compute(
    old: &ReleaseStatus,
    release: &Release,
    outcome: Outcome,
    now: Timestamp,
) -> ReleaseStatus {
    if let Outcome::Observed { observation: Observation::Unheard { .. }, .. } = &outcome
        && matches!(old.phase, Phase::Healthy | Phase::Failed)
    {
        // What it came to stays what it came to while nobody knows better.
        return old.clone();
    }
    let mut status = old.clone();
    let mut next = Next {
        blocked_before: std::mem::take(&mut status.blocked_by),
        status,
        verdicts: Vec::new(),
        time: Time(condition::whole_second(now)),
    };
    next.apply(outcome);
    let Next { mut status, mut verdicts, .. } = next;
    keep_earlier(&mut verdicts, old);
    if status.sequence.is_none() {
        status.sequence = origin::sequence(&release.metadata);
    }
    status.observed_generation = release.metadata.generation;
    status.conditions =
        condition::merge(&old.conditions, verdicts, release.metadata.generation, now);
    status
}

/// A status on its way.
struct Next {
    status: ReleaseStatus,
    blocked_before: Vec<Blocker>,
    verdicts: Vec<Verdict>,
    time: Time,
}

impl Next {
    fn apply(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Planned(prepared) => {
                self.plan(prepared);
                let message = self.plan_summary();
                self.end(
                    Phase::Planned,
                    true,
                    "PlanOnly",
                    &format!("{message}; nothing was committed"),
                );
            }
            Outcome::Blocked { prepared, blockers } => {
                if let Some(prepared) = prepared {
                    self.plan(prepared);
                }
                self.blocked(blockers);
            }
            Outcome::Proposed { prepared, pull, blockers } => {
                if let Some(prepared) = prepared {
                    self.plan(prepared);
                }
                self.status.pull_request = Some(pull);
                self.blocked(blockers);
            }
            Outcome::Queued(prepared) => {
                self.plan(prepared);
                self.queued();
            }
            Outcome::Committed { prepared, commit, observation } => {
                if let Some(prepared) = prepared {
                    self.plan(prepared);
                }
                self.committed(commit, observation);
            }
            Outcome::Unchanged { prepared, head } => {
                if let Some(prepared) = prepared {
                    self.plan(prepared);
                }
                let head = short(&head.to_string());
                let message =
                    format!("git has exactly this already, at {head}; nothing was committed");
                self.verdict(COMMITTED, Truth::True, "Unchanged", &message);
                self.end(Phase::Unchanged, true, "Unchanged", &message);
            }
            Outcome::Observed { commit, observation } => self.observed(&commit, observation),
            Outcome::Ended(end) => self.ended(end),
            Outcome::Failed { reason, message } => {
                self.end(Phase::Failed, false, &reason, &message);
                self.verdict(STALLED, Truth::True, &reason, &message);
            }
            Outcome::Retrying { blocker, reason, message } => {
                if self.status.commit.is_none() {
                    // Queued stays Queued: it may be in git, and only git can tell.
                    if self.status.phase != Phase::Queued && blocker.is_some() {
                        self.status.phase = Phase::Waiting;
                    }
                    self.status.blocked_by.extend(blocker);
                }
                self.progress(Truth::False, &reason, &format!("{message}; it is tried again"));
            }
        }
    }

    /// A new try says nothing of what stopped the last one, so that stays until the try has an end: two
    /// writes for each try would wake the release each time, and it would never wait for longer.
    fn queued(&mut self) {
        self.status.timestamps.queued.get_or_insert_with(|| self.time.clone());
        if self.status.phase == Phase::Queued {
            let ready = condition::find(&self.status.conditions, READY).map(repeated);
            let stopped = ready.filter(|ready| ready.reason != QUEUED);
            if let Some(Verdict { status, reason, message, .. }) = stopped {
                self.status.blocked_by = std::mem::take(&mut self.blocked_before);
                return self.progress(status, &reason, &message);
            }
        }
        self.status.phase = Phase::Queued;
        let message = format!("{}; on its way to git", self.plan_summary());
        self.progress(Truth::Unknown, QUEUED, &message);
    }

    fn blocked(&mut self, blockers: Vec<Blocker>) {
        let message = blockers
            .iter()
            .map(|b| format!("{:?} {}: {}", b.kind, b.name, b.reason))
            .collect::<Vec<_>>()
            .join("; ");
        let reason = blockers.first().map_or_else(|| "Blocked".into(), |b| format!("{:?}", b.kind));
        self.status.blocked_by = blockers;
        self.status.phase = Phase::Waiting;
        self.progress(Truth::False, &format!("BlockedBy{reason}"), &message);
    }

    fn plan(&mut self, prepared: Prepared) {
        let Prepared {
            plan,
            chart,
            version,
            artifact,
            approved_by,
            edits: _,
            source: _,
            binding: _,
            unchanged: _,
            last_touch: _,
            restores: _,
            holds: _,
            head: _,
        } = prepared;
        self.status.plan = Some(plan);
        self.status.chart = chart;
        self.status.version = version;
        self.status.artifact = artifact;
        self.status.approved_by = approved_by;
        self.status.timestamps.planned.get_or_insert_with(|| self.time.clone());
        let message = self.plan_summary();
        self.verdict(PLANNED, Truth::True, "Planned", &message);
    }

    fn plan_summary(&self) -> String {
        match &self.status.plan {
            None => "not planned".into(),
            Some(plan) if plan.added + plan.changed + plan.removed == 0 => {
                "no object changes".into()
            }
            Some(plan) => {
                format!("+{} ~{} -{} objects", plan.added, plan.changed, plan.removed)
            }
        }
    }

    fn committed(&mut self, commit: Committed, observation: Option<Observation>) {
        let Committed { sha, branch, path, url, adopted } = commit;
        let short = short(&sha);
        let message = if adopted {
            format!("{short} on {branch}; an earlier attempt had reached git")
        } else {
            format!("{short} on {branch}")
        };
        self.status.commit = Some(CommitStatus { sha: sha.clone(), short, url, branch, path });
        self.status.phase = Phase::Committed;
        self.status.timestamps.committed.get_or_insert_with(|| self.time.clone());
        self.verdict(COMMITTED, Truth::True, "Committed", &message);
        match observation {
            Some(observation) => self.observed(&sha, observation),
            None => self.progress(Truth::Unknown, "Committed", &format!("committed {message}")),
        }
    }

    fn observed(&mut self, commit: &str, observation: Observation) {
        let short = short(commit);
        let time = self.time.clone();
        match observation {
            Observation::NotObserved { reason, message } => {
                self.verdict(APPLIED, Truth::Unknown, reason, &message);
                if matches!(self.status.phase, Phase::Committed) {
                    let message = format!("committed {short}; {message}");
                    self.verdict(READY, Truth::True, "Committed", &message);
                    self.status.timestamps.ended.get_or_insert(time);
                } else {
                    self.verdict(READY, Truth::True, reason, &message);
                }
            }
            // What became of it is not known for now: what is known stays, and nothing ends.
            Observation::Unheard { reason, message } => {
                if self.status.phase == Phase::Applied {
                    self.progress(Truth::Unknown, reason, &format!("applied {short}; {message}"));
                } else {
                    self.verdict(APPLIED, Truth::Unknown, reason, &message);
                    let message = format!("committed {short}; {message}");
                    self.progress(Truth::Unknown, reason, &message);
                }
            }
            Observation::Waiting { message } => {
                self.status.phase = Phase::Committed;
                self.verdict(APPLIED, Truth::Unknown, "WaitingForFlux", &message);
                self.progress(
                    Truth::Unknown,
                    "WaitingForFlux",
                    &format!("committed {short}; {message}"),
                );
            }
            Observation::Applied { message } => {
                self.status.phase = Phase::Applied;
                self.status.timestamps.applied.get_or_insert(time);
                self.verdict(APPLIED, Truth::True, "Applied", &format!("Flux applied {short}"));
                self.verdict(HEALTHY, Truth::Unknown, "Progressing", &message);
                self.progress(
                    Truth::Unknown,
                    "Progressing",
                    &format!("applied {short}; {message}"),
                );
            }
            Observation::Healthy { message } => {
                self.status.timestamps.applied.get_or_insert_with(|| time.clone());
                self.status.timestamps.healthy.get_or_insert(time);
                self.verdict(APPLIED, Truth::True, "Applied", &format!("Flux applied {short}"));
                self.verdict(HEALTHY, Truth::True, "Healthy", &message);
                self.end(Phase::Healthy, true, "Healthy", &format!("{short} runs: {message}"));
            }
            Observation::ApplyFailed { reason, message } => {
                self.verdict(APPLIED, Truth::False, &reason, &message);
                self.verdict(STALLED, Truth::True, &reason, &message);
                self.end(Phase::Failed, false, &reason, &message);
            }
            Observation::Unhealthy { reason, message } => {
                self.status.timestamps.applied.get_or_insert(time);
                self.verdict(APPLIED, Truth::True, "Applied", &format!("Flux applied {short}"));
                self.verdict(HEALTHY, Truth::False, &reason, &message);
                self.verdict(STALLED, Truth::True, &reason, &message);
                self.end(Phase::Failed, false, &reason, &message);
            }
        }
    }

    fn ended(&mut self, end: End) {
        match end {
            End::Cancelled => {
                self.end(Phase::Cancelled, false, "Cancelled", "cancelled before it reached git");
            }
            End::Superseded { by } => {
                let message = format!("{by} came after it");
                self.end(Phase::Superseded, false, "Superseded", &message);
            }
            End::Rejected { reason, message } => {
                self.end(Phase::Rejected, false, &reason, &message);
            }
            End::SetEnded { set, why } => {
                let message = format!("nothing of the set {set} was committed: {why}");
                self.end(Phase::Cancelled, false, SET_ENDED, &message);
            }
        }
        let ready = self.verdicts.iter().find(|v| v.kind == READY).cloned();
        if let Some(Verdict { reason, message, .. }) = ready {
            self.verdict(STALLED, Truth::True, &reason, &message);
        }
    }

    fn end(&mut self, phase: Phase, ready: bool, reason: &str, message: &str) {
        self.status.phase = phase;
        self.status.timestamps.ended.get_or_insert_with(|| self.time.clone());
        let truth = if ready { Truth::True } else { Truth::False };
        self.verdict(READY, truth, reason, message);
    }

    fn progress(&mut self, ready: Truth, reason: &str, message: &str) {
        self.verdict(READY, ready, reason, message);
        self.verdict(RECONCILING, Truth::True, reason, message);
    }

    fn verdict(&mut self, kind: &'static str, truth: Truth, reason: &str, message: &str) {
        self.verdicts.push(Verdict::new(kind, truth, reason, message));
    }
}

/// Keeps what earlier steps found out, where this one says nothing of it.
fn keep_earlier(verdicts: &mut Vec<Verdict>, old: &ReleaseStatus) {
    for kind in [PLANNED, COMMITTED, APPLIED, HEALTHY] {
        let Some(earlier) = condition::find(&old.conditions, kind) else {
            continue;
        };
        if verdicts.iter().all(|v| v.kind != kind) {
            verdicts.push(Verdict { kind, ..repeated(earlier) });
        }
    }
}

/// Says what an earlier step said.
fn repeated(earlier: &Condition) -> Verdict {
    let truth = match earlier.status.as_str() {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    Verdict::new(READY, truth, earlier.reason.clone(), earlier.message.clone())
}

fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
