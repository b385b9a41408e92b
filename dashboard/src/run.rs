//! Wiring: clients, watches, servers.

use anyhow::{Context as _, ensure};
use gimlet_process::Limits;
use kube::Config;
use tokio::net::TcpListener;

use crate::args::Args;
use crate::cluster::Cluster;
use crate::gateway::Gateway;
use crate::http::{self, Dashboard, Settings};
use crate::metrics::Metrics;
use crate::oidc::{self, Oidc};
use crate::probes;
use crate::watched::Watched;

/// Runs the dashboard until it is told to stop.
pub async fn run(args: Args) -> anyhow::Result<()> {
    ensure!(
        args.behind_https || args.listen.ip().is_loopback(),
        "tokens are not taken over a network without TLS: put a proxy in front that ends TLS and \
         set --behind-https, or listen on a loopback address"
    );
    let stop = gimlet_process::stop_on_signal()?;
    let config = Config::infer().await.context("there is no way to a cluster")?;
    let client = gimlet_process::client(config.clone()).context("there is no way to a cluster")?;
    let cluster = Cluster::new(&config).context("there is no way to a cluster")?;
    let operator = operator(&args).context("the operator's views cannot be reached like this")?;

    let metrics = Metrics::new()?;
    let watched = Watched::follow(&client, &stop);
    let settings = Settings {
        oidc: provider(&args)?,
        name: args.cluster,
        read_only: args.read_only,
        behind_https: args.behind_https,
    };
    let gateway = Gateway::new(client);
    let dashboard = Dashboard::new(
        cluster,
        operator,
        watched.clone(),
        gateway,
        metrics.clone(),
        settings,
        stop.clone(),
    );
    let listen = |address| async move {
        let listener = TcpListener::bind(address).await;
        listener.with_context(|| format!("the address {address} cannot be listened on"))
    };
    let (own, door) = (listen(args.probes).await?, listen(args.listen).await?);
    tracing::info!(listen = %door.local_addr()?, probes = %own.local_addr()?, "serving");
    let limits = Limits { connections: args.connections.get().into(), ..Limits::default() };
    let own = gimlet_process::serve(
        own,
        probes::router(watched, metrics),
        Limits::default(),
        stop.clone(),
    );
    let probes = tokio::spawn(own);
    gimlet_process::serve(door, http::router(dashboard), limits, stop).await;
    probes.abort();
    tracing::info!("stopped");
    Ok(())
}

fn provider(args: &Args) -> anyhow::Result<Option<Oidc>> {
    let (Some(issuer), Some(client_id)) = (&args.oidc_issuer, &args.oidc_client_id) else {
        return Ok(None);
    };
    ensure!(
        issuer.starts_with("https://"),
        "secrets and tokens are sent there: --oidc-issuer has to be https"
    );
    let provider = Oidc::new(oidc::Settings {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        secret_file: args.oidc_client_secret_file.clone(),
        scopes: args.oidc_scopes.clone(),
        authorities: args.oidc_ca.clone(),
        name: args.oidc_name.clone(),
        groups_claim: args.oidc_groups_claim.clone(),
    });
    provider.context("people cannot sign in at the issuer like this").map(Some)
}

fn operator(args: &Args) -> anyhow::Result<Option<Cluster>> {
    let Some(url) = args.operator_url.clone() else { return Ok(None) };
    let loopback = matches!(url.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    ensure!(
        url.scheme_str() == Some("https") || (url.scheme_str() == Some("http") && loopback),
        "tokens are sent there: --operator-url has to be https, or a loopback address"
    );
    let mut config = Config::new(url);
    config.root_cert_file.clone_from(&args.operator_ca);
    Ok(Some(Cluster::new(&config)?))
}
