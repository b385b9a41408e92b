use super::*;
use crate::output::table;
use insta::assert_snapshot;
use serde_json::json;

fn shown<K: Row>(object: serde_json::Value, wide: bool) -> String {
    let object: K = serde_json::from_value(object).unwrap();
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let text = table(Some(K::headers(wide)), &[object.cells(now, wide)]);
    anstream::adapter::strip_str(&text).to_string()
}

fn ready(status: &str, message: &str) -> serde_json::Value {
    json!([{"type": "Ready", "status": status, "reason": "Why", "message": message,
            "lastTransitionTime": "2026-01-01T10:00:00Z"}])
}

#[test]
fn a_release_is_a_row() {
    let release = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": "shop.staging-x7k2p", "creationTimestamp": "2026-01-01T11:55:00Z"},
        "spec": {"app": "shop", "environment": "staging", "requestedBy": "jane", "reason": "the fix",
                 "version": {"sha": "9f3c1a2bb"}},
        "status": {"phase": "Waiting", "conditions": ready("False", "Lock staging: freeze")},
    });
    assert_snapshot!(shown::<Release>(release.clone(), false));
    assert_snapshot!(shown::<Release>(release, true));
}

#[test]
fn an_app_is_a_row() {
    let app = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": "shop.staging", "creationTimestamp": "2025-12-24T11:55:00Z"},
        "spec": {"app": "shop", "environment": "staging", "hold": {"reason": "rolled back"}},
        "status": {"current": {"name": "shop.staging-x7k2p", "uid": "u", "version": "v1.4.2",
                               "commit": "4e1f09c0aa", "tree": "t", "time": "2026-01-01T10:00:00Z"},
                   "conditions": ready("True", "2/2 replicas are ready")},
    });
    assert_snapshot!(shown::<App>(app.clone(), false));
    assert_snapshot!(shown::<App>(app, true));
}

#[test]
fn an_environment_is_a_row() {
    let environment = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": "staging", "creationTimestamp": "2026-01-01T08:55:00Z"},
        "spec": {"gitops": {"url": "https://git.example.com/a/b.git", "path": "staging"},
                 "lock": {"reason": "freeze"}},
        "status": {"apps": 3, "head": {"commit": "4e1f09c0", "short": "4e1f09c", "time": "2026-01-01T10:00:00Z"},
                   "conditions": ready("True", "ready")},
    });
    assert_snapshot!(shown::<Environment>(environment.clone(), false));
    assert_snapshot!(shown::<Environment>(environment, true));
}

#[test]
fn an_artifact_is_a_row() {
    let artifact = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
        "metadata": {"name": "shop-x7k2p", "creationTimestamp": "2026-01-01T11:55:00Z"},
        "spec": {"event": "PullRequest", "version": {"repository": "acme/shop", "sha": "9f3c1a2bb", "branch": "cart",
            "author": "Ada", "message": "Take the cart along\n\nLong story"}, "manifests": []},
        "status": {"released": 1, "releases": [
            {"manifest": ".gimlet/a.yaml", "result": "Released", "message": "m"},
            {"manifest": ".gimlet/b.yaml", "result": "NotMatched", "message": "m"}],
            "conditions": ready("True", "releases shop to staging")},
    });
    assert_snapshot!(shown::<gimlet_crds::Artifact>(artifact.clone(), false));
    assert_snapshot!(shown::<gimlet_crds::Artifact>(artifact, true));
}

#[test]
fn an_approval_is_a_row() {
    let approval = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Approval",
        "metadata": {"name": "shop-1", "creationTimestamp": "2026-01-01T11:55:00Z",
                     "annotations": {"gimlet.io/created-by": "bob"}},
        "spec": {"release": "shop.staging-x7k2p", "digest": "sha256:1", "decision": "Reject", "comment": "not today"},
    });
    assert_snapshot!(shown::<gimlet_crds::Approval>(approval, true));
}

#[test]
fn a_set_is_a_row() {
    let set = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
        "metadata": {"name": "shop-1", "creationTimestamp": "2026-01-01T11:55:00Z"},
        "spec": {"environment": "staging", "artifact": {"name": "a"}, "requestedBy": "ada"},
        "status": {"phase": "Waiting", "total": 3, "ready": 2, "conditions": ready("False", "web waits")},
    });
    assert_snapshot!(shown::<gimlet_crds::ReleaseSet>(set, true));
}

#[test]
fn a_repository_is_a_row() {
    let repository = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
        "metadata": {"name": "shop", "creationTimestamp": "2026-01-01T11:55:00Z"},
        "spec": {"url": "https://git.example.com/acme/shop.git"},
        "status": {"branches": 3, "head": {"branch": "main", "commit": "4e1f09c0", "short": "4e1f09c"},
                   "conditions": ready("True", "read")},
    });
    assert_snapshot!(shown::<gimlet_crds::Repository>(repository, true));
}

#[test]
fn a_change_of_a_file_is_a_row() {
    let change = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
        "metadata": {"name": "shop-x7k2p", "creationTimestamp": "2026-01-01T11:00:00Z"},
        "spec": {"repository": "shop", "path": ".gimlet/shop.yaml", "message": "m", "content": "a",
            "requestedBy": "mia"},
        "status": {"phase": "Proposed", "commit": {"sha": "4e1f09c0a1"},
            "pullRequest": {"number": 7, "url": "https://git.example.com/7", "branch": "b"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Proposed",
                "message": "pull request 7 waits", "lastTransitionTime": "2026-01-01T11:00:00Z"}]},
    });
    assert_snapshot!(shown::<gimlet_crds::ConfigChange>(change, true));
}
