//! What is told, and what is not told again.

use super::*;
use crate::cluster::board::Helping;
use crate::protocol::AppKey;

fn told(helping: &Helping) -> (Vec<&str>, Vec<&str>) {
    (
        helping.upserts.iter().map(|app| app.key.app.as_str()).collect(),
        helping.removals.iter().map(|key| key.app.as_str()).collect(),
    )
}

/// Looks at what changed, and takes it.
fn news(board: &mut Board, seconds: i64) -> Helping {
    board.pulse(at(seconds));
    board.take(at(seconds))
}

fn filled() -> Board {
    let mut board = board();
    fill(&mut board.index, [deployment(1, 1)]);
    board.pulse(at(1));
    board
}

#[test]
fn nothing_is_kept_while_nobody_listens() {
    let mut board = filled();
    assert!(!board.is_pending());
    assert_eq!(board.snapshot(at(1)).1.len(), 1);
    fill(&mut board.index, [deployment(2, 1)]);
    board.pulse(at(2));
    assert!(board.is_pending());
    board.detach();
    fill(&mut board.index, [deployment(3, 1)]);
    board.pulse(at(3));
    assert!(!board.is_pending());
}

#[test]
fn what_changed_is_told_once_and_what_did_not_never() {
    let mut board = filled();
    board.snapshot(at(1));
    fill(&mut board.index, [deployment(1, 1)]);
    assert_eq!(news(&mut board, 2), Helping::default());
    fill(&mut board.index, [deployment(1, 0)]);
    assert_eq!(told(&news(&mut board, 3)), (vec!["web"], vec![]));
    assert_eq!(news(&mut board, 4), Helping::default());
}

#[test]
fn a_reader_who_is_slow_gets_the_newest_state_alone() {
    let mut board = filled();
    board.snapshot(at(1));
    for wanted in 2..100 {
        fill(&mut board.index, [deployment(wanted, 1)]);
        board.pulse(at(i64::from(wanted)));
    }
    let helping = board.take(at(100));
    assert_eq!(helping.upserts.len(), 1);
    assert_eq!(helping.upserts[0].workloads[0].wanted, 99);
    assert!(!board.is_pending());
}

#[test]
fn many_changes_are_taken_in_helpings() {
    let mut board = board();
    board.snapshot(at(0));
    let many = (0..150).map(|n| deployment(1, 1).of(&format!("app-{n}"), "prod"));
    for (n, mut object) in many.enumerate() {
        object.object["metadata"]["name"] = json!(format!("app-{n}"));
        board.index.apply(object.seen(), at(1));
    }
    board.pulse(at(1));
    let sizes: Vec<_> = (0..4).map(|_| board.take(at(1)).upserts.len()).collect();
    assert_eq!(sizes, [64, 64, 22, 0]);
}

#[test]
fn an_app_that_ends_is_told_as_gone_even_where_only_the_snapshot_named_it() {
    let mut board = board();
    fill(&mut board.index, [deployment(1, 1)]);
    // Nobody has looked at it yet.
    assert_eq!(board.snapshot(at(1)).1.len(), 1);
    board.index.delete(&Key::new(Kind::Deployment, "shop", "web"));
    assert_eq!(told(&news(&mut board, 2)), (vec![], vec!["web"]));
}

#[test]
fn an_app_that_moves_to_another_namespace_ends_in_the_old_one() {
    let mut board = filled();
    board.snapshot(at(1));
    fill(&mut board.index, [deployment(1, 1).within("store")]);
    board.index.delete(&Key::new(Kind::Deployment, "shop", "web"));
    let helping = news(&mut board, 2);
    assert_eq!(helping.removals, [AppKey::new("shop", "web")]);
    assert_eq!(helping.upserts[0].key, AppKey::new("store", "web"));
}

#[test]
fn the_environment_is_told_when_it_changes() {
    let mut board = filled();
    board.snapshot(at(1));
    let root = |reason: &str| {
        make(Kind::Kustomization, "gimlet-prod").label("gimlet.io/environment", "prod").with(
            "status",
            json!({"conditions": [{"type": "Ready", "status": "False", "reason": reason}]}),
        )
    };
    fill(&mut board.index, [root("BuildFailed")]);
    let helping = news(&mut board, 2);
    assert_eq!(helping.environment.as_ref().unwrap().flux[0].reason, "BuildFailed");
    assert_eq!(told(&helping), (vec!["web"], vec![]));
    fill(&mut board.index, [root("BuildFailed")]);
    assert_eq!(news(&mut board, 3), Helping::default());
}

#[test]
fn alerts_fire_and_resolve_without_any_change_of_an_object() {
    let mut board = board();
    let crash = Some(("CrashLoopBackOff", "back-off"));
    let set = replica_set("web-a", "1");
    fill(&mut board.index, [deployment(1, 0), set, pod("web-a-1", "web-a", crash)]);
    board.pulse(at(1));
    let phase = |apps: &[AppState]| format!("{:?}", apps[0].alerts[0].phase);
    assert_eq!(phase(&board.snapshot(at(1)).1), "Pending");
    assert_eq!(phase(&news(&mut board, 70).upserts), "Firing");
    assert_eq!(news(&mut board, 80), Helping::default());
    fill(&mut board.index, [deployment(1, 1), pod("web-a-1", "web-a", None)]);
    assert_eq!(phase(&news(&mut board, 90).upserts), "Firing");
    assert_eq!(phase(&news(&mut board, 150).upserts), "Resolved");
}

#[test]
fn apps_are_counted_by_their_word() {
    let mut board = filled();
    fill(&mut board.index, [make(Kind::Kustomization, "b").of("b", "prod")]);
    board.pulse(at(2));
    let words = board.words();
    assert_eq!((words["Healthy"], words["Progressing"], words["Failed"]), (1, 1, 0));
}
