//! What every reconcile may use.

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{App, Environment, Release};
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::chart::Charts;
use crate::flux::FluxCache;
use crate::metrics::Metrics;
use crate::remotes::Remotes;
use crate::render::Renderers;
use crate::written::Written;

/// An object as it is watched: one that cannot be read does not stop the others.
pub(crate) type Guarded<K> = DeserializeGuard<K>;

/// What every reconcile may use: a client, caches, writers, a clock.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: Metrics,
    pub(crate) backoff: Backoff,
    pub(crate) written: Written,
    pub(crate) remotes: Arc<Remotes>,
    pub(crate) charts: Charts,
    pub(crate) renderers: Renderers,
    pub(crate) flux: FluxCache,
    pub(crate) environments: Store<Guarded<Environment>>,
    pub(crate) apps: Store<Guarded<App>>,
    pub(crate) releases: Store<Guarded<Release>>,
    /// Version of the cluster that the operator runs in, such as `v1.36.3`.
    pub(crate) kubernetes_version: String,
    pub(crate) refresh: Duration,
    /// Says when all caches were filled once; before that, what is missing is only not read yet.
    pub(crate) filled: watch::Receiver<bool>,
}

impl Context {
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

    /// Finds an app in the cache.
    pub(crate) fn app(&self, namespace: &str, name: &str) -> Option<Arc<App>> {
        find(&self.apps, namespace, name)
    }

    /// Lists the releases of an app from the cache.
    pub(crate) fn releases_of(&self, namespace: &str, env: &str, app: &str) -> Vec<Arc<Release>> {
        let of_app = |r: &Release| r.spec.environment == env && r.spec.app == app;
        self.releases
            .state_filter(|guarded| {
                guarded.meta().namespace.as_deref() == Some(namespace)
                    && guarded.0.as_ref().is_ok_and(of_app)
            })
            .into_iter()
            .filter_map(|guarded| guarded.0.as_ref().ok().cloned().map(Arc::new))
            .collect()
    }

    /// Publishes an event about an object. That events fail stops nothing.
    pub(crate) async fn event<K>(&self, object: &K, kind: EventType, reason: &str, note: &str)
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
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::warn!(error = %error, object = object.name_any(), "an event was not published");
        }
    }
}

fn find<K>(store: &Store<Guarded<K>>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let found = store.get(&ObjectRef::new(name).within(namespace))?;
    found.0.as_ref().ok().cloned().map(Arc::new)
}
