//! The server of the views: in every replica, whether it leads or not.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use gimlet_process::Limits;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use super::{Seat, router};
use crate::args::Args;
use crate::caches::Caches;
use crate::context::{Common, Context};

/// Serves the views from caches of its own, and from those of the controllers once it leads.
pub(crate) struct Server {
    seat: watch::Sender<Seat>,
    filled: watch::Receiver<bool>,
    /// Ends the caches of its own.
    own: CancellationToken,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Starts to fill the caches and to listen.
    pub(crate) async fn start(
        address: SocketAddr,
        common: &Common,
        args: &Args,
    ) -> anyhow::Result<Self> {
        let certificate = args.views_certificate();
        ensure!(
            certificate.is_some() || address.ip().is_loopback(),
            "tokens are not taken over a network without TLS: set --views-certificate and \
             --views-key, or listen on a loopback address"
        );
        let tcp = TcpListener::bind(address)
            .await
            .with_context(|| format!("the address {address} of the views cannot be listened on"))?;
        let (own, stop) = (CancellationToken::new(), CancellationToken::new());
        let caches = Caches::follow(&common.client, args, &own);
        let (fill, filled) = watch::channel(false);
        let ctx = Arc::new(Context::new(common.clone(), caches.clone(), filled.clone()));
        let until = own.clone();
        tokio::spawn(async move {
            if until.run_until_cancelled(caches.filled()).await.is_some() {
                fill.send_replace(true);
            }
        });
        let (seat, seats) = watch::channel(Seat { ctx, leads: false });
        let router = router(common.client.clone(), seats);
        let (limits, stopped) = (Limits::default(), stop.clone());
        let serving = match certificate {
            None => tokio::spawn(gimlet_process::serve(tcp, router, limits, stopped)),
            Some(certificate) => {
                let tls = Tls::listen(tcp, certificate).await?;
                tokio::spawn(gimlet_process::serve(tls, router, limits, stopped))
            }
        };
        Ok(Self { seat, filled, own, stop, serving })
    }

    /// Waits until the caches were filled once.
    pub(crate) async fn filled(&self) {
        // An error means that the process is about to end.
        let _ = self.filled.clone().wait_for(|filled| *filled).await;
    }

    /// Reads from the caches of the controllers from now on.
    pub(crate) fn lead(&self, ctx: Arc<Context>) {
        self.seat.send_replace(Seat { ctx, leads: true });
        self.own.cancel();
    }

    /// Stops to serve; what is being answered is given time to end.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        let Self { seat, filled: _, own, stop, serving } = self;
        own.cancel();
        stop.cancel();
        drop(seat);
        serving.await.context("the views broke")
    }
}
