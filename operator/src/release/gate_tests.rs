use super::*;
use gimlet_crds::Approval;
use serde_json::{Value, json};

const NOW: i64 = 10_000;
/// When everything was made.
const MADE: i64 = 0;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn release(spec: &Value, by: Option<&str>) -> Release {
    let mut all = json!({"app": "shop", "environment": "production"});
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    let annotations = by.map_or(json!({}), |by| json!({CREATED_BY: by}));
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": "r", "namespace": "ns", "annotations": annotations,
                     "creationTimestamp": time(MADE)},
        "spec": all
    }))
    .unwrap()
}

fn environment(spec: &Value) -> Environment {
    let mut all = json!({"gitops": {"url": "https://x/y"}});
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": "production", "namespace": "ns"}, "spec": all
    }))
    .unwrap()
}

fn app(spec: &Value) -> App {
    let mut all = json!({"app": "shop", "environment": "production"});
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": "shop.production"}, "spec": all
    }))
    .unwrap()
}

fn approval_of(digest: &str, decision: &str, by: Option<&str>) -> Arc<Approval> {
    let annotations = by.map_or(json!({}), |by| json!({CREATED_BY: by}));
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Approval",
            "metadata": {"name": "a", "annotations": annotations, "creationTimestamp": time(MADE)},
            "spec": {"release": "r", "digest": digest, "decision": decision, "comment": "because"}
        }))
        .unwrap(),
    )
}

fn around() -> Around {
    Around {
        environment: None,
        app: None,
        releases: Vec::new(),
        before: Vec::new(),
        approvals: Vec::new(),
        set: None,
        word: Word::Since(time(MADE - 1)),
        now: time(NOW),
    }
}

const PLAN: Planned<'_> = Planned { digest: "sha256:1", guard: None, artifact: None };

fn kinds(passage: &Passage) -> Vec<BlockerKind> {
    match passage {
        Passage::Closed(blockers) => blockers.iter().map(|blocker| blocker.kind).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn locks_and_holds_are_all_named() {
    let locked = environment(&json!({"lock": {"reason": "freeze"}}));
    let mut around = around();
    around.app = Some(Arc::new(app(&json!({
        "hold": {"reason": "rolled back"}, "lock": {"reason": "migration"}
    }))));
    let all = pass(&release(&json!({}), None), &locked, &around, PLAN);
    assert_eq!(kinds(&all), [BlockerKind::Lock, BlockerKind::Lock, BlockerKind::Hold]);
    let deliberate = pass(&release(&json!({"reason": "the fix"}), None), &locked, &around, PLAN);
    assert_eq!(kinds(&deliberate), [BlockerKind::Lock, BlockerKind::Lock]);
    let mut going = app(&json!({}));
    going.metadata.deletion_timestamp = Some(Time(time(1)));
    around.app = Some(Arc::new(going));
    let uninstalled = pass(&release(&json!({}), None), &environment(&json!({})), &around, PLAN);
    assert_eq!(kinds(&uninstalled), [BlockerKind::Uninstall]);
}

#[test]
fn a_lock_with_an_end_says_it_and_ends() {
    let until = |second| {
        let lock = json!({"lock": {"reason": "freeze", "until": time(second)}});
        pass(&release(&json!({}), None), &environment(&lock), &around(), PLAN)
    };
    let Passage::Closed(blockers) = until(NOW + 1) else { panic!("it is open") };
    assert_eq!(blockers[0].until, Some(Time(time(NOW + 1))));
    assert!(matches!(until(NOW), Passage::Open { .. }));
}

#[test]
fn removals_wait_until_they_are_confirmed() {
    let plan = Planned { guard: Some("it removes Namespace x"), ..PLAN };
    let asks = environment(&json!({}));
    let waits = pass(&release(&json!({}), None), &asks, &around(), plan);
    assert_eq!(kinds(&waits), [BlockerKind::Confirm]);
    let confirmed = pass(&release(&json!({"confirm": true}), None), &asks, &around(), plan);
    assert!(matches!(confirmed, Passage::Open { .. }));
    let off = environment(&json!({"deletionGuard": "Off"}));
    assert!(matches!(
        pass(&release(&json!({}), None), &off, &around(), plan),
        Passage::Open { .. }
    ));
}

#[test]
fn a_version_is_promoted_after_it_was_healthy_for_long_enough() {
    let rule = environment(&json!({"promotion": {"from": "staging", "soak": "10m"}}));
    let artifact = ArtifactRef { name: "shop-1".into(), namespace: None };
    let plan = Planned { artifact: Some(&artifact), ..PLAN };
    let asked = release(&json!({"artifact": {"name": "shop-1"}}), None);
    let before = |phase: &str, second: i64, namespace: Option<&str>| {
        let mut other = release(&json!({}), None);
        other.status = serde_json::from_value(json!({
            "phase": phase, "artifact": {"name": "shop-1", "namespace": namespace},
            "timestamps": {"healthy": time(second)},
        }))
        .unwrap();
        vec![Arc::new(other)]
    };
    let result = |before| pass(&asked, &rule, &Around { before, ..around() }, plan);
    assert_eq!(kinds(&result(Vec::new())), [BlockerKind::Promotion]);
    assert_eq!(kinds(&result(before("Failed", 0, None))), [BlockerKind::Promotion]);
    assert_eq!(kinds(&result(before("Healthy", 0, Some("other")))), [BlockerKind::Promotion]);
    let Passage::Closed(soaks) = result(before("Healthy", NOW - 599, None)) else {
        panic!("it is open")
    };
    assert_eq!(soaks[0].until, Some(Time(time(NOW + 1))));
    assert!(matches!(result(before("Healthy", NOW - 600, Some("ns"))), Passage::Open { .. }));

    // What failed in between begins anew.
    let mut mended = Arc::unwrap_or_clone(before("Healthy", 0, None).remove(0));
    mended.status.as_mut().unwrap().conditions = serde_json::from_value(json!([{
        "type": "Healthy", "status": "True", "reason": "Healthy", "message": "",
        "lastTransitionTime": time(NOW - 599)
    }]))
    .unwrap();
    let Passage::Closed(soaks) = result(vec![Arc::new(mended)]) else { panic!("it is open") };
    assert_eq!(soaks[0].until, Some(Time(time(NOW + 1))));

    // What another one replaced was healthy until then.
    let replaced = |second: i64| {
        let mut all = before("Healthy", 0, None);
        let mut next = release(&json!({}), None);
        next.metadata.name = Some("next".into());
        next.metadata.creation_timestamp = Some(Time(time(1)));
        next.status = serde_json::from_value(json!({
            "phase": "Applied", "timestamps": {"committed": time(second)},
            "commit": {"sha": "a".repeat(40), "short": "aaaaaaa", "branch": "main", "path": "x"},
        }))
        .unwrap();
        all.push(Arc::new(next));
        all
    };
    let Passage::Closed(never) = result(replaced(599)) else { panic!("it is open") };
    assert_eq!(never[0].until, None);
    assert!(never[0].reason.contains("when next took its place"), "{}", never[0].reason);
    assert!(matches!(result(replaced(600)), Passage::Open { .. }));
    let mut again = release(&json!({}), None);
    again.metadata.creation_timestamp = Some(Time(time(2)));
    again.status.clone_from(&before("Healthy", NOW - 600, None)[0].status);
    let again = [replaced(599), vec![Arc::new(again)]].concat();
    assert!(matches!(result(again), Passage::Open { .. }), "it was released there again");

    let rollback = release(&json!({"rollbackTo": {"commit": "abcdef0"}, "reason": "x"}), None);
    assert!(matches!(pass(&rollback, &rule, &around(), PLAN), Passage::Open { .. }));
    let inline = release(&json!({"manifest": {"namespace": "x", "manifests": "y"}}), None);
    assert_eq!(kinds(&pass(&inline, &rule, &around(), PLAN)), [BlockerKind::Promotion]);
}

#[test]
fn an_approval_counts_for_its_plan_and_not_from_the_maker() {
    let rule = environment(&json!({"approval": {}}));
    let made_by_ada = release(&json!({}), Some("ada"));
    let with = |approvals: &[Arc<Approval>]| {
        pass(&made_by_ada, &rule, &Around { approvals: approvals.to_vec(), ..around() }, PLAN)
    };
    assert_eq!(kinds(&with(&[])), [BlockerKind::Approval]);
    let other_plan = approval_of("sha256:2", "Approve", Some("bob"));
    assert_eq!(kinds(&with(&[other_plan])), [BlockerKind::Approval]);
    let nobody = approval_of("sha256:1", "Approve", None);
    let own = approval_of("sha256:1", "Approve", Some("ada"));
    let Passage::Closed(waits) = with(&[nobody, own]) else { panic!("it is open") };
    assert!(waits[0].reason.contains("ada made the release"), "{}", waits[0].reason);
    assert!(waits[0].reason.contains("config/admission"), "{}", waits[0].reason);
    let bob = approval_of("sha256:1", "Approve", Some("bob"));
    assert!(
        matches!(with(std::slice::from_ref(&bob)), Passage::Open { approved_by } if approved_by == ["bob"])
    );
    let no = approval_of("sha256:1", "Reject", Some("eve"));
    assert!(
        matches!(with(&[bob, no]), Passage::Rejected { by, comment } if by == "eve" && comment == "because")
    );
}

#[test]
fn nothing_counts_where_anybody_can_write_who_made_it() {
    let rule = environment(&json!({"approval": {}}));
    let made_by_ada = release(&json!({}), Some("ada"));
    let reason = |decision, word| {
        let approvals = vec![approval_of("sha256:1", decision, Some("bob"))];
        match pass(&made_by_ada, &rule, &Around { approvals, word, ..around() }, PLAN) {
            Passage::Closed(blockers) => blockers[0].reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    for decision in ["Approve", "Reject"] {
        let told = reason(decision, Word::Nobody("there is no policy: apply it".into()));
        assert_eq!(told, "approvals do not count: there is no policy: apply it");
        // What was made before the policies were there may say anything.
        let told = reason(decision, Word::Since(time(MADE)));
        assert!(told.contains("a was made before the policies of config/admission"), "{told}");
    }
    let mut approved = approval_of("sha256:1", "Approve", Some("bob"));
    Arc::make_mut(&mut approved).metadata.creation_timestamp = Some(Time(time(MADE + 1)));
    let late = Around { approvals: vec![approved], word: Word::Since(time(MADE)), ..around() };
    let Passage::Closed(blockers) = pass(&made_by_ada, &rule, &late, PLAN) else { panic!("open") };
    assert!(blockers[0].reason.contains("the release was made before"), "{blockers:?}");
    // Where one's own approval counts, it does not matter whose the release is.
    let own = environment(&json!({"approval": {"own": true}}));
    assert!(matches!(pass(&made_by_ada, &own, &late, PLAN), Passage::Open { .. }));
}

#[test]
fn who_asked_for_what_a_machine_made_does_not_approve_it() {
    let rule = environment(&json!({"approval": {}}));
    let promoted =
        release(&json!({"trigger": "Promotion", "requestedBy": "ada"}), Some("operator"));
    let with = |by: &str| {
        let approvals = vec![approval_of("sha256:1", "Approve", Some(by))];
        pass(&promoted, &rule, &Around { approvals, ..around() }, PLAN)
    };
    let Passage::Closed(waits) = with("ada") else { panic!("it is open") };
    assert!(waits[0].reason.contains("ada asked for the release"), "{}", waits[0].reason);
    assert!(matches!(with("bob"), Passage::Open { .. }));
}

#[test]
fn as_many_people_as_the_rule_says_have_to_approve() {
    let rule = environment(&json!({"approval": {"count": 2, "own": true}}));
    let ada = approval_of("sha256:1", "Approve", Some("ada"));
    let bob = approval_of("sha256:1", "Approve", Some("bob"));
    let made_by_ada = release(&json!({}), Some("ada"));
    let with = |approvals: &[Arc<Approval>]| {
        pass(&made_by_ada, &rule, &Around { approvals: approvals.to_vec(), ..around() }, PLAN)
    };
    assert_eq!(kinds(&with(&[ada.clone(), ada.clone()])), [BlockerKind::Approval]);
    assert!(
        matches!(with(&[ada, bob]), Passage::Open { approved_by } if approved_by == ["ada", "bob"])
    );
}

#[test]
fn a_rule_for_some_triggers_leaves_the_others_alone() {
    let rule = environment(&json!({"approval": {"triggers": ["Policy"]}}));
    let by =
        |trigger: &str| pass(&release(&json!({"trigger": trigger}), None), &rule, &around(), PLAN);
    assert_eq!(kinds(&by("Policy")), [BlockerKind::Approval]);
    assert!(matches!(by("Manual"), Passage::Open { .. }));
    let all = environment(&json!({"approval": {}}));
    let rollback = release(&json!({"rollbackTo": {"commit": "abcdef0"}, "reason": "x"}), None);
    assert!(matches!(pass(&rollback, &all, &around(), PLAN), Passage::Open { .. }));
}

#[test]
fn a_release_waits_for_a_window_and_a_rollback_does_not() {
    // 10,000 s after the epoch it is Thursday, 02:46:40.
    let night =
        environment(&json!({"windows": {"allow": [{"cron": "0 9 * * *", "duration": "8h"}]}}));
    let Passage::Closed(waits) = pass(&release(&json!({}), None), &night, &around(), PLAN) else {
        panic!("it is open")
    };
    assert_eq!(
        (waits[0].kind, &waits[0].until),
        (BlockerKind::Window, &Some(Time(time(9 * 3600))))
    );
    let rollback = release(&json!({"rollbackTo": {"commit": "abcdef0"}, "reason": "x"}), None);
    assert!(matches!(pass(&rollback, &night, &around(), PLAN), Passage::Open { .. }));
    let freeze =
        environment(&json!({"windows": {"deny": [{"cron": "0 2 * * thu", "duration": "1h"}]}}));
    assert_eq!(
        kinds(&pass(&release(&json!({}), None), &freeze, &around(), PLAN)),
        [BlockerKind::Window]
    );
    let wrong = environment(&json!({"windows": {"allow": [{"cron": "nine", "duration": "8h"}]}}));
    let Passage::Closed(waits) = pass(&release(&json!({}), None), &wrong, &around(), PLAN) else {
        panic!("it is open")
    };
    assert!(
        waits[0].reason.contains("spec.windows of the environment: allow[0].cron"),
        "{}",
        waits[0].reason
    );
}

#[test]
fn of_a_set_counts_who_made_it_and_what_is_confirmed_for_all() {
    let of_set = |spec: Value| Some(super::super::gather::tests::of_set(&spec, &[]));
    // The operator made the release, and ada the set.
    let release = release(&json!({"set": "all"}), Some("operator"));
    let rule = environment(&json!({"approval": {}}));
    let with = |by: &str| {
        let approvals = vec![approval_of("sha256:1", "Approve", Some(by))];
        let set = of_set(json!({"environment": "production"}));
        pass(&release, &rule, &Around { approvals, set, ..around() }, PLAN)
    };
    let Passage::Closed(waits) = with("ada") else { panic!("it is open") };
    assert!(waits[0].reason.contains("ada made the release"), "{}", waits[0].reason);
    assert!(matches!(with("bob"), Passage::Open { .. }));

    let plan = Planned { guard: Some("it removes Namespace x"), ..PLAN };
    let guarded = |confirm: bool| {
        let set = of_set(json!({"environment": "production", "confirm": confirm}));
        pass(&release, &environment(&json!({})), &Around { set, ..around() }, plan)
    };
    assert_eq!(kinds(&guarded(false)), [BlockerKind::Confirm]);
    assert!(matches!(guarded(true), Passage::Open { .. }));
}
