//! What a replica knows of the cluster: the caches of its controllers, or its own while it waits.

use std::time::Duration;

use futures::StreamExt as _;
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use kube::Client;
use kube::runtime::reflector::Store;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::context::Guarded;
use crate::controllers::Wiring;
use crate::flux::FluxCache;
use crate::watch::{Watch, Watched};
use crate::witness::Witness;

/// The objects of every kind that is watched.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) environments: Store<Guarded<Environment>>,
    pub(crate) apps: Store<Guarded<App>>,
    pub(crate) releases: Store<Guarded<Release>>,
    pub(crate) sets: Store<Guarded<ReleaseSet>>,
    pub(crate) artifacts: Store<Guarded<Artifact>>,
    pub(crate) approvals: Store<Guarded<Approval>>,
    pub(crate) repositories: Store<Guarded<Repository>>,
    pub(crate) changes: Store<Guarded<ConfigChange>>,
    pub(crate) flux: FluxCache,
    pub(crate) witness: Witness,
}

impl Caches {
    /// Returns those that the controllers fill.
    pub(crate) fn of(wiring: &Wiring, flux: FluxCache, witness: Witness) -> Self {
        Self {
            environments: wiring.environments.store(),
            apps: wiring.apps.store(),
            releases: wiring.releases.store(),
            sets: wiring.sets.store(),
            artifacts: wiring.artifacts.store(),
            approvals: wiring.approvals.store(),
            repositories: wiring.repositories.store(),
            changes: wiring.changes.store(),
            flux,
            witness,
        }
    }

    /// Fills caches for a replica that only reads, until the token is cancelled.
    pub(crate) fn follow(client: &Client, args: &Args, stop: &CancellationToken) -> Self {
        Self {
            environments: follow(client, args, stop),
            apps: follow(client, args, stop),
            releases: follow(client, args, stop),
            sets: follow(client, args, stop),
            artifacts: follow(client, args, stop),
            approvals: follow(client, args, stop),
            repositories: follow(client, args, stop),
            changes: follow(client, args, stop),
            flux: FluxCache::follow(client, stop),
            witness: Witness::follow(client, stop),
        }
    }

    /// Waits until all were filled once.
    ///
    /// A store wakes only the task that asked last, and its controller asks too; hence the short naps.
    pub(crate) async fn filled(&self) {
        let Self {
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
        } = self;
        let all = async || {
            let _ = environments.wait_until_ready().await;
            let _ = apps.wait_until_ready().await;
            let _ = releases.wait_until_ready().await;
            let _ = sets.wait_until_ready().await;
            let _ = artifacts.wait_until_ready().await;
            let _ = approvals.wait_until_ready().await;
            let _ = repositories.wait_until_ready().await;
            let _ = changes.wait_until_ready().await;
        };
        while tokio::time::timeout(Duration::from_millis(100), all()).await.is_err() {}
        flux.filled().await;
        witness.looked().await;
    }
}

/// Fills a cache of one kind until the token is cancelled.
pub(crate) fn follow<K: Watched>(
    client: &Client,
    args: &Args,
    stop: &CancellationToken,
) -> Store<Guarded<K>> {
    let watch = Watch::new(client, args);
    let store = watch.store();
    let objects = watch.run().take_until(stop.clone().cancelled_owned());
    tokio::spawn(objects.for_each(|_| std::future::ready(())));
    store
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::http::{Request, Response};
    use clap::Parser as _;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::context::find;

    fn environment(name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "spec": spec,
            "metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": "1"},
        })
    }

    #[tokio::test]
    async fn one_object_that_cannot_be_read_leaves_the_others_alone() {
        let good = json!({"gitops": {"url": "https://git.example.com/a"}});
        let bad = json!({"gitops": ["no", {"map": 1}], "flux": 7});
        let list = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "EnvironmentList",
            "metadata": {"resourceVersion": "1"},
            "items": [environment("broken", &bad), environment("first", &good)],
        });
        let added = |object: Value| json!({"type": "ADDED", "object": object}).to_string();
        let news =
            [added(environment("worse", &bad)), added(environment("later", &good))].join("\n");
        let told = Arc::new(AtomicBool::new(false));
        let api = tower::service_fn(move |request: Request<Body>| {
            let watched = request.uri().query().unwrap_or_default().contains("watch=true");
            let (list, news, told) = (list.to_string(), news.clone(), Arc::clone(&told));
            async move {
                if watched && told.swap(true, Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                let text = if watched { news } else { list };
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(text.into_bytes())))
            }
        });
        let client = Client::new(api, "ns");
        let (args, stop) = (Args::parse_from(["gimlet-operator"]), CancellationToken::new());
        let seen = follow::<Environment>(&client, &args, &stop);
        let all = async {
            while find(&seen, "ns", "later").is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("it goes on");
        assert!(find(&seen, "ns", "first").is_some());
        assert_eq!(seen.state().len(), 4, "what cannot be read is there, too");
        assert!(find(&seen, "ns", "broken").is_none() && find(&seen, "ns", "worse").is_none());
        stop.cancel();
    }
}
