//! What a page can follow.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use gimlet_crds::{
    App, Approval, ConfigChange, Environment, Phase, Release, ReleaseSet, Repository,
};
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use serde::{Deserialize, Serialize, Serializer};

use crate::denials::Denial;
use crate::gateway::{Place, Presence, Running};
use crate::http::Dashboard;
use crate::overview;
use crate::sight::{Kind, Sight};
use crate::watched::{Board, EnvironmentCard, Guarded, ReleaseRow, Row, Watched};

/// Objects that one subscription shows.
const MOST: usize = 5000;

/// What a page follows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Scope {
    /// Everything, in short.
    Overview {
        #[serde(default)]
        namespace: Option<String>,
    },
    /// The newest releases, in short.
    Releases {
        #[serde(default)]
        namespace: Option<String>,
        #[serde(default)]
        environment: Option<String>,
    },
    /// An app in one environment, and its releases.
    App { namespace: String, environment: String, name: String },
    /// A release, and what people say of it.
    Release { namespace: String, name: String },
    /// Releases that are committed together, and each of them.
    ReleaseSet { namespace: String, name: String },
    /// An environment, its apps and its agent, and how many releases wait to be pushed.
    Environment { namespace: String, name: String },
    /// A repository, and that there is something new of its artifacts.
    Repository { namespace: String, name: String },
    /// All repositories.
    Repositories {
        #[serde(default)]
        namespace: Option<String>,
    },
    /// What becomes of a change of a file, without the text of the file.
    ConfigChange { namespace: String, name: String },
    /// What people were refused.
    Denials {
        #[serde(default)]
        namespace: Option<String>,
    },
}

/// Something that a page is told, which is cheap to compare.
#[derive(Clone)]
pub(super) enum Value {
    Row(Arc<Row>),
    /// The row without what only some may see.
    BareRow(Arc<Row>),
    Card(Arc<EnvironmentCard>),
    /// The card for somebody who may not see the apps.
    CardWithoutApps(Arc<EnvironmentCard>),
    ReleaseRow(Arc<ReleaseRow>),
    App(Arc<Guarded<App>>),
    Environment(Arc<Guarded<Environment>>),
    Release(Arc<Guarded<Release>>),
    ReleaseSet(Arc<Guarded<ReleaseSet>>),
    Approval(Arc<Guarded<Approval>>),
    Repository(Arc<Guarded<Repository>>),
    ConfigChange(Arc<Guarded<ConfigChange>>),
    Running(Running),
    Agent(Presence),
    News(u64),
    Queue(usize),
    Denial(Arc<Denial>),
}

impl Value {
    /// Tells whether it is the very same, unchanged.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Row(a), Self::Row(b)) | (Self::BareRow(a), Self::BareRow(b)) => {
                Arc::ptr_eq(a, b)
            }
            (Self::Card(a), Self::Card(b))
            | (Self::CardWithoutApps(a), Self::CardWithoutApps(b)) => Arc::ptr_eq(a, b),
            (Self::ReleaseRow(a), Self::ReleaseRow(b)) => Arc::ptr_eq(a, b),
            (Self::App(a), Self::App(b)) => Arc::ptr_eq(a, b),
            (Self::Environment(a), Self::Environment(b)) => Arc::ptr_eq(a, b),
            (Self::Release(a), Self::Release(b)) => Arc::ptr_eq(a, b),
            (Self::ReleaseSet(a), Self::ReleaseSet(b)) => Arc::ptr_eq(a, b),
            (Self::Approval(a), Self::Approval(b)) => Arc::ptr_eq(a, b),
            (Self::Repository(a), Self::Repository(b)) => Arc::ptr_eq(a, b),
            (Self::ConfigChange(a), Self::ConfigChange(b)) => Arc::ptr_eq(a, b),
            (Self::Running(a), Self::Running(b)) => a.is(b),
            (Self::Agent(a), Self::Agent(b)) => a == b,
            (Self::News(a), Self::News(b)) => a == b,
            (Self::Queue(a), Self::Queue(b)) => a == b,
            (Self::Denial(a), Self::Denial(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Row(row) => row.serialize(serializer),
            Self::BareRow(row) => row.bare().serialize(serializer),
            Self::Card(card) => card.serialize(serializer),
            Self::CardWithoutApps(card) => card.without_apps().serialize(serializer),
            Self::ReleaseRow(row) => row.serialize(serializer),
            Self::App(app) => app.0.as_ref().ok().serialize(serializer),
            Self::Environment(environment) => environment.0.as_ref().ok().serialize(serializer),
            Self::Release(release) => release.0.as_ref().ok().serialize(serializer),
            Self::ReleaseSet(set) => set.0.as_ref().ok().serialize(serializer),
            Self::Approval(approval) => approval.0.as_ref().ok().serialize(serializer),
            Self::Repository(repository) => repository.0.as_ref().ok().serialize(serializer),
            Self::ConfigChange(change) => change.0.as_ref().ok().serialize(serializer),
            Self::Running(running) => running.serialize(serializer),
            Self::Agent(agent) => agent.serialize(serializer),
            Self::News(number) => number.serialize(serializer),
            Self::Queue(length) => length.serialize(serializer),
            Self::Denial(denial) => denial.serialize(serializer),
        }
    }
}

impl Scope {
    /// Returns the namespace that it is about; none: all.
    pub(super) fn namespace(&self) -> Option<&str> {
        let namespace = match self {
            Self::Overview { namespace }
            | Self::Releases { namespace, .. }
            | Self::Repositories { namespace }
            | Self::Denials { namespace } => namespace.as_deref(),
            Self::App { namespace, .. }
            | Self::Release { namespace, .. }
            | Self::ReleaseSet { namespace, .. }
            | Self::Environment { namespace, .. }
            | Self::Repository { namespace, .. }
            | Self::ConfigChange { namespace, .. } => Some(namespace.as_str()),
        };
        namespace.filter(|namespace| !namespace.is_empty())
    }

    /// Returns the kinds that it shows; the first is what it is about.
    pub(super) fn kinds(&self) -> &'static [Kind] {
        match self {
            Self::Overview { .. } => &overview::KINDS,
            Self::Releases { .. } | Self::Denials { .. } => &[Kind::Releases],
            Self::Repository { .. } => &[Kind::Repositories, Kind::Artifacts],
            Self::Repositories { .. } => &[Kind::Repositories],
            Self::ConfigChange { .. } => &[Kind::ConfigChanges],
            Self::App { .. } => &[Kind::Apps, Kind::Releases],
            Self::Release { .. } => &[Kind::Releases, Kind::Approvals],
            Self::ReleaseSet { .. } => &[Kind::ReleaseSets, Kind::Releases],
            Self::Environment { .. } => &[Kind::Environments, Kind::Apps, Kind::Releases],
        }
    }

    /// Tells whether it shows what is not watched in the cluster: what agents say, what was refused.
    pub(super) fn shows_reports(&self) -> bool {
        matches!(self, Self::App { .. } | Self::Environment { .. } | Self::Denials { .. })
    }

    /// Lists what there is of it that may be seen.
    pub(super) fn entries(&self, dashboard: &Dashboard, sight: &Sight) -> Vec<(Arc<str>, Value)> {
        let watched = &dashboard.watched;
        let mut entries = Vec::new();
        match self {
            Self::Overview { .. } => {
                let Some(board) = watched.board() else { return entries };
                entries = of_overview(&board, sight);
            }
            Self::Releases { environment, .. } => {
                let Some(board) = watched.board() else { return entries };
                let wanted = |row: &&Arc<ReleaseRow>| {
                    environment.as_ref().is_none_or(|wanted| row.environment == *wanted)
                };
                entries.extend(
                    overview::releases(&board, sight)
                        .filter(wanted)
                        .map(|row| (Arc::clone(&row.id), Value::ReleaseRow(Arc::clone(row)))),
                );
            }
            Self::App { namespace, environment, name } => {
                if sight.sees(Kind::Apps, namespace) {
                    let object = format!("{name}.{environment}");
                    entries.extend(objects("app", &watched.apps, namespace, Value::App, |app| {
                        app.name_any() == object
                    }));
                    let running = dashboard.gateway.app(&Place::new(namespace, environment), name);
                    let key = format!("running:{namespace}/{object}");
                    entries.extend(running.map(|running| (key.into(), Value::Running(running))));
                }
                if sight.sees(Kind::Releases, namespace) {
                    let of = |release: &Release| {
                        release.spec.app == *name && release.spec.environment == *environment
                    };
                    let releases = &watched.releases;
                    entries.extend(objects("release", releases, namespace, Value::Release, of));
                }
            }
            Self::Release { namespace, name } => {
                entries = of_release(watched, sight, namespace, name);
            }
            Self::ReleaseSet { namespace, name } => {
                entries = of_set(watched, sight, namespace, name);
            }
            Self::Repository { namespace, name } => {
                if sight.sees(Kind::Repositories, namespace) {
                    let of = |repository: &Repository| repository.name_any() == *name;
                    let all = &watched.repositories;
                    entries.extend(objects("repository", all, namespace, Value::Repository, of));
                }
                let sees = sight.sees(Kind::Artifacts, namespace);
                // Whoever may not see them is told that nothing ever changes.
                let news = if sees { watched.artifacts_of(namespace) } else { 0 };
                entries.push((format!("news:{namespace}").into(), Value::News(news)));
            }
            Self::Repositories { .. } => {
                let seen = |here: &str, _: &Repository| sight.sees(Kind::Repositories, here);
                let all = &watched.repositories;
                entries.extend(everywhere("repository", all, Value::Repository, seen));
            }
            Self::ConfigChange { namespace, name } => {
                if sight.sees(Kind::ConfigChanges, namespace) {
                    let of = |change: &ConfigChange| change.name_any() == *name;
                    let all = &watched.changes;
                    entries.extend(objects("change", all, namespace, Value::ConfigChange, of));
                }
            }
            Self::Denials { .. } => {
                let seen = dashboard.denials.seen(sight).into_iter();
                entries.extend(
                    seen.map(|one| (format!("denied:{}", one.id).into(), Value::Denial(one))),
                );
            }
            Self::Environment { namespace, name } => {
                if sight.sees(Kind::Environments, namespace) {
                    let of = |environment: &Environment| environment.name_any() == *name;
                    let all = &watched.environments;
                    entries.extend(objects("environment", all, namespace, Value::Environment, of));
                    let agent = dashboard.gateway.agent(&Place::new(namespace, name));
                    let key = format!("agent:{namespace}/{name}");
                    entries.extend(agent.map(|agent| (key.into(), Value::Agent(agent))));
                }
                if sight.sees(Kind::Releases, namespace) {
                    let key = format!("queue:{namespace}/{name}");
                    let length = queue(&watched.releases.state(), namespace, name);
                    entries.push((key.into(), Value::Queue(length)));
                }
                if sight.sees(Kind::Apps, namespace) {
                    let of = |app: &App| app.spec.environment == *name;
                    entries.extend(objects("app", &watched.apps, namespace, Value::App, of));
                }
            }
        }
        entries.truncate(MOST);
        entries
    }
}

/// Counts the releases to an environment that wait for their place in git.
fn queue(releases: &[Arc<Guarded<Release>>], namespace: &str, environment: &str) -> usize {
    let waits = |release: &&Release| {
        let phase = release.status.as_ref().map(|status| status.phase);
        release.namespace().as_deref() == Some(namespace)
            && release.spec.environment == environment
            && phase == Some(Phase::Queued)
    };
    releases.iter().filter_map(|release| release.0.as_ref().ok()).filter(waits).count()
}

fn of_overview(board: &Board, sight: &Sight) -> Vec<(Arc<str>, Value)> {
    let rows = overview::rows(board, sight).map(|(row, whole)| {
        let value = if whole { Value::Row } else { Value::BareRow };
        (Arc::clone(&row.id), value(Arc::clone(row)))
    });
    let cards = overview::environments(board, sight).map(|(card, whole)| {
        let value = if whole { Value::Card } else { Value::CardWithoutApps };
        (Arc::clone(&card.id), value(Arc::clone(card)))
    });
    let releases = overview::releases(board, sight)
        .map(|row| (Arc::clone(&row.id), Value::ReleaseRow(Arc::clone(row))));
    rows.chain(cards).chain(releases).collect()
}

fn of_release(
    watched: &Watched,
    sight: &Sight,
    namespace: &str,
    name: &str,
) -> Vec<(Arc<str>, Value)> {
    let mut entries = Vec::new();
    if sight.sees(Kind::Releases, namespace) {
        let of = |release: &Release| release.name_any() == name;
        entries.extend(objects("release", &watched.releases, namespace, Value::Release, of));
    }
    if sight.sees(Kind::Approvals, namespace) {
        let of = |approval: &Approval| approval.spec.release == name;
        entries.extend(objects("approval", &watched.approvals, namespace, Value::Approval, of));
    }
    entries
}

fn of_set(watched: &Watched, sight: &Sight, namespace: &str, name: &str) -> Vec<(Arc<str>, Value)> {
    let mut entries = Vec::new();
    if sight.sees(Kind::ReleaseSets, namespace) {
        let of = |set: &ReleaseSet| set.name_any() == name;
        entries.extend(objects("set", &watched.sets, namespace, Value::ReleaseSet, of));
    }
    if sight.sees(Kind::Releases, namespace) {
        let of = |release: &Release| release.spec.set.as_deref() == Some(name);
        entries.extend(objects("release", &watched.releases, namespace, Value::Release, of));
    }
    entries
}

fn objects<K>(
    kind: &str,
    store: &Store<Guarded<K>>,
    namespace: &str,
    value: fn(Arc<Guarded<K>>) -> Value,
    wanted: impl Fn(&K) -> bool,
) -> Vec<(Arc<str>, Value)>
where
    K: Resource<DynamicType: Eq + Hash + Default + Clone + Debug> + Clone + Debug + 'static,
    Guarded<K>: Resource<DynamicType = ()>,
{
    everywhere(kind, store, value, |here, object| here == namespace && wanted(object))
}

fn everywhere<K>(
    kind: &str,
    store: &Store<Guarded<K>>,
    value: fn(Arc<Guarded<K>>) -> Value,
    wanted: impl Fn(&str, &K) -> bool,
) -> Vec<(Arc<str>, Value)>
where
    K: Resource<DynamicType: Eq + Hash + Default + Clone + Debug> + Clone + Debug + 'static,
    Guarded<K>: Resource<DynamicType = ()>,
{
    let all = store.state();
    let found = all.into_iter().filter_map(|object| {
        let readable = object.0.as_ref().ok()?;
        let here = readable.namespace().unwrap_or_default();
        wanted(&here, readable).then(|| {
            let key = format!("{kind}:{here}/{}", readable.name_any()).into();
            (key, value(Arc::clone(&object)))
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_waits_to_be_pushed_is_counted_for_one_environment() {
        let release = |namespace: &str, environment: &str, phase: &str| {
            let object = json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
                "metadata": {"name": "r", "namespace": namespace},
                "spec": {"app": "a", "environment": environment}, "status": {"phase": phase}});
            Arc::new(serde_json::from_value::<Guarded<Release>>(object).unwrap())
        };
        let all = [
            release("ns", "prod", "Queued"),
            release("ns", "prod", "Queued"),
            release("ns", "prod", "Waiting"),
            release("ns", "prod", "Committed"),
            release("ns", "dev", "Queued"),
            release("other", "prod", "Queued"),
        ];
        assert_eq!(queue(&all, "ns", "prod"), 2);
    }

    #[test]
    fn pages_say_what_they_follow() {
        for (said, scope) in [
            (json!({"kind": "overview"}), Scope::Overview { namespace: None }),
            (
                json!({"kind": "overview", "namespace": "a"}),
                Scope::Overview { namespace: Some("a".into()) },
            ),
            (
                json!({"kind": "app", "namespace": "a", "environment": "b", "name": "c"}),
                Scope::App { namespace: "a".into(), environment: "b".into(), name: "c".into() },
            ),
            (
                json!({"kind": "release", "namespace": "a", "name": "c"}),
                Scope::Release { namespace: "a".into(), name: "c".into() },
            ),
            (
                json!({"kind": "releaseset", "namespace": "a", "name": "c"}),
                Scope::ReleaseSet { namespace: "a".into(), name: "c".into() },
            ),
            (
                json!({"kind": "repository", "namespace": "a", "name": "c"}),
                Scope::Repository { namespace: "a".into(), name: "c".into() },
            ),
            (json!({"kind": "repositories"}), Scope::Repositories { namespace: None }),
            (
                json!({"kind": "configchange", "namespace": "a", "name": "c"}),
                Scope::ConfigChange { namespace: "a".into(), name: "c".into() },
            ),
            (json!({"kind": "denials"}), Scope::Denials { namespace: None }),
        ] {
            assert_eq!(serde_json::from_value::<Scope>(said).unwrap(), scope);
        }
        assert!(serde_json::from_value::<Scope>(json!({"kind": "secrets"})).is_err());
    }
}
