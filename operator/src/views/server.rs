//! The listener of the views: TLS everywhere but on loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// How long a caller may take to say hello.
const HELLO: Duration = Duration::from_secs(5);

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// Serves until the token is cancelled.
pub(crate) async fn serve(
    address: SocketAddr,
    certificate: Option<Certificate>,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    ensure!(
        certificate.is_some() || address.ip().is_loopback(),
        "tokens are not taken over a network without TLS: set --views-certificate and --views-key, \
         or listen on a loopback address"
    );
    let tcp = TcpListener::bind(address)
        .await
        .with_context(|| format!("the address {address} of the views cannot be listened on"))?;
    let stopped = stop.cancelled_owned();
    match certificate {
        None => axum::serve(tcp, router).with_graceful_shutdown(stopped).await?,
        Some(certificate) => {
            let tls = Tls { tcp, certificate };
            tls.acceptor().await?;
            axum::serve(tls, router).with_graceful_shutdown(stopped).await?;
        }
    }
    Ok(())
}

/// A listener that reads its certificate for each caller, so that a new one is taken up.
struct Tls {
    tcp: TcpListener,
    certificate: Certificate,
}

impl Tls {
    async fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let Certificate { chain, key } = &self.certificate;
        let read = async |path: &PathBuf| {
            let file = tokio::fs::read(path).await;
            file.with_context(|| format!("{} cannot be read", path.display()))
        };
        let (chain, key) = (read(chain).await?, read(key).await?);
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&key).context("the key of the views is no key")?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("certificate and key of the views do not fit")?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    async fn hello(&self) -> anyhow::Result<(TlsStream<TcpStream>, SocketAddr)> {
        let (stream, address) = self.tcp.accept().await?;
        let acceptor = self.acceptor().await?;
        Ok((tokio::time::timeout(HELLO, acceptor.accept(stream)).await??, address))
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.hello().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "a caller of the views was lost");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
