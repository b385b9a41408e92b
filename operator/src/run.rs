//! Wiring: client, caches, Lease, controllers, probes.

mod watches;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt;
use futures::future::{join, join5};
use gimlet_crds::{App, Approval, Artifact, Environment, Release, ReleaseSet};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, reflector as reflect, watcher};
use kube::{Client, ResourceExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::backoff::Backoff;
use crate::chart::Charts;
use crate::context::{Context, Guarded};
use crate::controller::{self, Failure};
use crate::events::Events;
use crate::flux::FluxCache;
use crate::http::{self, Probes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::remotes::Remotes;
use crate::render::Renderers;
use crate::traffic::Traffic;
use crate::written::Written;
use crate::{app, artifact, environment, release, release_set, views};
use watches::{app_of, release_of, set_of, waiting_for, waiting_in};

/// How long an object waits at most for the cache to see what was written of it; the event comes first.
const LAGGING: Duration = Duration::from_secs(5);
/// Reconciles of Environments and Apps at once.
const OTHERS: u16 = 32;
/// How long an App waits for more changes before it is looked at: a release is some of them.
const SHORTLY: Duration = Duration::from_millis(200);
/// How long an App waits while many releases of its environment are on their way.
const BUSY: Duration = Duration::from_secs(1);

/// Runs the operator until it is told to stop, or loses the Lease.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let client = Client::try_default().await.context("there is no way to a cluster")?;
    let version = client
        .apiserver_version()
        .await
        .context("the API server does not answer; is the kubeconfig right?")?;
    std::fs::create_dir_all(&args.cache)
        .with_context(|| format!("the cache folder {} cannot be made", args.cache.display()))?;

    let metrics = Metrics::new()?;
    let remotes = Arc::new(Remotes::new(args.cache.clone(), metrics.clone()));
    let probes = Probes::new(metrics.clone(), Arc::clone(&remotes));
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("the address {} cannot be listened on", args.listen))?;
    let server = tokio::spawn({
        let stop = stop.clone();
        let router = http::router(probes.clone());
        async move { axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await }
    });

    let renderers = Renderers::new(args.renderers.into(), args.budget)
        .context("the way to the program itself is not known")?;
    wait_for_kinds(&client, &stop).await?;
    let mut leadership = Leadership::compete(client.clone(), &args).await?;
    // A replica that waits for the Lease is ready: it answers probes and takes over when it must.
    probes.set_ready(true);
    tokio::select! {
        won = leadership.won() => won?,
        () = stop.cancelled() => return finish(leadership, server).await,
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        kubernetes = version.git_version,
        "leading"
    );
    probes.set_ready(false);

    let lead = stop.child_token();
    let wiring = Wiring::new(&client, &args);
    let (fill, filled) = watch::channel(false);
    let (events, writing) = Events::start(client.clone(), metrics.clone());
    let ctx = Arc::new(Context {
        events,
        traffic: Traffic::default(),
        backoff: Backoff::default(),
        written: Written::default(),
        charts: Charts::new(&args.cache),
        renderers,
        flux: FluxCache::follow(&client, &lead),
        environments: wiring.environments.store(),
        apps: wiring.apps.store(),
        releases: wiring.releases.store(),
        sets: wiring.sets.store(),
        artifacts: wiring.artifacts.store(),
        approvals: wiring.approvals.store.clone(),
        kubernetes_version: version.git_version,
        refresh: args.refresh(),
        artifacts_per_branch: args.artifacts_per_branch.into(),
        filled,
        client,
        metrics,
        remotes,
    });
    let views = args.views.map(|address| {
        let router = views::router(Arc::clone(&ctx));
        views::serve(address, args.views_certificate(), router, lead.clone())
    });
    let broken = lead.clone();
    let views = tokio::spawn(async move {
        let end = match views {
            Some(serving) => serving.await,
            None => Ok(()),
        };
        end.inspect_err(|_| broken.cancel())
    });
    let controllers = tokio::spawn(wiring.run(&ctx, &args, &lead));
    let caches = wait_for_caches(&ctx);
    tokio::select! {
        () = caches => {
            fill.send_replace(true);
            probes.set_ready(true);
        }
        () = lead.cancelled() => {}
    }
    let lost = tokio::select! {
        () = leadership.lost() => true,
        () = lead.cancelled() => false,
    };
    lead.cancel();
    let views = views.await;
    // What is being pushed is given time to end; whatever does not is found in git after a restart.
    if tokio::time::timeout(Duration::from_secs(20), controllers).await.is_err() {
        tracing::warn!("some reconciles did not end in time");
    }
    drop(ctx);
    writing.finish().await;
    views.context("the views broke")??;
    if lost {
        anyhow::bail!("the Lease was lost; another replica leads now");
    }
    finish(leadership, server).await
}

async fn finish(
    leadership: Leadership,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
) -> anyhow::Result<()> {
    leadership.release().await;
    server.abort();
    tracing::info!("stopped");
    Ok(())
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        token.cancel();
    });
    Ok(stop)
}

/// Waits until the kinds are installed: whoever applies everything at once need not care for order.
async fn wait_for_kinds(client: &Client, stop: &CancellationToken) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut told = false;
    loop {
        let mut missing = Vec::new();
        for definition in gimlet_crds::definitions() {
            let name = definition.name_any();
            let found =
                api.get_opt(&name).await.with_context(|| format!("failed to look for {name}"))?;
            let established = found.and_then(|crd| crd.status).is_some_and(|status| {
                let mut conditions = status.conditions.into_iter().flatten();
                conditions.any(|c| c.type_ == "Established" && c.status == "True")
            });
            if !established {
                missing.push(name);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if !told {
            tracing::warn!(
                missing = missing.join(", "),
                "Gimlet's kinds are not installed; waiting for them"
            );
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.cancelled() => anyhow::bail!("stopped before the kinds were installed"),
        }
    }
}

/// Waits until all caches were filled once.
///
/// A store wakes only the task that asked last, and its controller asks too; hence the short naps.
async fn wait_for_caches(ctx: &Context) {
    let all = async || {
        let _ = ctx.environments.wait_until_ready().await;
        let _ = ctx.apps.wait_until_ready().await;
        let _ = ctx.releases.wait_until_ready().await;
        let _ = ctx.sets.wait_until_ready().await;
        let _ = ctx.artifacts.wait_until_ready().await;
        let _ = ctx.approvals.wait_until_ready().await;
    };
    while tokio::time::timeout(Duration::from_millis(100), all()).await.is_err() {}
    ctx.flux.filled().await;
}

/// The controllers before they run.
struct Wiring {
    environments: Controller<Guarded<Environment>>,
    apps: Controller<Guarded<App>>,
    releases: Controller<Guarded<Release>>,
    sets: Controller<Guarded<ReleaseSet>>,
    artifacts: Controller<Guarded<Artifact>>,
    approvals: Approvals,
    watched: Watched,
}

/// The ways to the watched kinds, in one namespace or in all.
struct Watched {
    environments: Api<Guarded<Environment>>,
    apps: Api<Guarded<App>>,
    releases: Api<Guarded<Release>>,
}

impl Wiring {
    fn new(client: &Client, args: &Args) -> Self {
        let watched = Watched {
            environments: api(client, args),
            apps: api(client, args),
            releases: api(client, args),
        };
        Self {
            environments: Controller::new(watched.environments.clone(), watcher::Config::default()),
            apps: Controller::new(watched.apps.clone(), watcher::Config::default()),
            releases: Controller::new(watched.releases.clone(), watcher::Config::default()),
            sets: Controller::new(api(client, args), watcher::Config::default()),
            artifacts: Controller::new(api(client, args), watcher::Config::default()),
            approvals: Approvals::new(api(client, args)),
            watched,
        }
    }

    /// Runs all of them until the token is cancelled.
    fn run(
        self,
        ctx: &Arc<Context>,
        args: &Args,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let Self { environments, apps, releases, sets, artifacts, approvals, watched } = self;
        let limit = |n: u16| ControllerConfig::default().concurrency(n);
        let of_environment = releases.store();
        let of_app = releases.store();
        let environments = environments
            .with_config(limit(OTHERS))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_environment, controller::error_policy, Arc::clone(ctx));
        let apps = apps
            .with_config(limit(OTHERS).debounce(SHORTLY))
            .watches(
                watched.releases.clone(),
                watcher::Config::default(),
                |release: Guarded<Release>| app_of(&release),
            )
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(reconcile_app, controller::error_policy, Arc::clone(ctx));
        let releases = releases
            .with_config(limit(args.concurrency))
            .watches(
                watched.environments,
                watcher::Config::default(),
                move |environment: Guarded<Environment>| waiting_in(&of_environment, &environment),
            )
            .watches(watched.apps, watcher::Config::default(), move |app: Guarded<App>| {
                waiting_for(&of_app, &app)
            })
            .watches(approvals.api.clone(), watcher::Config::default(), |approval| {
                release_of(&approval)
            })
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
        let until = stop.clone();
        async move {
            join5(
                controller::drive(environments),
                controller::drive(apps),
                join(controller::drive(releases), controller::drive(sets)),
                controller::drive(artifacts),
                approvals.follow(until),
            )
            .await;
        }
    }
}

/// The Approvals: a cache, and nothing that reconciles them.
struct Approvals {
    api: Api<Guarded<Approval>>,
    store: Store<Guarded<Approval>>,
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

fn api<K>(client: &Client, args: &Args) -> Api<Guarded<K>>
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
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let namespace = object.namespace().unwrap_or_default();
    let goes = object.metadata.deletion_timestamp.is_some();
    if !goes && ctx.traffic.is_heavy(&namespace, &object.spec.environment) {
        return Ok(Action::requeue(BUSY.mul_f64(rand::random_range(0.5..1.5))));
    }
    let result = match app::reconcile(&object, &ctx).await {
        Ok(action) => Ok(action),
        Err(error) => {
            app::record_failure(&object, &error, &ctx).await;
            Err(Failure::new(error.reason(), &error, error.retry()))
        }
    };
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

async fn reconcile_release(
    object: Arc<Guarded<Release>>,
    ctx: Arc<Context>,
) -> Result<Action, Failure> {
    ctx.filled().await;
    let Some(object) = controller::readable(&object) else {
        return Ok(Action::await_change());
    };
    if ctx.written.is_ahead_of(&object.metadata) {
        return Ok(Action::requeue(LAGGING));
    }
    let namespace = object.namespace().unwrap_or_default();
    let _passage = ctx.traffic.enter(namespace, object.spec.environment.clone());
    let result = release::reconcile(&object, &ctx)
        .await
        .map_err(|error| Failure::new(error.reason(), &error, error.retry()));
    controller::finish(&*object, result, &ctx)
}
