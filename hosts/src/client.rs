//! One account at one host: its requests, their limits, and answers that are kept.

mod cache;
mod call;
mod limits;
mod transport;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gimlet_outbound::{Reach, host_of, is_loopback};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use call::{Answer, Call, Task};
pub use limits::RateLimit;

use crate::address::{Address, AddressError};
use crate::error::HostError;
use crate::gitlab::GitLab;
use crate::host::Host;
use crate::hub::Hub;
use crate::provider::Provider;
use crate::secret::Secret;
use cache::{Cache, Kept};
use limits::Limits;
use transport::{Outgoing, Transport};

/// Hosts ask for few requests at a time, and each takes a thread.
const AT_ONCE: usize = 4;
/// Lists that are read whole end here.
const MAX_PAGES: u32 = 10;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Is told of every request.
pub trait Observer: Send + Sync {
    /// A host answered with a status; none where it did not answer.
    fn requested(&self, provider: Provider, status: Option<u16>);
}

/// Says how a host is reached.
pub struct Settings {
    /// The kind of host.
    pub provider: Provider,
    /// The address of its API, such as [`Address::api`] returns.
    pub api: Url,
    /// The token of the account; without one only what everybody may read can be read.
    pub token: Option<Secret>,
    /// Certificate authorities (PEM) to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// Lets the API be at an address of this machine, also over plain http.
    pub allow_loopback: bool,
    /// How long a request may take.
    pub timeout: Duration,
    /// The most bytes of answers that are kept, so that the host need not send them again.
    pub cache: usize,
    /// What time it is.
    pub clock: Clock,
    /// Who is told of the requests.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Settings {
    /// Makes settings with a time limit of 30 seconds, 8 MiB of kept answers and the system's clock.
    pub fn new(provider: Provider, api: Url) -> Self {
        Self {
            provider,
            api,
            token: None,
            ca: None,
            allow_loopback: false,
            timeout: Duration::from_secs(30),
            cache: 8 * 1024 * 1024,
            clock: Arc::new(Timestamp::now),
            observer: None,
        }
    }
}

/// Stands for one account at one host; clones share its rate limit and its kept answers.
///
/// Requests are made by blocking threads, at most four at a time. A request that waits for its
/// turn can be dropped; one that is under way ends in the background.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    provider: Provider,
    api: Url,
    transport: Arc<Transport>,
    turns: Semaphore,
    clock: Clock,
    observer: Option<Arc<dyn Observer>>,
    state: Mutex<State>,
}

struct State {
    token: Option<Secret>,
    limits: Limits,
    cache: Cache,
    account: Account,
}

/// The login name that belongs to the token.
enum Account {
    NotAsked,
    Hidden,
    Named(String),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.0.provider)
            .field("api", &self.0.api.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Builds a client; a token is not sent over plain http but to this machine.
    pub fn new(settings: Settings) -> Result<Self, HostError> {
        let Settings { provider, api, token, ca, allow_loopback, timeout, cache, clock, observer } =
            settings;
        let invalid = |detail: &str| {
            let detail = detail.to_owned();
            Err(HostError::InvalidInput { what: "the address of the API", detail })
        };
        if !matches!(api.scheme(), "https" | "http") || api.host_str().is_none() {
            return invalid("it is not an http address");
        }
        if !api.username().is_empty() || api.password().is_some() {
            return invalid("it contains credentials: put them into a secret");
        }
        if api.query().is_some() || api.fragment().is_some() {
            return invalid("it has more than host and path");
        }
        let reach = Reach { loopback: allow_loopback, ..Reach::default() };
        let transport = Arc::new(Transport::new(ca.as_deref(), reach, timeout)?);
        let state = State {
            token: None,
            limits: Limits::default(),
            cache: Cache::new(cache),
            account: Account::NotAsked,
        };
        let turns = Semaphore::new(AT_ONCE);
        let state = Mutex::new(state);
        let inner = Inner { provider, api, transport, turns, clock, observer, state };
        let client = Self(Arc::new(inner));
        client.set_token(token)?;
        Ok(client)
    }

    /// Exchanges the token, as those of GitHub apps have to be every hour.
    pub fn set_token(&self, token: Option<Secret>) -> Result<(), HostError> {
        // A line break at the end is what files and secrets tend to have.
        let token = token.map(|token| Secret::new(token.reveal().trim()));
        let token = token.filter(|token| !token.reveal().is_empty());
        if let Some(token) = &token {
            if !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
                let detail = "it has characters that no token has".to_owned();
                return Err(HostError::InvalidInput { what: "the token", detail });
            }
            if self.0.api.scheme() != "https" && !is_loopback(&self.0.api) {
                return Err(HostError::Insecure { host: self.host() });
            }
        }
        let mut state = self.state();
        if state.token != token {
            state.token = token;
            state.account = Account::NotAsked;
            // They are counted for each account.
            state.limits = Limits::default();
        }
        Ok(())
    }

    /// Returns what the host last said of its rate limit, while that is still so.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        let now = (self.0.clock)();
        self.state().limits.known(now)
    }

    /// Returns the repository with an address at this host.
    pub fn repository(&self, address: &Address) -> Result<Arc<dyn Host>, AddressError> {
        let names = address.project(self.0.provider, &self.0.api)?;
        Ok(match self.0.provider {
            Provider::GitLab => Arc::new(GitLab::new(self.clone(), &names)),
            Provider::GitHub | Provider::Gitea => Arc::new(Hub::new(self.clone(), &names)),
        })
    }

    pub(crate) fn provider(&self) -> Provider {
        self.0.provider
    }

    pub(crate) fn host(&self) -> String {
        host_of(&self.0.api)
    }

    /// Makes a request; any status comes back but those that say that there were too many.
    pub(crate) async fn exchange(&self, call: Call<'_>) -> Result<Answer, HostError> {
        let host = self.host();
        let url = self.url(&call);
        let Call { method, path: _, query: _, body, task, what } = call;
        let read = method == Method::GET;
        let broken =
            |detail: &str| HostError::Unreachable { host: host.clone(), detail: detail.to_owned() };
        let _turn = self.0.turns.acquire().await.map_err(|_| broken("the client was closed"))?;
        let (token, kept) = {
            let now = (self.0.clock)();
            let mut state = self.state();
            if let Some(until) = state.limits.wait(!read, now) {
                return Err(HostError::RateLimited { host, until });
            }
            let kept = if read { state.cache.get(url.as_str()) } else { None };
            (state.token.clone(), kept)
        };
        let mut headers = self.headers();
        if let Some(kept) = &kept {
            headers.push(("if-none-match", kept.etag.clone()));
        }
        let authorization = token.as_ref().map(|token| self.authorization(token));
        let body = body.map(|body| body.to_string());
        let key = url.to_string();
        let outgoing = Outgoing { method, url, headers, authorization, body };
        let transport = Arc::clone(&self.0.transport);
        let sent = tokio::task::spawn_blocking(move || transport.send(outgoing)).await;
        let sent = sent.map_err(|_| broken("the request was given up")).flatten();
        if let Some(observer) = &self.0.observer {
            observer.requested(self.0.provider, sent.as_ref().ok().map(|answer| answer.status));
        }
        let incoming = sent?;

        let now = (self.0.clock)();
        let mut state = self.state();
        state.limits.record(&incoming.headers, now);
        let status = incoming.status;
        tracing::debug!(host, what, status, "host answered");
        if let Some(until) = state.limits.refused(status, &incoming.headers, &incoming.body, now) {
            return Err(HostError::RateLimited { host, until });
        }
        let provider = self.0.provider;
        let fresh = match kept {
            Some(Kept { etag: _, body, more, total }) if status == 304 => {
                let detail = String::new();
                return Ok(Answer {
                    host,
                    provider,
                    status: 200,
                    body,
                    more,
                    total,
                    task,
                    what,
                    detail,
                });
            }
            _ => incoming,
        };
        let (more, total) = (goes_on(&fresh.headers), length(&fresh.headers));
        let detail = match status {
            200..=299 => String::new(),
            _ => call::detail(&fresh.body, token.as_ref()),
        };
        let body: Arc<[u8]> = fresh.body.into();
        let etag = fresh.headers.get("etag").and_then(|value| value.to_str().ok());
        if let Some(etag) = etag.filter(|_| read && status == 200) {
            let kept = Kept { etag: etag.to_owned(), body: Arc::clone(&body), more, total };
            state.cache.put(&key, kept);
        }
        Ok(Answer { host, provider, status, body, more, total, task, what, detail })
    }

    /// Makes a request that has to succeed.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, HostError> {
        self.exchange(call).await?.success()
    }

    /// Reads something.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, HostError> {
        self.send(call).await?.json()
    }

    /// Reads a page of a list, and tells the number of the next one.
    pub(crate) async fn page(
        &self,
        call: Call<'_>,
        page: u32,
    ) -> Result<(Answer, Option<u32>), HostError> {
        let page = page.max(1);
        let size = match self.0.provider {
            Provider::GitHub | Provider::GitLab => ("per_page", "100"),
            // More is not given unless the host is set up for it.
            Provider::Gitea => ("limit", "50"),
        };
        let call = call.query(size.0, size.1).query("page", page.to_string());
        let answer = self.send(call).await?;
        let next = answer.more().then(|| page.saturating_add(1));
        Ok((answer, next))
    }

    /// Reads a list whole, up to a limit; each answer holds a part of it.
    pub(crate) async fn pages(
        &self,
        call: Call<'_>,
        what: &'static str,
    ) -> Result<Vec<Answer>, HostError> {
        let mut answers = Vec::new();
        let mut page = Some(1);
        while let Some(number) = page {
            if number > MAX_PAGES {
                let limit = format!("{MAX_PAGES} pages");
                return Err(HostError::TooLarge { host: self.host(), what, limit });
            }
            let (answer, next) = self.page(call.clone(), number).await?;
            answers.push(answer);
            page = next;
        }
        Ok(answers)
    }

    /// Asks once for the login name of the token; tokens that may not read it are no fault.
    pub(crate) async fn account(
        &self,
        call: Call<'_>,
        field: &str,
    ) -> Result<Option<String>, HostError> {
        match &self.state().account {
            Account::NotAsked => {}
            Account::Hidden => return Ok(None),
            Account::Named(name) => return Ok(Some(name.clone())),
        }
        let account = match self.read::<serde_json::Value>(call).await {
            Ok(user) => user.get(field).and_then(|name| name.as_str()).map(str::to_owned),
            Err(HostError::Forbidden { .. } | HostError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        self.state().account = account.clone().map_or(Account::Hidden, Account::Named);
        Ok(account)
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.0.api.clone();
        // An http address always has a path; every segment is escaped.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        match self.0.provider {
            Provider::GitHub => vec![
                ("accept", "application/vnd.github+json".to_owned()),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ],
            Provider::GitLab | Provider::Gitea => vec![("accept", "application/json".to_owned())],
        }
    }

    fn authorization(&self, token: &Secret) -> Zeroizing<String> {
        let scheme = match self.0.provider {
            Provider::GitHub | Provider::GitLab => "Bearer",
            Provider::Gitea => "token",
        };
        Zeroizing::new(format!("{scheme} {}", token.reveal()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done in a way that matters.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a list has another page.
fn goes_on(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("x-next-page").is_some_and(|page| !page.trim().is_empty())
        || text("link").is_some_and(|link| link.contains(r#"rel="next""#))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}
