//! The checker finds what is planted.

use super::model::{Asked, Content, Entry, Fault, Folder, Told, World, check};

/// Two releases of one app in git, and the world is right.
fn right() -> World {
    let mut world = World { environment: "staging".into(), ..World::default() };
    for (name, id) in [("r1", "c1"), ("r2", "c2")] {
        ask(&mut world, name, "web");
        tell(&mut world, name, "Committed", Some(id));
        world.branch.push(commit(id, name, "web"));
    }
    settle(&mut world);
    world
}

fn ask(world: &mut World, name: &str, app: &str) {
    let content = Content::Value(format!("v-{name}"));
    world.asked.push(Asked { name: name.into(), app: app.into(), content, cancelled: false });
}

fn tell(world: &mut World, name: &str, phase: &str, commit: Option<&str>) {
    let told = Told {
        uid: format!("uid-{name}"),
        phase: phase.into(),
        reason: phase.into(),
        commit: commit.map(Into::into),
        ended: true,
    };
    world.told.insert(name.into(), told);
}

fn commit(id: &str, name: &str, app: &str) -> Entry {
    let release = Some((format!("uid-{name}"), "staging".into(), app.into()));
    Entry { id: id.into(), parents: 1, subject: format!("release {name}"), release }
}

/// Makes folder and App of `web` what the last commit of the branch says.
fn settle(world: &mut World) {
    let Some(last) = world.branch.iter().rfind(|entry| entry.release.is_some()) else { return };
    let uid = last.release.clone().unwrap().0;
    let value = uid.replace("uid-", "v-");
    world.current.insert("web".into(), last.id.clone());
    world.folders.insert("web".into(), Folder { value: Some(value), recorded: Some(uid) });
}

fn faults(world: &World) -> Vec<Fault> {
    check(world).into_iter().map(|violation| violation.fault).collect()
}

#[test]
fn a_right_world_has_no_fault() {
    assert_eq!(check(&right()), []);
}

#[test]
fn a_lost_commit_is_found() {
    let mut world = right();
    world.branch.pop();
    settle(&mut world);
    assert_eq!(faults(&world), [Fault::Lost]);
}

#[test]
fn a_release_that_vanished_is_found() {
    let mut world = right();
    ask(&mut world, "r3", "web");
    assert_eq!(faults(&world), [Fault::Lost]);
}

#[test]
fn a_newest_release_that_ended_without_git_is_found() {
    let mut world = right();
    ask(&mut world, "r3", "web");
    tell(&mut world, "r3", "Superseded", None);
    assert_eq!(faults(&world), [Fault::Lost, Fault::WrongEnd]);
}

#[test]
fn a_second_commit_is_found() {
    let mut world = right();
    world.branch.push(commit("c3", "r2", "web"));
    settle(&mut world);
    assert!(faults(&world).contains(&Fault::Twice), "{:?}", check(&world));
}

#[test]
fn another_order_is_found() {
    let mut world = right();
    world.branch.reverse();
    settle(&mut world);
    assert_eq!(faults(&world), [Fault::Disorder]);
}

#[test]
fn releases_of_other_apps_have_no_order_among_each_other() {
    let mut world = right();
    ask(&mut world, "r3", "api");
    tell(&mut world, "r3", "Committed", Some("c0"));
    world.branch.insert(0, commit("c0", "r3", "api"));
    world.current.insert("api".into(), "c0".into());
    let folder = Folder { value: Some("v-r3".into()), recorded: Some("uid-r3".into()) };
    world.folders.insert("api".into(), folder);
    assert_eq!(check(&world), []);
}

#[test]
fn a_release_without_an_end_is_found() {
    let mut world = right();
    ask(&mut world, "r3", "web");
    tell(&mut world, "r3", "Waiting", None);
    world.told.get_mut("r3").unwrap().ended = false;
    assert_eq!(faults(&world), [Fault::Stuck]);
}

#[test]
fn a_status_that_names_another_commit_or_none_is_found() {
    let mut world = right();
    world.told.get_mut("r2").unwrap().commit = Some("c1".into());
    assert_eq!(faults(&world), [Fault::Contradiction]);
    let mut world = right();
    tell(&mut world, "r1", "Superseded", None);
    assert_eq!(faults(&world), [Fault::Contradiction]);
}

#[test]
fn an_end_without_a_cause_is_found() {
    for phase in ["Failed", "Cancelled", "Rejected"] {
        let mut world = right();
        ask(&mut world, "r0", "web");
        world.asked.rotate_right(1);
        tell(&mut world, "r0", phase, None);
        assert_eq!(faults(&world), [Fault::WrongEnd], "{phase}");
        world.asked[0].cancelled = phase == "Cancelled";
        world.refusing = phase == "Failed";
        world.told.get_mut("r0").unwrap().reason = "GitRejected".into();
        assert_eq!(faults(&world).is_empty(), phase != "Rejected", "{phase}");
    }
}

#[test]
fn a_folder_that_is_not_of_the_last_release_is_found() {
    let mut world = right();
    world.folders.get_mut("web").unwrap().value = Some("v-r1".into());
    assert_eq!(faults(&world), [Fault::Tree]);
    let mut world = right();
    world.folders.get_mut("web").unwrap().recorded = Some("uid-r1".into());
    assert_eq!(faults(&world), [Fault::Tree]);
    let mut world = right();
    world.folders.clear();
    assert_eq!(faults(&world), [Fault::Tree]);
}

#[test]
fn an_app_that_knows_only_an_older_release_is_found() {
    let mut world = right();
    world.current.insert("web".into(), "c1".into());
    assert_eq!(faults(&world), [Fault::Contradiction]);
}

#[test]
fn commits_of_nobody_and_merges_are_found() {
    let mut world = right();
    world.branch.insert(0, commit("c0", "r9", "cms"));
    world.branch[1].parents = 2;
    assert_eq!(faults(&world), [Fault::Foreign, Fault::Foreign]);
}

#[test]
fn what_people_removed_is_not_lost_and_must_be_told_and_stay_away() {
    let mut world = right();
    world.removed.extend(world.branch.pop());
    settle(&mut world);
    assert_eq!(faults(&world), [Fault::Silent]);
    world.rewriting_told = true;
    assert_eq!(check(&world), []);
    world.branch.push(world.removed[0].clone());
    settle(&mut world);
    assert_eq!(faults(&world), [Fault::Contradiction]);
}

#[test]
fn a_lost_commit_of_people_is_found() {
    let mut world = right();
    world.others = vec!["people 1".into(), "people 2".into()];
    for subject in ["people 2", "people 1"] {
        let entry =
            Entry { id: subject.into(), parents: 1, subject: subject.into(), release: None };
        world.branch.insert(0, entry);
    }
    assert_eq!(check(&world), []);
    world.branch.remove(0);
    assert_eq!(faults(&world), [Fault::Lost]);
}

#[test]
fn what_the_audit_finds_is_a_fault() {
    let mut world = right();
    world.audit.push("c1 is not signed".into());
    assert_eq!(faults(&world), [Fault::Unproven]);
}
