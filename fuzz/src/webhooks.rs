//! What hosts send, rightly signed or not.

use std::fmt::Write as _;

use gimlet_hosts::{
    Delivery, Event, MAX_COMMITS, Provider, PullRequestEvent, Push, Reference, Replays, Secret,
    WebhookError, receive,
};
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use crate::explained;

const SECRET: &str = "webhook-secret";

/// Two lines, the provider and the event, then the body; each body is signed, and not signed.
pub fn webhooks(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let provider = match part() {
        b"gitlab" => Provider::GitLab,
        b"gitea" => Provider::Gitea,
        _ => Provider::GitHub,
    };
    let (event, body) = (part(), part());
    let Ok(event) = HeaderValue::from_bytes(event) else { return };
    let now = Timestamp::from_second(1_800_000_000).unwrap_or_default();
    let take = |headers: &HeaderMap, secret: &str| {
        receive(provider, headers, body, &Secret::new(secret), now)
    };
    let headers = signed(provider, &event, body);
    match take(&headers, SECRET) {
        Ok(delivery) => {
            check(&delivery);
            let replays = Replays::new(8, SignedDuration::from_hours(1));
            assert!(!replays.seen("one", &delivery, now) && replays.seen("one", &delivery, now));
        }
        Err(error) => {
            let expected =
                matches!(error, WebhookError::Malformed { .. } | WebhookError::MissingEvent { .. });
            assert!(expected, "{error}");
            assert!(explained(&error).len() < 2_000, "{error}");
        }
    }
    assert!(take(&headers, "another secret").is_err(), "a wrong secret lets in");
    let mut forged = headers;
    for name in ["x-hub-signature-256", "x-gitea-signature", "x-gitlab-token"] {
        if event.as_bytes() != SECRET.as_bytes() {
            forged.insert(name, event.clone());
        }
    }
    if event.as_bytes() != SECRET.as_bytes() {
        assert!(take(&forged, SECRET).is_err(), "{event:?} is no signature");
    }
}

fn signed(provider: Provider, event: &HeaderValue, body: &[u8]) -> HeaderMap {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key has any length");
    mac.update(body);
    let hex = mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let (name, header, signature) = match provider {
        Provider::GitHub => ("x-github-event", "x-hub-signature-256", format!("sha256={hex}")),
        Provider::GitLab => ("x-gitlab-event", "x-gitlab-token", SECRET.to_owned()),
        Provider::Gitea => ("x-gitea-event", "x-gitea-signature", hex),
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(name, event.clone());
    headers.insert(header, signature.parse().expect("hex digits fit into a header"));
    headers
}

/// What goes on from here has limits, and names that git takes for names.
fn check(delivery: &Delivery) {
    assert_eq!(delivery.signed_digest().len(), 32);
    assert!(!delivery.id.is_empty() && delivery.id.len() <= 128);
    match &delivery.event {
        Event::Push(push) => {
            let Push { reference, before, after, commits, .. } = push;
            let (Reference::Branch(name) | Reference::Tag(name)) = reference;
            harmless(name);
            assert!(commits.len() <= MAX_COMMITS);
            assert!(commits.iter().all(|commit| commit.message.len() <= 4096));
            let ids = commits.iter().map(|commit| &commit.sha);
            for sha in before.iter().chain(after).chain(ids) {
                let sha = sha.as_str();
                assert!(sha.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sha}");
            }
            assert_eq!(push.deleted(), after.is_none());
        }
        Event::PullRequest(request) => {
            let PullRequestEvent { head_branch, base_branch, from_fork, head_repository, .. } =
                request;
            harmless(head_branch);
            harmless(base_branch);
            assert!(*from_fork || head_repository.is_some(), "nobody's branch is trusted");
        }
        Event::Ping | Event::Other { .. } => {}
    }
}

/// No option of a program, no path that leads elsewhere, nothing that git refuses.
fn harmless(name: &str) {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    assert!(!name.is_empty() && name.len() <= 1024, "{name:?}");
    assert!(!name.starts_with(['-', '/']) && !name.ends_with('/'), "{name:?}");
    assert!(!name.contains("..") && !name.contains("//") && !name.chars().any(odd), "{name:?}");
}
