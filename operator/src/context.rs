//! What every reconcile may use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gimlet_crds::{
    App, Approval, Artifact, ArtifactEvent, ConfigChange, Environment, Release, ReleaseSet,
    Repository,
};
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, EventType};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::caches::Caches;
use crate::chart::Charts;
use crate::environment::Looks;
use crate::events::Events;
use crate::feedback::Feedback;
use crate::flux::FluxCache;
use crate::lanes::Roads;
use crate::metrics::Metrics;
use crate::notification::Announcer;
use crate::preview::comments::Comments;
use crate::remotes::Remotes;
use crate::render::Renderers;
use crate::siblings::Siblings;
use crate::sources::{self, Sources};
use crate::traffic::Traffic;
use crate::witness::Witness;
use crate::written::Written;

/// An object as it is watched: one that cannot be read does not stop the others.
pub(crate) type Guarded<K> = DeserializeGuard<K>;

/// What a process has once, whether it leads or waits to.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) client: Client,
    pub(crate) events: Events,
    pub(crate) feedback: Feedback,
    pub(crate) comments: Comments,
    pub(crate) announcer: Announcer,
    pub(crate) traffic: Traffic,
    pub(crate) metrics: Metrics,
    pub(crate) remotes: Arc<Remotes>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) charts: Charts,
    pub(crate) renderers: Arc<Renderers>,
    /// Version of the cluster that the operator runs in, such as `v1.36.3`.
    pub(crate) kubernetes_version: String,
    pub(crate) refresh: Duration,
    /// Releases of one environment that are worked on at once.
    pub(crate) concurrency: u16,
    /// Artifacts that are kept of each branch.
    pub(crate) artifacts_per_branch: usize,
}

/// What every reconcile may use: a client, caches, writers, a clock.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) events: Events,
    pub(crate) feedback: Feedback,
    pub(crate) comments: Comments,
    pub(crate) announcer: Announcer,
    pub(crate) traffic: Traffic,
    /// When this process began to lead.
    pub(crate) begun: Instant,
    pub(crate) metrics: Metrics,
    pub(crate) backoff: Backoff,
    pub(crate) written: Written,
    pub(crate) looks: Looks,
    pub(crate) siblings: Siblings,
    pub(crate) roads: Roads,
    pub(crate) remotes: Arc<Remotes>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) charts: Charts,
    pub(crate) renderers: Arc<Renderers>,
    pub(crate) flux: FluxCache,
    pub(crate) witness: Witness,
    pub(crate) environments: Store<Guarded<Environment>>,
    pub(crate) apps: Store<Guarded<App>>,
    pub(crate) releases: Store<Guarded<Release>>,
    pub(crate) sets: Store<Guarded<ReleaseSet>>,
    pub(crate) artifacts: Store<Guarded<Artifact>>,
    pub(crate) approvals: Store<Guarded<Approval>>,
    pub(crate) repositories: Store<Guarded<Repository>>,
    pub(crate) changes: Store<Guarded<ConfigChange>>,
    /// Version of the cluster that the operator runs in, such as `v1.36.3`.
    pub(crate) kubernetes_version: String,
    pub(crate) refresh: Duration,
    /// Artifacts that are kept of each branch.
    pub(crate) artifacts_per_branch: usize,
    /// Says when all caches were filled once; before that, what is missing is only not read yet.
    pub(crate) filled: watch::Receiver<bool>,
}

impl Context {
    /// Puts together what a process has and what it knows of the cluster.
    pub(crate) fn new(common: Common, caches: Caches, filled: watch::Receiver<bool>) -> Self {
        let Common {
            client,
            events,
            feedback,
            comments,
            announcer,
            traffic,
            metrics,
            remotes,
            sources,
            charts,
            renderers,
            kubernetes_version,
            refresh,
            concurrency,
            artifacts_per_branch,
        } = common;
        let Caches {
            environments,
            apps,
            releases,
            sets,
            artifacts,
            approvals,
            repositories,
            changes,
            flux,
            witness,
        } = caches;
        Self {
            client,
            events,
            feedback,
            comments,
            announcer,
            traffic,
            begun: Instant::now(),
            metrics,
            backoff: Backoff::default(),
            written: Written::default(),
            looks: Looks::default(),
            siblings: Siblings::default(),
            roads: Roads::new(concurrency),
            remotes,
            sources,
            charts,
            renderers,
            flux,
            witness,
            environments,
            apps,
            releases,
            sets,
            artifacts,
            approvals,
            repositories,
            changes,
            kubernetes_version,
            refresh,
            artifacts_per_branch,
            filled,
        }
    }

    /// Returns the time. Everything else is told the time by its caller.
    pub(crate) fn now() -> Timestamp {
        Timestamp::now()
    }

    /// Waits until all caches were filled once.
    pub(crate) async fn filled(&self) {
        // An error means that the process is about to end.
        let _ = self.filled.clone().wait_for(|filled| *filled).await;
    }

    /// Finds an environment in the cache.
    pub(crate) fn environment(&self, namespace: &str, name: &str) -> Option<Arc<Environment>> {
        find(&self.environments, namespace, name)
    }

    /// Lists all environments from the cache.
    pub(crate) fn all_environments(&self) -> Vec<Arc<Environment>> {
        select(&self.environments, |_| true)
    }

    /// Finds an app in the cache.
    pub(crate) fn app(&self, namespace: &str, name: &str) -> Option<Arc<App>> {
        find(&self.apps, namespace, name)
    }

    /// Finds a release in the cache.
    pub(crate) fn release(&self, namespace: &str, name: &str) -> Option<Arc<Release>> {
        find(&self.releases, namespace, name)
    }

    /// Finds a set of releases in the cache.
    pub(crate) fn set(&self, namespace: &str, name: &str) -> Option<Arc<ReleaseSet>> {
        find(&self.sets, namespace, name)
    }

    /// Lists the sets of an environment from the cache.
    pub(crate) fn sets_of(&self, namespace: &str, environment: &str) -> Vec<Arc<ReleaseSet>> {
        select(&self.sets, |set| {
            set.metadata.namespace.as_deref() == Some(namespace)
                && set.spec.environment == environment
        })
    }

    /// Lists the changes of files of a repository.
    pub(crate) fn changes_of(&self, namespace: &str, repository: &str) -> Vec<Arc<ConfigChange>> {
        select(&self.changes, |change| {
            change.metadata.namespace.as_deref() == Some(namespace)
                && change.spec.repository == repository
        })
    }

    /// Lists the apps of an environment from the cache, those that go left out.
    pub(crate) fn apps_of(&self, namespace: &str, environment: &str) -> Vec<Arc<App>> {
        select(&self.apps, |app| {
            app.metadata.namespace.as_deref() == Some(namespace)
                && app.spec.environment == environment
                && app.metadata.deletion_timestamp.is_none()
        })
    }

    /// Lists the apps of a namespace, and those of others whose current release is of one of its
    /// artifacts.
    pub(crate) fn apps_of_artifacts_in(&self, namespace: &str) -> Vec<Arc<App>> {
        select(&self.apps, |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            let artifact = current.and_then(|current| current.artifact.as_ref());
            let from = artifact.and_then(|artifact| artifact.namespace.as_deref());
            app.metadata.namespace.as_deref() == Some(namespace) || from == Some(namespace)
        })
    }

    /// Lists the artifacts of a namespace.
    pub(crate) fn artifacts_in(&self, namespace: &str) -> Vec<Arc<Artifact>> {
        select(&self.artifacts, |artifact| {
            artifact.metadata.namespace.as_deref() == Some(namespace)
        })
    }

    /// Finds an artifact in the cache.
    pub(crate) fn artifact(&self, namespace: &str, name: &str) -> Option<Arc<Artifact>> {
        find(&self.artifacts, namespace, name)
    }

    /// Finds a repository in the cache.
    pub(crate) fn repository(&self, namespace: &str, name: &str) -> Option<Arc<Repository>> {
        find(&self.repositories, namespace, name)
    }

    /// Finds the repository of a namespace that people call by a name such as `acme/shop`.
    pub(crate) fn repository_called(&self, namespace: &str, name: &str) -> Option<Arc<Repository>> {
        let called = |repository: &Repository| {
            repository.metadata.namespace.as_deref() == Some(namespace)
                && sources::full_name(&repository.spec.url).eq_ignore_ascii_case(name)
        };
        select(&self.repositories, called).into_iter().min_by_key(|found| found.name_any())
    }

    /// Lists the previews of a repository, by its namespace and what people call it.
    pub(crate) fn previews_of(&self, namespace: &str, name: &str) -> Vec<Arc<App>> {
        select(&self.apps, |app| {
            app.spec.preview.as_ref().is_some_and(|preview| {
                let of = preview.namespace.as_deref().or(app.metadata.namespace.as_deref());
                of == Some(namespace) && preview.repository.eq_ignore_ascii_case(name)
            })
        })
    }

    /// Lists the previews that are reached at a host.
    pub(crate) fn previews_at(&self, host: &str) -> Vec<Arc<App>> {
        select(&self.apps, |app| {
            app.spec.preview.as_ref().is_some_and(|preview| preview.host.as_deref() == Some(host))
        })
    }

    /// Lists what people said of a release.
    pub(crate) fn approvals_of(&self, namespace: &str, release: &str) -> Vec<Arc<Approval>> {
        select(&self.approvals, |approval| {
            approval.spec.release == release
                && approval.metadata.namespace.as_deref() == Some(namespace)
        })
    }

    /// Finds the environments of a name in other namespaces that take artifacts of this one.
    pub(crate) fn environments_of_other_namespaces(
        &self,
        name: &str,
        namespace: &str,
    ) -> Vec<Arc<Environment>> {
        let open = |environment: &Environment| {
            environment.metadata.namespace.as_deref() != Some(namespace)
                && environment.metadata.name.as_deref() == Some(name)
                && environment.takes_artifacts_of(namespace)
        };
        select(&self.environments, open)
    }

    /// Finds the environments that releases are promoted to from another.
    pub(crate) fn environments_promoting_from(
        &self,
        namespace: &str,
        from: &str,
    ) -> Vec<Arc<Environment>> {
        select(&self.environments, |environment| {
            environment.metadata.namespace.as_deref() == Some(namespace)
                && environment.spec.promotion.as_ref().is_some_and(|rule| rule.from == from)
        })
    }

    /// Lists the artifacts of the same repository and branch, or of its tags.
    pub(crate) fn artifacts_like(&self, artifact: &Artifact) -> Vec<Arc<Artifact>> {
        let key = |artifact: &Artifact| {
            let spec = &artifact.spec;
            let branch = (spec.event != ArtifactEvent::Tag).then(|| spec.version.branch.clone());
            (artifact.metadata.namespace.clone(), spec.version.repository.clone(), branch)
        };
        let wanted = key(artifact);
        select(&self.artifacts, |other| key(other) == wanted)
    }

    /// Lists the artifacts of a branch of a repository.
    pub(crate) fn artifacts_of(
        &self,
        namespace: &str,
        name: &str,
        branch: &str,
    ) -> Vec<Arc<Artifact>> {
        select(&self.artifacts, |artifact| {
            let version = &artifact.spec.version;
            let repository = version.repository.as_deref();
            artifact.metadata.namespace.as_deref() == Some(namespace)
                && artifact.spec.event != ArtifactEvent::Tag
                && version.branch.as_deref() == Some(branch)
                && repository.is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
    }

    /// Lists the artifacts of the tags of a repository.
    pub(crate) fn artifacts_of_tags(&self, namespace: &str, name: &str) -> Vec<Arc<Artifact>> {
        select(&self.artifacts, |artifact| {
            let repository = artifact.spec.version.repository.as_deref();
            artifact.metadata.namespace.as_deref() == Some(namespace)
                && artifact.spec.event == ArtifactEvent::Tag
                && repository.is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
    }

    /// Lists the releases of an app from the cache.
    pub(crate) fn releases_of(&self, namespace: &str, env: &str, app: &str) -> Vec<Arc<Release>> {
        let mut found =
            self.siblings.of(namespace, env, app, |name| find(&self.releases, namespace, name));
        // One of the name may have been made anew for another app.
        found.retain(|release| release.spec.environment == env && release.spec.app == app);
        found
    }

    /// Notes which releases there are of each app, once the cache has all of them.
    pub(crate) fn note_releases(&self) {
        for guarded in self.releases.state() {
            if let Ok(release) = &guarded.0 {
                self.siblings.note(release);
            }
        }
    }

    /// Publishes an event about an object, behind what goes on.
    pub(crate) fn event<K>(&self, object: &K, kind: EventType, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        let event = Event {
            type_: kind,
            reason: reason.to_owned(),
            note: Some(gimlet_crds::condition::cut(note, 1000)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        self.events.publish(event, object.object_ref(&()));
    }
}

fn select<K>(store: &Store<Guarded<K>>, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store
        .state_filter(|guarded| guarded.0.as_ref().is_ok_and(&wanted))
        .into_iter()
        .filter_map(|guarded| guarded.0.as_ref().ok().cloned().map(Arc::new))
        .collect()
}

/// Finds an object in a cache.
pub(crate) fn find<K>(store: &Store<Guarded<K>>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let found = store.get(&ObjectRef::new(name).within(namespace))?;
    found.0.as_ref().ok().cloned().map(Arc::new)
}
