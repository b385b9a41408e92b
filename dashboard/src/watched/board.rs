//! The overview: what is shown of everything, made once for all who look.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use gimlet_crds::{
    App, Artifact, ArtifactRef, Environment, PromotionMode, Release, SourceVersion, labels,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use super::{Guarded, Watched};
use crate::word::{self, State, Word};

/// Releases that are shown, newest first.
pub(crate) const RECENT: usize = 50;
/// Longest message of a commit that is shown, in characters.
const LONGEST: usize = 120;

/// Everything that the overview shows. Parts that did not change are the same as on the board before,
/// which makes finding out what changed cheap.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// By key.
    pub(crate) rows: Vec<Arc<Row>>,
    /// In the order of promotion.
    pub(crate) environments: Vec<Arc<EnvironmentCard>>,
    /// Newest first; of each namespace only as many as are shown.
    pub(crate) releases: Vec<Arc<ReleaseRow>>,
    /// Namespaces with anything in them.
    pub(crate) namespaces: BTreeSet<String>,
    pub(crate) revision: u64,
}

/// An app in all its environments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    /// Key of the row among everything that is told.
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) key: String,
    pub(crate) namespace: String,
    pub(crate) app: String,
    pub(crate) cells: BTreeMap<String, Cell>,
}

/// An app in one environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cell {
    pub(crate) word: Word,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentCard {
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    word: Word,
    text: String,
    apps: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<gimlet_crds::Head>,
    url: String,
    branch: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<gimlet_crds::Lock>,
    suspended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotes_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion_mode: Option<PromotionMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<i32>,
    windows: bool,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleaseRow {
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) namespace: String,
    name: String,
    app: String,
    pub(crate) environment: String,
    kind: &'static str,
    phase: &'static str,
    word: Word,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

impl Board {
    /// Makes the board that follows another.
    pub(super) fn make(last: Option<&Self>, watched: &Watched, now: Timestamp) -> Self {
        let apps = watched.apps.state();
        let environments = watched.environments.state();
        let releases = watched.releases.state();
        let artifacts = watched.artifacts.state();
        Self::of(
            last,
            &readable(&apps),
            &readable(&environments),
            &readable(&releases),
            &readable(&artifacts),
            now,
        )
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

        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for app in apps {
            let namespace = app.namespace().unwrap_or_default();
            let key = format!("{namespace}/{}", app.spec.app);
            let row = rows.entry(key).or_insert_with_key(|key| Row {
                id: format!("row:{key}").into(),
                key: key.clone(),
                namespace,
                app: app.spec.app.clone(),
                cells: BTreeMap::new(),
            });
            let cell = Cell::of(app, &by_name, &versions, now);
            row.cells.insert(app.spec.environment.clone(), cell);
        }

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

impl Row {
    /// Returns the row for somebody who may read apps, but neither releases nor artifacts.
    pub(crate) fn bare(&self) -> Self {
        let cells = self.cells.iter().map(|(environment, cell)| {
            let cell = Cell {
                message: None,
                author: None,
                url: None,
                behind: None,
                waiting_for: None,
                plan: None,
                text: String::new(),
                ..cell.clone()
            };
            (environment.clone(), cell)
        });
        Self { cells: cells.collect(), ..self.clone() }
    }
}

type Place = (String, String);

fn place(object: &impl ResourceExt) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
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

impl Cell {
    fn of(
        app: &App,
        releases: &HashMap<Place, &Release>,
        versions: &Versions<'_>,
        now: Timestamp,
    ) -> Self {
        let status = app.status.as_ref();
        let namespace = app.namespace().unwrap_or_default();
        let named = |name: &str| releases.get(&(namespace.clone(), name.to_owned())).copied();
        let pending_name = status.and_then(|status| status.pending.clone());
        let pending = pending_name.as_deref().and_then(named);
        let current = status.and_then(|status| status.current.as_ref());
        let artifact = current.and_then(|current| current.artifact.as_ref());
        let artifact = artifact.and_then(|artifact| versions.find(&namespace, artifact));
        let release = current.and_then(|current| named(&current.name));
        let version = artifact
            .map(|(artifact, _)| &artifact.spec.version)
            .or_else(|| release.and_then(|release| release.spec.version.as_ref()));
        let fact = |fact: fn(&SourceVersion) -> &Option<String>| {
            version.and_then(|version| fact(version).clone())
        };
        let State { word, text } = word::of_app(app, pending, now);
        let plan = pending.and_then(|pending| pending.status.as_ref()?.plan.as_ref());
        Self {
            word,
            text,
            version: current.and_then(|current| current.version.clone()),
            message: fact(|version| &version.message).map(|message| first_line(&message)),
            author: fact(|version| &version.author),
            time: current.map(|current| current.time.clone()),
            release: current.map(|current| current.name.clone()),
            pending: pending_name,
            url: fact(|version| &version.url),
            behind: artifact.map(|(_, behind)| behind),
            waiting_for: word::waiting_for(app, pending, now),
            plan: plan.map(|plan| format!("+{} ~{} -{}", plan.added, plan.changed, plan.removed)),
        }
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}

impl EnvironmentCard {
    fn of(environment: &Environment, now: Timestamp) -> Self {
        let (namespace, name) = place(environment);
        let State { word, text } = word::of_environment(environment, now);
        let spec = &environment.spec;
        let status = environment.status.as_ref();
        let promotion = spec.promotion.as_ref();
        Self {
            id: format!("env:{namespace}/{name}").into(),
            namespace,
            name,
            word,
            text,
            apps: status.and_then(|status| status.apps).unwrap_or_default(),
            head: status.and_then(|status| status.head.clone()),
            url: spec.gitops.url.clone(),
            branch: spec.gitops.branch.clone(),
            path: spec.gitops.path.clone(),
            lock: spec.lock.clone().filter(|lock| lock.stands(now)),
            suspended: spec.suspend,
            promotes_from: promotion.map(|promotion| promotion.from.clone()),
            promotion_mode: promotion.map(|promotion| promotion.mode),
            approvals: spec.approval.as_ref().map(|rule| rule.count),
            windows: !spec.windows.is_empty(),
        }
    }
}

impl ReleaseRow {
    fn of(release: &Release) -> Self {
        let (namespace, name) = place(release);
        let State { word, text } = word::of_release(release);
        let spec = &release.spec;
        let status = release.status.as_ref();
        let kind = if spec.rollback_to.is_some() {
            "rollback"
        } else if spec.promote_from.is_some() {
            "promote"
        } else if spec.adopt.is_some() {
            "adopt"
        } else {
            "release"
        };
        let creator = release.annotations().get(labels::CREATED_BY);
        let commit = status.and_then(|status| status.commit.as_ref());
        Self {
            id: format!("rel:{namespace}/{name}").into(),
            namespace,
            name,
            app: spec.app.clone(),
            environment: spec.environment.clone(),
            kind,
            phase: status.map(|status| status.phase).unwrap_or_default().as_str(),
            word,
            text,
            version: status.and_then(|status| status.version.clone()),
            user: creator.or(spec.requested_by.as_ref()).cloned(),
            reason: spec.reason.clone(),
            created: release.metadata.creation_timestamp.clone(),
            ended: status.and_then(|status| status.timestamps.ended.clone()),
            commit: commit.map(|commit| commit.short.clone()),
        }
    }
}

/// How many promotions lead to each environment.
fn ranks(environments: &[&Environment]) -> HashMap<Place, usize> {
    let from: HashMap<Place, Option<Place>> = environments
        .iter()
        .map(|environment| {
            let place = place(*environment);
            let promotion = environment.spec.promotion.as_ref();
            let before = promotion.map(|promotion| (place.0.clone(), promotion.from.clone()));
            (place, before)
        })
        .collect();
    let rank = |place: &Place| {
        let mut at = place;
        // A circle of promotions has no first one.
        (0..environments.len())
            .find(|_| {
                match from.get(at).and_then(Option::as_ref).filter(|p| from.contains_key(*p)) {
                    Some(before) => {
                        at = before;
                        false
                    }
                    None => true,
                }
            })
            .unwrap_or_default()
    };
    from.keys().map(|place| (place.clone(), rank(place))).collect()
}

/// The versions that artifacts are, and how many are newer than each.
struct Versions<'a> {
    artifacts: HashMap<Place, (&'a Artifact, usize)>,
}

impl<'a> Versions<'a> {
    fn of(artifacts: &[&'a Artifact]) -> Self {
        let mut lines: HashMap<_, Vec<&'a Artifact>> = HashMap::new();
        for artifact in artifacts {
            let SourceVersion { repository, branch, .. } = &artifact.spec.version;
            lines.entry((artifact.namespace(), repository, branch)).or_default().push(artifact);
        }
        let mut counted = HashMap::new();
        for mut line in lines.into_values() {
            let made = |artifact: &Artifact| {
                artifact
                    .spec
                    .created
                    .clone()
                    .or_else(|| artifact.metadata.creation_timestamp.clone())
            };
            line.sort_by_key(|artifact| Reverse(made(artifact)));
            let line = line.into_iter().enumerate();
            counted.extend(line.map(|(newer, artifact)| (place(artifact), (artifact, newer))));
        }
        Self { artifacts: counted }
    }

    fn find(&self, namespace: &str, artifact: &ArtifactRef) -> Option<(&'a Artifact, usize)> {
        let namespace = artifact.namespace.as_deref().unwrap_or(namespace);
        self.artifacts.get(&(namespace.to_owned(), artifact.name.clone())).copied()
    }
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
        let app = app("shop", "prod", &status);
        let artifacts: Vec<_> = artifacts.iter().collect();
        let board = Board::of(None, &[&app], &[], &[], &artifacts, Timestamp::UNIX_EPOCH);
        let row = serde_json::to_value(&*board.rows[0]).unwrap();
        assert_eq!(
            row,
            json!({"key": "ns/shop", "namespace": "ns", "app": "shop", "cells": {"prod": {
                "word": "Healthy", "text": "everything runs", "version": "v1", "message": "one",
                "author": "ada", "time": "2026-11-26T10:30:00Z", "release": "r", "behind": 1
            }}})
        );
        let bare = serde_json::to_value(board.rows[0].bare()).unwrap();
        assert_eq!(bare["cells"]["prod"]["message"], Value::Null);
        assert_eq!(bare["cells"]["prod"]["version"], "v1");
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
