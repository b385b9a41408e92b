//! TLS of the views, with a certificate that may be exchanged while it is served.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// How long a caller may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// Callers that may say hello at once; the next ones wait.
const HELLOS: usize = 256;
/// The pause after a listener that cannot accept, most likely for lack of open files.
const PAUSE: Duration = Duration::from_millis(10);

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// A listener that reads its certificate for each caller, so that a new one is taken up.
pub(super) struct Tls {
    tcp: TcpListener,
    certificate: Certificate,
    /// The last certificate that could be used: while the files are exchanged they may not fit.
    acceptor: TlsAcceptor,
    /// Those who are saying hello; one who says nothing holds up nobody else.
    hellos: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Tls {
    /// Makes a listener; an error where the certificate cannot be used.
    pub(super) async fn listen(tcp: TcpListener, certificate: Certificate) -> anyhow::Result<Self> {
        let acceptor = certificate.acceptor().await?;
        Ok(Self { tcp, certificate, acceptor, hellos: JoinSet::new() })
    }

    async fn greet(&mut self, stream: TcpStream, address: SocketAddr) {
        match self.certificate.acceptor().await {
            Ok(acceptor) => self.acceptor = acceptor,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "the views keep the certificate that they had");
            }
        }
        let hello = self.acceptor.accept(stream);
        self.hellos.spawn(async move {
            let stream = tokio::time::timeout(HELLO, hello).await??;
            Ok((stream, address))
        });
    }
}

impl Certificate {
    async fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let read = async |path: &PathBuf| {
            let file = tokio::fs::read(path).await;
            file.with_context(|| format!("{} cannot be read", path.display()))
        };
        let (chain, key) = (read(&self.chain).await?, read(&self.key).await?);
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&key).context("the key of the views is no key")?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("certificate and key of the views do not fit")?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let accepted = tokio::select! {
                Some(done) = self.hellos.join_next() => match done {
                    Ok(Ok(accepted)) => return accepted,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "a caller of the views was lost");
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a caller of the views was lost");
                        continue;
                    }
                },
                accepted = self.tcp.accept(), if self.hellos.len() < HELLOS => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.greet(stream, address).await,
                Err(error) => {
                    tracing::debug!(%error, "a caller of the views was lost");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    /// A certificate authority, and a folder with a certificate of it.
    struct Authority {
        ca: CertifiedIssuer<'static, KeyPair>,
        dir: tempfile::TempDir,
    }

    impl Authority {
        fn new() -> Self {
            let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            let authority = Self { ca, dir: tempfile::tempdir().unwrap() };
            authority.issue();
            authority
        }

        /// Puts a new certificate into the folder, and gives it.
        fn issue(&self) -> CertificateDer<'static> {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["views.test".to_owned()]).unwrap();
            let issued = params.signed_by(&key, &self.ca).unwrap();
            let Certificate { chain, key: file } = self.files();
            std::fs::write(chain, issued.pem()).unwrap();
            std::fs::write(file, key.serialize_pem()).unwrap();
            issued.der().clone()
        }

        fn files(&self) -> Certificate {
            let file = |name: &str| self.dir.path().join(name);
            Certificate { chain: file("tls.crt"), key: file("tls.key") }
        }

        fn connector(&self) -> TlsConnector {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.der().clone()).unwrap();
            let config =
                ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        }
    }

    async fn serve(authority: &Authority) -> SocketAddr {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let tls = Tls::listen(tcp, authority.files()).await.unwrap();
        let router = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(async move { axum::serve(tls, router).await });
        address
    }

    /// Asks over TLS, and gives the answer with the certificate that was shown.
    async fn ask(
        authority: &Authority,
        address: SocketAddr,
    ) -> io::Result<(String, CertificateDer<'static>)> {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("views.test").unwrap();
        let mut stream = authority.connector().connect(name, tcp).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        let request = "GET / HTTP/1.1\r\nHost: views.test\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok((answer, shown))
    }

    #[tokio::test]
    async fn a_new_certificate_is_shown_to_the_next_caller_and_half_of_one_is_not() {
        let authority = Authority::new();
        let first = authority.issue();
        let address = serve(&authority).await;
        let (answer, shown) = ask(&authority, address).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
        assert_eq!(shown, first);

        let Certificate { chain, key } = authority.files();
        std::fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert_eq!(ask(&authority, address).await.unwrap().1, first, "the key is of another");
        std::fs::remove_file(&chain).unwrap();
        assert_eq!(ask(&authority, address).await.unwrap().1, first, "it is gone");

        let second = authority.issue();
        assert_ne!(first, second);
        assert_eq!(ask(&authority, address).await.unwrap().1, second);
        let stranger = Authority::new();
        assert!(ask(&stranger, address).await.is_err(), "another authority is not believed");
    }

    #[tokio::test]
    async fn who_says_nothing_holds_up_nobody() {
        let authority = Authority::new();
        let address = serve(&authority).await;
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        // Longer than one hello may take, if they waited for each other.
        let answer = tokio::time::timeout(HELLO, ask(&authority, address)).await;
        assert!(answer.unwrap().unwrap().0.ends_with("hello"));
        // Without TLS nothing is told.
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
        let authority = Authority::new();
        let files = authority.files();
        std::fs::write(&files.key, "nonsense").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = Tls::listen(tcp, files).await.err().unwrap();
        assert!(error.to_string().contains("is no key"), "{error:#}");
    }
}
