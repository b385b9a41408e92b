use super::*;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn release(status: Value) -> Release {
    let mut release = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": "shop.staging-x7k2p", "creationTimestamp": "2026-01-01T10:00:00Z"},
        "spec": {"app": "shop", "environment": "staging"},
    });
    if !status.is_null() {
        release["status"] = status;
    }
    serde_json::from_value(release).unwrap()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message,
           "lastTransitionTime": "2026-01-01T10:00:00Z"})
}

fn plan() -> Value {
    json!({"digest": "sha256:ab", "tree": "t", "added": 1, "changed": 3, "removed": 0,
           "warnings": ["the hook Job/migrate was left out"]})
}

fn committed() -> Value {
    json!({
        "phase": "Committed", "plan": plan(),
        "commit": {"sha": "4e1f09c0", "short": "4e1f09c", "branch": "main", "path": "staging/shop"},
        "timestamps": {"planned": "2026-01-01T10:00:00Z", "queued": "2026-01-01T10:00:01Z", "committed": "2026-01-01T10:00:03Z"},
        "conditions": [condition("Applied", "Unknown", "WaitingForFlux", "Flux has not seen it yet")],
    })
}

fn healthy() -> Value {
    let mut status = committed();
    status["phase"] = "Healthy".into();
    status["timestamps"]["applied"] = "2026-01-01T10:00:44Z".into();
    status["timestamps"]["healthy"] = "2026-01-01T10:03:00Z".into();
    status["conditions"] = json!([
        condition("Ready", "True", "Healthy", "4e1f09c runs"),
        condition("Applied", "True", "Applied", "Flux applied 4e1f09c"),
        condition("Healthy", "True", "Healthy", "2/2 replicas are ready"),
    ]);
    status
}

fn told(states: &[Value]) -> String {
    let mut reporter = Reporter { label: String::new(), told: Vec::new(), bar: None };
    let lines: Vec<String> =
        states.iter().flat_map(|status| reporter.news(&release(status.clone()))).collect();
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn each_step_is_told_once_with_its_duration() {
    let states = [Value::Null, committed(), committed(), healthy()];
    assert_snapshot!(told(&states));
}

#[test]
fn a_release_that_waits_says_for_what() {
    let waiting = json!({
        "phase": "Waiting", "plan": plan(),
        "blockedBy": [{"kind": "Lock", "name": "staging", "reason": "freeze until Monday"}],
        "conditions": [condition("Ready", "False", "BlockedByLock", "x")],
    });
    assert_snapshot!(told(std::slice::from_ref(&waiting)));
    assert_eq!(present(&release(waiting)), "Waiting: Lock staging: freeze until Monday");
}

#[test]
fn a_failure_in_the_cluster_names_the_step_that_failed() {
    let mut status = committed();
    status["phase"] = "Failed".into();
    status["conditions"] = json!([
        condition("Ready", "False", "ImagePullBackOff", "no such image"),
        condition("Applied", "True", "Applied", "Flux applied 4e1f09c"),
        condition("Healthy", "False", "ImagePullBackOff", "no such image"),
    ]);
    assert_snapshot!(told(&[status]));
}

#[test]
fn ends_before_git_are_told_with_their_cause() {
    for phase in ["Failed", "Rejected", "Superseded", "Cancelled"] {
        let status =
            json!({"phase": phase, "conditions": [condition("Ready", "False", "Why", "because")]});
        assert_eq!(present(&release(status)), format!("{phase}: because"));
    }
}

#[test]
fn what_nobody_reports_is_unknown_and_not_on_its_way() {
    let mut status = committed();
    status["conditions"] = json!([
        condition("Ready", "True", "Committed", "committed"),
        condition("Applied", "Unknown", "NoFlux", "Flux is not in this cluster"),
    ]);
    let text = told(&[status]);
    assert!(text.contains("? Applied") && text.contains("Flux is not in this cluster"), "{text}");
}
