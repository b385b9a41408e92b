//! Wiring: client, watches, connection, probes.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::args::{self, Args};
use crate::ask::{People, Powers};
use crate::cluster::Cluster;
use crate::connection::{Connection, TokenFile};
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::probes::{self, Probes};

/// How often the token's file is looked at.
const TOKEN: Duration = Duration::from_secs(10);
/// How often a cluster that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// Runs the agent until it is told to stop.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let address = args.address().context("--dashboard is not an address of a dashboard")?;
    let Args {
        dashboard: _,
        environment,
        token,
        dashboard_ca,
        namespace_selector,
        on_demand,
        listen,
        log: _,
        log_format: _,
    } = args;
    // Whoever was first has chosen; everything here chooses the same.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let stop = gimlet_process::stop_on_signal()?;
    let config = Config::infer().await.context("there is no way to a cluster")?;
    let client = gimlet_process::client(config.clone()).context("there is no way to a cluster")?;
    let (cluster, metrics) = (Cluster::new(&environment.name, namespace_selector), Metrics::new()?);

    let listener = TcpListener::bind(listen).await;
    let listener =
        listener.with_context(|| format!("the address {listen} cannot be listened on"))?;
    let probes = Probes { cluster: cluster.clone(), metrics: metrics.clone() };
    let probes = tokio::spawn(axum::serve(listener, probes::router(probes)).into_future());

    let follow = {
        let (cluster, client, stop) = (cluster.clone(), client.clone(), stop.clone());
        tokio::spawn(async move { cluster.follow(client, stop).await })
    };
    tracing::info!(environment = %environment, %listen, "watching");
    let powers = Powers {
        allowed: args::capabilities(&on_demand),
        people: Arc::new(People::new(config)),
        cluster: cluster.clone(),
        metrics: metrics.clone(),
    };
    if let Some(identity) = identify(client, &stop).await {
        let connection = Connection {
            address,
            authorities: dashboard_ca,
            token: TokenFile::new(token, TOKEN),
            environment: environment.to_string(),
            identity,
            cluster,
            metrics,
            powers,
        };
        connection.keep(stop).await;
    }
    probes.abort();
    tracing::info!("stopped");
    follow.await.context("the watches broke")
}

/// Asks the cluster who it is, until it answers.
async fn identify(client: Client, stop: &CancellationToken) -> Option<Identity> {
    let asking = async {
        loop {
            match Identity::read(client.clone()).await {
                Ok(identity) => return identity,
                Err(error) => {
                    tracing::warn!(%error, "the cluster does not say who it is; asked again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    };
    stop.run_until_cancelled(asking).await
}
