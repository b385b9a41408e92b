//! Wiring: client, caches, Lease, controllers, probes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gimlet_process::Limits;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Client, Config, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::caches::Caches;
use crate::chart::Charts;
use crate::context::{Common, Context};
use crate::controllers::Wiring;
use crate::events::{Events, Writing};
use crate::feedback::{Feedback, Reports};
use crate::flux::FluxCache;
use crate::github_app::Apps;
use crate::http::{self, Probes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::notification::{Announcements, Announcer};
use crate::preview::comments::{Comments, Writer};
use crate::remotes::Remotes;
use crate::render::Renderers;
use crate::repository::webhook;
use crate::sources::Sources;
use crate::traffic::Traffic;
use crate::views;
use crate::witness::Witness;

/// Runs the operator until it is told to stop, or loses the Lease.
#[expect(clippy::too_many_lines, reason = "the order of all that starts and ends is the point")]
pub async fn run(args: Args) -> anyhow::Result<()> {
    let stop = gimlet_process::stop_on_signal()?;
    let config = Config::infer().await.context("there is no way to a cluster")?;
    let client = gimlet_process::client(config).context("there is no way to a cluster")?;
    let version = client
        .apiserver_version()
        .await
        .context("the API server does not answer; is the kubeconfig right?")?;
    std::fs::create_dir_all(&args.cache)
        .with_context(|| format!("the cache folder {} cannot be made", args.cache.display()))?;

    let metrics = Metrics::new()?;
    let probes = Probes::new(metrics.clone());
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("the address {} cannot be listened on", args.listen))?;
    let server = tokio::spawn({
        let stop = stop.clone();
        let router = http::router(probes.clone());
        gimlet_process::serve(listener, router, Limits::default(), stop)
    });

    let renderers = Renderers::new(args.renderers.into(), args.budget)
        .context("the way to the program itself is not known")?;
    wait_for_kinds(&client, &stop).await?;
    let traffic = Traffic::default();
    let (events, writing) = Events::start(client.clone(), metrics.clone(), traffic.clone());
    let (feedback, reports) = Feedback::new();
    let (announcer, announcements) = Announcer::new();
    let (comments, writer) = Comments::new();
    let apps = Arc::new(Apps::new(metrics.clone(), args.allow_loopback));
    let common = Common {
        events,
        feedback,
        comments,
        announcer,
        traffic,
        sources: Arc::new(Sources::new(
            args.cache.clone(),
            metrics.clone(),
            Arc::clone(&apps),
            args.allow_loopback,
        )),
        remotes: Arc::new(Remotes::new(
            args.cache.clone(),
            metrics.clone(),
            apps,
            args.allow_loopback,
        )),
        metrics,
        charts: Charts::new(&args.cache, args.allow_loopback),
        renderers: Arc::new(renderers),
        kubernetes_version: version.git_version,
        refresh: args.refresh(),
        concurrency: args.concurrency,
        artifacts_per_branch: args.artifacts_per_branch.into(),
        client: client.clone(),
    };
    let views = match args.views {
        Some(address) => Some(views::Server::start(address, &common, &args).await?),
        None => None,
    };
    let webhooks = match args.webhooks {
        Some(address) => Some(webhook::Server::start(address, &common, &args).await?),
        None => None,
    };
    let doors = Doors { views, webhooks };
    let mut leadership = Leadership::compete(client.clone(), &args).await?;
    // A replica that waits for the Lease is ready once it can answer: it takes over when it must.
    let idle = async {
        doors.filled().await;
        probes.set_ready(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        won = leadership.won() => won?,
        () = stop.cancelled() => {
            end(doors, common, writing).await?;
            return finish(leadership, server).await;
        }
        () = idle => {}
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        kubernetes = common.kubernetes_version,
        "leading"
    );
    probes.set_ready(false);

    let lead = stop.child_token();
    let wiring = Wiring::new(&client, &args);
    let (flux, witness) = (FluxCache::follow(&client, &lead), Witness::follow(&client, &lead));
    let caches = Caches::of(&wiring, flux, witness);
    let (fill, filled) = watch::channel(false);
    let ctx = Arc::new(Context::new(common.clone(), caches.clone(), filled));
    probes.lead(&ctx);
    let tellers = Tellers::start(&ctx, &args, (reports, announcements, writer), &lead);
    let controllers = tokio::spawn(wiring.run(&ctx, &lead));
    tokio::select! {
        () = async { tokio::join!(caches.filled(), doors.webhooks_filled()); } => {
            ctx.note_releases();
            fill.send_replace(true);
            if let Some(views) = &doors.views {
                views.lead(Arc::clone(&ctx));
            }
            probes.set_ready(true);
        }
        () = lead.cancelled() => {}
    }
    let lost = tokio::select! {
        () = leadership.lost() => true,
        () = lead.cancelled() => false,
    };
    lead.cancel();
    // What is being pushed is given time to end; whatever does not is found in git after a restart.
    if tokio::time::timeout(Duration::from_secs(20), controllers).await.is_err() {
        tracing::warn!("some reconciles did not end in time");
    }
    tellers.finish().await;
    drop(ctx);
    end(doors, common, writing).await?;
    if lost {
        anyhow::bail!("the Lease was lost; another replica leads now");
    }
    finish(leadership, server).await
}

/// Ends what a process has whether it leads or not; the last events are given a moment.
async fn end(doors: Doors, common: Common, writing: Writing) -> anyhow::Result<()> {
    let ended = doors.finish().await;
    drop(common);
    writing.finish().await;
    ended
}

/// What others ask a replica, whether it leads or not.
struct Doors {
    views: Option<views::Server>,
    webhooks: Option<webhook::Server>,
}

impl Doors {
    /// Waits until all can answer.
    async fn filled(&self) {
        if let Some(views) = &self.views {
            views.filled().await;
        }
        self.webhooks_filled().await;
    }

    async fn webhooks_filled(&self) {
        if let Some(webhooks) = &self.webhooks {
            webhooks.filled().await;
        }
    }

    /// Stops to answer.
    async fn finish(self) -> anyhow::Result<()> {
        let Self { views, webhooks } = self;
        let webhooks = async {
            match webhooks {
                Some(webhooks) => webhooks.finish().await,
                None => Ok(()),
            }
        };
        let views = async {
            match views {
                Some(views) => views.finish().await,
                None => Ok(()),
            }
        };
        let (webhooks, views) = tokio::join!(webhooks, views);
        webhooks.and(views)
    }
}

/// What tells others of releases, beside the controllers.
struct Tellers {
    reports: JoinHandle<()>,
    announcements: JoinHandle<()>,
    comments: JoinHandle<()>,
}

impl Tellers {
    fn start(
        ctx: &Arc<Context>,
        args: &Args,
        (reports, announcements, writer): (Reports, Announcements, Writer),
        lead: &CancellationToken,
    ) -> Self {
        let reports = tokio::spawn(reports.send(Arc::clone(ctx), lead.clone()));
        let announcements =
            tokio::spawn(announcements.tell(Arc::clone(ctx), args.receivers(), lead.clone()));
        let comments = tokio::spawn(writer.write(Arc::clone(ctx), lead.clone()));
        Self { reports, announcements, comments }
    }

    /// Waits for all, after they were told to stop.
    async fn finish(self) {
        let Self { reports, announcements, comments } = self;
        let _ = tokio::join!(reports, announcements, comments);
    }
}

async fn finish(leadership: Leadership, server: tokio::task::JoinHandle<()>) -> anyhow::Result<()> {
    leadership.release().await;
    server.abort();
    tracing::info!("stopped");
    Ok(())
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
