//! Whom git trusts over HTTPS, and where credentials never go.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gimlet_gitops::{Credentials, EngineChoice, GitErrorKind, Options, Remote, Secret, Writer};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_util::io::InspectReader;

use crate::ENGINE;
use crate::fixture::{Repo, change, folder};
use crate::http::Server;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// A certificate authority; all of them have the same name, so only their keys tell them apart.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: Vec<u8>,
}

fn named(name: &str, hosts: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("test authority", Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem().into_bytes();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn acceptor(&self, host: &str) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.config(host)))
    }

    fn config(&self, host: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = named("test server", vec![host.to_owned()]);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap()
    }
}

/// What came over the wire, before decryption, one entry per connection.
type Wire = Arc<Mutex<Vec<Vec<u8>>>>;

/// Takes TLS off and passes the rest to a server behind.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    wire: Wire,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    pub(crate) async fn start(server: &Server, acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Wire::default();
        let (heard, behind) = (Arc::clone(&wire), server.address());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, acceptor) = (Arc::clone(&heard), acceptor.clone());
                tokio::spawn(async move {
                    let index = {
                        let mut heard = heard.lock().unwrap();
                        heard.push(Vec::new());
                        heard.len() - 1
                    };
                    let stream = InspectReader::new(stream, move |bytes: &[u8]| {
                        heard.lock().unwrap()[index].extend_from_slice(bytes);
                    });
                    // A client that does not trust the certificate may end here or just afterwards.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { address, wire, task }
    }

    fn remote(&self, repo: &Repo, ca: Option<&Authority>) -> Remote {
        let mut remote = repo.remote(&format!("https://{}/repo.git", self.address));
        remote.credentials = hunter2();
        remote.ca = ca.map(|ca| ca.pem.clone());
        remote
    }

    /// Checks that somebody came, and that all that was said was a handshake or secret.
    fn assert_heard_no_clear_text(&self) {
        let wire = self.wire.lock().unwrap();
        assert!(!wire.is_empty(), "nobody connected");
        for bytes in wire.iter() {
            assert_eq!(bytes.first(), Some(&HANDSHAKE));
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            for word in ["authorization", "basic ", "repo.git", "hunter2"] {
                assert!(!text.contains(word), "{word:?} was sent in clear");
            }
        }
    }
}

fn hunter2() -> Credentials {
    Credentials::Basic { username: "gimlet".into(), password: Secret::new("hunter2") }
}

fn release(id: &str) -> gimlet_gitops::Change {
    change(id, vec![folder("staging/web", &[("release.json", id)])])
}

fn without_retries(repo: &Repo) -> Options {
    Options { retries: 0, ..repo.options() }
}

/// Checks that a remote is refused because of its certificate, before any request.
async fn assert_not_trusted(repo: &Repo, server: &Server, front: &Front, remote: Remote) {
    let head = repo.head();
    let writer = Writer::open(remote, without_retries(repo));
    let error = writer.commit(release("r1")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Unreachable, "{error}");
    let text = error.to_string();
    assert!(text.contains("check the server's certificate"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(server.requests(), 0);
    front.assert_heard_no_clear_text();
    assert_eq!(repo.head(), head);
}

#[tokio::test]
async fn a_release_lands_over_https_with_an_authority_of_our_own() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let ca = Authority::new();
    let front = Front::start(&server, ca.acceptor("127.0.0.1")).await;
    let writer = Writer::open(front.remote(&repo, Some(&ca)), repo.options());
    for id in ["r1", "r2"] {
        writer.commit(release(id)).await.unwrap();
    }
    assert_eq!(repo.releases(), ["r2", "r1"]);
    assert_eq!(server.pushes(), 2);
    front.assert_heard_no_clear_text();
    repo.fsck();
}

#[tokio::test]
async fn answers_come_as_gzip() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let writer = Writer::open(server.remote(&repo, ""), repo.options());
    for id in ["r1", "r2"] {
        writer.commit(release(id)).await.unwrap();
    }
    assert!(server.zipped() > 0);
    assert_eq!(repo.releases(), ["r2", "r1"]);
}

#[tokio::test]
async fn http_2_is_taken_where_it_is_offered() {
    if ENGINE != EngineChoice::Wire {
        // It depends on the library that the git program was built with.
        return;
    }
    let repo = Repo::seeded();
    let ca = Authority::new();
    let mut config = ca.config("127.0.0.1");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut remote = repo.remote(&format!("https://{}/repo.git", listener.local_addr().unwrap()));
    remote.ca = Some(ca.pem.clone());
    let agreed = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        // It says at once that it knows how to go on.
        let mut preface = [0; 14];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut preface).await.unwrap();
        (agreed, preface)
    });
    let error = Writer::open(remote, without_retries(&repo)).head().await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Unreachable, "{error}");
    let (agreed, preface) = agreed.await.unwrap();
    assert_eq!((agreed.as_deref(), &preface), (Some(&b"h2"[..]), b"PRI * HTTP/2.0"));
}

#[tokio::test]
async fn wrong_credentials_over_https_are_unauthorized() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("another")).await;
    let ca = Authority::new();
    let front = Front::start(&server, ca.acceptor("127.0.0.1")).await;
    let error =
        Writer::open(front.remote(&repo, Some(&ca)), repo.options()).head().await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Unauthorized, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_gets_no_request() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let front = Front::start(&server, Authority::new().acceptor("127.0.0.1")).await;
    assert_not_trusted(&repo, &server, &front, front.remote(&repo, None)).await;
}

#[tokio::test]
async fn a_server_of_another_authority_of_the_same_name_gets_no_request() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let front = Front::start(&server, Authority::new().acceptor("127.0.0.1")).await;
    let stranger = Authority::new();
    assert_not_trusted(&repo, &server, &front, front.remote(&repo, Some(&stranger))).await;
}

#[tokio::test]
async fn a_server_with_the_certificate_of_another_host_gets_no_request() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let ca = Authority::new();
    let front = Front::start(&server, ca.acceptor("git.example.com")).await;
    assert_not_trusted(&repo, &server, &front, front.remote(&repo, Some(&ca))).await;
}

#[tokio::test]
async fn credentials_for_plain_http_are_refused_before_any_connection() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    // The rule knows no address of this machine in this form, yet it leads to the server.
    let mut remote =
        repo.remote(&format!("http://[::ffff:127.0.0.1]:{}/repo.git", server.address().port()));
    let writer = Writer::open(remote.clone(), repo.options());
    writer.head().await.unwrap();
    let before = server.requests();
    assert!(before > 0);

    writer.set_credentials(hunter2());
    let error = writer.commit(release("r1")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Invalid, "{error}");
    drop(writer);

    remote.credentials = hunter2();
    let mut options = repo.options();
    options.cache_dir = repo.dir.path().join("cache2");
    let error = Writer::open(remote, options).head().await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("use https"), "{error}");
    assert_eq!(server.requests(), before);
}

#[tokio::test]
async fn credentials_never_follow_a_redirect() {
    // At first sight, when a push asks what is there, and with the push itself.
    for part in ["git-upload-pack", "info/refs?service=git-receive-pack", "/git-receive-pack"] {
        if ENGINE == EngineChoice::Wire && part.starts_with("info/refs") {
            // Without a clone nothing is asked before a push.
            continue;
        }
        let repo = Repo::seeded();
        let server = Server::start(&repo, Some("hunter2")).await;
        let other = Server::start(&repo, None).await;
        server.redirect(part, &format!("http://localhost:{}", other.address().port()));
        let writer = Writer::open(server.remote(&repo, "hunter2"), without_retries(&repo));
        let error = writer.commit(release("r1")).await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("new address"), "{error}");
        assert!(server.requests() > 0);
        assert_eq!(other.requests(), 0, "{part}");
        assert!(repo.releases().is_empty());
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_credentials_where_its_address_is_looked_at_first() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let other = Server::start(&repo, None).await;
    server.redirect("info/refs", &format!("http://localhost:{}", other.address().port()));
    let writer = Writer::open(server.remote(&repo, ""), without_retries(&repo));
    let outcome = writer.commit(release("r1")).await;
    if ENGINE == EngineChoice::Wire {
        outcome.unwrap();
        assert!(other.requests() > 0);
        assert_eq!(repo.releases(), ["r1"]);
    } else {
        // The git program looks at no address.
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("use the new address"), "{error}");
        assert_eq!(other.requests(), 0);
    }
}
