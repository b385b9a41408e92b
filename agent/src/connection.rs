//! The one connection to the dashboard: made, kept, and made again.

mod address;
mod backoff;
mod dial;
mod session;
mod speaker;
#[cfg(test)]
mod tests;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ask::Powers;
use crate::cluster::Cluster;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::protocol::{FromAgent, VERSION};
pub use address::{Address, InvalidAddress};
use backoff::Backoff;
use dial::dial;
use session::{End, Session};
pub use token::TokenFile;

/// For how long a connection has to have been good for the next one to be made at once.
const GOOD: Duration = Duration::from_secs(30);

/// Everything that a connection needs.
#[derive(Debug)]
pub struct Connection {
    /// Where the dashboard is.
    pub address: Address,
    /// Authorities in the place of the machine's, in a file of PEM.
    pub authorities: Option<PathBuf>,
    /// The agent's token.
    pub token: TokenFile,
    /// Environment that it speaks for, as `<namespace>/<name>`.
    pub environment: String,
    /// What the cluster is known by.
    pub identity: Identity,
    /// What is told.
    pub cluster: Cluster,
    /// What is counted.
    pub metrics: Metrics,
    /// What it may be asked for.
    pub powers: Powers,
}

impl Connection {
    /// Keeps the connection until the token is cancelled.
    pub async fn keep(self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let end = self.once(&stop).await;
            self.metrics.disconnected(end.word());
            self.cluster.detach();
            if begun.elapsed() >= GOOD {
                backoff.reset();
            }
            let pause = match &end {
                End::Stopped => return,
                End::Rotated => {
                    tracing::info!("the token was exchanged: the connection is made anew");
                    Duration::ZERO
                }
                End::Lost(why) => {
                    let pause = backoff.next();
                    tracing::warn!(why, seconds = pause.as_secs(), "no connection; tried again");
                    pause
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    async fn once(&self, stop: &CancellationToken) -> End {
        let connected = async {
            let token = self.token.read().await.map_err(|error| error.to_string())?;
            let hello = self.hello();
            let socket = dial(&self.address, self.authorities.as_deref(), &token)
                .await
                .map_err(|error| error.to_string())?;
            Ok::<_, String>((token, hello, socket))
        };
        let Some(connected) = stop.run_until_cancelled(connected).await else {
            return End::Stopped;
        };
        let (token, hello, socket) = match connected {
            Ok(connected) => connected,
            Err(why) => return End::Lost(why),
        };
        let Self { cluster, metrics, powers, .. } = self;
        let session = Session { cluster, metrics, powers };
        session.run(socket, hello, self.token.exchanged(&token), stop).await
    }

    fn hello(&self) -> FromAgent {
        FromAgent::Hello {
            protocol: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: self.identity.cluster.clone(),
            environment: self.environment.clone(),
            capabilities: self.powers.allowed.clone(),
        }
    }
}
