//! Plain downloads: capped, timed, and only to hosts that may be contacted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

use crate::ChartFetchError;
use crate::access::{Access, admits, is_loopback};
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
        let host = display_host(&self.url);
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
    deadline: Instant,
}

impl<'a> Client<'a> {
    /// Builds a client; the time limit covers everything it does.
    pub(crate) fn new(
        access: &'a Access,
        allowed_hosts: Option<&'a [String]>,
        timeout: Duration,
    ) -> Result<Self, ChartFetchError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &access.ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&authorities(pem)?));
        }
        let config = Config::builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("gimlet/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), GuardedResolver);
        Ok(Self { agent, access, allowed_hosts, deadline: Instant::now() + timeout })
    }

    pub(crate) fn access(&self) -> &'a Access {
        self.access
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Refuses hosts that the caller or the program does not allow.
    pub(crate) fn check(&self, url: &Url) -> Result<(), ChartFetchError> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default();
        let caller = self.access.allowed_hosts.as_deref();
        if !admits(caller, host, port) || !admits(self.allowed_hosts, host, port) {
            return Err(ChartFetchError::HostNotAllowed { host: display_host(url) });
        }
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if address.is_some_and(is_refused) {
            return Err(ChartFetchError::AddressRefused { host: display_host(url) });
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
                return Err(ChartFetchError::Insecure { host: display_host(&url) });
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
                        what: display_host(&first),
                        detail: "it redirects to something that is not an http address".to_owned(),
                    });
                }
            };
            if next.origin() != url.origin() {
                authorization = None;
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(ChartFetchError::Insecure { host: display_host(&next) });
            }
            url = next;
        }
        let detail = format!("it redirects more than {MAX_REDIRECTS} times");
        Err(ChartFetchError::InvalidRepository { what: display_host(&first), detail })
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
            return Err(ChartFetchError::Unreachable { host: display_host(url), detail });
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

/// Returns host and port for messages.
pub(crate) fn display_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Tells whether an address is never contacted: link-local ones and known metadata services.
pub(crate) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
                || v4 == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(v6) => {
            v6.to_ipv4_mapped().is_some_and(|v4| is_refused(IpAddr::V4(v4)))
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// The system's resolver without the addresses that are never contacted; checking what is
/// connected to, and not the name, leaves nothing to DNS tricks.
#[derive(Debug)]
struct GuardedResolver;

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found.iter().filter(|address| !is_refused(address.ip())) {
            kept.push(*address);
        }
        if kept.is_empty() {
            return Err(ureq::Error::Other(Box::new(RefusedAddress)));
        }
        Ok(kept)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is never contacted")]
struct RefusedAddress;

fn authorities(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ChartFetchError> {
    let invalid = |detail: &str| ChartFetchError::InvalidAccess {
        what: "the certificate authority".to_owned(),
        detail: detail.to_owned(),
    };
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(invalid("it is not PEM")),
        }
    }
    if found.is_empty() {
        return Err(invalid("it holds no certificate in PEM form"));
    }
    Ok(found)
}

fn request_error(url: &Url, limit: u64, error: ureq::Error) -> ChartFetchError {
    let host = display_host(url);
    match error {
        ureq::Error::BodyExceedsLimit(_) => too_large(format!("the answer of {host}"), limit),
        ureq::Error::Other(inner) if inner.is::<RefusedAddress>() => {
            ChartFetchError::AddressRefused { host }
        }
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
    fn metadata_and_link_local_addresses_are_never_contacted() {
        for address in
            ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"]
        {
            assert!(is_refused(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "192.0.2.1", "2001:db8::1"] {
            assert!(!is_refused(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_authority_that_is_not_pem_is_refused() {
        let access = Access { ca: Some(b"nonsense".to_vec()), ..Access::default() };
        let error = Client::new(&access, None, Duration::from_secs(1)).err().unwrap();
        assert_eq!(error.reason(), "InvalidAccess");
    }
}
