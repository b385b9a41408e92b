use super::*;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn app(name: &str, environment: &str, spec: &Value, status: &Value) -> App {
    let mut all = json!({"app": name, "environment": environment});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": format!("{name}.{environment}")}, "spec": all, "status": status,
    }))
    .unwrap()
}

fn status(version: &str, ready: &str, live: &str) -> Value {
    json!({
        "current": {"name": "shop.staging-x7k2p", "uid": "u", "version": version,
            "commit": "4e1f09c0aabb", "tree": "t", "time": "2026-01-01T10:00:00Z"},
        "conditions": [{"type": "Ready", "status": ready, "reason": "Why", "message": "2/2 replicas are ready",
            "lastTransitionTime": "2026-01-01T10:00:00Z"}],
        "live": {"state": live, "replicas": "2/2", "commit": "4e1f09c0aabb"},
    })
}

fn environment(name: &str, spec: &Value) -> Environment {
    let mut all = json!({"gitops": {"url": "https://git.example.com/a/b.git"}});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": name}, "spec": all,
    }))
    .unwrap()
}

#[test]
fn the_matrix_shows_version_and_state_of_each_app_everywhere() {
    let mut drifted = status("v3", "True", "Healthy");
    drifted["drift"] = json!({"git": "commit abc changed it"});
    let apps = [
        app("cart", "production", &json!({}), &status("v1", "False", "Failed")),
        app("cart", "staging", &json!({}), &status("v2", "Unknown", "Progressing")),
        app(
            "shop",
            "production",
            &json!({"hold": {"reason": "x"}}),
            &status("v2", "True", "Healthy"),
        ),
        app("shop", "qa", &json!({}), &status("v3", "True", "Unknown")),
        app("shop", "staging", &json!({}), &drifted),
    ];
    let environments = [
        environment("production", &json!({"lock": {"reason": "freeze"}})),
        environment("staging", &json!({})),
        environment("qa", &json!({"suspend": true})),
    ];
    assert_snapshot!(plain(&matrix(&apps, &[], &environments, None)));
    assert_snapshot!(plain(&matrix(&apps[2..], &[], &environments, Some("staging"))));
}

#[test]
fn an_app_that_was_never_released_is_absent() {
    let new = app("shop", "staging", &json!({}), &Value::Null);
    assert_eq!(AppState::of(&new).word(), "Absent");
    let mut uninstalling = app("shop", "staging", &json!({}), &status("v1", "False", "Healthy"));
    uninstalling.metadata.deletion_timestamp =
        serde_json::from_value(json!("2026-01-01T10:00:00Z")).unwrap();
    assert_eq!(AppState::of(&uninstalling).word(), "Progressing");
}

#[test]
fn what_a_silent_agent_said_before_is_no_news() {
    for reason in ["AgentSilent", "AgentBlind", "NoAgent"] {
        let mut silent = status("v1", "Unknown", "Healthy");
        silent["conditions"][0]["reason"] = reason.into();
        let silent = app("shop", "staging", &json!({}), &silent);
        assert_eq!(AppState::of(&silent).word(), "Unknown", "{reason}");
    }
}

#[test]
fn an_empty_namespace_says_what_comes_next() {
    assert!(matrix(&[], &[], &[], None).contains("create an Environment"));
}

#[test]
fn the_details_of_an_app_tell_what_is_held_and_by_what() {
    let mut all = status("v2", "True", "Healthy");
    all["previous"] = all["current"].clone();
    all["previous"]["version"] = "v1".into();
    all["pending"] = "shop.staging-new".into();
    all["drift"] = json!({"git": "commit abc changed the app's folder by hand"});
    let apps = [app("shop", "staging", &json!({"hold": {"reason": "rolled back"}}), &all)];
    let environments = [environment("staging", &json!({"lock": {"reason": "freeze"}}))];
    let pending: Release = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "shop.staging-new"},
        "spec": {"app": "shop", "environment": "staging"},
        "status": {"phase": "Waiting", "blockedBy": [{"kind": "Hold", "name": "shop.staging", "reason": "rolled back"}]},
    }))
    .unwrap();
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    assert_snapshot!(plain(&detail::details(&apps, &environments, &[pending], now)));
}

#[test]
fn a_first_release_is_seen_before_there_is_an_app_of_it() {
    let release = |app: &str, name: &str, phase: &str, second: u32| -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T10:00:0{second}Z")},
            "spec": {"app": app, "environment": "production"},
            "status": {"phase": phase, "version": format!("v{second}"),
                "blockedBy": [{"kind": "Approval", "name": name, "reason": "somebody has to approve the plan"}]},
        }))
        .unwrap()
    };
    let apps = [app("shop", "staging", &json!({}), &status("v2", "True", "Healthy"))];
    let first = first::first(
        vec![
            release("shop", "shop.production-a", "Superseded", 1),
            release("shop", "shop.production-b", "Pending", 2),
            release("shop", "shop.production-c", "Waiting", 3),
            release("cart", "cart.production-a", "Queued", 4),
        ],
        &apps,
    );
    let names: Vec<String> = first.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["cart.production-a", "shop.production-c"]);
    let environments = ["production", "staging"].map(|name| environment(name, &json!({})));
    let shown = matrix(&apps, &first, &environments, None) + "\n" + &first::block(&first[1]);
    assert_snapshot!(plain(&shown));
    let there = [app("shop", "production", &json!({}), &Value::Null)];
    let pending = release("shop", "shop.production-c", "Waiting", 3);
    assert!(first::first(vec![pending], &there).is_empty(), "the App tells of it");
}
