//! Who sent it: signatures of every provider, compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{MAX_ID, WebhookError};
use crate::provider::Provider;
use crate::secret::Secret;

const WINDOW_SECONDS: u64 = 5 * 60;
/// More signatures than this are never sent; each costs a comparison.
const MAX_SIGNATURES: usize = 8;

/// Checks a delivery; returns its id if the signature covers that too.
pub(super) fn verify(
    provider: Provider,
    headers: &HeaderMap,
    body: &[u8],
    secret: &Secret,
    now: Timestamp,
) -> Result<Option<String>, WebhookError> {
    // A line break at the end is what files and secrets tend to have, and hosts can not have.
    let secret = secret.reveal().trim_end_matches(['\r', '\n']);
    // Spaces alone are what is left of a secret that was never filled in.
    if secret.trim().is_empty() {
        return Err(WebhookError::NoSecret);
    }
    match provider {
        Provider::GitHub => {
            let given = single(headers, "x-hub-signature-256")?
                .ok_or(WebhookError::MissingSignature { header: "X-Hub-Signature-256" })?;
            digest(given.strip_prefix("sha256="), secret, body)?;
            Ok(None)
        }
        Provider::Gitea => {
            gitea(headers, secret, body)?;
            Ok(None)
        }
        Provider::GitLab => match secret.strip_prefix("whsec_") {
            Some(key) => signed(headers, key, body, now).map(Some),
            None => token(headers, secret).map(|()| None),
        },
    }
}

fn gitea(headers: &HeaderMap, secret: &str, body: &[u8]) -> Result<(), WebhookError> {
    for name in ["x-gitea-signature", "x-forgejo-signature"] {
        if let Some(given) = single(headers, name)? {
            return digest(Some(given), secret, body);
        }
    }
    match single(headers, "x-hub-signature-256")? {
        Some(given) => digest(given.strip_prefix("sha256="), secret, body),
        None => Err(WebhookError::MissingSignature { header: "X-Gitea-Signature" }),
    }
}

fn digest(given: Option<&str>, secret: &str, body: &[u8]) -> Result<(), WebhookError> {
    let given = given.and_then(unhex).ok_or(WebhookError::BadSignature)?;
    let mac = keyed(secret.as_bytes())?.chain_update(body);
    mac.verify_slice(&given).map_err(|_| WebhookError::BadSignature)
}

fn token(headers: &HeaderMap, secret: &str) -> Result<(), WebhookError> {
    let given = single(headers, "x-gitlab-token")?
        .filter(|given| !given.is_empty())
        .ok_or(WebhookError::MissingSignature { header: "X-Gitlab-Token" })?;
    // Digests are compared, so that neither the letters nor their number can be measured.
    let expected = keyed(secret.as_bytes())?.chain_update(secret).finalize().into_bytes();
    let mac = keyed(secret.as_bytes())?.chain_update(given);
    mac.verify_slice(&expected).map_err(|_| WebhookError::BadSignature)
}

/// Checks a signature in the form of Standard Webhooks, and returns the signed id.
fn signed(
    headers: &HeaderMap,
    key: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<String, WebhookError> {
    let key = STANDARD.decode(key.trim()).map_err(|_| WebhookError::InvalidSecret)?;
    let key = Zeroizing::new(key);
    if key.is_empty() {
        return Err(WebhookError::NoSecret);
    }
    let required = |name: &'static str, header: &'static str| {
        single(headers, name)?.ok_or(WebhookError::MissingSignature { header })
    };
    let signatures = required("webhook-signature", "webhook-signature")?;
    let id = required("webhook-id", "webhook-id")?;
    let at = required("webhook-timestamp", "webhook-timestamp")?;
    if id.is_empty() || id.len() > MAX_ID {
        return Err(WebhookError::BadSignature);
    }
    let mac = keyed(&key)?.chain_update(id).chain_update(".").chain_update(at).chain_update(".");
    let mac = mac.chain_update(body);
    let right = signatures
        .split(' ')
        .take(MAX_SIGNATURES)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|given| mac.clone().verify_slice(&given).is_ok());
    if !right {
        return Err(WebhookError::BadSignature);
    }
    let at: i64 = at.parse().map_err(|_| WebhookError::BadSignature)?;
    if at.abs_diff(now.as_second()) > WINDOW_SECONDS {
        return Err(WebhookError::Stale);
    }
    Ok(id.to_owned())
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>, WebhookError> {
    // HMAC takes keys of every length; should that change, nothing is let in.
    Hmac::new_from_slice(key).map_err(|_| WebhookError::InvalidSecret)
}

/// Returns a header's value; one that is there twice could be read in two ways.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, WebhookError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(WebhookError::BadSignature);
    }
    value.to_str().map(Some).map_err(|_| WebhookError::BadSignature)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}
