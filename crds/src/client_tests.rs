use super::*;
use serde_json::{Value, json};

fn release(phase: &str, conditions: &[(&str, &str, &str)], in_git: bool) -> Release {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason, "message": "because",
                   "lastTransitionTime": "2026-01-01T00:00:00Z"})
        })
        .collect();
    let mut status = json!({"phase": phase, "conditions": conditions});
    if in_git {
        let sha = "a".repeat(40);
        status["commit"] =
            json!({"sha": sha, "short": "aaaaaaa", "branch": "main", "path": "staging/shop"});
    }
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
        "spec": {"app": "shop", "environment": "staging"}, "status": status,
    }))
    .unwrap()
}

fn done() -> Judgement {
    Judgement::Done { note: None }
}

#[test]
fn a_release_without_a_status_is_on_its_way() {
    let release = Release { status: None, ..release("Pending", &[], false) };
    assert_eq!(judge(&release, Until::Committed), Judgement::Going);
}

#[test]
fn a_release_is_waited_for_as_far_as_was_asked() {
    let committed = release("Committed", &[("Applied", "Unknown", "WaitingForFlux")], true);
    assert_eq!(judge(&committed, Until::Committed), done());
    assert_eq!(judge(&committed, Until::Applied), Judgement::Going);
    let applied = release("Applied", &[("Applied", "True", "Applied")], true);
    assert_eq!(judge(&applied, Until::Applied), done());
    assert_eq!(judge(&applied, Until::Healthy), Judgement::Going);
    assert_eq!(judge(&release("Healthy", &[], true), Until::Healthy), done());
}

#[test]
fn a_release_that_changes_nothing_is_a_success() {
    assert_eq!(judge(&release("Unchanged", &[], false), Until::Healthy), done());
}

#[test]
fn a_plan_is_done_when_it_is_planned_and_only_then() {
    let mut plan = release("Planned", &[("Ready", "True", "PlanOnly")], false);
    assert_eq!(judge(&plan, Until::Healthy), Judgement::Going);
    plan.spec.plan_only = true;
    assert_eq!(judge(&plan, Until::Healthy), done());
}

#[test]
fn every_end_without_success_is_a_failure() {
    for phase in ["Failed", "Rejected", "Superseded", "Cancelled"] {
        let ended = release(phase, &[], false);
        assert_eq!(judge(&ended, Until::Committed), Judgement::Failed, "{phase}");
    }
}

#[test]
fn a_release_that_failed_in_the_cluster_was_committed_all_the_same() {
    let failed = release("Failed", &[("Applied", "True", "Applied")], true);
    assert_eq!(judge(&failed, Until::Committed), done());
    assert_eq!(judge(&failed, Until::Applied), done());
    assert_eq!(judge(&failed, Until::Healthy), Judgement::Failed);
}

#[test]
fn where_nothing_reports_a_commit_is_all_that_can_be_had() {
    let conditions = [("Ready", "True", "Committed"), ("Applied", "Unknown", "NoFlux")];
    let release = release("Committed", &conditions, true);
    let with_note = Judgement::Done { note: Some("because".into()) };
    assert_eq!(judge(&release, Until::Healthy), with_note);
    assert_eq!(judge(&release, Until::Applied), with_note);
    assert_eq!(judge(&release, Until::Committed), done());
}

#[test]
fn a_lock_holds_a_release_and_a_git_host_that_is_down_does_not() {
    let mut release = release("Waiting", &[], false);
    let blocker =
        |kind| Blocker { kind, name: "staging".into(), reason: "freeze".into(), until: None };
    release.status.as_mut().unwrap().blocked_by =
        [BlockerKind::Git, BlockerKind::Merge, BlockerKind::Lock, BlockerKind::PullRequest]
            .map(blocker)
            .into();
    let kinds: Vec<_> = held_by(&release).into_iter().map(|b| b.kind).collect();
    assert_eq!(kinds, [BlockerKind::Lock, BlockerKind::PullRequest]);
    release.status.as_mut().unwrap().phase = Phase::Queued;
    assert!(held_by(&release).is_empty());
}

#[test]
fn only_refusals_end_a_watch() {
    let api = |code| {
        let status = kube::core::Status { code, ..kube::core::Status::failure("no", "No") };
        watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
    };
    assert!(refusal(api(403)).is_some());
    assert!(refusal(api(404)).is_some());
    assert!(refusal(api(410)).is_none());
    assert!(refusal(api(500)).is_none());
    assert!(refusal(watcher::Error::NoResourceVersion).is_none());
}
