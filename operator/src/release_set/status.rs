//! The only place that writes the status of a set.

use gimlet_crds::condition::{self, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{Phase, Release, ReleaseSet, ReleaseSetStatus, SetCommit, SetMember};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::decide::{Around, Cause, is_ready, phase};
use super::expand::Apps;
use super::member;
use crate::context::Context;
use crate::error::ApiError;
use crate::status::apply;

/// What a look at a set came to.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is known which apps it is for.
    Expanded(Apps),
    /// It waits for something that its releases do not know of.
    Blocked { reason: String, message: String },
    /// Its releases say how it stands.
    Members,
    /// Its releases are in git.
    Committed(SetCommit),
    /// Git has exactly this already.
    Unchanged,
    /// Its releases are planned, and that is all that was asked for.
    Planned,
    /// Nothing of it comes to git.
    Ended(Cause),
    /// Something went wrong, and is tried again.
    Retrying { reason: String, message: String },
}

/// Writes the status that follows from a look, if it differs from the one that is there.
///
/// Returns false where the set changed meanwhile or is gone.
pub(super) async fn write(
    set: &ReleaseSet,
    around: &Around,
    seen: Seen,
    ctx: &Context,
) -> Result<bool, ApiError> {
    let old = set.status.clone().unwrap_or_default();
    let status = compute(&old, set, around, seen, Context::now());
    if status == old {
        return Ok(true);
    }
    if apply(set, &status, ctx).await?.is_none() {
        return Ok(false);
    }
    announce(set, &old, &status, ctx);
    Ok(true)
}

fn announce(set: &ReleaseSet, old: &ReleaseSetStatus, status: &ReleaseSetStatus, ctx: &Context) {
    let ready = condition::find(&status.conditions, READY);
    let (reason, message) = ready.map_or(("", ""), |c| (c.reason.as_str(), c.message.as_str()));
    let was = condition::find(&old.conditions, READY).map_or("", |c| c.reason.as_str());
    if status.phase == old.phase && reason == was {
        return;
    }
    let phase = status.phase.as_str();
    tracing::info!(
        set = set.name_any(),
        namespace = set.namespace(),
        environment = set.spec.environment,
        phase,
        reason,
        commit = status.commit.as_ref().map(|commit| commit.sha.as_str()),
        message,
        "a set moved"
    );
    let bad = matches!(status.phase, Phase::Failed | Phase::Rejected);
    let kind = if bad { EventType::Warning } else { EventType::Normal };
    ctx.event(set, kind, reason, &format!("{phase}: {message}"));
}

/// Computes a status: a function of the old one and of what was seen.
fn compute(
    old: &ReleaseSetStatus,
    set: &ReleaseSet,
    around: &Around,
    seen: Seen,
    now: Timestamp,
) -> ReleaseSetStatus {
    let generation = set.metadata.generation;
    let mut status = ReleaseSetStatus { observed_generation: generation, ..old.clone() };
    if let Seen::Expanded(apps) = &seen {
        let member = |app: &String| SetMember {
            app: app.clone(),
            release: member::name_of(set, app),
            phase: Phase::Pending,
        };
        status.releases = apps.chosen.iter().map(member).collect();
        status.left_out.clone_from(&apps.left_out);
    }
    for (member, release) in status.releases.iter_mut().zip(&around.releases) {
        // What was pruned stays what it was.
        if let Some(release) = release {
            member.phase = self::phase(release);
        }
    }
    let releases = around.releases.iter().flatten();
    let got_further = |release: &Release| is_ready(release) || is_in_git(release);
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    status.total = count(status.releases.len());
    status.ready = count(releases.filter(|release| got_further(release)).count());
    let time = || Some(Time(condition::whole_second(now)));
    if let Seen::Committed(commit) = &seen {
        status.commit.get_or_insert_with(|| commit.clone());
        status.timestamps.committed = status.timestamps.committed.or_else(time);
    }
    let stand = stand(&status, around, seen);
    status.phase = stand.phase;
    status.timestamps.ended =
        if stand.ended { status.timestamps.ended.or_else(time) } else { status.timestamps.ended };
    status.conditions = condition::merge(&old.conditions, stand.verdicts(), generation, now);
    status
}

fn is_in_git(release: &Release) -> bool {
    release.status.as_ref().is_some_and(|status| status.commit.is_some())
}

/// How a set stands.
struct Stand {
    phase: Phase,
    ready: Truth,
    ended: bool,
    reason: String,
    message: String,
}

impl Stand {
    fn ended(phase: Phase, ready: Truth, reason: &str, message: String) -> Self {
        Self { phase, ready, ended: true, reason: reason.to_owned(), message }
    }

    fn on_its_way(phase: Phase, ready: Truth, reason: &str, message: String) -> Self {
        Self { phase, ready, ended: false, reason: reason.to_owned(), message }
    }

    fn verdicts(self) -> Vec<Verdict> {
        let Self { phase: _, ready, ended, reason, message } = self;
        let mut verdicts = vec![Verdict::new(READY, ready, reason.clone(), message.clone())];
        if !ended {
            verdicts.push(Verdict::new(RECONCILING, Truth::True, reason, message));
        } else if ready != Truth::True {
            verdicts.push(Verdict::new(STALLED, Truth::True, reason, message));
        }
        verdicts
    }
}

fn stand(status: &ReleaseSetStatus, around: &Around, seen: Seen) -> Stand {
    let total = status.total;
    match seen {
        Seen::Expanded(_) => {
            let message = format!("{total} releases are made{}", left_out(status));
            Stand::on_its_way(Phase::Pending, Truth::Unknown, "Expanded", message)
        }
        Seen::Blocked { reason, message } => {
            Stand::on_its_way(Phase::Waiting, Truth::False, &reason, message)
        }
        Seen::Retrying { reason, message } => {
            let message = format!("{message}; it is tried again");
            let queued = status.releases.iter().any(|member| member.phase == Phase::Queued);
            let phase = if queued { Phase::Queued } else { status.phase };
            Stand::on_its_way(phase, Truth::False, &reason, message)
        }
        Seen::Unchanged => {
            let message = "git has exactly this already; nothing was committed".to_owned();
            Stand::ended(Phase::Unchanged, Truth::True, "Unchanged", message)
        }
        Seen::Planned => {
            let message = format!("{total} releases are planned; nothing was committed");
            Stand::ended(Phase::Planned, Truth::True, "PlanOnly", message + &left_out(status))
        }
        Seen::Ended(Cause { phase, reason, message }) => {
            let message = format!("{message}; nothing of the set was committed");
            Stand::ended(phase, Truth::False, &reason, message)
        }
        Seen::Members | Seen::Committed(_) => match &status.commit {
            Some(commit) => after_git(status, around, &commit.short),
            None => before_git(status, around),
        },
    }
}

fn before_git(status: &ReleaseSetStatus, around: &Around) -> Stand {
    let waiting = status.releases.iter().zip(&around.releases).filter_map(|(member, release)| {
        let release = release.as_ref();
        if release.is_some_and(|release| is_ready(release)) {
            return None;
        }
        let ready = release
            .and_then(|release| release.status.as_ref())
            .and_then(|status| condition::find(&status.conditions, READY));
        Some(ready.map_or_else(
            || format!("{} is not planned yet", member.app),
            |ready| format!("{}: {}", member.app, ready.message),
        ))
    });
    let waiting: Vec<String> = waiting.collect();
    let queued = status.releases.iter().any(|member| member.phase == Phase::Queued);
    let (ready, total) = (status.ready, status.total);
    if waiting.is_empty() {
        let phase = if queued { Phase::Queued } else { Phase::Waiting };
        let message = format!("all {total} releases are ready; on their way to git");
        return Stand::on_its_way(phase, Truth::Unknown, "Queued", message);
    }
    let message = format!("{ready} of {total} releases are ready; {}", waiting.join("; "));
    Stand::on_its_way(Phase::Waiting, Truth::False, "WaitingForReleases", message)
}

fn after_git(status: &ReleaseSetStatus, around: &Around, commit: &str) -> Stand {
    let left_out = left_out(status);
    let failed = status.releases.iter().zip(&around.releases).filter_map(|(member, release)| {
        let told = release
            .as_ref()
            .and_then(|release| release.status.as_ref())
            .and_then(|status| condition::find(&status.conditions, READY));
        let message = told.map_or("it failed", |ready| ready.message.as_str());
        (member.phase == Phase::Failed).then(|| format!("{}: {message}", member.app))
    });
    let failed: Vec<String> = failed.collect();
    if !failed.is_empty() {
        let message = format!("committed {commit}; {}", failed.join("; "));
        return Stand::ended(Phase::Failed, Truth::False, "Failed", message);
    }
    // Those that changed nothing, or that a newer release came after, hold up nobody.
    let counts = |phase: Phase| matches!(phase, Phase::Committed | Phase::Applied | Phase::Healthy);
    let phases = status.releases.iter().map(|member| member.phase);
    let on_the_way = |member: &SetMember| {
        matches!(member.phase, Phase::Pending | Phase::Waiting | Phase::Queued)
    };
    if status.releases.iter().any(on_the_way) {
        let message = format!("committed {commit}");
        return Stand::on_its_way(Phase::Committed, Truth::Unknown, "Committed", message);
    }
    let Some(phase) = phases.clone().filter(|phase| counts(*phase)).min() else {
        let message = format!("committed {commit}; newer releases came after it");
        return Stand::ended(Phase::Superseded, Truth::False, "Superseded", message);
    };
    let open = around.releases.iter().flatten().any(|release| {
        release.status.as_ref().is_none_or(|status| status.timestamps.ended.is_none())
    });
    let healthy = phases.filter(|phase| *phase == Phase::Healthy).count();
    let well = match healthy {
        1 => "1 app is healthy".to_owned(),
        _ => format!("{healthy} apps are healthy"),
    };
    let message = match phase {
        Phase::Healthy => format!("{commit} runs: {well}{left_out}"),
        _ if healthy > 0 => format!("committed {commit}; {well}{left_out}"),
        _ => format!("committed {commit}{left_out}"),
    };
    if open {
        Stand::on_its_way(phase, Truth::Unknown, phase.as_str(), message)
    } else {
        Stand::ended(phase, Truth::True, phase.as_str(), message)
    }
}

fn left_out(status: &ReleaseSetStatus) -> String {
    if status.left_out.is_empty() {
        return String::new();
    }
    let names = condition::cut(&status.left_out.join(", "), 256);
    format!("; not there then, and left as they are: {names}")
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
