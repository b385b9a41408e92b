//! One word for the state of anything, and the plain cause.

use gimlet_crds::{App, Environment, LiveState, Lock, Phase, Release, condition};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

/// The one vocabulary for states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Word {
    /// As it should be.
    Healthy,
    /// On its way.
    Progressing,
    /// Something holds it back.
    Waiting,
    /// It needs somebody.
    Failed,
    /// What is there is not what was released.
    Drifted,
    /// It is over, and nothing runs of it.
    Ended,
    /// Nothing reports.
    Unknown,
}

/// A word, and a sentence why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) word: Word,
    pub(crate) text: String,
}

impl State {
    fn new(word: Word, text: impl Into<String>) -> Self {
        Self { word, text: text.into() }
    }
}

/// Returns the state of an app; `pending` is its newest release that is not in git.
pub(crate) fn of_app(app: &App, pending: Option<&Release>, now: Timestamp) -> State {
    let none = gimlet_crds::AppStatus::default();
    let status = app.status.as_ref().unwrap_or(&none);
    let ready = find(&status.conditions, condition::READY);
    let message = ready.map(|ready| ready.message.clone()).unwrap_or_default();
    if app.metadata.deletion_timestamp.is_some() {
        return State::new(Word::Progressing, or(message, "it is being uninstalled"));
    }
    // What an agent said before it fell silent is no news any more.
    let live = status.live.as_ref().filter(|_| ready.is_none_or(|ready| !is_unheard(ready)));
    if let Some(live) = live.filter(|live| live.state == LiveState::Failed) {
        let cause = or(live.message.clone().unwrap_or(message), "its workloads do not run");
        let text = match &live.replicas {
            Some(replicas) => format!("{replicas} replicas: {cause}"),
            None => cause,
        };
        return State::new(Word::Failed, text);
    }
    if let Some(drift) = &status.drift {
        let text = drift.git.clone().unwrap_or(message);
        return State::new(Word::Drifted, or(text, "what is in git is not what was released"));
    }
    if find(&status.conditions, condition::STALLED).is_some_and(|stalled| stalled.status == "True")
    {
        return State::new(Word::Failed, or(message, "it goes no further by itself"));
    }
    if let Some(text) = waiting_for(app, pending, now) {
        return State::new(Word::Waiting, text);
    }
    if let Some(pending) = pending {
        let State { text, .. } = of_release(pending);
        return State::new(Word::Progressing, text);
    }
    if status.current.is_none() {
        return State::new(Word::Ended, or(message, "it is not deployed"));
    }
    match live.map(|live| live.state) {
        Some(LiveState::Healthy) => State::new(Word::Healthy, or(message, "everything runs")),
        Some(LiveState::Progressing) => {
            let text = live.and_then(|live| live.message.clone()).unwrap_or(message);
            State::new(Word::Progressing, or(text, "it is being rolled out"))
        }
        Some(LiveState::Failed | LiveState::Unknown) | None => {
            let text = live.and_then(|live| live.message.clone()).unwrap_or(message);
            State::new(Word::Unknown, or(text, "nothing reports from its cluster"))
        }
    }
}

/// Tells whether nothing is heard of the cluster.
fn is_unheard(ready: &Condition) -> bool {
    let reasons = [condition::AGENT_SILENT, condition::AGENT_BLIND, condition::NO_AGENT];
    reasons.contains(&ready.reason.as_str())
}

/// Returns what an app waits for, if for anything.
pub(crate) fn waiting_for(app: &App, pending: Option<&Release>, now: Timestamp) -> Option<String> {
    if let Some(hold) = &app.spec.hold {
        return Some(format!("on hold: {}", hold.reason));
    }
    if let Some(lock) = app.spec.lock.as_ref().filter(|lock| lock.stands(now)) {
        return Some(locked(lock));
    }
    pending.and_then(release_waits_for)
}

/// Returns what a release waits for, if for anything.
pub(crate) fn release_waits_for(release: &Release) -> Option<String> {
    let status = release.status.as_ref().filter(|status| status.phase == Phase::Waiting)?;
    let version = status.version.as_ref().map(|version| format!("→ {version}: "));
    let cause = status.blocked_by.first().map(|blocker| blocker.reason.clone());
    let cause = cause.unwrap_or_else(|| of_release(release).text);
    Some(format!("{}{cause}", version.unwrap_or_default()))
}

/// Returns the state of a release.
pub(crate) fn of_release(release: &Release) -> State {
    let status = release.status.as_ref();
    let phase = status.map(|status| status.phase).unwrap_or_default();
    let ready = status.and_then(|status| find(&status.conditions, condition::READY));
    let text = ready.map(|ready| ready.message.clone()).unwrap_or_default();
    State::new(of_phase(phase), or(text, phase.as_str()))
}

/// Returns the word for a phase.
pub(crate) fn of_phase(phase: Phase) -> Word {
    match phase {
        Phase::Pending | Phase::Planned | Phase::Queued | Phase::Committed | Phase::Applied => {
            Word::Progressing
        }
        Phase::Waiting => Word::Waiting,
        Phase::Healthy | Phase::Unchanged => Word::Healthy,
        Phase::Failed | Phase::Rejected => Word::Failed,
        Phase::Superseded | Phase::Cancelled => Word::Ended,
    }
}

/// Returns the state of an environment.
pub(crate) fn of_environment(environment: &Environment, now: Timestamp) -> State {
    let conditions = environment.status.as_ref().map(|status| status.conditions.as_slice());
    let ready = find(conditions.unwrap_or_default(), condition::READY);
    let message = ready.map(|ready| ready.message.clone()).unwrap_or_default();
    let broken = ready.is_some_and(|ready| ready.status == "False");
    if environment.spec.suspend {
        return State::new(Word::Waiting, "suspended: nothing is done until somebody resumes it");
    }
    if broken {
        return State::new(Word::Failed, or(message, "it is not ready"));
    }
    if let Some(lock) = environment.spec.lock.as_ref().filter(|lock| lock.stands(now)) {
        return State::new(Word::Waiting, locked(lock));
    }
    let agent = find(conditions.unwrap_or_default(), condition::AGENT_CONNECTED);
    if let Some(agent) = agent.filter(|agent| agent.status == "False") {
        let text = or(agent.message.clone(), "nothing reports from its cluster");
        return State::new(Word::Unknown, text);
    }
    match ready.map(|ready| ready.status.as_str()) {
        Some("True") => State::new(Word::Healthy, or(message, "releases can go there")),
        Some(_) => State::new(Word::Progressing, or(message, "it is being made ready")),
        None => State::new(Word::Unknown, "the operator has not looked at it yet"),
    }
}

fn locked(lock: &Lock) -> String {
    match &lock.until {
        Some(until) => format!("locked until {}: {}", until.0, lock.reason),
        None => format!("locked: {}", lock.reason),
    }
}

fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-26T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn app(spec: &Value, status: &Value) -> App {
        let mut of = json!({"app": "shop", "environment": "prod"});
        of.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop.prod", "namespace": "ns"}, "spec": of, "status": status
        }))
        .unwrap()
    }

    fn release(status: &Value) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "r", "namespace": "ns"},
            "spec": {"app": "shop", "environment": "prod"}, "status": status
        }))
        .unwrap()
    }

    fn condition(kind: &str, status: &str, message: &str) -> Value {
        json!({"type": kind, "status": status, "message": message, "reason": "X", "lastTransitionTime": NOW})
    }

    fn current() -> Value {
        json!({"name": "r0", "uid": "u", "commit": "abc", "tree": "t", "time": NOW})
    }

    #[test]
    fn an_app_is_called_by_what_matters_most() {
        let live = |state: &str| json!({"current": current(), "live": {"state": state}});
        let crash = json!({"current": current(), "drift": {"git": "commit abc"},
            "live": {"state": "Failed", "replicas": "0/2", "message": "crash loop"}});
        let drift = json!({"current": current(), "live": {"state": "Healthy"}, "drift": {"git": "commit abc"}});
        let stalled = json!({"current": current(), "live": {"state": "Healthy"},
            "conditions": [condition("Ready", "False", "no chart"), condition("Stalled", "True", "no chart")]});
        let waits = json!({"phase": "Waiting", "version": "v2",
            "blockedBy": [{"kind": "Approval", "name": "prod", "reason": "approval 0/1"}]});
        let queued = json!({"phase": "Queued", "conditions": [condition("Ready", "Unknown", "queued for git")]});
        let hold = json!({"hold": {"reason": "v2 loses carts"}});
        let over = json!({"lock": {"reason": "freeze", "until": "2026-11-26T11:00:00Z"}});
        let stands = json!({"lock": {"reason": "freeze", "until": "2026-11-26T13:00:00Z"}});
        let no = json!({});
        for (spec, status, pending, word, text) in [
            (&no, &live("Healthy"), None, Word::Healthy, "everything runs"),
            (&no, &live("Progressing"), None, Word::Progressing, "it is being rolled out"),
            (&no, &live("Unknown"), None, Word::Unknown, "nothing reports from its cluster"),
            (
                &no,
                &json!({"current": current()}),
                None,
                Word::Unknown,
                "nothing reports from its cluster",
            ),
            (&no, &no, None, Word::Ended, "it is not deployed"),
            (&no, &no, Some(&queued), Word::Progressing, "queued for git"),
            (&no, &crash, Some(&waits), Word::Failed, "0/2 replicas: crash loop"),
            (&no, &drift, Some(&waits), Word::Drifted, "commit abc"),
            (&no, &stalled, None, Word::Failed, "no chart"),
            (&no, &live("Healthy"), Some(&waits), Word::Waiting, "→ v2: approval 0/1"),
            (&no, &live("Healthy"), Some(&queued), Word::Progressing, "queued for git"),
            (&hold, &live("Healthy"), Some(&waits), Word::Waiting, "on hold: v2 loses carts"),
            (
                &stands,
                &live("Healthy"),
                None,
                Word::Waiting,
                "locked until 2026-11-26T13:00:00Z: freeze",
            ),
            (&over, &live("Healthy"), None, Word::Healthy, "everything runs"),
        ] {
            let pending = pending.map(release);
            let state = of_app(&app(spec, status), pending.as_ref(), now());
            assert_eq!(state, State::new(word, text), "{spec} {status}");
        }
    }

    #[test]
    fn what_a_silent_agent_said_before_is_no_news() {
        for (state, reason) in [("Healthy", "AgentSilent"), ("Failed", "AgentBlind")] {
            let mut silent = condition("Ready", "Unknown", "agent silent since 11:00");
            silent["reason"] = reason.into();
            let status = json!({"current": current(), "conditions": [silent],
                "live": {"state": state, "message": "before"}});
            let state = of_app(&app(&json!({}), &status), None, now());
            assert_eq!(state, State::new(Word::Unknown, "agent silent since 11:00"));
        }
    }

    #[test]
    fn every_phase_of_a_release_has_a_word() {
        for (phase, word) in [
            ("Pending", Word::Progressing),
            ("Planned", Word::Progressing),
            ("Waiting", Word::Waiting),
            ("Queued", Word::Progressing),
            ("Committed", Word::Progressing),
            ("Applied", Word::Progressing),
            ("Healthy", Word::Healthy),
            ("Unchanged", Word::Healthy),
            ("Failed", Word::Failed),
            ("Rejected", Word::Failed),
            ("Superseded", Word::Ended),
            ("Cancelled", Word::Ended),
        ] {
            let state = of_release(&release(&json!({"phase": phase})));
            assert_eq!(state, State::new(word, phase));
        }
    }

    #[test]
    fn an_environment_that_is_broken_is_not_hidden_by_its_lock() {
        let ready = |status: &str| json!({"conditions": [condition("Ready", status, "told")]});
        let lock = json!({"reason": "freeze"});
        let silent = json!({"conditions":
            [condition("Ready", "True", "told"), condition("AgentConnected", "False", "silent")]});
        for (suspend, lock, status, word, text) in [
            (false, json!(null), ready("True"), Word::Healthy, "told"),
            (false, json!(null), ready("Unknown"), Word::Progressing, "told"),
            (false, json!(null), json!({}), Word::Unknown, "the operator has not looked at it yet"),
            (false, json!(null), silent, Word::Unknown, "silent"),
            (false, lock.clone(), ready("True"), Word::Waiting, "locked: freeze"),
            (false, lock.clone(), ready("False"), Word::Failed, "told"),
            (
                true,
                lock,
                ready("True"),
                Word::Waiting,
                "suspended: nothing is done until somebody resumes it",
            ),
        ] {
            let environment: Environment = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "prod", "namespace": "ns"},
                "spec": {"gitops": {"url": "https://git/x"}, "suspend": suspend, "lock": lock},
                "status": status
            }))
            .unwrap();
            assert_eq!(of_environment(&environment, now()), State::new(word, text));
        }
    }
}
