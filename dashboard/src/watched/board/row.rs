//! Apps, in all their environments.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gimlet_crds::{App, Artifact, ArtifactRef, Release, SourceVersion};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use super::{Place, place};
use crate::word::{self, State, Word};

/// Longest message of a commit that is shown, in characters.
const LONGEST: usize = 120;
/// Label of Apps that people write: what they are a part of, as Kubernetes recommends it.
const PART_OF: &str = "app.kubernetes.io/part-of";

/// An app in all its environments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// Key of the row among everything that is told.
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) key: String,
    pub(crate) namespace: String,
    pub(crate) app: String,
    /// The repository that it is built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// What its Apps say that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    pub(crate) cells: BTreeMap<String, Cell>,
}

/// An app in one environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cell {
    /// It is known from a release alone: there is no App yet.
    #[serde(skip)]
    first: bool,
    #[serde(skip)]
    repository: Option<String>,
    #[serde(skip)]
    part_of: Option<String>,
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

impl Row {
    pub(crate) fn new(namespace: String, app: String) -> Self {
        let key = format!("{namespace}/{app}");
        Self {
            id: format!("row:{key}").into(),
            key,
            namespace,
            app,
            repository: None,
            part_of: None,
            cells: BTreeMap::new(),
        }
    }

    /// Takes what is said of the whole app from the first of its environments that says it.
    pub(super) fn gather(&mut self) {
        self.repository = self.cells.values().find_map(|cell| cell.repository.clone());
        self.part_of = self.cells.values().find_map(|cell| cell.part_of.clone());
    }

    /// Tells whether only those who may read releases know of it.
    pub(crate) fn is_of_releases(&self) -> bool {
        self.cells.values().all(|cell| cell.first)
    }

    /// Returns the row for somebody who may read apps, but neither releases nor artifacts.
    pub(crate) fn bare(&self) -> Self {
        let apps = self.cells.iter().filter(|(_, cell)| !cell.first);
        let cells = apps.map(|(environment, cell)| {
            let cell = Cell {
                repository: None,
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
        Self { cells: cells.collect(), repository: None, ..self.clone() }
    }
}

impl Cell {
    pub(super) fn of(
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
        Self {
            first: false,
            repository: fact(|version| &version.repository),
            part_of: app.labels().get(PART_OF).cloned(),
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
            plan: pending.and_then(plan),
        }
    }

    /// Makes the cell of an app that has never been there: its first release is on its way, or failed.
    pub(super) fn of_first(release: &Release) -> Self {
        let State { word, text } = word::of_release(release);
        let version = release.spec.version.as_ref();
        Self {
            first: true,
            repository: version.and_then(|version| version.repository.clone()),
            part_of: None,
            word,
            text,
            version: None,
            message: None,
            author: None,
            time: release.metadata.creation_timestamp.clone(),
            release: None,
            pending: Some(release.name_any()),
            url: None,
            behind: None,
            waiting_for: word::release_waits_for(release),
            plan: plan(release),
        }
    }
}

fn plan(release: &Release) -> Option<String> {
    let plan = release.status.as_ref()?.plan.as_ref()?;
    Some(format!("+{} ~{} -{}", plan.added, plan.changed, plan.removed))
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}

/// The versions that artifacts are, and how many are newer than each.
pub(super) struct Versions<'a> {
    artifacts: HashMap<Place, (&'a Artifact, usize)>,
}

impl<'a> Versions<'a> {
    pub(super) fn of(artifacts: &[&'a Artifact]) -> Self {
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
