//! Whose an object is.

use super::*;
use crate::cluster::fact::Note;

#[test]
fn labels_and_owners_say_whose_an_object_is_and_what_is_nobodys_is_left_out() {
    let mut index = index();
    fill(
        &mut index,
        [
            deployment(1, 1),
            replica_set("web-a", "1"),
            pod("web-a-1", "web-a", None),
            make(Kind::Deployment, "foreign").with("spec", json!({"selector": {}, "template": {}})),
            pod("alone", "nowhere-b", None),
        ],
    );
    assert_eq!(names(&index), ["web"]);
    assert!(held(&index, Kind::Pod, "web-a-1"));
    assert!(!held(&index, Kind::Deployment, "foreign") && !held(&index, Kind::Pod, "alone"));
}

#[test]
fn what_another_environment_runs_is_left_out_even_where_the_app_has_the_same_name() {
    let mut index = index();
    let other = deployment(1, 1).of("web", "staging").within("other");
    fill(&mut index, [other, deployment(1, 1)]);
    assert_eq!(app(&index, "web").workloads.len(), 1);
}

#[test]
fn what_flux_marks_as_applied_by_an_apps_kustomization_is_the_apps() {
    let mut index = index();
    let applied = |kind, name| {
        make(kind, name)
            .label("kustomize.toolkit.fluxcd.io/name", "web")
            .label("kustomize.toolkit.fluxcd.io/namespace", "flux-system")
    };
    let helm = make(Kind::HelmRelease, "db")
        .label("kustomize.toolkit.fluxcd.io/name", "web")
        .label("kustomize.toolkit.fluxcd.io/namespace", "flux-system");
    let set = make(Kind::StatefulSet, "db")
        .label("helm.toolkit.fluxcd.io/name", "db")
        .label("helm.toolkit.fluxcd.io/namespace", "shop")
        .with("spec", json!({"selector": {}, "template": {}, "serviceName": "db"}));
    fill(
        &mut index,
        [
            make(Kind::Kustomization, "web").within("flux-system").of("web", "prod"),
            applied(Kind::Service, "web").with("spec", json!({})),
            helm,
            set,
        ],
    );
    assert!(held(&index, Kind::Service, "web") && held(&index, Kind::StatefulSet, "db"));
    assert_eq!(app(&index, "web").workloads[0].name, "db");
}

#[test]
fn the_environments_own_flux_objects_are_no_app_and_nothing_is_an_app_because_of_them() {
    let mut index = index();
    let root = make(Kind::Kustomization, "gimlet-prod")
        .within("flux-system")
        .label("gimlet.io/environment", "prod");
    let source = make(Kind::GitRepository, "a-source")
        .within("flux-system")
        .label("gimlet.io/environment", "prod");
    let by_root = make(Kind::Service, "other")
        .label("kustomize.toolkit.fluxcd.io/name", "gimlet-prod")
        .label("kustomize.toolkit.fluxcd.io/namespace", "flux-system")
        .with("spec", json!({}));
    fill(&mut index, [root, source, by_root, deployment(1, 1)]);
    assert_eq!(names(&index), ["web"]);
    let flux: Vec<_> = index.environment_flux().into_iter().map(|item| item.name).collect();
    assert_eq!(flux, ["gimlet-prod", "a-source"]);
    // Without a Kustomization of its own the app is applied by that of the environment.
    assert_eq!(app(&index, "web").flux[0].name, "gimlet-prod");
}

#[test]
fn what_comes_before_its_owner_waits_for_it() {
    let mut index = index();
    fill(&mut index, [pod("web-a-1", "web-a", None), replica_set("web-a", "1")]);
    assert_eq!(names(&index), Vec::<&str>::new());
    fill(&mut index, [deployment(1, 1)]);
    assert!(held(&index, Kind::ReplicaSet, "web-a") && held(&index, Kind::Pod, "web-a-1"));
    assert!(!index.take_changed().relist);
}

#[test]
fn what_is_gone_or_waited_too_long_is_not_taken_in_when_its_owner_comes() {
    let mut index = index();
    fill(&mut index, [pod("web-a-1", "web-a", None), pod("web-a-2", "web-a", None)]);
    index.delete(&Key::new(Kind::Pod, "shop", "web-a-1"));
    fill(&mut index, [deployment(1, 1), replica_set("web-a", "1")]);
    assert!(!held(&index, Kind::Pod, "web-a-1") && held(&index, Kind::Pod, "web-a-2"));

    let mut index = super::index();
    fill(&mut index, [pod("web-a-1", "web-a", None)]);
    index.expire(at(100));
    fill(&mut index, [deployment(1, 1), replica_set("web-a", "1")]);
    assert!(!held(&index, Kind::Pod, "web-a-1"));
}

#[test]
fn an_old_owner_that_is_found_late_asks_for_everything_again() {
    let mut index = index();
    index.settle();
    // Somebody gives it the labels long after its pods were passed over.
    index.apply(deployment(1, 1).seen(), at(3600));
    assert!(index.take_changed().relist);
    assert!(!index.take_changed().relist);
    index.apply(deployment(1, 1).seen(), at(3601));
    assert!(!index.take_changed().relist);
    // And where they are taken away, what hangs on it has to go as well.
    let bare = make(Kind::Deployment, "web").with("spec", json!({"selector": {}, "template": {}}));
    index.apply(bare.seen(), at(3602));
    assert!(index.take_changed().relist);
}

#[test]
fn more_than_may_wait_asks_for_everything_again_once_an_owner_comes() {
    let mut index = index();
    index.settle();
    fill(&mut index, (0..2_001).map(|n| pod(&format!("web-a-{n}"), "web-a", None)));
    assert!(!index.take_changed().relist);
    fill(&mut index, [deployment(1, 1)]);
    assert!(index.take_changed().relist);
    fill(
        &mut index,
        [make(Kind::StatefulSet, "b")
            .of("b", "prod")
            .with("spec", json!({"selector": {}, "template": {}, "serviceName": "b"}))],
    );
    assert!(!index.take_changed().relist);
}

#[test]
fn what_a_new_list_does_not_name_is_gone_and_the_rest_stays() {
    let mut index = index();
    let sets = || [replica_set("web-a", "1"), replica_set("web-b", "2")];
    fill(&mut index, [deployment(1, 1)]);
    fill(&mut index, sets());
    index.take_changed();
    index.begin(Kind::ReplicaSet);
    fill(&mut index, sets().into_iter().take(1));
    assert_eq!(index.take_changed().apps.len(), 0);
    index.end(Kind::ReplicaSet);
    assert!(held(&index, Kind::ReplicaSet, "web-a") && !held(&index, Kind::ReplicaSet, "web-b"));
    assert_eq!(index.take_changed().apps.len(), 1);
}

#[test]
fn a_kind_that_leaves_takes_its_objects_along() {
    let mut index = index();
    fill(&mut index, [make(Kind::HttpRoute, "web").of("web", "prod"), deployment(1, 1)]);
    index.absent(Kind::HttpRoute);
    assert!(!held(&index, Kind::HttpRoute, "web") && held(&index, Kind::Deployment, "web"));
}

#[test]
fn only_the_chosen_namespaces_are_looked_at_and_a_new_one_is_read() {
    let mut index = Index::new("prod", true);
    let namespace = |name| {
        let mut made = make(Kind::Namespace, name);
        made.object["metadata"]["namespace"] = Value::Null;
        made
    };
    index.begin(Kind::Namespace);
    fill(&mut index, [namespace("shop")]);
    index.end(Kind::Namespace);
    fill(&mut index, [deployment(1, 1), deployment(1, 1).within("other").of("b", "prod")]);
    index.settle();
    assert_eq!(names(&index), ["web"]);
    fill(&mut index, [namespace("other")]);
    assert!(index.take_changed().relist);
    index.begin(Kind::Namespace);
    fill(&mut index, [namespace("other")]);
    index.end(Kind::Namespace);
    assert_eq!(names(&index), Vec::<&str>::new());
}

#[test]
fn a_warning_of_what_is_nobodys_is_not_kept_and_an_older_one_changes_nothing() {
    let mut index = index();
    let note = |seconds, message: &str| Note {
        key: Key::new(Kind::Deployment, "shop", "web"),
        reason: "FailedCreate".into(),
        message: message.into(),
        time: Some(at(seconds)),
    };
    index.note(note(1, "nobody's"));
    assert!(index.take_changed().apps.is_empty());
    fill(&mut index, [deployment(1, 1)]);
    index.note(note(5, "new"));
    index.take_changed();
    index.note(note(4, "old"));
    index.note(note(5, "new"));
    assert!(index.take_changed().apps.is_empty());
}
