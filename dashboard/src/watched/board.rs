//! The overview: what is shown of everything, made once for all who look.

mod card;
mod release;
mod row;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use gimlet_crds::{App, Artifact, Environment, Phase, Release};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Guarded, Watched};
pub(crate) use card::EnvironmentCard;
use card::ranks;
pub(crate) use release::ReleaseRow;
pub(crate) use row::Row;
use row::{Cell, Versions};

/// Releases that are shown, newest first.
pub(crate) const RECENT: usize = 50;

/// Everything that the overview shows. Parts that did not change are the same as on the board before,
/// which makes finding out what changed cheap.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// By namespace and app.
    pub(crate) rows: Vec<Arc<Row>>,
    /// In the order of promotion.
    pub(crate) environments: Vec<Arc<EnvironmentCard>>,
    /// Newest first; of each namespace only as many as are shown.
    pub(crate) releases: Vec<Arc<ReleaseRow>>,
    /// Namespaces with anything in them.
    pub(crate) namespaces: BTreeSet<String>,
    pub(crate) revision: u64,
}

impl Board {
    /// Makes the board that follows another.
    pub(super) fn make(last: Option<&Self>, watched: &Watched, now: Timestamp) -> Self {
        let apps = watched.apps.state();
        let environments = watched.environments.state();
        let releases = watched.releases.state();
        let artifacts = watched.artifacts.state();
        let repositories = watched.repositories.state();
        let mut board = Self::of(
            last,
            &readable(&apps),
            &readable(&environments),
            &readable(&releases),
            &readable(&artifacts),
            now,
        );
        let of_sources = readable(&repositories).into_iter().filter_map(ResourceExt::namespace);
        board.namespaces.extend(of_sources);
        board
    }

    fn of(
        last: Option<&Self>,
        apps: &[&App],
        environments: &[&Environment],
        releases: &[&Release],
        artifacts: &[&Artifact],
        now: Timestamp,
    ) -> Self {
        let none = Self::default();
        let last = last.unwrap_or(&none);
        let versions = Versions::of(artifacts);
        let by_name: HashMap<_, _> =
            releases.iter().map(|release| (place(*release), *release)).collect();

        let mut rows: BTreeMap<Place, Row> = BTreeMap::new();
        let mut put = |namespace: String, app: &str, environment: &str, cell: Cell| {
            let row = rows.entry((namespace, app.to_owned()));
            let row =
                row.or_insert_with_key(|(namespace, app)| Row::new(namespace.clone(), app.clone()));
            row.cells.insert(environment.to_owned(), cell);
        };
        for app in apps {
            let cell = Cell::of(app, &by_name, &versions, now);
            put(app.namespace().unwrap_or_default(), &app.spec.app, &app.spec.environment, cell);
        }
        for release in firsts(apps, releases) {
            let (namespace, app, environment) = spot(release);
            put(namespace, app, environment, Cell::of_first(release));
        }
        rows.values_mut().for_each(Row::gather);

        let ranks = ranks(environments);
        let mut sorted: Vec<_> = environments.to_vec();
        sorted.sort_by_key(|environment| {
            let place = place(*environment);
            (ranks.get(&place).copied(), place.1, place.0)
        });
        let cards = sorted.into_iter().map(|environment| EnvironmentCard::of(environment, now));

        let mut newest: Vec<_> =
            releases.iter().filter(|release| !release.spec.plan_only).copied().collect();
        newest.sort_by_key(|release| {
            (Reverse(release.metadata.creation_timestamp.clone()), release.name_any())
        });
        let mut counts: HashMap<String, usize> = HashMap::new();
        newest.retain(|release| {
            let count = counts.entry(release.namespace().unwrap_or_default()).or_default();
            *count += 1;
            *count <= RECENT
        });

        let namespaces = apps.iter().filter_map(|app| app.namespace());
        let namespaces = namespaces
            .chain(environments.iter().filter_map(|environment| environment.namespace()))
            .chain(releases.iter().filter_map(|release| release.namespace()))
            .collect();
        Self {
            rows: kept(&last.rows, rows.into_values(), |row| &row.id),
            environments: kept(&last.environments, cards, |card| &card.id),
            releases: kept(&last.releases, newest.into_iter().map(ReleaseRow::of), |row| &row.id),
            namespaces,
            revision: last.revision + 1,
        }
    }
}

type Place = (String, String);

fn place(object: &impl ResourceExt) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn spot(release: &Release) -> (String, &str, &str) {
    let Release { spec, .. } = release;
    (release.namespace().unwrap_or_default(), &spec.app, &spec.environment)
}

/// Finds the newest release of each app that was never there, where it is on its way or failed.
fn firsts<'a>(apps: &[&App], releases: &[&'a Release]) -> impl Iterator<Item = &'a Release> {
    let mut there: HashSet<(String, &str, &str)> = HashSet::new();
    for app in apps {
        let namespace = app.namespace().unwrap_or_default();
        there.insert((namespace, &app.spec.app, &app.spec.environment));
    }
    let in_git =
        |release: &&&Release| release.status.as_ref().is_some_and(|status| status.commit.is_some());
    there.extend(releases.iter().filter(in_git).map(|release| spot(release)));
    let mut newest: HashMap<_, &'a Release> = HashMap::new();
    let made =
        |release: &Release| (release.metadata.creation_timestamp.clone(), release.name_any());
    for release in releases.iter().copied().filter(|release| !release.spec.plan_only) {
        let found = newest.entry(spot(release)).or_insert(release);
        if made(release) > made(found) {
            *found = release;
        }
    }
    newest.retain(|spot, release| {
        let phase = release.status.as_ref().map(|status| status.phase).unwrap_or_default();
        !there.contains(spot) && phase != Phase::Unchanged && !phase.ended_before_git()
    });
    newest.into_values()
}

fn readable<K>(objects: &[Arc<Guarded<K>>]) -> Vec<&K> {
    objects.iter().filter_map(|object| object.0.as_ref().ok()).collect()
}

/// Takes what is the same from what was there before.
fn kept<T: PartialEq>(
    last: &[Arc<T>],
    next: impl Iterator<Item = T>,
    id: fn(&T) -> &Arc<str>,
) -> Vec<Arc<T>> {
    let last: HashMap<&Arc<str>, &Arc<T>> = last.iter().map(|value| (id(value), value)).collect();
    next.map(|value| match last.get(id(&value)) {
        Some(old) if ***old == value => Arc::clone(old),
        _ => Arc::new(value),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn object<K: DeserializeOwned>(kind: &str, name: &str, rest: &Value) -> K {
        let mut object = json!({"apiVersion": "gimlet.io/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "ns", "creationTimestamp": "2026-11-26T12:00:00Z"}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    fn environment(name: &str, from: Option<&str>) -> Environment {
        let promotion = from.map(|from| json!({"from": from}));
        let spec = json!({"gitops": {"url": "https://git/x"}, "promotion": promotion});
        object("Environment", name, &json!({"spec": spec}))
    }

    fn app(name: &str, environment: &str, status: &Value) -> App {
        let spec = json!({"app": name, "environment": environment});
        object("App", &format!("{name}.{environment}"), &json!({"spec": spec, "status": status}))
    }

    #[test]
    fn environments_come_in_the_order_of_promotion() {
        let all = [
            environment("prod", Some("staging")),
            environment("staging", Some("dev")),
            environment("dev", None),
            environment("alone", None),
            environment("x", Some("y")),
            environment("y", Some("x")),
        ];
        let all: Vec<_> = all.iter().collect();
        let board = Board::of(None, &[], &all, &[], &[], Timestamp::UNIX_EPOCH);
        let names: Vec<_> = board.environments.iter().map(|card| card.name.as_str()).collect();
        assert_eq!(names, ["alone", "dev", "x", "y", "staging", "prod"]);
    }

    #[test]
    fn a_cell_says_which_version_runs_and_how_many_are_newer() {
        let artifact = |name: &str, time: &str| -> Artifact {
            object(
                "Artifact",
                name,
                &json!({"spec": {
                    "version": {"repository": "a/shop", "branch": "main", "message": "one\n\ntwo", "author": "ada"},
                    "created": time, "manifests": []
                }}),
            )
        };
        let artifacts =
            [artifact("old", "2026-11-26T10:00:00Z"), artifact("new", "2026-11-26T11:00:00Z")];
        let status = json!({"live": {"state": "Healthy"}, "current": {"name": "r", "uid": "u", "version": "v1",
            "artifact": {"name": "old"}, "commit": "c", "tree": "t", "time": "2026-11-26T10:30:00Z"}});
        let mut app = app("shop", "prod", &status);
        let part_of = ("app.kubernetes.io/part-of".to_owned(), "market".to_owned());
        app.metadata.labels = Some([part_of].into());
        let artifacts: Vec<_> = artifacts.iter().collect();
        let board = Board::of(None, &[&app], &[], &[], &artifacts, Timestamp::UNIX_EPOCH);
        let row = serde_json::to_value(&*board.rows[0]).unwrap();
        assert_eq!(
            row,
            json!({"key": "ns/shop", "namespace": "ns", "app": "shop",
                "repository": "a/shop", "partOf": "market", "cells": {"prod": {
                "word": "Healthy", "text": "everything runs", "version": "v1", "message": "one",
                "author": "ada", "time": "2026-11-26T10:30:00Z", "release": "r", "behind": 1
            }}})
        );
        let bare = serde_json::to_value(board.rows[0].bare()).unwrap();
        assert_eq!(bare["cells"]["prod"]["message"], Value::Null);
        assert_eq!(bare["cells"]["prod"]["version"], "v1");
        assert_eq!((&bare["repository"], &bare["partOf"]), (&Value::Null, &json!("market")));
    }

    #[test]
    fn a_first_release_that_waits_is_seen_though_there_is_no_app() {
        let release = |name: &str, app: &str, status: Value| -> Release {
            let spec = json!({"app": app, "environment": "prod"});
            object("Release", name, &json!({"spec": spec, "status": status}))
        };
        let waiting = json!({"phase": "Waiting", "version": "v1",
            "blockedBy": [{"kind": "Approval", "name": "a", "reason": "approval 0/1"}]});
        let commit = json!({"sha": "c", "short": "c", "branch": "main", "path": "p"});
        let all = [
            release("new-1", "new", json!({"phase": "Rejected"})),
            release("new-2", "new", waiting.clone()),
            release("gone-1", "gone", json!({"phase": "Superseded", "commit": commit})),
            release("gone-2", "gone", json!({"phase": "Failed"})),
            release("over-1", "over", json!({"phase": "Cancelled"})),
            release("here-2", "here", waiting),
        ];
        let here = app("here", "prod", &json!({}));
        let all: Vec<_> = all.iter().collect();
        let board = Board::of(None, &[&here], &[], &all, &[], Timestamp::UNIX_EPOCH);
        let apps: Vec<_> = board.rows.iter().map(|row| row.app.as_str()).collect();
        assert_eq!(apps, ["here", "new"]);
        let cell = serde_json::to_value(&board.rows[1].cells["prod"]).unwrap();
        assert_eq!(cell["word"], "Waiting");
        assert_eq!(cell["pending"], "new-2");
        assert_eq!(cell["waitingFor"], "→ v1: approval 0/1");
        assert!(board.rows[1].is_of_releases() && !board.rows[0].is_of_releases());
        assert!(board.rows[1].bare().cells.is_empty(), "it is told to who may not read releases");
    }

    #[test]
    fn what_did_not_change_stays_the_same() {
        let (one, two) = (app("one", "prod", &json!({})), app("two", "prod", &json!({})));
        let now = Timestamp::UNIX_EPOCH;
        let first = Board::of(None, &[&one, &two], &[], &[], &[], now);
        let two = app("two", "prod", &json!({"drift": {"git": "commit abc"}}));
        let second = Board::of(Some(&first), &[&one, &two], &[], &[], &[], now);
        assert!(Arc::ptr_eq(&first.rows[0], &second.rows[0]));
        assert!(!Arc::ptr_eq(&first.rows[1], &second.rows[1]));
    }

    #[test]
    fn plans_are_no_releases_and_old_releases_are_not_shown() {
        let release = |index: usize, plan: bool| -> Release {
            let spec = json!({"app": "shop", "environment": "prod", "planOnly": plan});
            object("Release", &format!("r{index:03}"), &json!({"spec": spec}))
        };
        let all: Vec<_> = (0..60).map(|index| release(index, index == 0)).collect();
        let all: Vec<_> = all.iter().collect();
        let board = Board::of(None, &[], &[], &all, &[], Timestamp::UNIX_EPOCH);
        assert_eq!(board.releases.len(), RECENT);
        assert_eq!(&*board.releases[0].id, "rel:ns/r001");
    }
}
