use super::super::decide::tests::{around, release, set};
use super::*;
use serde_json::json;

fn seen() -> Vec<Seen> {
    let text = || "because".to_owned();
    let cause = |phase| Cause { phase, reason: "MissingVariable".into(), message: text() };
    let commit =
        SetCommit { sha: "4e1f09c0a1".repeat(4), short: "4e1f09c".into(), ..SetCommit::default() };
    vec![
        Seen::Expanded(Apps {
            chosen: vec!["api".into(), "web".into()],
            left_out: vec!["x".into()],
        }),
        Seen::Blocked { reason: "ArtifactNotFound".into(), message: text() },
        Seen::Retrying { reason: "GitUnreachable".into(), message: text() },
        Seen::Members,
        Seen::Committed(commit),
        Seen::Unchanged,
        Seen::Planned,
        Seen::Ended(cause(Phase::Failed)),
        Seen::Ended(cause(Phase::Cancelled)),
    ]
}

fn members() -> Vec<Around> {
    let phases = [
        ("Pending", "Pending"),
        ("Waiting", "Set"),
        ("Waiting", "Lock"),
        ("Queued", "Queued"),
        ("Committed", "Committed"),
        ("Applied", "Progressing"),
        ("Healthy", "Healthy"),
        ("Failed", "CrashLoopBackOff"),
        ("Superseded", "Superseded"),
        ("Unchanged", "Unchanged"),
    ];
    let one = phases.iter().map(|(phase, reason)| {
        vec![Some(release("api", phase, reason)), Some(release("web", "Healthy", "Healthy"))]
    });
    one.chain([vec![None, None]]).map(around).collect()
}

fn stands(phases: [&str; 2], ended: bool) -> ReleaseSetStatus {
    let set = set(&json!({}), &["api", "web"]);
    let releases = ["api", "web"].iter().zip(phases).map(|(app, phase)| {
        let mut release = release(app, phase, "Set");
        let status = std::sync::Arc::get_mut(&mut release).unwrap().status.as_mut().unwrap();
        status.timestamps.ended = ended.then_some(Time(Timestamp::UNIX_EPOCH));
        Some(release)
    });
    let commit = SetCommit { short: "4e1f09c".into(), ..SetCommit::default() };
    let old = set.status.clone().unwrap();
    let around = around(releases.collect());
    compute(&old, &set, &around, Seen::Committed(commit), Timestamp::UNIX_EPOCH)
}

#[test]
fn every_status_keeps_the_rules_of_kstatus_whatever_came_before() {
    let set = set(&json!({}), &["api", "web"]);
    let start = set.status.clone().unwrap();
    for around in members() {
        for first in seen() {
            for second in seen() {
                let told = format!("{first:?} then {second:?}");
                let before =
                    compute(&start, &set, &around, first_like(&first), Timestamp::UNIX_EPOCH);
                let after = compute(&before, &set, &around, second, Timestamp::UNIX_EPOCH);
                for status in [&before, &after] {
                    let observed = status.observed_generation;
                    let broken = condition::violations(&status.conditions, Some(1), observed);
                    assert!(broken.is_empty(), "{broken:?} after {told}");
                }
            }
        }
    }
}

/// The same once more.
fn first_like(seen: &Seen) -> Seen {
    let text = format!("{seen:?}");
    self::seen().into_iter().find(|other| format!("{other:?}") == text).unwrap()
}

#[test]
fn an_unchanged_world_writes_nothing() {
    let set = set(&json!({}), &["api", "web"]);
    for around in members() {
        for one in seen() {
            let again = first_like(&one);
            let first =
                compute(&set.status.clone().unwrap(), &set, &around, one, Timestamp::UNIX_EPOCH);
            let later = Timestamp::from_second(1000).unwrap();
            assert_eq!(compute(&first, &set, &around, again, later), first);
        }
    }
}

#[test]
fn a_set_has_come_as_far_as_the_last_of_its_releases() {
    let of = |phases, ended| {
        let status = stands(phases, ended);
        (
            status.phase,
            condition::is_true(&status.conditions, READY),
            status.timestamps.ended.is_some(),
        )
    };
    assert_eq!(of(["Committed", "Healthy"], false), (Phase::Committed, false, false));
    assert_eq!(of(["Applied", "Healthy"], false), (Phase::Applied, false, false));
    assert_eq!(of(["Healthy", "Healthy"], true), (Phase::Healthy, true, true));
    assert_eq!(of(["Unchanged", "Healthy"], true), (Phase::Healthy, true, true));
    assert_eq!(of(["Superseded", "Healthy"], true), (Phase::Healthy, true, true));
    assert_eq!(of(["Failed", "Healthy"], true), (Phase::Failed, false, true));
    assert_eq!(of(["Superseded", "Superseded"], true), (Phase::Superseded, false, true));
    // Nothing reports from the cluster.
    assert_eq!(of(["Committed", "Committed"], true), (Phase::Committed, true, true));
    // The operator ended before it had told all of them.
    assert_eq!(of(["Committed", "Queued"], false), (Phase::Committed, false, false));
    assert_eq!(
        stands(["Failed", "Healthy"], true).conditions[0].message,
        "committed 4e1f09c; api: m-api"
    );
}

#[test]
fn a_set_that_waits_says_for_whom() {
    let set = set(&json!({}), &["api", "web", "cart"]);
    let around = around(vec![
        Some(release("api", "Waiting", "Approval")),
        Some(release("web", "Waiting", "Set")),
        None,
    ]);
    let old = set.status.clone().unwrap();
    let status = compute(&old, &set, &around, Seen::Members, Timestamp::UNIX_EPOCH);
    let ready = condition::find(&status.conditions, READY).unwrap();
    assert_eq!(ready.message, "1 of 3 releases are ready; api: m-api; cart is not planned yet");
    assert_eq!((status.phase, status.ready, status.total), (Phase::Waiting, 1, 3));
}
