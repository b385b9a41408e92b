//! What hosts send when something happens in a repository.

mod error;
mod event;
mod gitlab;
mod hub;
mod replays;
mod signature;

use http::{HeaderMap, header::CONTENT_TYPE};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

pub use error::WebhookError;
pub use event::{
    Delivery, Event, MAX_COMMITS, NamedRepository, PullRequestAction, PullRequestEvent, Push,
    PushedCommit,
};
pub use replays::Replays;

use crate::provider::Provider;
use crate::secret::Secret;
use crate::text::{cut, line};

/// The most bytes of a body that are read; larger ones are refused before they are read whole.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

const MAX_ID: usize = 128;

/// Checks a delivery's signature and reads it; nothing is parsed before the signature is right.
///
/// Every event passes the same check. Whoever calls this must not read more than [`MAX_BODY`]
/// bytes of a request, and asks [`Replays`] afterwards. `now` matters only to GitLab's signed
/// webhooks, whose secret starts with `whsec_`: they are valid for five minutes.
pub fn receive(
    provider: Provider,
    headers: &HeaderMap,
    body: &[u8],
    secret: &Secret,
    now: Timestamp,
) -> Result<Delivery, WebhookError> {
    if body.len() > MAX_BODY {
        return Err(WebhookError::TooLarge { limit: MAX_BODY });
    }
    let signed_id = signature::verify(provider, headers, body, secret, now)?;
    let json =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let kind = value.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json")
        });
    if !json {
        return Err(WebhookError::NotJson);
    }
    let (event, repository) = match provider {
        Provider::GitHub | Provider::Gitea => {
            hub::read(provider, event_name(headers, event_headers(provider))?, body)?
        }
        Provider::GitLab => gitlab::read(event_name(headers, event_headers(provider))?, body)?,
    };
    let digest = Sha256::digest(body);
    let given = match &signed_id {
        Some(id) => Some(id.as_str()),
        None => id_headers(provider).iter().find_map(|name| visible(headers, name)),
    };
    let id = given.map_or_else(|| format!("sha256:{digest:x}"), str::to_owned);
    let mut marks = vec![Sha256::new_with_prefix(b"id:").chain_update(&id).finalize().into()];
    // An id that is not signed can be exchanged by whoever sends a delivery again.
    if signed_id.is_none() {
        marks.push(Sha256::new_with_prefix(b"body:").chain_update(digest).finalize().into());
    }
    Ok(Delivery { provider, id, repository, event, marks })
}

fn event_headers(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::GitHub => &["x-github-event"],
        Provider::GitLab => &["x-gitlab-event"],
        Provider::Gitea => &["x-gitea-event", "x-forgejo-event"],
    }
}

fn id_headers(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::GitHub => &["x-github-delivery"],
        Provider::GitLab => &["idempotency-key", "x-gitlab-event-uuid"],
        Provider::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
    }
}

fn event_name<'a>(
    headers: &'a HeaderMap,
    names: &'static [&'static str],
) -> Result<&'a str, WebhookError> {
    names
        .iter()
        .find_map(|name| visible(headers, name))
        .ok_or(WebhookError::MissingEvent { header: names[0] })
}

/// Returns the value of a header that is there once, short and printable.
fn visible<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    let fits = values.next().is_none() && !value.is_empty() && value.len() <= MAX_ID;
    fits.then_some(value)
}

fn malformed(event: &str, detail: &impl ToString) -> WebhookError {
    WebhookError::Malformed {
        event: cut(event, MAX_ID).to_owned(),
        detail: line(&detail.to_string()),
    }
}
