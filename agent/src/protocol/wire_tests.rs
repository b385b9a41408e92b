//! The frames as they are on the wire: what changes here breaks the other side.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde::Serialize;

use super::*;

fn pretty(frame: &impl Serialize) -> String {
    serde_json::to_string_pretty(frame).unwrap()
}

fn request(query: Query) -> FromDashboard {
    let person = Person {
        user: "ada".into(),
        groups: vec!["shop".into()],
        extra: BTreeMap::from([("scopes".into(), vec!["read".into()])]),
    };
    FromDashboard::Request { id: 4, person, query }
}

fn kustomization(name: &str) -> FluxItem {
    FluxItem {
        kind: "Kustomization".into(),
        namespace: "flux-system".into(),
        name: name.into(),
        ready: Some(true),
        reason: "ReconciliationSucceeded".into(),
        message: String::new(),
        last_applied_revision: Some("main@sha1:4e1f09c0a1".into()),
        last_attempted_revision: Some("main@sha1:4e1f09c0a1".into()),
        suspended: false,
    }
}

fn crashing() -> AppState {
    let time = "2026-03-01T10:00:00Z".parse().unwrap();
    let cause = Cause {
        reason: "CrashLoopBackOff".into(),
        message: "container app ends with exit code 1".into(),
        next_step: "read its last log lines".into(),
    };
    let ended =
        Terminated { exit_code: 1, reason: "Error".into(), message: String::new(), at: Some(time) };
    let waiting =
        ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: String::new() };
    let container = Container {
        name: "app".into(),
        init: false,
        ready: false,
        restarts: 7,
        state: waiting,
        last: Some(ended),
    };
    let mut app = AppState::new(AppKey::new("shop", "checkout"));
    app.word = Word::Failed;
    app.cause = Some(cause.clone());
    app.workloads = vec![Workload {
        kind: "Deployment".into(),
        name: "checkout".into(),
        wanted: 3,
        ready: 2,
        updated: 3,
        available: 2,
        autoscalers: vec![Autoscaler {
            name: "checkout".into(),
            min: 2,
            max: 9,
            current: 3,
            desired: 3,
            message: String::new(),
        }],
        cron: None,
        images: vec!["registry.example/checkout:1.4.2".into()],
        word: Word::Failed,
        cause: Some(cause),
    }];
    app.workloads.push(Workload {
        kind: "CronJob".into(),
        name: "report".into(),
        wanted: 0,
        ready: 0,
        updated: 0,
        available: 0,
        images: Vec::new(),
        autoscalers: Vec::new(),
        cron: Some(Cron {
            schedule: "0 2 * * *".into(),
            time_zone: "Europe/Vienna".into(),
            suspended: false,
            last_schedule: Some(time),
            last_success: Some(time),
        }),
        word: Word::Healthy,
        cause: None,
    });
    app.pods = vec![Pod {
        workload: "Deployment/checkout".into(),
        owner: "ReplicaSet/checkout-6c".into(),
        phase: "Running".into(),
        node: "n1".into(),
        restarts: 7,
        created: Some(time),
        containers: vec![container],
        ..Pod::named("checkout-6c-b")
    }];
    app.links = vec![Link {
        kind: "Ingress".into(),
        name: "checkout".into(),
        url: "https://shop.example".into(),
    }];
    app.flux = vec![kustomization("prod-checkout")];
    app.inventories = vec![Inventory {
        kind: "Kustomization".into(),
        namespace: "flux-system".into(),
        name: "prod-checkout".into(),
        objects: vec![InventoryEntry {
            kind: "ConfigMap".into(),
            namespace: "shop".into(),
            name: "checkout".into(),
        }],
        omitted: 3,
    }];
    app.alerts = vec![Alert {
        rule: "CrashLoop".into(),
        object: "Deployment/checkout".into(),
        phase: AlertPhase::Firing,
        since: time,
        message: "container app ends with exit code 1".into(),
    }];
    app
}

/// One frame of each kind of the agent.
fn of_agent() -> Vec<FromAgent> {
    vec![
        FromAgent::Hello {
            protocol: VERSION,
            version: "0.1.0".into(),
            cluster: "5e4d3c2b".into(),
            environment: "team-shop/prod".into(),
            capabilities: vec![Capability::Logs, Capability::ReconcileFlux],
        },
        FromAgent::SnapshotBegin { seq: 1 },
        FromAgent::SnapshotPart { seq: 2, apps: vec![] },
        FromAgent::EnvironmentState {
            seq: 3,
            state: EnvironmentState {
                flux: vec![kustomization("gimlet-prod")],
                flux_version: Some("v2.9.0".into()),
                blind: Some(Blind {
                    since: "2026-03-01T10:00:00Z".parse().unwrap(),
                    message: "connection refused".into(),
                }),
            },
        },
        FromAgent::SnapshotEnd { seq: 4 },
        FromAgent::Delta {
            seq: 5,
            upserts: vec![AppState::new(AppKey::new("shop", "web"))],
            removals: vec![AppKey::new("shop", "old")],
        },
        FromAgent::Heartbeat { seq: 5, time: "2026-03-01T10:00:00Z".parse().unwrap() },
        FromAgent::Chunk {
            id: 4,
            answer: Answer::Lines {
                lines: vec![LogLine {
                    pod: "web-1".into(),
                    container: "app".into(),
                    time: None,
                    text: "listening".into(),
                }],
                dropped: 0,
            },
        },
        FromAgent::End { id: 4 },
        FromAgent::Failed { id: 5, reason: Refusal::Forbidden, message: "ask an admin".into() },
        FromAgent::Error { message: "what".into() },
    ]
}

/// One frame of each kind of the dashboard.
fn of_dashboard() -> Vec<FromDashboard> {
    let deployment = ObjectName {
        api_version: "apps/v1".into(),
        object_kind: "Deployment".into(),
        namespace: "shop".into(),
        name: "web".into(),
    };
    vec![
        FromDashboard::Welcome { protocol: VERSION, heartbeat_seconds: 15 },
        FromDashboard::Resync,
        request(Query::Restart(deployment)),
        request(Query::ResumeFlux(ObjectName {
            api_version: "kustomize.toolkit.fluxcd.io/v1".into(),
            object_kind: "Kustomization".into(),
            namespace: "flux-system".into(),
            name: "prod-web".into(),
        })),
        request(Query::Logs(Logs {
            namespace: "shop".into(),
            app: "web".into(),
            pods: vec!["web-1".into()],
            follow: true,
            tail: Some(100),
            ..Logs::default()
        })),
        FromDashboard::Cancel { id: 4 },
        FromDashboard::Credit { id: 4, chunks: 8 },
        FromDashboard::Error { message: "what".into() },
    ]
}

fn lines(frames: &[impl Serialize]) -> String {
    frames.iter().map(|frame| encode(frame).unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_agent_speaks_like_this() {
    assert_snapshot!(lines(&of_agent()));
}

#[test]
fn a_dashboard_speaks_like_this() {
    assert_snapshot!(lines(&of_dashboard()));
}

#[test]
fn an_app_looks_like_this() {
    assert_snapshot!(pretty(&crashing()));
}

#[test]
fn what_is_written_is_read_back() {
    for frame in of_agent() {
        assert_eq!(decode::<FromAgent>(&encode(&frame).unwrap()), Ok(frame));
    }
    for frame in of_dashboard() {
        assert_eq!(decode::<FromDashboard>(&encode(&frame).unwrap()), Ok(frame));
    }
    let part = FromAgent::SnapshotPart { seq: 1, apps: vec![crashing()] };
    assert_eq!(decode::<FromAgent>(&encode(&part).unwrap()), Ok(part));
}

#[test]
fn the_list_of_kinds_names_each() {
    fn kinds(frames: &[impl Serialize]) -> Vec<String> {
        let mut kinds: Vec<_> = frames
            .iter()
            .map(|frame| serde_json::to_value(frame).unwrap()["kind"].as_str().unwrap().to_owned())
            .collect();
        kinds.dedup();
        kinds
    }
    assert_eq!(kinds(&of_agent()), FromAgent::KINDS);
    assert_eq!(kinds(&of_dashboard()), FromDashboard::KINDS);
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    let text = r#"{"kind":"end","id":4,"mood":"good"}"#;
    assert_eq!(decode::<FromAgent>(text), Ok(FromAgent::End { id: 4 }));
}

#[test]
fn a_newer_query_keeps_its_number_so_that_it_can_be_refused() {
    let text = r#"{"kind":"request","id":9,"as":{"user":"ada"},"query":{"kind":"dance","x":1}}"#;
    let Ok(FromDashboard::Request { id, query, .. }) = decode(text) else { panic!("{text}") };
    assert_eq!((id, query), (9, Query::Unknown));
}

#[test]
fn newer_words_within_a_frame_are_unknown_and_no_error() {
    let text = r#"{"kind":"hello","protocol":2,"version":"9","cluster":"c","environment":"a/b",
        "capabilities":["logs","dance"]}"#;
    let Ok(FromAgent::Hello { capabilities, .. }) = decode(text) else { panic!("{text}") };
    assert_eq!(capabilities, [Capability::Logs, Capability::Unknown]);
}

#[test]
fn newer_words_of_an_app_are_unknown_and_no_error() {
    let mut app = serde_json::to_value(crashing()).unwrap();
    app["word"] = "Sleepy".into();
    app["workloads"][0]["word"] = "Sleepy".into();
    app["alerts"][0]["phase"] = "snoozed".into();
    app["pods"][0]["containers"][0]["state"] = serde_json::json!({"is": "frozen", "since": 1});
    let text = serde_json::json!({"kind": "snapshotPart", "seq": 1, "apps": [app]}).to_string();
    let Ok(FromAgent::SnapshotPart { apps, .. }) = decode(&text) else { panic!("{text}") };
    assert_eq!((apps[0].word, apps[0].workloads[0].word), (Word::Unknown, Word::Unknown));
    assert_eq!(apps[0].alerts[0].phase, AlertPhase::Unknown);
    assert_eq!(apps[0].pods[0].containers[0].state, ContainerState::Unknown);
}

#[test]
fn what_is_no_frame_says_why() {
    let why = |text: &str| decode::<FromDashboard>(text).unwrap_err().to_string();
    assert_snapshot!(why(r#"{"kind":"dance"}"#), @r#"frames of the kind "dance" are not known: this side may be too old"#);
    assert_snapshot!(why(r#"{"kind":"cancel"}"#), @"the frame is malformed: missing field `id`");
    assert_snapshot!(why("hello"), @"the frame is malformed: expected value at line 1 column 1");
    assert_snapshot!(why(&"x".repeat(MAX_FRAME + 1)), @"the frame has 1048577 bytes, and at most 1048576 are taken");
    assert!(why(&"[".repeat(5000)).starts_with("the frame is malformed: "));
}
