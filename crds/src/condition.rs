//! Condition types and reasons, and the rules by which conditions change.
//!
//! The vocabulary is kstatus' and Flux': `Ready` is always there; `Reconciling` and `Stalled` are
//! abnormal-true, never both, and removed rather than set to False.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The object is what its spec asks for.
pub const READY: &str = "Ready";
/// Work is going on.
pub const RECONCILING: &str = "Reconciling";
/// No progress before somebody acts.
pub const STALLED: &str = "Stalled";
/// What the release would change is known.
pub const PLANNED: &str = "Planned";
/// The release is in git.
pub const COMMITTED: &str = "Committed";
/// Flux has applied the release.
pub const APPLIED: &str = "Applied";
/// The workloads of the release run.
pub const HEALTHY: &str = "Healthy";
/// The gitops repository can be read and written.
pub const GIT_READY: &str = "GitReady";
/// Flux follows the gitops repository, in the operator's own cluster or in that of the agent.
pub const FLUX_READY: &str = "FluxReady";
/// The agent of the environment's cluster reports.
pub const AGENT_CONNECTED: &str = "AgentConnected";
/// Reason: the environment has an agent, and none has ever reported.
pub const NO_AGENT: &str = "NoAgent";
/// Reason: the environment's agent was not heard for too long. What it said is no news any more.
pub const AGENT_SILENT: &str = "AgentSilent";
/// Reason: the environment's agent is there, and does not see its cluster. What it said is no news any more.
pub const AGENT_BLIND: &str = "AgentBlind";
/// What an app was made for is still there: its branch, its pull request, its time.
pub const PREVIEW_NEEDED: &str = "PreviewNeeded";

/// The notifications of an environment are told in the texts of their templates.
pub const NOTIFICATIONS_READY: &str = "NotificationsReady";

/// Longest message that is kept, in bytes; a longer one is cut.
pub const MAX_MESSAGE: usize = 1024;

/// Order in which conditions are listed, so that a status has one form.
const ORDER: [&str; 12] = [
    READY,
    RECONCILING,
    STALLED,
    PLANNED,
    COMMITTED,
    APPLIED,
    HEALTHY,
    GIT_READY,
    FLUX_READY,
    AGENT_CONNECTED,
    PREVIEW_NEEDED,
    NOTIFICATIONS_READY,
];

/// What a condition says, without its bookkeeping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Type of the condition.
    pub kind: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// One word in `PascalCase`.
    pub reason: String,
    /// A sentence for a person.
    pub message: String,
}

/// The three values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

impl Truth {
    /// Returns the value as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Verdict {
    /// Makes a verdict.
    pub fn new(
        kind: &'static str,
        status: Truth,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, status, reason: reason.into(), message: message.into() }
    }
}

/// Turns verdicts into the conditions of a status.
///
/// `lastTransitionTime` is kept while the value of a condition stays, so that an unchanged world
/// writes nothing. Conditions without a verdict go.
pub fn merge(
    old: &[Condition],
    verdicts: Vec<Verdict>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = verdicts
        .into_iter()
        .map(|Verdict { kind, status, reason, message }| {
            let kept = old
                .iter()
                .find(|c| c.type_ == kind && c.status == status.as_str())
                .map(|c| c.last_transition_time.clone());
            Condition {
                last_transition_time: kept.unwrap_or_else(|| Time(whole_second(now))),
                message: cut(&one_paragraph(&message), MAX_MESSAGE),
                observed_generation: generation,
                reason,
                status: status.as_str().to_owned(),
                type_: kind.to_owned(),
            }
        })
        .collect();
    conditions.sort_by_key(|c| ORDER.iter().position(|k| *k == c.type_).unwrap_or(ORDER.len()));
    conditions
}

/// Finds a condition by type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

/// Tells whether a condition is there and True.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|c| c.status == "True")
}

/// Cuts a timestamp to whole seconds, the precision of the API.
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Joins the lines of a text: tables show the first line only.
fn one_paragraph(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Cuts a text to at most `max` bytes at a character boundary.
pub fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let ellipsis = "…";
    let mut end = max.saturating_sub(ellipsis.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ellipsis}", &text[..end])
}

/// Checks the rules that every written status keeps; returns those that are broken.
///
/// The rules are kstatus' and those of Flux' conformance checker: clients such as `kubectl wait`
/// and health checks rely on them.
pub fn violations(
    conditions: &[Condition],
    generation: Option<i64>,
    observed: Option<i64>,
) -> Vec<String> {
    let mut broken = Vec::new();
    let ready = find(conditions, READY);
    let reconciling = find(conditions, RECONCILING);
    let stalled = find(conditions, STALLED);
    let Some(ready) = ready else {
        return vec!["Ready is missing".into()];
    };
    if reconciling.is_some() && stalled.is_some() {
        broken.push("Reconciling and Stalled are both present".into());
    }
    for abnormal in [reconciling, stalled].into_iter().flatten() {
        if abnormal.status != "True" {
            broken.push(format!("{} is {}, not removed", abnormal.type_, abnormal.status));
        }
        if ready.status == "True" {
            broken.push(format!("Ready is True beside {}", abnormal.type_));
        }
    }
    if ready.status == "Unknown" && reconciling.is_none() {
        broken.push("Ready is Unknown without Reconciling".into());
    }
    if stalled.is_some() && ready.status != "False" {
        broken.push("Stalled without Ready=False".into());
    }
    if let (Some(generation), Some(observed)) = (generation, observed) {
        if observed > generation {
            broken.push(format!("observedGeneration {observed} is ahead of {generation}"));
        }
        if observed < generation && ready.status == "True" {
            broken.push("Ready is True for an older generation".into());
        }
    }
    if ready.status == "True" && conditions.iter().any(|c| c.observed_generation != observed) {
        broken.push("a condition was observed at another generation than the status".into());
    }
    for condition in conditions {
        if condition.reason.is_empty()
            || !condition.reason.bytes().all(|b| b.is_ascii_alphanumeric())
            || !condition.reason.starts_with(|c: char| c.is_ascii_uppercase())
        {
            broken.push(format!("{} has the reason {:?}", condition.type_, condition.reason));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_transition_time_stays_while_the_value_stays() {
        let ready = |reason: &str| vec![Verdict::new(READY, Truth::True, reason, "m")];
        let first = merge(&[], ready("A"), Some(1), at(10));
        let second = merge(&first, ready("B"), Some(2), at(20));
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!(second[0].reason, "B");
        let third =
            merge(&second, vec![Verdict::new(READY, Truth::False, "C", "m")], Some(2), at(30));
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn an_unchanged_world_gives_the_same_conditions() {
        let verdicts = || {
            vec![
                Verdict::new(COMMITTED, Truth::True, "Committed", "in git"),
                Verdict::new(READY, Truth::True, "Committed", "in git"),
            ]
        };
        let first = merge(&[], verdicts(), Some(1), at(10));
        assert_eq!(merge(&first, verdicts(), Some(1), at(99)), first);
        assert_eq!(first[0].type_, READY);
    }

    #[test]
    fn a_message_is_one_paragraph() {
        let verdict =
            Verdict::new(READY, Truth::False, "Bad", "values are wrong:\napp:\n - replicaz\n");
        let merged = merge(&[], vec![verdict], None, at(1));
        assert_eq!(merged[0].message, "values are wrong: app: - replicaz");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let text = "ä".repeat(1000);
        let cut = cut(&text, MAX_MESSAGE);
        assert!(cut.len() <= MAX_MESSAGE);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn the_checker_finds_what_kstatus_forbids() {
        let make = |v| merge(&[], v, Some(1), at(1));
        let both = make(vec![
            Verdict::new(READY, Truth::False, "A", ""),
            Verdict::new(RECONCILING, Truth::True, "A", ""),
            Verdict::new(STALLED, Truth::True, "A", ""),
        ]);
        assert_eq!(violations(&both, Some(1), Some(1)).len(), 1);
        let none = make(vec![Verdict::new(PLANNED, Truth::True, "A", "")]);
        assert_eq!(violations(&none, Some(1), Some(1)), ["Ready is missing"]);
        let odd = make(vec![Verdict::new(READY, Truth::True, "not a word", "")]);
        assert_eq!(violations(&odd, Some(1), Some(1)).len(), 1);
        let fine = make(vec![Verdict::new(READY, Truth::True, "Succeeded", "")]);
        assert!(violations(&fine, Some(1), Some(1)).is_empty());
    }
}
