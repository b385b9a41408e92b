//! The watch of a kind: one for its cache, its controller, and all others that want to know.
//!
//! kube's controllers open a watch of their own for each kind that they look at, keep all that the API
//! server sends, and pause as a whole when one of their watches breaks. Here a kind is read once, what
//! nobody asks for is left out, and a watch that breaks holds up only itself. kube's own shared streams
//! say nothing of deletions.

use std::fmt::Debug;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{Stream, StreamExt as _};
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::Api;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{self, ObjectRef, Store, store::Writer};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, reflector as reflect, watcher as watch};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::app;
use crate::args::Args;
use crate::context::Guarded;

/// The first pause after a watch broke.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause: whatever is asked for waits until the caches are told of it.
const LAST: Duration = Duration::from_secs(5);

/// A kind that can be watched.
pub(crate) trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Says which managed fields somebody asks for. What an entry lists is never kept: it is the
    /// larger part of most objects.
    fn asks_for(_: &ManagedFieldsEntry) -> bool {
        false
    }
}

/// What hears of each object that is new, changes or goes.
type Listener<K> = Box<dyn Fn(&Guarded<K>) + Send>;

/// A watch before it runs.
pub(crate) struct Watch<K: Watched> {
    api: Api<Guarded<K>>,
    store: Store<Guarded<K>>,
    writer: Writer<Guarded<K>>,
    listeners: Vec<Listener<K>>,
}

impl<K: Watched> Watch<K> {
    /// Makes the watch of a kind, in the namespace that the operator looks after or in all.
    pub(crate) fn new(client: &Client, args: &Args) -> Self {
        let api = match &args.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let (store, writer) = reflector::store();
        Self { api, store, writer, listeners: Vec::new() }
    }

    /// Returns the cache that the watch fills.
    pub(crate) fn store(&self) -> Store<Guarded<K>> {
        self.store.clone()
    }

    /// Tells which objects of another kind are concerned when one of this kind is new, changes or goes.
    pub(crate) fn tells<Other, I>(
        &mut self,
        concerned: impl Fn(&Guarded<K>) -> I + Send + 'static,
    ) -> UnboundedReceiver<ObjectRef<Guarded<Other>>>
    where
        Other: Watched,
        I: IntoIterator<Item = ObjectRef<Guarded<Other>>>,
    {
        let (tell, told) = unbounded();
        self.listeners.push(Box::new(move |object| {
            for concerned in concerned(object) {
                // Nobody listens any more: the process is about to end.
                let _ = tell.unbounded_send(concerned);
            }
        }));
        told
    }

    /// Watches as long as it is polled; returns the objects that are new or changed.
    pub(crate) fn run(self) -> impl Stream<Item = Guarded<K>> + Send + use<K> {
        let Self { api, store: _, writer, listeners } = self;
        let events = watch(api, watcher::Config::default())
            .modify(|object: &mut Guarded<K>| reduce::<K>(object.meta_mut()))
            .backoff(Pauses::default());
        reflect(writer, events).filter_map(move |event| {
            std::future::ready(match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => {
                    tell(&listeners, &object);
                    Some(object)
                }
                Ok(Event::Delete(object)) => {
                    tell(&listeners, &object);
                    None
                }
                Ok(Event::Init | Event::InitDone) => None,
                Err(error) => {
                    let kind = K::kind(&());
                    tracing::warn!(%kind, error = %error, "a watch broke; it is made anew");
                    None
                }
            })
        })
    }
}

fn tell<K: Watched>(listeners: &[Listener<K>], object: &Guarded<K>) {
    for listener in listeners {
        listener(object);
    }
}

/// Leaves out of an object what nobody asks for.
fn reduce<K: Watched>(metadata: &mut ObjectMeta) {
    let entries = metadata.managed_fields.take().unwrap_or_default();
    let kept: Vec<_> = entries
        .into_iter()
        .filter(K::asks_for)
        .map(|entry| ManagedFieldsEntry { manager: entry.manager, ..Default::default() })
        .collect();
    metadata.managed_fields = Some(kept).filter(|kept| !kept.is_empty());
}

/// The pauses of a watch that breaks again and again, each at random between a half and the whole.
#[derive(Debug, Default)]
struct Pauses {
    failures: u32,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        Some(whole.mul_f64(rand::random_range(0.5..=1.0)))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

impl Watched for Environment {}
impl Watched for Release {}
impl Watched for ReleaseSet {}
impl Watched for Artifact {}
impl Watched for Approval {}
impl Watched for Repository {}
impl Watched for ConfigChange {}

impl Watched for App {
    fn asks_for(entry: &ManagedFieldsEntry) -> bool {
        app::is_of_live(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reduced(fields: &Value) -> App {
        let mut app: App = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "a.b", "managedFields": [
                {"manager": "gimlet-operator", "operation": "Apply", "subresource": "status",
                 "fieldsType": "FieldsV1", "fieldsV1": fields},
                {"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:spec": {"f:app": {}}}},
            ]},
            "spec": {"app": "a", "environment": "b"}
        }))
        .unwrap();
        reduce::<App>(app.meta_mut());
        app
    }

    #[test]
    fn of_the_managed_fields_only_what_somebody_asks_for_is_kept() {
        let app = reduced(&json!({"f:status": {"f:live": {"f:state": {}}, "f:current": {}}}));
        let kept = app.metadata.managed_fields.as_ref().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].manager.as_deref(), Some("gimlet-operator"));
        assert!(kept[0].fields_v1.is_none());
        let app = reduced(&json!({"f:status": {"f:current": {}}}));
        assert!(app.metadata.managed_fields.is_none());
    }

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_when_all_is_well() {
        let mut pauses = Pauses::default();
        assert!(pauses.next().unwrap() <= FIRST);
        for _ in 0..40 {
            assert!(pauses.next().unwrap() <= LAST);
        }
        assert!(pauses.next().unwrap() >= LAST / 2);
        pauses.reset();
        assert!(pauses.next().unwrap() <= FIRST);
    }
}
