//! One copy and one way to the API for each application's repository.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_crds::{HostProvider, Repository};
use gimlet_gitops::{BranchName, GitError, Mirror, Remote, RemoteUrl, Timeouts, UrlError};
use gimlet_hosts::{Address, AddressError, Client as HostClient, GitHubApp, Host, RateLimit};
use k8s_openapi::ByteString;
use kube::{Client, ResourceExt};

use crate::digest;
use crate::error::Retry;
use crate::github_app::{self, Apps};
use crate::hosting::{self, HostingError};
use crate::metrics::Metrics;
use crate::remotes::{RemoteError, credentials, read_secret};

/// How long credentials are used before their Secret is read again.
const FRESH: Duration = Duration::from_secs(30);

type Id = (String, String);

/// The application repositories that are at hand.
pub(crate) struct Sources {
    cache: PathBuf,
    metrics: Metrics,
    apps: Arc<Apps>,
    allow_loopback: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<Id, Entry>,
    /// When each was looked at last, and what had asked for it then.
    looked: HashMap<Id, (Instant, Option<String>)>,
    /// What asked for a look last, and when it was first known here.
    asked: HashMap<Id, (Instant, Option<String>)>,
    /// What webhooks are signed with.
    webhooks: HashMap<Id, Webhook>,
    /// What was seen then; nothing of those that could not be read.
    views: HashMap<Id, Arc<View>>,
}

/// What was seen of a repository when it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Its branches; of very many those that changed last.
    pub(crate) branches: HashSet<String>,
    pub(crate) default_branch: Option<String>,
    /// Number and branch of its open pull requests, without those of forks.
    pub(crate) requests: Vec<(u64, String)>,
}

struct Entry {
    generation: Option<i64>,
    read: Instant,
    fingerprint: String,
    source: Source,
    /// The App whose tokens it is read with, where it is one.
    app: Option<GitHubApp>,
}

/// What the webhooks of a repository are signed with.
#[derive(Clone)]
struct Webhook {
    generation: Option<i64>,
    read: Instant,
    secret: Option<Arc<gimlet_hosts::Secret>>,
}

/// A repository with the ways to it.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) mirror: Arc<Mirror>,
    /// The API of its host, where it has one.
    pub(crate) host: Option<Arc<dyn Host>>,
    /// The account that the API is asked with, which knows how many requests are left.
    pub(crate) account: Option<HostClient>,
    /// Owner and name, such as `acme/shop`.
    pub(crate) full_name: String,
}

/// Why a repository cannot be addressed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceOpenError {
    #[error("spec.secretRef: {0}")]
    Secret(#[from] RemoteError),
    #[error("spec.url: {0}")]
    Url(#[from] UrlError),
    #[error("spec.url: {0}")]
    Address(#[from] AddressError),
    #[error("spec: {0}")]
    Remote(#[from] GitError),
    #[error("spec: {0}")]
    Hosting(#[from] HostingError),
    #[error("the Secret {name} that spec.webhookSecretRef names has no token")]
    NoWebhookToken { name: String },
}

impl SourceOpenError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Secret(error) => error.reason(),
            Self::Url(_) | Self::Address(_) | Self::Remote(_) => "InvalidRepository",
            Self::Hosting(error) => error.reason(),
            Self::NoWebhookToken { .. } => "InvalidSecret",
        }
    }

    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Secret(error) => error.retry(),
            Self::NoWebhookToken { .. } => Retry::After(Duration::from_secs(10)),
            Self::Url(_) | Self::Address(_) | Self::Remote(_) | Self::Hosting(_) => Retry::Stalled,
        }
    }
}

impl Sources {
    /// Makes a registry without repositories; copies are kept in `cache`.
    pub(crate) fn new(
        cache: PathBuf,
        metrics: Metrics,
        apps: Arc<Apps>,
        allow_loopback: bool,
    ) -> Self {
        Self { cache, metrics, apps, allow_loopback, state: Mutex::default() }
    }

    /// Tells how long a repository need not be looked at yet; none where it is to be now, which is
    /// remembered.
    ///
    /// `asked` is what asks for a look: each value of it gets one.
    pub(crate) fn not_due(
        &self,
        namespace: &str,
        name: &str,
        interval: Duration,
        asked: Option<&str>,
    ) -> Option<Duration> {
        let id = (namespace.to_owned(), name.to_owned());
        let mut state = self.lock();
        let left = state.looked.get(&id).and_then(|(at, before)| {
            let left = interval.checked_sub(at.elapsed())?;
            (asked == before.as_deref() && !left.is_zero()).then_some(left)
        });
        if left.is_none() {
            state.looked.insert(id, (Instant::now(), asked.map(str::to_owned)));
        }
        left
    }

    /// Returns since when it is known here that something asks for a look at a repository: what was read
    /// before may be old.
    pub(crate) fn asked_at(&self, namespace: &str, name: &str, asked: Option<&str>) -> Instant {
        let id = (namespace.to_owned(), name.to_owned());
        let mut state = self.lock();
        let known = state.asked.get(&id).filter(|(_, before)| before.as_deref() == asked);
        if let Some((at, _)) = known {
            return *at;
        }
        let now = Instant::now();
        state.asked.insert(id, (now, asked.map(str::to_owned)));
        now
    }

    /// Forgets a repository because its credentials were refused: somebody may have mended the Secret,
    /// or the rights.
    pub(crate) fn distrust(&self, namespace: &str, name: &str) {
        let id = (namespace.to_owned(), name.to_owned());
        if let Some(app) = self.lock().open.get(&id).and_then(|entry| entry.app.as_ref()) {
            app.distrust();
        }
        self.forget(namespace, name);
    }

    /// Forgets a repository that is gone, or that could not be read.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        let id = (namespace.to_owned(), name.to_owned());
        let mut state = self.lock();
        state.open.remove(&id);
        state.looked.remove(&id);
        state.asked.remove(&id);
        state.views.remove(&id);
        state.webhooks.remove(&id);
    }

    /// Keeps what was seen of a repository.
    pub(crate) fn keep(&self, repository: &Repository, view: View) {
        let id = (repository.namespace().unwrap_or_default(), repository.name_any());
        self.lock().views.insert(id, Arc::new(view));
    }

    /// Returns what was seen of a repository at its last look; none before the first, and after one
    /// that failed.
    pub(crate) fn view(&self, namespace: &str, name: &str) -> Option<Arc<View>> {
        self.lock().views.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Returns the ways to a repository; its Secrets are read anew now and then.
    pub(crate) async fn open(
        &self,
        client: &Client,
        repository: &Repository,
    ) -> Result<Source, SourceOpenError> {
        let namespace = repository.namespace().unwrap_or_default();
        let id = (namespace.clone(), repository.name_any());
        let generation = repository.metadata.generation;
        if let Some(source) = self.fresh(&id, generation) {
            return Ok(source);
        }
        let spec = &repository.spec;
        let secret = match &spec.secret_ref {
            None => BTreeMap::new(),
            Some(reference) => read_secret(client, &namespace, &reference.name).await?,
        };
        let name = spec.secret_ref.as_ref().map_or("", |reference| reference.name.as_str());
        let api = spec.api_url.as_deref().filter(|_| spec.provider == HostProvider::GitHub);
        let (app, token) = self.apps.token(name, &secret, &spec.url, api).await?.unzip();
        // Only to tell early that it is of no use.
        read_webhook(client, repository).await?;
        let fingerprint = fingerprint(repository, &secret);
        // Held until it is kept: two copies in one folder would disturb each other.
        let mut state = self.lock();
        let known = state.open.get(&id).filter(|entry| entry.fingerprint == fingerprint);
        let source = match known {
            Some(entry) => entry.source.clone(),
            None => self.make(repository, &secret, token.as_ref())?,
        };
        if let Some(token) = token {
            source.mirror.set_credentials(github_app::credentials(&token));
            if let Some(client) = &source.account {
                client.set_token(Some(token)).map_err(HostingError::Host)?;
            }
        }
        let read = Instant::now();
        let entry = Entry { generation, read, fingerprint, source: source.clone(), app };
        state.open.insert(id, entry);
        Ok(source)
    }

    fn make(
        &self,
        repository: &Repository,
        secret: &BTreeMap<String, ByteString>,
        token: Option<&gimlet_hosts::Secret>,
    ) -> Result<Source, SourceOpenError> {
        let spec = &repository.spec;
        let name = spec.secret_ref.as_ref().map_or("", |reference| reference.name.as_str());
        let remote = Remote {
            url: RemoteUrl::parse(&spec.url, false)?,
            // Every branch is read; the type wants one.
            branch: BranchName::parse("main")?,
            credentials: match token {
                Some(token) => github_app::credentials(token),
                None => credentials(name, secret)?,
            },
            ca: secret.get("ca.crt").map(|ca| ca.0.clone()),
            create_branch: false,
            allow_loopback: self.allow_loopback,
        };
        remote.check()?;
        let address = Address::parse(&spec.url)?;
        let api = spec.api_url.as_deref();
        let account = hosting::provider(spec.provider)
            .map(|provider| {
                let loopback = self.allow_loopback;
                hosting::account(provider, &address, api, secret, loopback, &self.metrics)
            })
            .transpose()?;
        let host = account.as_ref().map(|account| account.repository(&address)).transpose()?;
        // Two objects of one address never share a copy: they may have other credentials.
        let id =
            format!("{}/{}", repository.namespace().unwrap_or_default(), repository.name_any());
        let cache = self.cache.join("sources").join(&digest::of_parts([id.as_bytes()])[..16]);
        Ok(Source {
            mirror: Arc::new(Mirror::new(remote, &cache, Timeouts::default())),
            host,
            account,
            full_name: full_name(&spec.url),
        })
    }

    /// Returns what a repository's webhooks are signed with, read anew now and then; none where it takes
    /// none.
    ///
    /// It asks for nothing else: a webhook counts also where the host cannot be reached.
    pub(crate) async fn webhook(
        &self,
        client: &Client,
        repository: &Repository,
    ) -> Result<Option<Arc<gimlet_hosts::Secret>>, SourceOpenError> {
        let id = (repository.namespace().unwrap_or_default(), repository.name_any());
        let generation = repository.metadata.generation;
        let known = self.lock().webhooks.get(&id).cloned();
        if let Some(known) = known
            && known.generation == generation
            && known.read.elapsed() < FRESH
        {
            return Ok(known.secret);
        }
        let secret = read_webhook(client, repository).await?;
        let read = Webhook { generation, read: Instant::now(), secret: secret.clone() };
        self.lock().webhooks.insert(id, read);
        Ok(secret)
    }

    /// Lists how many requests the hosts still take, by the repositories' namespaces and names.
    pub(crate) fn rate_limits(&self) -> Vec<(String, RateLimit)> {
        let state = self.lock();
        let known = state.open.iter().filter_map(|((namespace, name), entry)| {
            let limit = entry.source.account.as_ref()?.rate_limit()?;
            Some((format!("{namespace}/{name}"), limit))
        });
        known.collect()
    }

    fn fresh(&self, id: &Id, generation: Option<i64>) -> Option<Source> {
        let state = self.lock();
        let entry = state.open.get(id)?;
        let fresh = entry.generation == generation && entry.read.elapsed() < FRESH;
        fresh.then(|| entry.source.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what people call a repository: the path of its address, such as `acme/shop`.
pub(crate) fn full_name(url: &str) -> String {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => url.split_once(':').map_or("", |(_, path)| path),
    };
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).to_owned()
}

/// Reads what a repository's webhooks are signed with; none where it takes none.
async fn read_webhook(
    client: &Client,
    repository: &Repository,
) -> Result<Option<Arc<gimlet_hosts::Secret>>, SourceOpenError> {
    let Some(reference) = &repository.spec.webhook_secret_ref else { return Ok(None) };
    let namespace = repository.namespace().unwrap_or_default();
    let secret = read_secret(client, &namespace, &reference.name).await?;
    let token = secret.get("token").and_then(|t| String::from_utf8(t.0.clone()).ok());
    match token.filter(|token| !token.trim().is_empty()) {
        Some(token) => Ok(Some(Arc::new(gimlet_hosts::Secret::new(token)))),
        None => Err(SourceOpenError::NoWebhookToken { name: reference.name.clone() }),
    }
}

fn fingerprint(repository: &Repository, secret: &BTreeMap<String, ByteString>) -> String {
    let spec = serde_json::to_vec(&repository.spec).unwrap_or_default();
    let parts = secret.iter().flat_map(|(name, value)| [name.as_bytes(), value.0.as_slice()]);
    digest::of_parts(std::iter::once(spec.as_slice()).chain(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_for_a_look_gets_one_and_the_interval_counts_from_it() {
        let metrics = Metrics::new().unwrap();
        let apps = Arc::new(Apps::new(metrics.clone(), false));
        let sources = Sources::new(PathBuf::from("unused"), metrics, apps, false);
        let hour = Duration::from_hours(1);
        let due = |asked| sources.not_due("ns", "shop", hour, asked).is_none();
        assert!(due(None), "it was never looked at");
        assert!(!due(None));
        assert!(due(Some("webhook-1")));
        assert!(!due(Some("webhook-1")), "a status was written");
        assert!(due(Some("webhook-2")));
        assert!(sources.not_due("ns", "other", hour, Some("webhook-2")).is_none());
        // A look that failed is made again, whatever had asked for it.
        sources.forget("ns", "shop");
        assert!(due(Some("webhook-2")));
        assert!(!due(Some("webhook-2")));
        assert!(sources.not_due("ns", "shop", Duration::ZERO, Some("webhook-2")).is_none());
    }

    #[test]
    fn what_a_webhook_tells_of_is_newer_than_all_that_was_read_before() {
        let metrics = Metrics::new().unwrap();
        let apps = Arc::new(Apps::new(metrics.clone(), false));
        let sources = Sources::new(PathBuf::from("unused"), metrics, apps, false);
        let at = |asked| sources.asked_at("ns", "shop", asked);
        let first = at(Some("webhook-1"));
        assert_eq!(at(Some("webhook-1")), first, "nothing new was told");
        let read = Instant::now();
        let second = at(Some("webhook-2"));
        assert!(second >= read, "what was read before the webhook is believed");
        assert_eq!(at(Some("webhook-2")), second);
    }

    #[test]
    fn a_repository_is_called_by_the_path_of_its_address() {
        for (url, name) in [
            ("https://github.com/acme/shop.git", "acme/shop"),
            ("https://gitlab.example.com/group/sub/shop", "group/sub/shop"),
            ("git@github.com:acme/shop.git", "acme/shop"),
            ("ssh://git@git.example.com:2222/acme/shop/", "acme/shop"),
        ] {
            assert_eq!(full_name(url), name, "{url}");
        }
    }
}
