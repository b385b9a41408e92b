//! The controllers: what is watched, and what brings an object to its reconcile.

mod watches;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use kube::api::Api;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, reflector as reflect, watcher};
use kube::{Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::context::{Context, Guarded};
use crate::controller::{self, Failure};
use crate::{app, artifact, config_change, environment, lanes, release, release_set, repository};
use watches::{
    app_of, previews_of, proposed_in, release_of, set_of, unaware_in, waiting_for, waiting_in,
};

/// How long an object waits at most for the cache to see what was written of it; the event comes first.
const LAGGING: Duration = Duration::from_secs(5);
/// Reconciles of each kind at once, but of Releases.
const OTHERS: u16 = 32;
/// How long an App waits for more changes before it is looked at: a release is some of them.
const SHORTLY: Duration = Duration::from_millis(200);
/// How long an App waits while many releases of its environment are on their way.
const BUSY: Duration = Duration::from_secs(1);

/// The controllers before they run.
pub(crate) struct Wiring {
    pub(crate) environments: Controller<Guarded<Environment>>,
    pub(crate) apps: Controller<Guarded<App>>,
    pub(crate) releases: Controller<Guarded<Release>>,
    pub(crate) sets: Controller<Guarded<ReleaseSet>>,
    pub(crate) artifacts: Controller<Guarded<Artifact>>,
    pub(crate) approvals: Approvals,
    pub(crate) repositories: Controller<Guarded<Repository>>,
    pub(crate) changes: Controller<Guarded<ConfigChange>>,
    watched: Watched,
}

/// The ways to the watched kinds, in one namespace or in all.
struct Watched {
    environments: Api<Guarded<Environment>>,
    apps: Api<Guarded<App>>,
    releases: Api<Guarded<Release>>,
    repositories: Api<Guarded<Repository>>,
}

impl Wiring {
    pub(crate) fn new(client: &Client, args: &Args) -> Self {
        let watched = Watched {
            environments: api(client, args),
            apps: api(client, args),
            releases: api(client, args),
            repositories: api(client, args),
        };
        Self {
            environments: Controller::new(watched.environments.clone(), watcher::Config::default()),
            apps: Controller::new(watched.apps.clone(), watcher::Config::default()),
            releases: Controller::new(watched.releases.clone(), watcher::Config::default()),
            sets: Controller::new(api(client, args), watcher::Config::default()),
            artifacts: Controller::new(api(client, args), watcher::Config::default()),
            approvals: Approvals::new(api(client, args)),
            repositories: Controller::new(watched.repositories.clone(), watcher::Config::default()),
            changes: Controller::new(api(client, args), watcher::Config::default()),
            watched,
        }
    }

    /// Runs all of them until the token is cancelled.
    pub(crate) fn run(
        self,
        ctx: &Arc<Context>,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let Self {
            environments,
            apps,
            releases,
            sets,
            artifacts,
            approvals,
            repositories,
            changes,
            watched,
        } = self;
        let limit = |n: u16| ControllerConfig::default().concurrency(n);
        let of_environment = releases.store();
        let of_repository = apps.store();
        let of_agent = apps.store();
        let asked_in = changes.store();
        let environments = environments
            .with_config(limit(OTHERS))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_environment, controller::error_policy, Arc::clone(ctx));
        let apps = apps
            // How many are worked on at once is for each environment by itself, see `lanes`.
            .with_config(ControllerConfig::default().debounce(SHORTLY))
            .watches(watched.releases.clone(), watcher::Config::default(), {
                let ctx = Arc::clone(ctx);
                move |release: Guarded<Release>| app_of(&ctx, &release)
            })
            .watches(
                watched.repositories.clone(),
                watcher::Config::default(),
                move |repository: Guarded<Repository>| previews_of(&of_repository, &repository),
            )
            .watches(
                watched.environments.clone(),
                watcher::Config::default(),
                move |environment: Guarded<Environment>| unaware_in(&of_agent, &environment),
            )
            .reconcile_on(ctx.roads.apps.calls())
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_app, controller::error_policy, Arc::clone(ctx));
        let releases = releases
            .watches(
                watched.environments,
                watcher::Config::default(),
                move |environment: Guarded<Environment>| waiting_in(&of_environment, &environment),
            )
            .watches(watched.apps, watcher::Config::default(), {
                let ctx = Arc::clone(ctx);
                move |app: Guarded<App>| waiting_for(&ctx, &app)
            })
            .watches(approvals.api.clone(), watcher::Config::default(), |approval| {
                release_of(&approval)
            })
            .reconcile_on(ctx.roads.releases.calls())
            .reconcile_all_on(ctx.witness.changes())
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_release, controller::error_policy, Arc::clone(ctx));
        let sets = sets
            .with_config(limit(OTHERS).debounce(SHORTLY))
            .watches(watched.releases, watcher::Config::default(), |release| set_of(&release))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_set, controller::error_policy, Arc::clone(ctx));
        let artifacts = artifacts
            .with_config(limit(OTHERS))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_artifact, controller::error_policy, Arc::clone(ctx));
        let repositories = repositories
            .with_config(limit(OTHERS))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_repository, controller::error_policy, Arc::clone(ctx));
        let changes = changes
            .with_config(limit(OTHERS))
            .watches(
                watched.repositories,
                watcher::Config::default(),
                move |repository: Guarded<Repository>| proposed_in(&asked_in, &repository),
            )
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_change, controller::error_policy, Arc::clone(ctx));
        let until = stop.clone();
        async move {
            tokio::join!(
                controller::drive(environments),
                controller::drive(apps),
                controller::drive(releases),
                controller::drive(sets),
                controller::drive(artifacts),
                controller::drive(repositories),
                controller::drive(changes),
                approvals.follow(until),
            );
        }
    }
}

/// The Approvals: a cache, and nothing that reconciles them.
pub(crate) struct Approvals {
    api: Api<Guarded<Approval>>,
    pub(crate) store: Store<Guarded<Approval>>,
    writer: reflector::store::Writer<Guarded<Approval>>,
}

impl Approvals {
    fn new(api: Api<Guarded<Approval>>) -> Self {
        let (store, writer) = reflector::store();
        Self { api, store, writer }
    }

    async fn follow(self, stop: CancellationToken) {
        let events = watcher(self.api, watcher::Config::default()).default_backoff();
        let objects = reflect(self.writer, events).touched_objects();
        objects
            .take_until(stop.cancelled())
            .for_each(|seen| async move {
                if let Err(error) = seen {
                    tracing::warn!(error = %error, "the watch of approvals broke; it is made anew");
                }
            })
            .await;
    }
}

/// Returns the way to a kind, in the namespace that is watched or in all.
pub(crate) fn api<K>(client: &Client, args: &Args) -> Api<Guarded<K>>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match &args.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn reconcile_environment(
    object: Arc<Guarded<Environment>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let result = environment::reconcile(&object, &ctx).await;
    let result = match result {
        Ok(action) => Ok(action),
        Err(error) => {
            environment::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_app(object: Arc<Guarded<App>>, ctx: Arc<Context>) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    let namespace = object.namespace().unwrap_or_default();
    let place = ctx.roads.apps.enter(&namespace, &object.spec.environment, &object.name_any());
    let Some(_place) = place else { return Ok(Action::requeue(lanes::PATIENCE)) };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let goes = object.metadata.deletion_timestamp.is_some();
    if !goes && ctx.traffic.is_heavy(&namespace, &object.spec.environment) {
        return Ok(Action::requeue(BUSY.mul_f64(rand::random_range(0.5..1.5))));
    }
    // On the heap: most of those that wait are only so large.
    let result = match Box::pin(app::reconcile(&object, &ctx)).await {
        Ok(action) => Ok(action),
        Err(error) => {
            app::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_set(
    object: Arc<Guarded<ReleaseSet>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let result = release_set::reconcile(&object, &ctx)
        .await
        .map_err(|error| Failure::new(error.reason(), &error, error.retry()));
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_artifact(
    object: Arc<Guarded<Artifact>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let result = match artifact::reconcile(&object, &ctx).await {
        Ok(action) => Ok(action),
        Err(error) => {
            artifact::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_repository(
    object: Arc<Guarded<Repository>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let result = match repository::reconcile(&object, &ctx).await {
        Ok(action) => Ok(action),
        Err(error) => {
            repository::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_change(
    object: Arc<Guarded<ConfigChange>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let result = match config_change::reconcile(&object, &ctx).await {
        Ok(action) => Ok(action),
        Err(error) => {
            config_change::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
    controller::finish(&*object, result, &ctx)
}

async fn reconcile_release(
    object: Arc<Guarded<Release>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    ctx.siblings.note(&object);
    let namespace = object.namespace().unwrap_or_default();
    let place = ctx.roads.releases.enter(&namespace, &object.spec.environment, &object.name_any());
    let Some(_place) = place else { return Ok(Action::requeue(lanes::PATIENCE)) };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let _passage = ctx.traffic.enter(namespace, object.spec.environment.clone());
    let result = Box::pin(release::reconcile(&object, &ctx))
        .await
        .map_err(|error| Failure::new(error.reason(), &error, error.retry()));
    controller::finish(&*object, result, &ctx)
}
