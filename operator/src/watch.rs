//! The watch of a kind: one for its cache, its controller, and all others that want to know.
//!
//! kube's controllers open a watch of their own for each kind that they look at, keep all that the API
//! server sends, and pause as a whole when one of their watches breaks. Here a kind is read once, what
//! nobody asks for is left out, and a watch that breaks holds up only itself. kube's own shared streams
//! say nothing of deletions.

use std::fmt::Debug;
use std::sync::Arc;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{Stream, StreamExt as _, stream};
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use gimlet_process::Pauses;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::Api;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{self, ObjectRef, Store, store::Writer};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, reflector as reflect, watcher as watch};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::app;
use crate::args::Args;
use crate::context::Guarded;

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
    ///
    /// While all are read anew, nobody is told of any: the cache shows them once the last one is there.
    pub(crate) fn run(self) -> impl Stream<Item = Guarded<K>> + Send + use<K> {
        let Self { api, store, writer, listeners } = self;
        let events = watch(api, watcher::Config::default())
            .modify(|object: &mut Guarded<K>| reduce::<K>(object.meta_mut()))
            .backoff(Pauses::default());
        let mut before = Vec::new();
        reflect(writer, events).flat_map(move |event| {
            let there = match event {
                Ok(Event::Apply(object)) => vec![Arc::new(object)],
                Ok(Event::Delete(object)) => {
                    tell(&listeners, &object);
                    Vec::new()
                }
                Ok(Event::Init) => {
                    before = store.state();
                    Vec::new()
                }
                Ok(Event::InitApply(_)) => Vec::new(),
                Ok(Event::InitDone) => {
                    for object in std::mem::take(&mut before) {
                        if store.get(&ObjectRef::from_obj(&*object)).is_none() {
                            tell(&listeners, &object);
                        }
                    }
                    store.state()
                }
                Err(error) => {
                    let kind = K::kind(&());
                    tracing::warn!(%kind, error = %error, "a watch broke; it is made anew");
                    Vec::new()
                }
            };
            for object in &there {
                tell(&listeners, object);
            }
            stream::iter(there).map(Arc::unwrap_or_clone)
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
    use std::collections::HashSet;
    use std::sync::Mutex;

    use axum::http::{Request, Response};
    use clap::Parser as _;
    use kube::ResourceExt as _;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

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

    /// Answers lists one after the other, and watches with what never comes.
    fn client(lists: Vec<Value>) -> Client {
        let lists = Arc::new(Mutex::new(lists.into_iter()));
        let api = tower::service_fn(move |request: Request<Body>| {
            let watched = request.uri().query().unwrap_or_default().contains("watch=true");
            let list = (!watched).then(|| lists.lock().unwrap().next()).flatten();
            async move {
                let text = match list {
                    Some(list) => list.to_string(),
                    // It is time to read all anew.
                    None => json!({"type": "ERROR", "object": {
                        "kind": "Status", "status": "Failure", "code": 410, "reason": "Expired",
                    }})
                    .to_string(),
                };
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(text.into_bytes())))
            }
        });
        Client::new(api, "ns")
    }

    #[tokio::test]
    async fn what_went_while_nobody_watched_is_told_with_what_is_there() {
        let app = |name: &str, version: &str| {
            json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
                "metadata": {"name": name, "namespace": "ns", "resourceVersion": version},
                "spec": {"app": name, "environment": "b"},
            })
        };
        let list = |items: Value| {
            json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "AppList",
                "metadata": {"resourceVersion": "1"}, "items": items,
            })
        };
        let first = list(json!([app("goes", "1"), app("stays", "1")]));
        let second = list(json!([app("comes", "2"), app("stays", "2")]));
        let args = Args::parse_from(["gimlet-operator"]);
        let mut watch = Watch::<App>::new(&client(vec![first, second]), &args);
        let store = watch.store();
        let heard = watch.tells({
            let store = store.clone();
            move |app: &Guarded<App>| {
                let version =
                    store.get(&ObjectRef::from_obj(app)).and_then(|a| a.resource_version());
                let name = format!("{}-{}", app.name_any(), version.as_deref().unwrap_or("gone"));
                [ObjectRef::<Guarded<App>>::new(&name)]
            }
        });
        let seen = watch.run().take(4).map(|app| app.name_any());
        let seen: HashSet<String> = seen.collect().await;
        assert_eq!(seen, HashSet::from(["goes", "stays", "comes"].map(String::from)));
        let mut heard: Vec<String> = heard.map(|heard| heard.name).collect().await;
        heard.sort();
        assert_eq!(heard, ["comes-2", "goes-1", "goes-gone", "stays-1", "stays-2"]);
    }
}
