//! What a planned release has to pass before git: pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use gimlet_crds::condition::{self, HEALTHY, whole_second};
use gimlet_crds::labels::CREATED_BY;
use gimlet_crds::{
    App, ApprovalRule, ArtifactRef, Blocker, BlockerKind, Decision, DeletionGuard, Environment,
    Lock, Phase, Promotion, Release, ReleaseStatus, Trigger,
};
use gimlet_schedule::{self as schedule, ScheduleError, State, WindowSpec};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};

use super::decide::order;
use super::gather::Around;
use crate::witness::Word;

/// What is known of a plan when it is held against the gates.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    /// Digest of the plan.
    pub(super) digest: &'a str,
    /// Why its removals have to be confirmed.
    pub(super) guard: Option<&'a str>,
    /// The artifact that it was made from.
    pub(super) artifact: Option<&'a ArtifactRef>,
}

/// What the gates say.
#[derive(Debug)]
pub(super) enum Passage {
    /// It may go on; these people approved it.
    Open { approved_by: Vec<String> },
    /// These hold it back.
    Closed(Vec<Blocker>),
    /// Somebody rejected it.
    Rejected { by: String, comment: String },
}

/// Holds a planned release against all gates.
pub(super) fn pass(
    release: &Release,
    environment: &Environment,
    around: &Around,
    planned: Planned<'_>,
) -> Passage {
    let app = around.app.as_deref();
    let now = around.now;
    let mut blockers = Vec::new();
    if let Some(lock) = environment.spec.lock.as_ref().filter(|lock| lock.stands(now)) {
        blockers.push(locked(environment.name_any(), lock));
    }
    if let Some(app) = app {
        blockers.extend(of_app(app, release, now));
    }
    blockers.extend(outside_windows(release, environment, now));
    if let Some(promotion) = &environment.spec.promotion {
        blockers.extend(promoted(release, promotion, planned.artifact, around));
    }
    let set = around.set.as_ref().map(|of_set| &*of_set.set);
    let confirmed = release.spec.confirm || set.is_some_and(|set| set.spec.confirm);
    if environment.spec.deletion_guard == DeletionGuard::Confirm && !confirmed {
        blockers.extend(planned.guard.map(|why| Blocker {
            kind: BlockerKind::Confirm,
            name: release.name_any(),
            reason: format!("{why}: set spec.confirm to true if that is meant, or cancel"),
            until: None,
        }));
    }
    let mut approved_by = Vec::new();
    if let Some(rule) = rule_for(release, environment) {
        // The operator makes the releases of a set: what counts is who made the set.
        let maker = match set {
            Some(set) => creator(set, &around.word),
            None => creator(release, &around.word),
        };
        match approval(release, &maker, rule, planned.digest, around) {
            Approved::Rejected { by, comment } => return Passage::Rejected { by, comment },
            Approved::By(people) => approved_by = people,
            Approved::NotYet(reason) => blockers.push(Blocker {
                kind: BlockerKind::Approval,
                name: release.name_any(),
                reason,
                until: None,
            }),
        }
    }
    if blockers.is_empty() { Passage::Open { approved_by } } else { Passage::Closed(blockers) }
}

fn locked(name: String, lock: &Lock) -> Blocker {
    Blocker {
        kind: BlockerKind::Lock,
        name,
        reason: lock.reason.clone(),
        until: lock.until.clone(),
    }
}

fn of_app(app: &App, release: &Release, now: Timestamp) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if let Some(lock) = app.spec.lock.as_ref().filter(|lock| lock.stands(now)) {
        blockers.push(locked(app.name_any(), lock));
    }
    if app.metadata.deletion_timestamp.is_some() {
        blockers.push(Blocker {
            kind: BlockerKind::Uninstall,
            name: app.name_any(),
            reason: "the app is being uninstalled: the release goes on when that has ended".into(),
            until: None,
        });
    }
    // A hold is there to keep machines from bringing the culprit back. Who rolls back, or gives a
    // reason, has seen it.
    let deliberate = release.spec.rollback_to.is_some() || release.spec.reason.is_some();
    if let (Some(hold), false) = (&app.spec.hold, deliberate) {
        blockers.push(Blocker {
            kind: BlockerKind::Hold,
            name: app.name_any(),
            reason: format!(
                "{}; remove spec.hold of the App to resume, or release with a reason",
                hold.reason
            ),
            until: None,
        });
    }
    blockers
}

/// Asks whether a deploy window is open. Who rolls back cannot wait for one.
fn outside_windows(
    release: &Release,
    environment: &Environment,
    now: Timestamp,
) -> Option<Blocker> {
    if release.spec.rollback_to.is_some() {
        return None;
    }
    let (reason, until) = match windows(environment).map(|windows| windows.state(now)) {
        Ok(State::Open { .. }) => return None,
        Ok(State::Closed { until, because }) => (because, until),
        Err(error) => (format!("spec.windows of the environment: {error}"), None),
    };
    let until = until.map(|until| Time(whole_second(until)));
    Some(Blocker { kind: BlockerKind::Window, name: environment.name_any(), reason, until })
}

/// Reads the deploy windows of an environment.
pub(crate) fn windows(environment: &Environment) -> Result<schedule::Windows, ScheduleError> {
    let spec = |window: &gimlet_crds::Window| WindowSpec {
        cron: window.cron.clone(),
        rrule: window.rrule.clone(),
        start: window.start.clone(),
        duration: window.duration.clone(),
        time_zone: window.time_zone.clone(),
    };
    let all = &environment.spec.windows;
    let list = |windows: &[gimlet_crds::Window]| windows.iter().map(spec).collect::<Vec<_>>();
    schedule::Windows::parse(&list(&all.allow), &list(&all.deny))
}

/// Asks whether the version was healthy for long enough in the environment before.
fn promoted(
    release: &Release,
    promotion: &Promotion,
    artifact: Option<&ArtifactRef>,
    around: &Around,
) -> Option<Blocker> {
    if release.spec.rollback_to.is_some() || release.spec.trigger == Trigger::Rollback {
        return None;
    }
    let (app, from) = (&release.spec.app, &promotion.from);
    let blocker = |reason, until| {
        Some(Blocker { kind: BlockerKind::Promotion, name: from.clone(), reason, until })
    };
    let Some(artifact) = artifact else {
        let reason = format!(
            "{from} comes first here, and only an artifact can be recognised there: release an \
             artifact, or promote with promoteFrom"
        );
        return blocker(reason, None);
    };
    let own = release.namespace().unwrap_or_default();
    let of_version = |other: &&Arc<Release>| {
        let status = other.status.as_ref();
        let theirs = status.and_then(|status| status.artifact.as_ref());
        theirs.is_some_and(|theirs| same(theirs, artifact, &own))
    };
    let before = around.before.iter().filter(of_version);
    let runs: Vec<_> = before.filter_map(|other| run(other, &around.before)).collect();
    let (soak, asked) = (soak(promotion), promotion.soak.as_deref().unwrap_or("a moment"));
    let ripe = |run: &Run| run.since.saturating_add(soak).unwrap_or(run.since);
    if runs.iter().any(|run| ripe(run) <= run.until.as_ref().map_or(around.now, |end| end.0)) {
        return None;
    }
    if let Some(until) = runs.iter().filter(|run| run.until.is_none()).map(ripe).min() {
        let reason = format!("{app} has to be healthy in {from} for {asked}");
        return blocker(reason, Some(Time(whole_second(until))));
    }
    let reason = match runs.iter().find_map(|run| run.until.as_ref()) {
        Some((_, by)) => format!(
            "{app} was healthy in {from} with this version for less than {asked} when {by} took its \
             place: release it there again"
        ),
        None => format!("{app} is not healthy in {from} with this version: it goes on when it was"),
    };
    blocker(reason, None)
}

/// How long a release was healthy.
struct Run {
    since: Timestamp,
    /// When another one took its place, and which.
    until: Option<(Timestamp, String)>,
}

/// Finds out how long a release was healthy among those of its app; none if it is not, or went wrong.
fn run(release: &Release, all: &[Arc<Release>]) -> Option<Run> {
    let status = release.status.as_ref().filter(|status| status.phase == Phase::Healthy)?;
    let since = healthy_since(status)?;
    let committed = |other: &Arc<Release>| {
        let status = other.status.as_ref().filter(|status| status.commit.is_some())?;
        Some((status.timestamps.committed.as_ref()?.0, other.name_any()))
    };
    let newer = all.iter().filter(|other| order(other) > order(release));
    Some(Run { since, until: newer.filter_map(committed).min() })
}

/// Tells since when a release is healthy: one that failed in between begins anew.
pub(super) fn healthy_since(status: &ReleaseStatus) -> Option<Timestamp> {
    let first = status.timestamps.healthy.as_ref()?.0;
    let again = condition::find(&status.conditions, HEALTHY).filter(|c| c.status == "True");
    Some(again.map_or(first, |again| again.last_transition_time.0.max(first)))
}

/// Returns how long a version has to be healthy before it is promoted.
pub(super) fn soak(promotion: &Promotion) -> SignedDuration {
    promotion.soak.as_deref().and_then(duration).unwrap_or_default()
}

/// Reads a duration such as `1h30m`, whose form the kind has checked.
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    text.parse().ok()
}

fn same(one: &ArtifactRef, other: &ArtifactRef, own: &str) -> bool {
    let namespace =
        |reference: &ArtifactRef| reference.namespace.clone().unwrap_or_else(|| own.to_owned());
    one.name == other.name && namespace(one) == namespace(other)
}

fn rule_for<'a>(release: &Release, environment: &'a Environment) -> Option<&'a ApprovalRule> {
    let rollback = release.spec.rollback_to.is_some();
    environment.spec.approval.as_ref().filter(|rule| {
        let trigger = release.spec.trigger;
        if rule.triggers.is_empty() { !rollback } else { rule.triggers.contains(&trigger) }
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Approved {
    By(Vec<String>),
    NotYet(String),
    Rejected { by: String, comment: String },
}

/// Counts who approved exactly this plan.
fn approval(
    release: &Release,
    maker: &Result<&str, &str>,
    rule: &ApprovalRule,
    digest: &str,
    around: &Around,
) -> Approved {
    if let Word::Nobody(why) = &around.word {
        return Approved::NotYet(format!("approvals do not count: {why}"));
    }
    let of_plan = around.approvals.iter().filter(|approval| approval.spec.digest == digest);
    let mut people = BTreeSet::new();
    let mut notes = BTreeSet::new();
    for approval in of_plan {
        let by = match creator(&**approval, &around.word) {
            Ok(by) => by,
            Err(why) => {
                notes.insert(format!("{} {why}", approval.name_any()));
                continue;
            }
        };
        if approval.spec.decision == Decision::Reject {
            let comment = approval.spec.comment.clone().unwrap_or_default();
            return Approved::Rejected { by: by.to_owned(), comment };
        }
        match maker {
            _ if rule.own => {
                people.insert(by.to_owned());
            }
            Err(why) => {
                notes.insert(format!("the release {why}"));
            }
            Ok(maker) if *maker == by => {
                notes.insert(format!("{by} made the release, so somebody else has to approve it"));
            }
            // What is promoted by itself was made by the operator, for whoever asked before.
            Ok(_) if release.spec.requested_by.as_deref() == Some(by) => {
                notes.insert(format!(
                    "{by} asked for the release, so somebody else has to approve it"
                ));
            }
            Ok(_) => {
                people.insert(by.to_owned());
            }
        }
    }
    let wanted = usize::try_from(rule.count).unwrap_or(1);
    if people.len() >= wanted {
        return Approved::By(people.into_iter().collect());
    }
    let missing = match wanted {
        1 => "somebody has to approve the plan".to_owned(),
        _ => format!("{} of {wanted} people have approved the plan", people.len()),
    };
    let what =
        format!("{missing}: create an Approval of {} with the digest {digest}", release.name_any());
    let reason: Vec<String> = std::iter::once(what).chain(notes).collect();
    Approved::NotYet(reason.join("; "))
}

/// Tells who created an object, as the API server knew them, or why that is not known.
fn creator<'a, K: Resource>(object: &'a K, word: &Word) -> Result<&'a str, &'static str> {
    if !word.counts_for(object) {
        return Err("was made before the policies of config/admission were there: make it again");
    }
    let annotations = object.meta().annotations.as_ref();
    let by = annotations.and_then(|annotations| annotations.get(CREATED_BY));
    by.map(String::as_str).ok_or("does not tell who made it: apply config/admission")
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
