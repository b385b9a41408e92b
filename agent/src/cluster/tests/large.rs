//! Objects that are as large as the API server takes them, and more.

use super::*;
use crate::protocol::{FromAgent, MAX_FRAME, MAX_TEXT, encode};

const MEGABYTE: usize = 1 << 20;
/// What an object may take that has a hundred times as much in the API.
const SMALL: usize = 256 * 1024;

/// Checks that little is kept of something large, and takes it in.
fn keep(board: &mut Board, made: Made) {
    assert!(made.object.to_string().len() > MEGABYTE);
    let seen = made.seen();
    let kept = format!("{seen:?}").len();
    assert!(kept < SMALL, "{kept} bytes of {:?}", seen.key);
    board.index.apply(seen, at(1));
}

/// As many things as there is room for in a megabyte.
fn many(make: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..6_000).map(make).collect()
}

#[test]
fn of_an_object_of_a_megabyte_only_what_is_shown_is_kept_and_told_in_a_frame() {
    let mut board = board();
    board.snapshot(at(0));
    let long = "x".repeat(MEGABYTE);
    let image =
        |n: usize| json!({"name": format!("c{n}"), "image": format!("{}/{n}", "i".repeat(200))});
    let mut large = deployment(2, 1);
    large.object["metadata"]["annotations"] = json!({"last-applied-configuration": long});
    large.object["spec"]["template"]["spec"]["containers"] = many(image).into();
    large.object["status"]["conditions"] = json!([{"type": "Progressing", "status": "False",
        "reason": "ProgressDeadlineExceeded", "message": long}]);
    keep(&mut board, large);
    fill(&mut board.index, [replica_set("web-a", "1")]);

    let mut crashing = pod("web-a-1", "web-a", Some(("CrashLoopBackOff", &long)));
    let status = |n: usize| {
        json!({"name": format!("c{n}"), "image": "i".repeat(200), "imageID": "",
        "ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "m".repeat(5_000)}}})
    };
    let statuses = many(status);
    crashing.object["status"]["containerStatuses"] = statuses.into();
    crashing.object["spec"]["containers"][0]["env"] = json!([{"name": "SECRET", "value": long}]);
    keep(&mut board, crashing);

    let rule = |n: usize| json!({"host": format!("{}.{n}.example.com", "h".repeat(150))});
    keep(
        &mut board,
        make(Kind::Ingress, "web").of("web", "prod").with("spec", json!({"rules": many(rule)})),
    );
    keep(
        &mut board,
        make(Kind::HelmRelease, "prod-web").of("web", "prod").with(
            "status",
            json!({"conditions": [{"type": "Ready", "status": "False", "reason": "InstallFailed",
                                   "message": long}],
                   "inventory": {"entries": many(|n| json!({"v": "v1",
                       "id": format!("shop_{}-{n}__ConfigMap", "n".repeat(200))}))}}),
        ),
    );
    let event = read(json!({
        "metadata": {}, "type": "Warning", "reason": "FailedCreate", "message": long,
        "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": "web"},
    }));
    let note = fact::note(&event).unwrap();
    assert!(note.message.len() <= MAX_TEXT);
    board.index.note(note);

    board.pulse(at(2));
    let helping = board.take(at(2));
    let app = helping.upserts[0].clone();
    // Nothing that matters has made room for what does not.
    assert_eq!((app.workloads.len(), app.pods.len(), app.omitted_pods), (1, 1, 0));
    assert_eq!((app.flux.len(), app.pods[0].restarts), (1, 6_000));
    assert!(!app.pods[0].containers.is_empty() && !app.links.is_empty());
    assert!(app.cause.is_some() && app.pods[0].cause.is_some());
    let told = serde_json::to_string(&app).unwrap();
    assert!(told.len() < MAX_FRAME / 2 && !told.contains("SECRET"), "{} bytes", told.len());
    for frame in FromAgent::deltas(1, helping.upserts, helping.removals) {
        assert!(encode(&frame).is_ok());
    }
}
