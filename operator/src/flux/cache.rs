//! A cache of Flux' objects that comes and goes with Flux' kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use gimlet_process::Pauses;
use kube::Client;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::object::{Kustomization, Source};
use gimlet_crds::labels;

/// How often Flux' kinds are looked for while they are not there.
const LOOK: Duration = Duration::from_secs(30);

/// Flux' objects in the operator's own cluster.
#[derive(Clone)]
pub(crate) struct FluxCache {
    client: Client,
    kustomizations: Followed,
    sources: Followed,
}

#[derive(Clone)]
struct Followed {
    resource: ApiResource,
    store: Store<DynamicObject>,
    present: Arc<AtomicBool>,
    /// Says when it is known whether the kind is there, and if so, what there is of it.
    looked: watch::Sender<bool>,
}

impl FluxCache {
    /// Starts to follow Flux' objects until the token is cancelled.
    pub(crate) fn follow(client: &Client, stop: &CancellationToken) -> Self {
        let follow = |group: &str, kind: &str, plural: &str| {
            let gvk = GroupVersionKind::gvk(group, "v1", kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
            let writer = Writer::new(resource.clone());
            let followed = Followed {
                resource,
                store: writer.as_reader(),
                present: Arc::new(AtomicBool::new(false)),
                looked: watch::Sender::new(false),
            };
            let task = follow(client.clone(), followed.clone(), writer);
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(task).await });
            followed
        };
        Self {
            client: client.clone(),
            kustomizations: follow(
                "kustomize.toolkit.fluxcd.io",
                "Kustomization",
                "kustomizations",
            ),
            sources: follow("source.toolkit.fluxcd.io", "GitRepository", "gitrepositories"),
        }
    }

    /// Waits until the first look at the cluster is over.
    pub(crate) async fn filled(&self) {
        for followed in [&self.kustomizations, &self.sources] {
            // An error means that the process is about to end.
            let _ = followed.looked.subscribe().wait_for(|looked| *looked).await;
        }
    }

    /// Tells whether Flux' kinds are in this cluster.
    pub(crate) fn is_present(&self) -> bool {
        self.kustomizations.present.load(Ordering::Relaxed)
    }

    /// Finds a Kustomization.
    pub(crate) fn kustomization(&self, namespace: &str, name: &str) -> Option<Kustomization> {
        self.kustomizations.get(namespace, name).map(|object| Kustomization::read(&object))
    }

    /// Finds a GitRepository.
    pub(crate) fn source(&self, namespace: &str, name: &str) -> Option<Source> {
        self.sources.get(namespace, name).map(|object| Source::read(&object))
    }

    /// Asks Flux to look at a repository now. Flux looks by itself too, so a failure is only logged.
    pub(crate) async fn request_sync(&self, namespace: &str, name: &str, token: &str) {
        if self.sources.get(namespace, name).is_none() {
            return;
        }
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &self.sources.resource);
        let patch = json!({"metadata": {"annotations": {labels::FLUX_REQUESTED_AT: token}}});
        if let Err(error) = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
            tracing::warn!(error = %error, name, "Flux was not asked to look at the repository");
        }
    }
}

impl Followed {
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<DynamicObject>> {
        if !self.present.load(Ordering::Relaxed) {
            return None;
        }
        self.store.get(&ObjectRef::new_with(name, self.resource.clone()).within(namespace))
    }
}

/// Fills a store as long as the process lives; without the kind, it looks again now and then.
async fn follow(client: Client, followed: Followed, mut writer: Writer<DynamicObject>) {
    let api: Api<DynamicObject> = Api::all_with(client, &followed.resource);
    loop {
        if api.list(&ListParams::default().limit(1)).await.is_ok() {
            let stream = watcher(api.clone(), watcher::Config::default())
                .backoff(Pauses::default())
                .modify(|object| object.metadata.managed_fields = None);
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => {
                        writer.apply_watcher_event(&event);
                        if matches!(event, watcher::Event::InitDone) {
                            followed.present.store(true, Ordering::Relaxed);
                            followed.looked.send_replace(true);
                        }
                    }
                    Err(error) if gone(&error) => break,
                    Err(error) => tracing::debug!(error = %error, "the watch of Flux broke"),
                }
            }
            tracing::warn!(kind = followed.resource.kind, "Flux' kinds are gone from the cluster");
        }
        followed.present.store(false, Ordering::Relaxed);
        followed.looked.send_replace(true);
        tokio::time::sleep(LOOK).await;
    }
}

fn gone(error: &watcher::Error) -> bool {
    use watcher::Error as E;
    match error {
        E::InitialListFailed(kube::Error::Api(status))
        | E::WatchStartFailed(kube::Error::Api(status)) => status.is_not_found(),
        _ => false,
    }
}
