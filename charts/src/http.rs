//! Plain downloads: capped, timed, and only to hosts that may be contacted.

use std::time::{Duration, Instant};

use gimlet_outbound::{
    GuardedResolver, Reach, authorities, host_of, is_loopback, literal, refused,
};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::HeaderMap;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use url::Url;

use crate::ChartFetchError;
use crate::access::{Access, admits};
use crate::tree::too_large;

const MAX_REDIRECTS: usize = 5;

/// One download.
pub(crate) struct Get<'a> {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'a str, String)>,
    /// The `Authorization` header; it is dropped when a redirect leaves the origin.
    pub(crate) authorization: Option<String>,
    pub(crate) limit: u64,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Where the body came from, after redirects.
    pub(crate) url: Url,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Turns any status but success into an error that says what to do.
    pub(crate) fn success(self, what: &str) -> Result<Self, ChartFetchError> {
        let host = host_of(&self.url);
        match self.status {
            200..=299 => Ok(self),
            401 | 403 => Err(ChartFetchError::Unauthorized { host, what: what.to_owned() }),
            404 | 410 => Err(ChartFetchError::NotFound { what: what.to_owned() }),
            408 | 425 | 429 | 500..=599 => Err(ChartFetchError::Unreachable {
                host,
                detail: format!("it answers with status {}", self.status),
            }),
            status => Err(ChartFetchError::InvalidRepository {
                what: what.to_owned(),
                detail: format!("{host} answers with status {status}"),
            }),
        }
    }
}

/// A client under the rules of one access.
pub(crate) struct Client<'a> {
    agent: Agent,
    access: &'a Access,
    allowed_hosts: Option<&'a [String]>,
    reach: Reach,
    deadline: Instant,
}

impl<'a> Client<'a> {
    /// Builds a client; the time limit covers everything it does.
    pub(crate) fn new(
        access: &'a Access,
        allowed_hosts: Option<&'a [String]>,
        reach: Reach,
        timeout: Duration,
    ) -> Result<Self, ChartFetchError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &access.ca {
            let trusted = authorities(pem).map_err(|error| ChartFetchError::InvalidAccess {
                what: "the certificate authority".to_owned(),
                detail: error.to_string(),
            })?;
            tls = tls.root_certs(RootCerts::new_with_certs(&trusted));
        }
        let config = Config::builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("gimlet/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), GuardedResolver(reach));
        Ok(Self { agent, access, allowed_hosts, reach, deadline: Instant::now() + timeout })
    }

    pub(crate) fn access(&self) -> &'a Access {
        self.access
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Refuses hosts that the caller or the program does not allow.
    pub(crate) fn check(&self, url: &Url) -> Result<(), ChartFetchError> {
        let name = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default();
        let caller = self.access.allowed_hosts.as_deref();
        if !admits(caller, name, port) || !admits(self.allowed_hosts, name, port) {
            return Err(ChartFetchError::HostNotAllowed { host: host_of(url) });
        }
        if let Some(what) = literal(url).and_then(|address| self.reach.refuses(address)) {
            return Err(ChartFetchError::AddressRefused { host: host_of(url), what });
        }
        Ok(())
    }

    /// Downloads, following redirects.
    pub(crate) fn get(&self, get: Get<'_>) -> Result<Response, ChartFetchError> {
        let Get { mut url, headers, mut authorization, limit } = get;
        let first = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            if authorization.is_some() && url.scheme() != "https" && !is_loopback(&url) {
                return Err(ChartFetchError::Insecure { host: host_of(&url) });
            }
            let response = self.once(&url, &headers, authorization.as_deref(), limit)?;
            let next = matches!(response.status, 301 | 302 | 303 | 307 | 308)
                .then(|| response.header("location"))
                .flatten()
                .map(|location| url.join(location));
            let next = match next {
                None => return Ok(response),
                Some(Ok(next)) if matches!(next.scheme(), "http" | "https") => next,
                Some(_) => {
                    return Err(ChartFetchError::InvalidRepository {
                        what: host_of(&first),
                        detail: "it redirects to something that is not an http address".to_owned(),
                    });
                }
            };
            if next.origin() != url.origin() {
                authorization = None;
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(ChartFetchError::Insecure { host: host_of(&next) });
            }
            url = next;
        }
        let detail = format!("it redirects more than {MAX_REDIRECTS} times");
        Err(ChartFetchError::InvalidRepository { what: host_of(&first), detail })
    }

    fn once(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        authorization: Option<&str>,
        limit: u64,
    ) -> Result<Response, ChartFetchError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let failed = |error: ureq::Error| request_error(url, limit, error);
        if left.is_zero() {
            let detail = "the time for this fetch is over".to_owned();
            return Err(ChartFetchError::Unreachable { host: host_of(url), detail });
        }
        let mut request = self.agent.get(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let mut response =
            request.config().timeout_global(Some(left)).build().call().map_err(failed)?;
        let body = response.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)?;
        let (parts, _) = response.into_parts();
        let status = parts.status.as_u16();
        Ok(Response { status, headers: parts.headers, body, url: url.clone() })
    }
}

fn request_error(url: &Url, limit: u64, error: ureq::Error) -> ChartFetchError {
    let host = host_of(url);
    if let Some(what) = refused(&error) {
        return ChartFetchError::AddressRefused { host, what };
    }
    match error {
        ureq::Error::BodyExceedsLimit(_) => too_large(format!("the answer of {host}"), limit),
        ureq::Error::Timeout(_) => {
            ChartFetchError::Unreachable { host, detail: "it takes too long to answer".to_owned() }
        }
        other => ChartFetchError::Unreachable { host, detail: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_is_not_pem_is_refused() {
        let access = Access { ca: Some(b"nonsense".to_vec()), ..Access::default() };
        let error =
            Client::new(&access, None, Reach::default(), Duration::from_secs(1)).err().unwrap();
        assert_eq!(error.reason(), "InvalidAccess");
    }
}
