use super::*;
use gimlet_crds::{PlanStatus, ReleaseStatus};
use gimlet_hosts::Sha;
use jiff::Timestamp;
use serde_json::json;

fn pull() -> PullRequestStatus {
    PullRequestStatus { number: 7, url: "https://x/7".into(), commit: "a".repeat(40) }
}

fn proposed(name: &str, second: i64) -> Release {
    let created = Timestamp::from_second(second).unwrap();
    let mut release: Release = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": name, "namespace": "ns", "creationTimestamp": created},
        "spec": {"app": "shop", "environment": "staging"}
    }))
    .unwrap();
    release.status = Some(ReleaseStatus {
        phase: Phase::Waiting,
        plan: Some(PlanStatus::default()),
        pull_request: Some(pull()),
        ..ReleaseStatus::default()
    });
    release
}

fn environment(extra: &serde_json::Value) -> Environment {
    let mut object = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": "staging", "namespace": "ns"},
        "spec": {"gitops": {"url": "https://x/y", "push": "PullRequest", "provider": "Gitea"}}
    });
    for (key, value) in extra.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn auto() -> Environment {
    let gitops = json!({
        "url": "https://x/y", "push": "PullRequest", "provider": "Gitea", "autoMerge": "Merge"
    });
    environment(&json!({"gitops": gitops}))
}

fn around(releases: &[&Release]) -> Around {
    Around {
        word: crate::witness::Word::Nobody(String::new()),
        environment: None,
        app: None,
        releases: releases.iter().map(|release| Arc::new((*release).clone())).collect(),
        before: Vec::new(),
        approvals: Vec::new(),
        set: None,
        now: Timestamp::from_second(1000).unwrap(),
    }
}

fn seen(state: PullRequestState, commit: &str) -> PullRequest {
    PullRequest {
        number: 7,
        title: String::new(),
        body: String::new(),
        url: "https://x/7".into(),
        author: None,
        head_sha: Sha::parse(commit).unwrap(),
        head_branch: "gimlet/main/shop".into(),
        from_fork: false,
        base_branch: "main".into(),
        draft: false,
        state,
        merge_sha: None,
    }
}

fn open() -> PullRequest {
    seen(PullRequestState::Open, &"a".repeat(40))
}

fn ask(release: &Release, environment: &Environment, others: &[&Release]) -> Move {
    judge(release, environment, &around(others), Some(&open()), &pull(), false)
}

#[test]
fn people_merge_unless_the_environment_does() {
    let release = proposed("a", 1);
    let Move::Wait { blockers, kind, why } = ask(&release, &environment(&json!({})), &[&release])
    else {
        panic!("it does not wait");
    };
    assert!(blockers.is_empty());
    assert_eq!(kind, BlockerKind::PullRequest);
    assert_eq!(why, "https://x/7 waits to be merged");
    assert!(matches!(ask(&release, &auto(), &[&release]), Move::Merge));
}

#[test]
fn a_gate_that_closed_meanwhile_keeps_it_from_being_merged_by_itself() {
    let release = proposed("a", 1);
    let mut environment = auto();
    environment.spec.lock = Some(gimlet_crds::Lock { reason: "freeze".into(), until: None });
    let Move::Wait { blockers, kind, .. } = ask(&release, &environment, &[&release]) else {
        panic!("it is merged");
    };
    assert_eq!((blockers[0].kind, kind), (BlockerKind::Lock, BlockerKind::Merge));
}

#[test]
fn a_release_keeps_its_pull_request_until_a_newer_one_has_it() {
    let old = proposed("a", 1);
    let mut newer = proposed("b", 2);
    newer.status.as_mut().unwrap().pull_request = None;
    let Move::Wait { why, .. } = ask(&old, &auto(), &[&old, &newer]) else {
        panic!("it is merged although a newer one waits");
    };
    assert!(why.contains("b came after it"), "{why}");
    let taken = proposed("b", 2);
    assert!(matches!(
        ask(&old, &auto(), &[&old, &taken]),
        Move::End(End::Superseded { by }) if by == "b"
    ));
    assert!(matches!(ask(&taken, &auto(), &[&old, &taken]), Move::Merge));
    // What ended without it leaves it alone; what found git as it wants it does not.
    for (phase, superseded) in
        [(Phase::Rejected, false), (Phase::Failed, false), (Phase::Unchanged, true)]
    {
        newer.status.as_mut().unwrap().phase = phase;
        let end = matches!(ask(&old, &auto(), &[&old, &newer]), Move::End(End::Superseded { .. }));
        assert_eq!(end, superseded, "{phase:?}");
    }
}

#[test]
fn closed_or_gone_is_rejected_and_cancelled_is_cancelled() {
    let release = proposed("a", 1);
    let environment = environment(&json!({}));
    let around = around(&[&release]);
    let closed = seen(PullRequestState::Closed, &"a".repeat(40));
    for seen in [Some(&closed), None] {
        let end = judge(&release, &environment, &around, seen, &pull(), false);
        assert!(matches!(end, Move::Closed), "{end:?}");
    }
    let End::Rejected { reason, message } = super::closed(&pull()) else {
        panic!("it is rejected")
    };
    assert_eq!(reason, "PullRequestClosed");
    assert!(message.contains("#7") && message.contains("release again"), "{message}");
    let mut cancelled = release.clone();
    cancelled.spec.cancel = true;
    let end = judge(&cancelled, &environment, &around, Some(&open()), &pull(), false);
    assert!(matches!(end, Move::End(End::Cancelled)));
}

#[test]
fn what_somebody_pushed_to_the_branch_is_not_merged_by_itself() {
    let release = proposed("a", 1);
    let other = seen(PullRequestState::Open, &"b".repeat(40));
    let around = around(&[&release]);
    let Move::Wait { why, .. } = judge(&release, &auto(), &around, Some(&other), &pull(), false)
    else {
        panic!("it is merged");
    };
    assert!(why.contains("somebody pushed"), "{why}");
}

#[test]
fn a_base_that_moved_is_planned_for_anew() {
    let release = proposed("a", 1);
    let around = around(&[&release]);
    let moved = judge(&release, &auto(), &around, Some(&open()), &pull(), true);
    assert!(matches!(moved, Move::Rebuild));
}

#[test]
fn a_merge_of_what_nobody_planned_is_told() {
    let old = proposed("a", 1);
    assert!(matches!(
        merged_otherwise(&old, &around(&[&old]), &pull()),
        End::Rejected { reason, .. } if reason == "MergedOtherwise"
    ));
    let next = proposed("b", 2);
    let end = merged_otherwise(&old, &around(&[&old, &next]), &pull());
    assert!(matches!(end, End::Superseded { .. }));
}
