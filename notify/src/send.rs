//! One delivery over HTTP.

use std::time::Duration;

use gimlet_outbound::{GuardedResolver, Reach, refused};
use jiff::Timestamp;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::HeaderMap;
use ureq::unversioned::transport::DefaultConnector;

use crate::{NotifyError, Target};

/// Receivers say "ok"; whatever more they say is not read.
const MAX_ANSWER: u64 = 64 * 1024;
const MAX_WAIT: Duration = Duration::from_hours(1);

/// What is allowed besides https to ordinary addresses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Allows this machine, for tests.
    pub allow_loopback: bool,
    /// Allows link-local addresses, where clouds have their metadata services.
    pub allow_link_local: bool,
    /// Allows `http://`, for receivers inside the cluster; whoever listens sees the address.
    pub allow_plain_http: bool,
    /// The time for one delivery.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_loopback: false,
            allow_link_local: false,
            allow_plain_http: false,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    fn reach(&self) -> Reach {
        Reach { loopback: self.allow_loopback, link_local: self.allow_link_local }
    }
}

/// What is delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The same for every attempt, so that receivers can drop repetitions; without a dot.
    pub id: String,
    /// The time of this attempt.
    pub now: Timestamp,
    /// The body, from [`crate::render`].
    pub body: String,
}

/// Delivers once; redirects are not followed.
///
/// With a key in the target the request is signed in the form of Standard Webhooks:
/// `webhook-id`, `webhook-timestamp`, and `webhook-signature` over both and the body.
pub async fn send(
    target: &Target,
    delivery: &Delivery,
    options: &Options,
) -> Result<(), NotifyError> {
    let (target, delivery, options) = (target.clone(), delivery.clone(), options.clone());
    let host = target.host();
    tokio::task::spawn_blocking(move || post(&target, &delivery, &options))
        .await
        .unwrap_or(Err(NotifyError::Unreachable { host, detail: "the delivery was given up" }))
}

fn post(target: &Target, delivery: &Delivery, options: &Options) -> Result<(), NotifyError> {
    let Delivery { id, now, body } = delivery;
    if target.url.scheme() != "https" && !options.allow_plain_http {
        let problem = "must begin with https://, since it is a secret";
        return Err(NotifyError::InvalidTarget { field: "address", problem });
    }
    let config = Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(options.timeout))
        .user_agent(concat!("gimlet/", env!("CARGO_PKG_VERSION")))
        .build();
    let resolver = GuardedResolver(options.reach());
    let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
    let mut request = agent.post(target.url.as_str()).header("content-type", "application/json");
    if let Some(signature) = target.sign(id, now.as_second(), body) {
        request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", now.as_second().to_string())
            .header("webhook-signature", signature);
    }
    let mut response = request.send(body.as_str()).map_err(|error| unreachable(target, &error))?;
    // Reading the answer keeps receivers from seeing a broken connection; what it says may
    // repeat the secret address.
    let _ = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
    judge(target, response.status().as_u16(), response.headers(), *now)
}

fn judge(
    target: &Target,
    status: u16,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(), NotifyError> {
    let mend = match status {
        200..=299 => return Ok(()),
        408 | 425 | 429 | 500..=599 => {
            let after = headers.get("retry-after").and_then(|value| value.to_str().ok());
            let after = after.and_then(|text| wait(text, now));
            return Err(NotifyError::Busy { host: target.host(), status, after });
        }
        300..=399 => "it redirects, which is not followed; enter the address it redirects to",
        401 | 403 => "it refuses access; check the address and the signing key in the Secret",
        404 | 410 => "the webhook does not exist any more; make a new one and update the Secret",
        413 => "the message is too large for it; check that the format fits the receiver",
        _ => "it does not understand the message; check that the format fits the receiver",
    };
    Err(NotifyError::Refused { host: target.host(), status, mend })
}

/// Reads `Retry-After`: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(MAX_WAIT))
}

/// Puts an error into words of our own, since the client's may name the address.
fn unreachable(target: &Target, error: &ureq::Error) -> NotifyError {
    if let Some(what) = refused(error) {
        return NotifyError::AddressRefused { what };
    }
    let detail = match error {
        ureq::Error::Timeout(_) => "it takes too long to answer",
        ureq::Error::HostNotFound => "its name is not known",
        ureq::Error::Rustls(_) => "its certificate or its TLS is not accepted",
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => "the connection fails",
        ureq::Error::Protocol(_) => "it does not speak HTTP",
        _ => "the request failed",
    };
    NotifyError::Unreachable { host: target.host(), detail }
}
