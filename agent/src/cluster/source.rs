//! Where each kind is read from.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt as _;
use gimlet_process::Pauses;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event as KubeEvent, Namespace, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::Api;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::fact::{self, Note, Seen};
use super::key::{Key, Kind};
use super::link;

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Step {
    /// A list begins: what is not in it is gone.
    Begin,
    /// An object is like this.
    Saw(Box<Seen>),
    /// An object is warned of.
    Noted(Box<Note>),
    /// An object is gone.
    Gone(Key),
    /// The list is whole.
    Listed,
    /// The cluster has no such kind.
    Absent,
    /// The agent may not see the kind.
    Refused,
    /// The watch broke, and is made anew.
    Broke,
}

/// Where steps go; it is bounded, so that a watch is read as fast as its objects are taken in.
pub(super) type Steps = mpsc::Sender<(Kind, Step)>;

/// The receiver is gone: nobody follows any more.
struct Unheard;

/// A watch of one kind.
pub(super) struct Source {
    client: Client,
    kind: Kind,
    labels: Option<String>,
    steps: Steps,
    look: Duration,
    /// Whether it was said that the kind may not be seen; once is enough.
    refused: AtomicBool,
}

impl Source {
    /// Makes a watch that is not begun yet; `labels` say which objects are read, and `look` how often it
    /// is looked whether a kind that is not there has come.
    pub(super) fn new(
        client: Client,
        kind: Kind,
        labels: Option<String>,
        steps: Steps,
        look: Duration,
    ) -> Self {
        Self { client, kind, labels, steps, look, refused: AtomicBool::new(false) }
    }

    /// Follows the kind for as long as somebody takes the steps.
    pub(super) async fn follow(self) {
        // Kinds that the API server has of its own are always there, those of others come and go.
        let _ = match self.kind {
            Kind::Namespace => self.typed::<Namespace>(fact::namespace).await,
            Kind::Deployment => self.typed::<Deployment>(fact::deployment).await,
            Kind::StatefulSet => self.typed::<StatefulSet>(fact::stateful_set).await,
            Kind::DaemonSet => self.typed::<DaemonSet>(fact::daemon_set).await,
            Kind::CronJob => self.typed::<CronJob>(fact::cron_job).await,
            Kind::ReplicaSet => self.typed::<ReplicaSet>(fact::replica_set).await,
            Kind::Job => self.typed::<Job>(fact::job).await,
            Kind::Pod => self.typed::<Pod>(fact::pod).await,
            Kind::Autoscaler => self.typed::<HorizontalPodAutoscaler>(fact::autoscaler).await,
            Kind::Service => self.typed::<Service>(link::service).await,
            Kind::Ingress => self.typed::<Ingress>(link::ingress).await,
            Kind::Event => self.events().await,
            Kind::Kustomization => self.optional("kustomize.toolkit.fluxcd.io").await,
            Kind::HelmRelease => self.optional("helm.toolkit.fluxcd.io").await,
            Kind::GitRepository | Kind::OciRepository => {
                self.optional("source.toolkit.fluxcd.io").await
            }
            Kind::HttpRoute => self.optional("gateway.networking.k8s.io").await,
        };
    }

    async fn typed<K>(&self, read: fn(&K) -> Seen) -> Result<(), Unheard>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let step = |object: &K| Some(Step::Saw(Box::new(read(object))));
        loop {
            self.watch(Api::all(self.client.clone()), None, step).await?;
            tokio::time::sleep(self.look).await;
        }
    }

    /// Follows warnings; only those that may say why something does not run are told.
    async fn events(&self) -> Result<(), Unheard> {
        let step = |event: &KubeEvent| fact::note(event).map(|note| Step::Noted(Box::new(note)));
        loop {
            self.watch(Api::all(self.client.clone()), Some("type=Warning"), step).await?;
            tokio::time::sleep(self.look).await;
        }
    }

    /// Follows a kind whose definition may come and go, in the version that the cluster prefers.
    async fn optional(&self, group: &str) -> Result<(), Unheard> {
        let read = |object: &DynamicObject| match self.kind {
            Kind::HttpRoute => link::route(object),
            kind => fact::flux(kind, object),
        };
        let step = |object: &DynamicObject| Some(Step::Saw(Box::new(read(object))));
        loop {
            match self.discover(group).await {
                Ok(Some(resource)) => {
                    let api = Api::all_with(self.client.clone(), &resource);
                    self.watch(api, None, step).await?;
                }
                Ok(None) => self.tell(Step::Absent).await?,
                Err(error) => {
                    tracing::debug!(kind = self.kind.name(), %error, "a group cannot be looked up");
                    self.tell(Step::Broke).await?;
                }
            }
            tokio::time::sleep(self.look).await;
        }
    }

    async fn discover(&self, group: &str) -> kube::Result<Option<ApiResource>> {
        let found = match kube::discovery::group(&self.client, group).await {
            Ok(found) => found,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
            // What kube says where no version of the group is served.
            Err(kube::Error::Discovery(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(found.recommended_kind(self.kind.name()).map(|(resource, _)| resource))
    }

    /// Tells what a watch sees until it can see no more of the kind.
    async fn watch<K>(
        &self,
        api: Api<K>,
        fields: Option<&str>,
        read: impl Fn(&K) -> Option<Step>,
    ) -> Result<(), Unheard>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let mut config = watcher::Config {
            label_selector: self.labels.clone(),
            field_selector: fields.map(str::to_owned),
            ..watcher::Config::default()
        }
        .streaming_lists();
        loop {
            let events = watcher(api.clone(), config.clone()).backoff(Pauses::default());
            let mut events = std::pin::pin!(events);
            let end = loop {
                match events.try_next().await {
                    Ok(Some(event)) => self.pass_on(event, &read).await?,
                    Ok(None) => break End::Broken,
                    Err(error) => match self.judge(&error) {
                        End::Broken => self.tell(Step::Broke).await?,
                        end => break end,
                    },
                }
            };
            match end {
                End::Broken => {}
                // A server that does not stream lists is asked for pages.
                End::Paged => {
                    config.initial_list_strategy = watcher::InitialListStrategy::ListWatch;
                }
                End::Absent => return self.tell(Step::Absent).await,
                End::Refused => return self.tell(Step::Refused).await,
            }
        }
    }

    async fn pass_on<K: Resource>(
        &self,
        event: Event<K>,
        read: &impl Fn(&K) -> Option<Step>,
    ) -> Result<(), Unheard> {
        let step = match event {
            Event::Init => Step::Begin,
            Event::InitApply(object) | Event::Apply(object) => match read(&object) {
                Some(step) => step,
                None => return Ok(()),
            },
            // That an event is forgotten says nothing about what it was told of.
            Event::Delete(_) if self.kind == Kind::Event => return Ok(()),
            Event::Delete(object) => Step::Gone(Key::new(
                self.kind,
                object.namespace().as_deref().unwrap_or_default(),
                &object.name_any(),
            )),
            Event::InitDone => {
                self.refused.store(false, Ordering::Relaxed);
                Step::Listed
            }
        };
        self.tell(step).await
    }

    fn judge(&self, error: &watcher::Error) -> End {
        let refusal = match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            | watcher::Error::WatchError(status) => Some(status),
            _ => None,
        };
        let kind = self.kind.name();
        match refusal.map(|status| status.code) {
            Some(404) => End::Absent,
            Some(403) => {
                if !self.refused.swap(true, Ordering::Relaxed) {
                    tracing::warn!(kind, %error, "a kind may not be seen: see the agent's ClusterRole");
                }
                End::Refused
            }
            Some(400 | 422) => {
                tracing::debug!(kind, %error, "lists are not streamed, and asked for in pages");
                End::Paged
            }
            _ => {
                tracing::warn!(kind, %error, "a watch broke; it is made anew");
                End::Broken
            }
        }
    }

    async fn tell(&self, step: Step) -> Result<(), Unheard> {
        self.steps.send((self.kind, step)).await.map_err(|_| Unheard)
    }
}

/// How a watch goes on after an error.
enum End {
    /// By itself, after a while.
    Broken,
    /// With pages in place of a streamed list.
    Paged,
    /// Not before the kind is there.
    Absent,
    /// Not before the kind may be seen.
    Refused,
}
