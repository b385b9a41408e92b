//! One request over the wire: limited in size and time, to the one host only.

use std::time::{Duration, Instant};

use gimlet_outbound::{GuardedResolver, Reach, authorities, host_of, literal, refused};
use http::{HeaderMap, Method};
use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use url::Url;
use zeroize::Zeroizing;

use crate::error::HostError;
use crate::text::line;

const MAX_REDIRECTS: usize = 3;
/// The most bytes of an answer: a hundred pull requests have three million.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;
const CONNECT_SECONDS: u64 = 10;

/// A request as it is sent.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) authorization: Option<Zeroizing<String>>,
    pub(super) body: Option<String>,
}

/// An answer as it came.
pub(super) struct Incoming {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends requests, one thread each.
#[derive(Debug)]
pub(super) struct Transport {
    agent: Agent,
    reach: Reach,
    timeout: Duration,
}

impl Transport {
    pub(super) fn new(
        ca: Option<&[u8]>,
        reach: Reach,
        timeout: Duration,
    ) -> Result<Self, HostError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = ca {
            let trusted = authorities(pem).map_err(|error| HostError::InvalidInput {
                what: "the certificate authority",
                detail: error.to_string(),
            })?;
            tls = tls.root_certs(RootCerts::new_with_certs(&trusted));
        }
        let config = Config::builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS).min(timeout)))
            .user_agent(concat!("gimlet/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), GuardedResolver(reach));
        Ok(Self { agent, reach, timeout })
    }

    /// Sends a request and waits; follows redirects within the host, where nothing is lost by it.
    pub(super) fn send(&self, mut outgoing: Outgoing) -> Result<Incoming, HostError> {
        let deadline = Instant::now() + self.timeout;
        for _ in 0..=MAX_REDIRECTS {
            let host = host_of(&outgoing.url);
            let refused = literal(&outgoing.url).and_then(|address| self.reach.refuses(address));
            if let Some(what) = refused {
                return Err(HostError::AddressRefused { host, what });
            }
            let incoming = self.once(&outgoing, deadline)?;
            let follow = match incoming.status {
                307 | 308 => true,
                301..=303 => outgoing.method == Method::GET,
                _ => return Ok(incoming),
            };
            let location = incoming.headers.get("location").and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| outgoing.url.join(location).ok());
            match next {
                Some(next) if follow && next.origin() == outgoing.url.origin() => {
                    outgoing.url = next;
                }
                Some(next) => {
                    let to = line(&format!("{}{}", host_of(&next), next.path()));
                    return Err(HostError::Moved { host, to });
                }
                None => return Ok(incoming),
            }
        }
        let host = host_of(&outgoing.url);
        Err(HostError::Unreachable { host, detail: "it redirects again and again".to_owned() })
    }

    fn once(&self, outgoing: &Outgoing, deadline: Instant) -> Result<Incoming, HostError> {
        let Outgoing { method, url, headers, authorization, body } = outgoing;
        let failed = |error: ureq::Error| request_error(url, error);
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failed(ureq::Error::Timeout(ureq::Timeout::Global)));
        }
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(value) = authorization {
            request = request.header("authorization", value.as_str());
        }
        let sent = if let Some(body) = body {
            let request = request.header("content-type", "application/json").body(body.as_str());
            request.map_err(ureq::Error::from).and_then(|request| self.run(request, left))
        } else {
            let request = request.body(());
            request.map_err(ureq::Error::from).and_then(|request| self.run(request, left))
        };
        let mut response = sent.map_err(failed)?;
        // Counted after unpacking.
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = body.map_err(failed)?;
        let (parts, _) = response.into_parts();
        Ok(Incoming { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: http::Request<B>,
        left: Duration,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
        self.agent.run(request)
    }
}

fn request_error(url: &Url, error: ureq::Error) -> HostError {
    let host = host_of(url);
    if let Some(what) = refused(&error) {
        return HostError::AddressRefused { host, what };
    }
    let detail = match error {
        ureq::Error::BodyExceedsLimit(_) => {
            let limit = format!("{MAX_ANSWER} bytes");
            return HostError::TooLarge { host, what: "an answer", limit };
        }
        ureq::Error::Timeout(_) => "it takes too long to answer".to_owned(),
        other => line(&other.to_string()),
    };
    HostError::Unreachable { host, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_is_not_pem_is_refused() {
        let error = Transport::new(Some(b"nonsense"), Reach::default(), Duration::from_secs(1))
            .unwrap_err();
        assert_eq!(error.reason(), "InvalidInput");
    }
}
