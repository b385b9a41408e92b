//! What the dashboard knows of the cluster: one watch of each kind for all who look.

mod board;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use gimlet_process::Pauses;
use jiff::Timestamp;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector as reflect};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use board::{Board, EnvironmentCard, RECENT, ReleaseRow, Row};

/// An object, or why it cannot be read; one that cannot does not end the watch.
pub(crate) type Guarded<K> = DeserializeGuard<K>;

/// Changes are gathered for so long before they are told: at most ten times a second.
const GATHER: Duration = Duration::from_millis(100);
/// What the time changes, such as locks that end, is looked at again so often.
const CLOCK: Duration = Duration::from_secs(30);

/// The objects that are watched, and what is made of them.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) apps: Store<Guarded<App>>,
    pub(crate) environments: Store<Guarded<Environment>>,
    pub(crate) releases: Store<Guarded<Release>>,
    pub(crate) sets: Store<Guarded<ReleaseSet>>,
    pub(crate) approvals: Store<Guarded<Approval>>,
    pub(crate) repositories: Store<Guarded<Repository>>,
    pub(crate) changes: Store<Guarded<ConfigChange>>,
    artifacts: Store<Guarded<Artifact>>,
    boards: watch::Receiver<Option<Arc<Board>>>,
}

impl Watched {
    /// Watches until the token is cancelled.
    pub(crate) fn follow(client: &Client, stop: &CancellationToken) -> Self {
        let (news, changes) = watch::channel(());
        let (tell, boards) = watch::channel(None);
        let watched = Self {
            apps: follow(client, stop, &news, |_| {}),
            environments: follow(client, stop, &news, |_| {}),
            releases: follow(client, stop, &news, |_| {}),
            sets: follow(client, stop, &news, |_| {}),
            approvals: follow(client, stop, &news, |_| {}),
            repositories: follow(client, stop, &news, |_| {}),
            // What became of a change is shown; its text is read by whoever looks at that one.
            changes: follow(client, stop, &news, |change: &mut ConfigChange| {
                change.spec.content = None;
                if let Some(found) = change.status.as_mut().and_then(|status| status.found.as_mut())
                {
                    found.content = None;
                }
            }),
            // Only what a version is called is shown, and files are most of an artifact.
            artifacts: follow(client, stop, &news, |artifact: &mut Artifact| {
                artifact.spec.manifests = Vec::new();
                artifact.status = None;
            }),
            boards,
        };
        let making = watched.clone().make_boards(changes, tell);
        tokio::spawn(stop.clone().run_until_cancelled_owned(making));
        watched
    }

    /// Finds an environment, where there is one that can be read.
    pub(crate) fn environment(&self, namespace: &str, name: &str) -> Option<Arc<Environment>> {
        find(&self.environments, namespace, name)
    }

    /// Finds an app by the name of its object, where there is one that can be read.
    pub(crate) fn app(&self, namespace: &str, name: &str) -> Option<Arc<App>> {
        find(&self.apps, namespace, name)
    }

    /// Returns a number that is another one whenever an artifact of a namespace comes, goes or changes.
    pub(crate) fn artifacts_of(&self, namespace: &str) -> u64 {
        let artifacts = self.artifacts.state();
        let own = artifacts.iter().filter_map(|artifact| artifact.0.as_ref().ok());
        let own = own.filter(|artifact| artifact.namespace().as_deref() == Some(namespace));
        own.fold(0, |sum, artifact| {
            let mut hasher = DefaultHasher::new();
            (artifact.uid(), artifact.resource_version()).hash(&mut hasher);
            // In whatever order they are; and JavaScript reads no larger number.
            (sum ^ hasher.finish()) & ((1 << 53) - 1)
        })
    }

    /// Returns what is shown now; none before everything was read once.
    pub(crate) fn board(&self) -> Option<Arc<Board>> {
        self.boards.borrow().clone()
    }

    /// Tells of each new board.
    pub(crate) fn boards(&self) -> watch::Receiver<Option<Arc<Board>>> {
        self.boards.clone()
    }

    async fn make_boards(
        self,
        mut changes: watch::Receiver<()>,
        tell: watch::Sender<Option<Arc<Board>>>,
    ) {
        self.filled().await;
        loop {
            changes.mark_unchanged();
            let last = tell.borrow().clone();
            let board = Board::make(last.as_deref(), &self, Timestamp::now());
            tell.send_replace(Some(Arc::new(board)));
            tokio::time::sleep(GATHER).await;
            // An error means that the watches have ended, and so will this.
            if let Ok(Err(_)) = tokio::time::timeout(CLOCK, changes.changed()).await {
                return;
            }
        }
    }

    async fn filled(&self) {
        let _ = self.apps.wait_until_ready().await;
        let _ = self.environments.wait_until_ready().await;
        let _ = self.releases.wait_until_ready().await;
        let _ = self.approvals.wait_until_ready().await;
        let _ = self.artifacts.wait_until_ready().await;
    }
}

fn find<K>(store: &Store<Guarded<K>>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + 'static,
{
    let found = store.get(&ObjectRef::new(name).within(namespace))?;
    found.0.as_ref().ok().cloned().map(Arc::new)
}

fn follow<K>(
    client: &Client,
    stop: &CancellationToken,
    news: &watch::Sender<()>,
    trim: fn(&mut K),
) -> Store<Guarded<K>>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let api: Api<Guarded<K>> = Api::all(client.clone());
    let events = kube::runtime::watcher(api, watcher::Config::default());
    let events = events.backoff(Pauses::default()).modify(move |object: &mut Guarded<K>| {
        if let Ok(object) = &mut object.0 {
            object.managed_fields_mut().clear();
            trim(object);
        }
    });
    let news = news.clone();
    let stopped = stop.clone().cancelled_owned();
    let seen = reflect(writer, events).take_until(stopped).for_each(move |event| {
        match event {
            // The store has a new list only when it is whole.
            Ok(Event::Apply(_) | Event::Delete(_) | Event::InitDone) => news.send_replace(()),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), error = %error, "a watch broke; it is made anew");
            }
        }
        async {}
    });
    tokio::spawn(seen);
    store
}
