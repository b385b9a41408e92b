//! What is waited for, and whether it was reached.

use std::fmt;
use std::ops::ControlFlow;

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{App, LiveState, Phase, Release, ReleaseSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::super::until::Judged;
use crate::error::{CommandError, Kind};
use crate::follow::Step;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// A step of a release.
    Step(Step),
    /// A condition has this status.
    Condition { kind: String, status: String },
    /// It is in this phase.
    Phase(Phase),
}

impl Goal {
    /// Reads `committed`, `condition=TYPE`, `condition=TYPE=STATUS` or `phase=PHASE`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("condition", rest)) => {
                let (kind, status) = rest.split_once('=').unwrap_or((rest, "True"));
                let status = ["True", "False", "Unknown"]
                    .into_iter()
                    .find(|known| known.eq_ignore_ascii_case(status))
                    .ok_or("a condition is True, False or Unknown")?;
                if kind.is_empty() {
                    return Err("name a condition, such as condition=Ready".to_owned());
                }
                Ok(Self::Condition { kind: kind.to_owned(), status: status.to_owned() })
            }
            Some(("phase", phase)) => serde_json::from_value(phase.into())
                .map(Self::Phase)
                .map_err(|_| "name a phase, such as phase=Waiting".to_owned()),
            _ => match text {
                "committed" => Ok(Self::Step(Step::Committed)),
                "applied" => Ok(Self::Step(Step::Applied)),
                "healthy" => Ok(Self::Step(Step::Healthy)),
                _ => Err("use committed, applied, healthy, condition=TYPE[=STATUS] or phase=PHASE"
                    .to_owned()),
            },
        }
    }

    /// Judges a release by a condition or a phase; one that has ended cannot get there any more.
    pub(super) fn judge_release(&self, release: &Release) -> Judged {
        let status = release.status.clone().unwrap_or_default();
        let over = status.timestamps.ended.is_some();
        self.judge(&release.name_any(), status.phase, &status.conditions, over)
    }

    fn judge(&self, name: &str, phase: Phase, conditions: &[Condition], over: bool) -> Judged {
        let reached = match self {
            Self::Condition { kind, status } => {
                condition::find(conditions, kind).is_some_and(|found| found.status == *status)
            }
            Self::Phase(wanted) => phase == *wanted,
            Self::Step(_) => false,
        };
        if reached {
            return ControlFlow::Break(Ok(()));
        }
        if over {
            return ControlFlow::Break(Err(ended(name, phase, conditions)));
        }
        ControlFlow::Continue(())
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(Step::Committed) => f.write_str("committed"),
            Self::Step(Step::Applied) => f.write_str("applied"),
            Self::Step(Step::Healthy) => f.write_str("healthy"),
            Self::Condition { kind, status } if status == "True" => write!(f, "is {kind}"),
            Self::Condition { kind, status } => write!(f, "is {kind}={status}"),
            Self::Phase(phase) => write!(f, "is {}", phase.as_str()),
        }
    }
}

/// Judges a set: by the phase that all of its releases have reached.
pub(super) fn judge_set(set: &ReleaseSet, goal: &Goal) -> Judged {
    let status = set.status.clone().unwrap_or_default();
    let name = set.name_any();
    let phase = status.phase;
    let over = status.timestamps.ended.is_some();
    let Goal::Step(step) = goal else {
        return goal.judge(&name, phase, &status.conditions, over);
    };
    let reached = match step {
        Step::Committed => status.commit.is_some(),
        Step::Applied => matches!(phase, Phase::Applied | Phase::Healthy),
        Step::Healthy => phase == Phase::Healthy,
    };
    // Where nothing reports from the cluster, the set is done once all of it is in git.
    let settled = over && condition::is_true(&status.conditions, READY);
    if reached || settled || phase == Phase::Unchanged {
        return ControlFlow::Break(Ok(()));
    }
    if over || phase == Phase::Failed || phase.ended_before_git() {
        return ControlFlow::Break(Err(ended(&name, phase, &status.conditions)));
    }
    ControlFlow::Continue(())
}

/// Judges an app: done once it runs and nothing is on its way; with a note where nothing reports.
pub(super) fn judge_app(app: &App) -> ControlFlow<Result<Option<String>, CommandError>> {
    let status = app.status.clone().unwrap_or_default();
    if status.pending.is_some() || status.current.is_none() {
        return ControlFlow::Continue(());
    }
    let live = status.live.as_ref().map(|live| live.state);
    match condition::find(&status.conditions, READY).map(|ready| ready.status.as_str()) {
        Some("True") if live == Some(LiveState::Healthy) => ControlFlow::Break(Ok(None)),
        Some("True") if !matches!(live, Some(LiveState::Progressing | LiveState::Failed)) => {
            ControlFlow::Break(Ok(Some("it is in git; nothing reports whether it runs".to_owned())))
        }
        Some("False") => {
            let message = said_of(&status.conditions);
            let error = CommandError::new(
                Kind::ReleaseEnded,
                format!("{} does not run: {message}", app.name_any()),
            );
            ControlFlow::Break(Err(error.hint(format!(
                "gimlet rollback {} -e {} --reason \"…\"",
                app.spec.app, app.spec.environment
            ))))
        }
        _ => ControlFlow::Continue(()),
    }
}

fn ended(name: &str, phase: Phase, conditions: &[Condition]) -> CommandError {
    CommandError::new(
        Kind::ReleaseEnded,
        format!("{name} ended {}: {}", phase.as_str(), said_of(conditions)),
    )
}

fn said_of(conditions: &[Condition]) -> String {
    condition::find(conditions, READY).map(|ready| ready.message.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn goals_are_read_as_people_write_them() {
        assert_eq!(Goal::parse("applied"), Ok(Goal::Step(Step::Applied)));
        let planned = Goal::Condition { kind: "Planned".into(), status: "True".into() };
        assert_eq!(Goal::parse("condition=Planned"), Ok(planned));
        let not = Goal::Condition { kind: "Ready".into(), status: "False".into() };
        assert_eq!(Goal::parse("condition=Ready=false"), Ok(not));
        assert_eq!(Goal::parse("phase=Waiting"), Ok(Goal::Phase(Phase::Waiting)));
        for bad in ["", "done", "condition=", "condition=Ready=maybe", "phase=Nowhere", "x=y"] {
            assert!(Goal::parse(bad).is_err(), "{bad}");
        }
    }

    fn ready(status: &str) -> Value {
        json!([{"type": "Ready", "status": status, "reason": "Why", "message": "because",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}])
    }

    fn word<T>(judged: ControlFlow<Result<T, CommandError>>) -> &'static str {
        match judged {
            ControlFlow::Continue(()) => "goes on",
            ControlFlow::Break(Ok(_)) => "done",
            ControlFlow::Break(Err(error)) if error.exit_code() == 3 => "failed",
            ControlFlow::Break(Err(_)) => "another error",
        }
    }

    #[test]
    fn a_release_that_has_ended_is_not_waited_for() {
        let release = |status: Value| -> Release {
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
                "spec": {"app": "shop", "environment": "staging"}, "status": status}))
            .unwrap()
        };
        let goal = Goal::parse("phase=Waiting").unwrap();
        let judge = |status| word(goal.judge_release(&release(status)));
        assert_eq!(judge(json!({"phase": "Planned"})), "goes on");
        assert_eq!(judge(json!({"phase": "Waiting"})), "done");
        let ended = json!({"phase": "Healthy", "timestamps": {"ended": "2026-01-01T00:00:00Z"}});
        assert_eq!(judge(ended), "failed");
    }

    #[test]
    fn a_set_is_judged_by_all_of_its_releases() {
        let judge = |status: Value, goal: &str| {
            let set: ReleaseSet = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet", "metadata": {"name": "s"},
                "spec": {"environment": "staging"}, "status": status}))
            .unwrap();
            word(judge_set(&set, &Goal::parse(goal).unwrap()))
        };
        let commit = json!({"sha": "a", "short": "a", "branch": "main"});
        let over = json!({"ended": "2026-01-01T00:00:00Z"});
        assert_eq!(judge(json!({"phase": "Waiting"}), "healthy"), "goes on");
        let committed = json!({"phase": "Committed", "commit": commit});
        assert_eq!(judge(committed.clone(), "committed"), "done");
        assert_eq!(judge(committed, "healthy"), "goes on");
        assert_eq!(judge(json!({"phase": "Cancelled"}), "healthy"), "failed");
        let blind = json!({"phase": "Committed", "timestamps": over, "conditions": ready("True")});
        assert_eq!(judge(blind, "healthy"), "done");
    }

    #[test]
    fn an_app_runs_when_nothing_is_on_its_way() {
        let judge = |status: Value| {
            let app: App = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "shop.staging"},
                "spec": {"app": "shop", "environment": "staging"}, "status": status}))
            .unwrap();
            word(judge_app(&app))
        };
        let current = json!({"name": "r", "uid": "u", "commit": "c", "tree": "t",
            "time": "2026-01-01T00:00:00Z"});
        let state = |ready_status: &str, live: &str| json!({"current": current, "conditions": ready(ready_status), "live": {"state": live}});
        assert_eq!(judge(state("True", "Healthy")), "done");
        assert_eq!(judge(state("True", "Unknown")), "done");
        assert_eq!(judge(state("Unknown", "Progressing")), "goes on");
        assert_eq!(judge(state("False", "Failed")), "failed");
        let mut pending = state("True", "Healthy");
        pending["pending"] = "another".into();
        assert_eq!(judge(pending), "goes on");
        assert_eq!(judge(json!({})), "goes on");
    }
}
