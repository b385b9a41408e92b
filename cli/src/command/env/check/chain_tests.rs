use super::*;
use crate::command::check::{State, table};
use insta::assert_snapshot;
use serde_json::{Value, json};

const HEAD: &str = "4e1f09c0a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message,
           "lastTransitionTime": "2026-01-01T10:00:00Z"})
}

fn environment(spec: &Value, status: &Value) -> Environment {
    let mut object = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": "staging", "generation": 1, "creationTimestamp": "2026-01-01T09:00:00Z"},
        "spec": {"gitops": {"url": "https://git.example.com/acme/gitops.git", "path": "staging",
                            "secretRef": {"name": "git"}},
                 "flux": {"secretRef": {"name": "git"}}},
        "status": status,
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn good() -> Environment {
    environment(
        &json!({}),
        &json!({"observedGeneration": 1, "head": {"commit": HEAD, "short": "4e1f09c", "time": "2026-01-01T10:00:00Z"},
            "conditions": [condition("Ready", "True", "Ready", "releases reach git"),
                condition("GitReady", "True", "Reachable", "main")]}),
    )
}

fn app(name: &str, ready: &str, message: &str) -> App {
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": format!("{name}.staging")},
        "spec": {"app": name, "environment": "staging"},
        "status": {"conditions": [condition("Ready", ready, "Why", message)]},
    }))
    .unwrap()
}

fn readiness(ready: bool, message: &str, commit: &str) -> Readiness {
    let revision = Some(format!("main@sha1:{commit}"));
    Readiness { ready, message: message.into(), revision }
}

fn installed() -> Links {
    Links {
        flux: Found::Installed { version: Some("v2.4.0".into()) },
        secret: Some(true),
        source: Some(readiness(true, "stored", HEAD)),
        root: Some(readiness(true, "applied", HEAD)),
        apps: vec![("staging-shop".into(), Some(readiness(true, "applied", HEAD)))],
    }
}

fn all(environment: &Environment, secret: Option<bool>, links: &Links, apps: &[App]) -> Vec<Check> {
    let seen = Seen { environment, secret: Some(("git".into(), secret)) };
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    let mut checks = of_environment(&seen, now);
    checks.extend(of_cluster(&seen, links, "gimlet env connect staging"));
    checks.extend(of_apps(apps));
    checks
}

fn shown(checks: &[Check]) -> String {
    anstream::adapter::strip_str(&table(checks)).to_string()
}

#[test]
fn a_whole_chain_is_nothing_but_ticks() {
    let checks = all(&good(), Some(true), &installed(), &[app("shop", "True", "healthy")]);
    assert!(checks.iter().all(|check| check.state == State::Fine), "{checks:?}");
    assert_snapshot!(shown(&checks));
}

#[test]
fn each_broken_link_has_a_cause_and_a_next_step() {
    let links = Links {
        secret: Some(false),
        source: Some(readiness(false, "authentication required", HEAD)),
        root: None,
        apps: vec![("staging-shop".into(), None)],
        ..installed()
    };
    let checks =
        all(&good(), Some(false), &links, &[app("shop", "False", "0/1 replicas are ready")]);
    assert_snapshot!(shown(&checks));
}

#[test]
fn without_flux_nothing_behind_it_is_told() {
    let links = Links {
        flux: Found::Lacking { controllers: vec!["source-controller", "kustomize-controller"] },
        secret: None,
        source: None,
        root: None,
        apps: Vec::new(),
    };
    assert_snapshot!(shown(&all(&good(), None, &links, &[])));
}

#[test]
fn what_flux_has_may_be_older_than_the_branch() {
    let links = Links { source: Some(readiness(true, "stored", "1f0c9a4")), ..installed() };
    let checks = all(&good(), Some(true), &links, &[]);
    let found = checks.iter().find(|check| check.what == "GitRepository").unwrap();
    assert_eq!(found.state, State::Doubtful);
    assert!(found.said.ends_with("the branch is at 4e1f09c"), "{}", found.said);
}

#[test]
fn a_repository_that_cannot_be_read_ends_the_first_part() {
    let environment = environment(
        &json!({}),
        &json!({"observedGeneration": 1, "conditions": [
            condition("Ready", "False", "GitUnauthorized", "the host refused the credentials"),
            condition("GitReady", "False", "GitUnauthorized", "the host refused the credentials")]}),
    );
    let seen = Seen { environment: &environment, secret: None };
    let checks = of_environment(&seen, "2026-01-01T12:00:00Z".parse().unwrap());
    assert_eq!(checks.last().unwrap().what, "repository");
    assert_eq!(checks.last().unwrap().state, State::Wrong);
    let suspended = self::environment(&json!({"suspend": true}), &json!({}));
    let seen = Seen { environment: &suspended, secret: None };
    assert_eq!(of_environment(&seen, Timestamp::UNIX_EPOCH).len(), 1);
}

#[test]
fn an_agent_is_looked_at_where_one_is_to_tell() {
    let judge = |spec: &Value, conditions: &Value| {
        let environment = environment(spec, &json!({"conditions": conditions}));
        of_agent(&environment, "gimlet env connect staging")
    };
    assert_eq!(judge(&json!({}), &json!([])), None);
    let agent = json!({"observedBy": "Agent"});
    assert_eq!(judge(&agent, &json!([])).unwrap().state, State::Unknown);
    let said =
        |status: &str| json!([condition("AgentConnected", status, "x", "not heard since noon")]);
    assert_eq!(judge(&agent, &said("True")).unwrap().state, State::Fine);
    let silent = judge(&agent, &said("False")).unwrap();
    assert_eq!((silent.state, silent.said.as_str()), (State::Wrong, "not heard since noon"));
    let next = silent.next.unwrap();
    assert!(next.contains("deploy/gimlet-agent-staging"), "{next}");
    assert!(next.ends_with("gimlet env connect staging --agent URL"), "{next}");
}
