//! The controllers: what is watched, and what brings an object to its reconcile.

mod watches;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::{Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::context::{Context, Guarded};
use crate::controller::{self, Failure};
use crate::watch::{Watch, Watched};
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
/// How long an App waits while many releases are on their way.
const BUSY: Duration = Duration::from_secs(1);

/// The watches and their controllers before they run.
pub(crate) struct Wiring {
    pub(crate) environments: Watch<Environment>,
    pub(crate) apps: Watch<App>,
    pub(crate) releases: Watch<Release>,
    pub(crate) sets: Watch<ReleaseSet>,
    pub(crate) artifacts: Watch<Artifact>,
    pub(crate) approvals: Watch<Approval>,
    pub(crate) repositories: Watch<Repository>,
    pub(crate) changes: Watch<ConfigChange>,
}

impl Wiring {
    pub(crate) fn new(client: &Client, args: &Args) -> Self {
        Self {
            environments: Watch::new(client, args),
            apps: Watch::new(client, args),
            releases: Watch::new(client, args),
            sets: Watch::new(client, args),
            artifacts: Watch::new(client, args),
            approvals: Watch::new(client, args),
            repositories: Watch::new(client, args),
            changes: Watch::new(client, args),
        }
    }

    /// Runs all of them until the token is cancelled.
    pub(crate) fn run(
        self,
        ctx: &Arc<Context>,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let Self {
            mut environments,
            mut apps,
            mut releases,
            sets,
            artifacts,
            mut approvals,
            mut repositories,
            changes,
        } = self;
        let of_release = releases.tells({
            let ctx = Arc::clone(ctx);
            move |release| app_of(&ctx, release)
        });
        let of_set = releases.tells(set_of);
        let of_approval = approvals.tells(release_of);
        let previews = repositories.tells({
            let apps = apps.store();
            move |repository| previews_of(&apps, repository)
        });
        let proposed = repositories.tells({
            let changes = changes.store();
            move |repository| proposed_in(&changes, repository)
        });
        let unaware = environments.tells({
            let apps = apps.store();
            move |environment| unaware_in(&apps, environment)
        });
        let waiting = environments.tells({
            let releases = releases.store();
            move |environment| waiting_in(&releases, environment)
        });
        let judged = apps.tells({
            let ctx = Arc::clone(ctx);
            move |app| waiting_for(&ctx, app)
        });
        let limit = |n: u16| ControllerConfig::default().concurrency(n);
        let environments = controller(environments, limit(OTHERS), stop).run(
            reconcile_environment,
            controller::error_policy,
            Arc::clone(ctx),
        );
        // How many are worked on at once is for each environment by itself, see `lanes`.
        let apps = controller(apps, ControllerConfig::default().debounce(SHORTLY), stop)
            .reconcile_on(of_release)
            .reconcile_on(previews)
            .reconcile_on(unaware)
            .reconcile_on(ctx.roads.apps.calls())
            .run(reconcile_app, controller::error_policy, Arc::clone(ctx));
        let releases = controller(releases, ControllerConfig::default(), stop)
            .reconcile_on(waiting)
            .reconcile_on(judged)
            .reconcile_on(of_approval)
            .reconcile_on(ctx.roads.releases.calls())
            .reconcile_all_on(ctx.witness.changes())
            .run(reconcile_release, controller::error_policy, Arc::clone(ctx));
        let sets = controller(sets, limit(OTHERS).debounce(SHORTLY), stop)
            .reconcile_on(of_set)
            .run(reconcile_set, controller::error_policy, Arc::clone(ctx));
        let artifacts = controller(artifacts, limit(OTHERS), stop).run(
            reconcile_artifact,
            controller::error_policy,
            Arc::clone(ctx),
        );
        let repositories = controller(repositories, limit(OTHERS), stop).run(
            reconcile_repository,
            controller::error_policy,
            Arc::clone(ctx),
        );
        let changes = controller(changes, limit(OTHERS), stop).reconcile_on(proposed).run(
            reconcile_change,
            controller::error_policy,
            Arc::clone(ctx),
        );
        // Nothing reconciles them: they are only looked up.
        let approvals = approvals.run().take_until(stop.clone().cancelled_owned());
        async move {
            tokio::join!(
                controller::drive(environments),
                controller::drive(apps),
                controller::drive(releases),
                controller::drive(sets),
                controller::drive(artifacts),
                controller::drive(repositories),
                controller::drive(changes),
                approvals.for_each(|_| std::future::ready(())),
            );
        }
    }
}

/// Makes the controller of a kind, which ends when the token is cancelled.
fn controller<K: Watched>(
    watch: Watch<K>,
    config: ControllerConfig,
    stop: &CancellationToken,
) -> Controller<Guarded<K>> {
    let store = watch.store();
    Controller::for_stream(watch.run().map(Ok), store)
        .with_config(config)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
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
    if app::may_wait(&object, &ctx) {
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
