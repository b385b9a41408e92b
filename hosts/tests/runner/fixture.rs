//! Bodies in the shapes that hosts document, signatures, and clients.

use std::sync::Arc;

use base64::Engine as _;
use gimlet_hosts::{Address, Client, Host, Provider, Secret, Settings, Sha};
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use sha2::Sha256;

use crate::server::Server;

pub(crate) const TOKEN: &str = "the-token-of-a-test";

pub(crate) fn text(path: &str) -> String {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn sha(first: char) -> Sha {
    let text = match first {
        '1' => "1f0c9a4b7d2e63854f1a0b9c8d7e6f5041322314",
        '2' => "2b1d8e7f6a5c4b3a291807f6e5d4c3b2a1908776",
        '3' => "3c2e9f8a7b6d5c4b3a2918f7e6d5c4b3a2019887",
        other => panic!("no commit begins with {other}"),
    };
    Sha::parse(text).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Returns what GitHub sends with a body.
pub(crate) fn github(event: &str, body: &[u8], secret: &str) -> HeaderMap {
    let signature = format!("sha256={}", hex(&mac(secret.as_bytes(), &[body])));
    headers(&[
        ("content-type", "application/json"),
        ("x-github-event", event),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", &signature),
    ])
}

/// Returns what Gitea sends with a body.
pub(crate) fn gitea(event: &str, body: &[u8], secret: &str) -> HeaderMap {
    let signature = hex(&mac(secret.as_bytes(), &[body]));
    headers(&[
        ("content-type", "application/json"),
        ("x-gitea-event", event),
        ("x-gitea-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"),
        ("x-gitea-signature", &signature),
    ])
}

/// Returns what GitLab sends with a body and a secret token.
pub(crate) fn gitlab(event: &str, secret: &str) -> HeaderMap {
    headers(&[
        ("content-type", "application/json"),
        ("x-gitlab-event", event),
        ("x-gitlab-event-uuid", "13792a34-cac6-4fda-95a8-c58e00a3954e"),
        ("x-gitlab-token", secret),
    ])
}

/// Returns what GitLab sends with a body and a signing token.
pub(crate) fn gitlab_signed(body: &[u8], key: &[u8], id: &str, at: i64) -> HeaderMap {
    let at = at.to_string();
    let signature = mac(key, &[id.as_bytes(), b".", at.as_bytes(), b".", body]);
    let signature = format!("v1,{} v1,{}", base64(&[0; 32]), base64(&signature));
    headers(&[
        ("content-type", "application/json"),
        ("x-gitlab-event", "Push Hook"),
        ("webhook-id", id),
        ("webhook-timestamp", &at),
        ("webhook-signature", &signature),
    ])
}

pub(crate) fn settings(provider: Provider, server: &Server) -> Settings {
    let mut settings = Settings::new(provider, server.url("").parse().unwrap());
    settings.token = Some(Secret::new(TOKEN));
    settings.allow_loopback = true;
    settings
}

/// Returns a client of a server that stands for a host, and a repository there.
pub(crate) fn host(provider: Provider, server: &Server) -> (Client, Arc<dyn Host>) {
    let client = Client::new(settings(provider, server)).unwrap();
    let host = client.repository(&address(provider)).unwrap();
    (client, host)
}

pub(crate) fn address(provider: Provider) -> Address {
    Address::parse(match provider {
        Provider::GitHub => "https://github.com/acme/shop.git",
        Provider::GitLab => "git@gitlab.example.com:acme/web/shop.git",
        Provider::Gitea => "https://git.example.com/acme/shop",
    })
    .unwrap()
}
