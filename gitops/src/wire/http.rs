//! Requests to a git server over HTTP.

use std::path::Path;
use std::sync::{Once, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gimlet_outbound::Refused;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, redirect};

use url::Url;

use super::packet::garbage;
use crate::error::{GitError, GitErrorKind};
use crate::options::Timeouts;
use crate::reach::{self, GuardedResolver};
use crate::remote::{Credentials, Remote};

/// The most bytes of one answer, as they come over the wire.
const ANSWER_CAP: usize = 512 * 1024 * 1024;
/// The most bytes that are shown of an answer that explains a failure.
const EXPLANATION: usize = 300;
/// How often the first question is sent elsewhere.
const MAX_REDIRECTS: usize = 4;
/// The environment variable that names a file of authorities.
const AUTHORITIES: &str = "GIT_SSL_CAINFO";
const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// The two sides of git's protocol, as servers name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Sends objects to us.
    UploadPack,
    /// Takes objects from us.
    ReceivePack,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

/// A connection that is kept, and what proves who we are.
pub(super) struct Http {
    client: Result<Client, GitError>,
    timeouts: Timeouts,
    address: RwLock<Address>,
}

/// Where requests go, and what goes with them.
#[derive(Clone)]
struct Address {
    remote: Remote,
    /// Where the server has sent us, if it has.
    moved: Option<Url>,
    authorization: Option<HeaderValue>,
}

impl Address {
    fn to(&self, path: &str) -> Result<Url, GitError> {
        self.remote.check()?;
        let base = self.moved.as_ref().map_or(self.remote.url.as_str(), Url::as_str);
        Url::parse(&format!("{}/{path}", base.trim_end_matches('/')))
            .map_err(|error| GitError::new(GitErrorKind::Invalid, format!("{base}: {error}")))
    }
}

impl Http {
    pub(super) fn new(remote: Remote, timeouts: Timeouts) -> Self {
        let client = client(&remote, &timeouts);
        let authorization = authorization(&remote.credentials);
        let address = RwLock::new(Address { remote, moved: None, authorization });
        Self { client, timeouts, address }
    }

    fn address(&self) -> Address {
        self.address.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_credentials(&self, credentials: Credentials) {
        let mut address = self.address.write().unwrap_or_else(PoisonError::into_inner);
        address.authorization = authorization(&credentials);
        address.remote.credentials = credentials;
        // Credentials are for the server that they were given for.
        address.moved = None;
    }

    /// Asks what upload-pack can do.
    ///
    /// This first question is the only one that follows where the server points, and only while
    /// there are no credentials that could go along.
    pub(super) async fn advertisement(&self) -> Result<Vec<u8>, GitError> {
        const PATH: &str = "info/refs?service=git-upload-pack";
        let service = Service::UploadPack;
        let address = self.address();
        let mut url = address.to(PATH)?;
        for _ in 0..MAX_REDIRECTS {
            let request = self.client()?.get(url.clone());
            let expected = "application/x-git-upload-pack-advertisement";
            let deadline = self.timeouts.connect + self.timeouts.idle;
            let answer = self.send(request, service, expected, deadline).await?;
            let location = match answer {
                Answer::Body(body) => return Ok(body),
                Answer::Moved(location) => location,
            };
            let next = location.as_deref().and_then(|location| url.join(location).ok());
            let open = matches!(address.remote.credentials, Credentials::None);
            let next = next.filter(|next| open && is_as_safe(&url, next));
            let Some(next) = next else { return Err(self.moved()) };
            if let Some(what) =
                reach::refuses(address.remote.reach(), next.host_str().unwrap_or_default())
            {
                return Err(reach::refused(next.as_str(), what));
            }
            if let Some(base) = next.as_str().strip_suffix(&format!("/{PATH}")) {
                let mut address = self.address.write().unwrap_or_else(PoisonError::into_inner);
                address.moved = Url::parse(base).ok();
            }
            url = next;
        }
        Err(self.moved())
    }

    /// Sends a request to a service and returns the whole answer.
    pub(super) async fn call(&self, service: Service, body: Vec<u8>) -> Result<Vec<u8>, GitError> {
        let name = service.name();
        let url = self.address().to(name)?;
        let expected = format!("application/x-{name}-result");
        let deadline = match service {
            Service::UploadPack => self.timeouts.fetch,
            Service::ReceivePack => self.timeouts.push,
        };
        let request = self
            .client()?
            .post(url)
            .header(CONTENT_TYPE, format!("application/x-{name}-request"))
            .header(ACCEPT, &expected)
            .body(body);
        match self.send(request, service, &expected, deadline).await? {
            Answer::Body(body) => Ok(body),
            Answer::Moved(_) => Err(self.moved()),
        }
    }

    fn client(&self) -> Result<&Client, GitError> {
        self.client.as_ref().map_err(GitError::clone)
    }

    async fn send(
        &self,
        mut request: RequestBuilder,
        service: Service,
        expected: &str,
        deadline: Duration,
    ) -> Result<Answer, GitError> {
        if service == Service::UploadPack {
            request = request.header(PROTOCOL, "version=2");
        }
        if let Some(value) = self.address().authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let answered = tokio::time::timeout(deadline, self.answer(request, expected)).await;
        answered.unwrap_or_else(|_| {
            Err(GitError::new(
                GitErrorKind::Timeout,
                format!(
                    "{} did not answer within {} s: check that the server is up",
                    self.address().remote.url,
                    deadline.as_secs()
                ),
            ))
        })
    }

    async fn answer(&self, request: RequestBuilder, expected: &str) -> Result<Answer, GitError> {
        let mut response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            return Ok(Answer::Moved(location.map(str::to_owned)));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let cap = if status.is_success() { ANSWER_CAP } else { EXPLANATION };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > cap {
                if status.is_success() {
                    return Err(GitError::new(
                        GitErrorKind::TooLarge,
                        format!("{} sent more than {cap} bytes at once", self.address().remote.url),
                    ));
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(self.refused(status, &kind, &body));
        }
        // A page that asks to sign in comes with status 200 as well.
        if kind != expected {
            let url = self.address().remote.url;
            return Err(garbage(&format!("{url} answers with {kind:?}")));
        }
        Ok(Answer::Body(body))
    }

    fn moved(&self) -> GitError {
        GitError::new(
            GitErrorKind::Unreachable,
            format!(
                "{}: the server points elsewhere: use the new address",
                self.address().remote.url
            ),
        )
    }

    fn broken(&self, error: &reqwest::Error) -> GitError {
        let kind = if error.is_timeout() && !error.is_connect() {
            GitErrorKind::Timeout
        } else {
            GitErrorKind::Unreachable
        };
        // The outermost texts only repeat the address.
        let mut cause: &dyn std::error::Error = error;
        let mut said = String::new();
        while let Some(next) = cause.source() {
            cause = next;
            said = cause.to_string();
        }
        if let Some(what) = cause.downcast_ref::<Refused>() {
            return reach::refused(self.address().remote.url.as_str(), *what);
        }
        let lower = said.to_ascii_lowercase();
        let advice = if lower.contains("certificate") {
            "check the server's certificate and the authority that is trusted for it"
        } else {
            "check that the server is up"
        };
        let said = if said.is_empty() { error.to_string() } else { said };
        GitError::new(kind, format!("{}: {said}: {advice}", self.address().remote.url))
    }

    fn refused(&self, status: StatusCode, kind: &str, body: &[u8]) -> GitError {
        let text = String::from_utf8_lossy(body);
        let said = text.lines().map(str::trim).find(|line| !line.is_empty());
        let said = said.filter(|_| kind.starts_with("text/plain")).unwrap_or_default();
        let (kind, advice) = match status.as_u16() {
            401 | 403 => (GitErrorKind::Unauthorized, "check the credentials and their rights"),
            404 | 410 => {
                (GitErrorKind::NotFound, "check the address and that the credentials may see it")
            }
            413 => (GitErrorKind::TooLarge, "raise the server's limit on the size of a request"),
            408 | 429 | 500..=599 => (GitErrorKind::Unreachable, "check that the server is up"),
            _ => (GitErrorKind::Other, "check the address"),
        };
        let colon = if said.is_empty() { "" } else { ": " };
        let url = self.address().remote.url;
        GitError::new(kind, format!("{url} answered {status}{colon}{said}: {advice}"))
    }
}

/// What came back.
enum Answer {
    Body(Vec<u8>),
    /// It is elsewhere, at this place if the server says so.
    Moved(Option<String>),
}

/// Says whether what is read at another address is protected as well.
fn is_as_safe(from: &Url, to: &Url) -> bool {
    to.scheme() == from.scheme() || to.scheme() == "https"
}

fn client(remote: &Remote, timeouts: &Timeouts) -> Result<Client, GitError> {
    static PROVIDER: Once = Once::new();
    // Whoever was first has chosen; all of ours choose the same.
    PROVIDER.call_once(|| {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = Client::builder()
        // Hosts tell git's requests from those of browsers by this word.
        .user_agent(concat!("git/2.50 gimlet/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .dns_resolver(GuardedResolver(remote.reach()))
        .referer(false)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.idle)
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(4)
        .http2_adaptive_window(true);
    if let Some(pem) = &remote.ca {
        let invalid =
            |_| GitError::new(GitErrorKind::Invalid, "ca.crt holds no certificate in PEM form");
        let certificates = Certificate::from_pem_bundle(pem).map_err(invalid)?;
        builder = builder.tls_certs_only(certificates);
    } else if let Some(file) = std::env::var_os(AUTHORITIES) {
        builder = builder.tls_certs_merge(read_authorities(Path::new(&file))?);
    }
    builder.build().map_err(|error| {
        GitError::new(GitErrorKind::Invalid, format!("no connection can be prepared: {error}"))
    })
}

/// Reads the authorities that the environment names, which git trusts as well.
fn read_authorities(file: &Path) -> Result<Vec<Certificate>, GitError> {
    let invalid = |why: String| {
        GitError::new(
            GitErrorKind::Invalid,
            format!("{AUTHORITIES} names {}, which cannot be used: {why}", file.display()),
        )
    };
    let pem = std::fs::read(file).map_err(|error| invalid(error.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|_| invalid("it is not PEM".to_owned()))
}

fn authorization(credentials: &Credentials) -> Option<HeaderValue> {
    let Credentials::Basic { username, password } = credentials else { return None };
    let pair = zeroize::Zeroizing::new(format!("{username}:{}", password.expose()));
    let text = zeroize::Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
