//! GitHub Apps, by a server that checks what they sign with a program that is not ours.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gimlet_hosts::{AppError, AppSettings, GitHubApp, Observer, Provider, Secret};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::now;
use crate::server::{Reply, Request, Server};

const EXCHANGE: &str = "POST /app/installations/4711/access_tokens";

fn openssl(dir: &Path, args: &[&str]) -> bool {
    let output = Command::new("openssl").current_dir(dir).args(args).output().unwrap();
    output.status.success()
}

/// Makes a pair of keys, the private one in the form in which GitHub gives it.
fn keys() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    assert!(openssl(dir.path(), &["genrsa", "-traditional", "-out", "key.pem", "2048"]));
    assert!(openssl(dir.path(), &["rsa", "-in", "key.pem", "-pubout", "-out", "public.pem"]));
    let key = std::fs::read_to_string(dir.path().join("key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY-----"), "{key}");
    (dir, key)
}

/// Reads what a request says of itself, if its signature is right.
fn believed(request: &Request, dir: &Path) -> Option<Value> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let head: Value = serde_json::from_slice(&decode(head)?).ok()?;
    assert_eq!(head, json!({"alg": "RS256", "typ": "JWT"}));
    std::fs::write(dir.join("signed"), signed).ok()?;
    std::fs::write(dir.join("signature"), decode(signature)?).ok()?;
    let check = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "signed"];
    openssl(dir, &check).then(|| serde_json::from_slice(&decode(claims)?).ok()).flatten()
}

/// A clock that a test sets, in seconds after the usual moment.
fn clock() -> (Arc<AtomicI64>, gimlet_hosts::Clock) {
    let seconds = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&seconds);
    let at =
        move || Timestamp::from_second(now().as_second() + read.load(Ordering::Relaxed)).unwrap();
    (seconds, Arc::new(at))
}

fn app(server: &Server, key: &str, clock: &gimlet_hosts::Clock) -> GitHubApp {
    let api = server.url("").parse().unwrap();
    let settings = AppSettings::new("1234", "4711", Secret::new(key), api);
    GitHubApp::new(AppSettings { clock: Arc::clone(clock), allow_loopback: true, ..settings })
        .unwrap()
}

#[tokio::test]
async fn a_signed_statement_is_exchanged_for_a_token_that_is_kept_until_its_end_is_near() {
    let (dir, key) = keys();
    let (time, clock) = clock();
    let (count, until) = (Arc::new(AtomicI64::new(0)), Arc::clone(&clock));
    let counted = Arc::clone(&count);
    let path = dir.path().to_owned();
    let server = Server::start(move |request| {
        assert_eq!(request.line(), EXCHANGE);
        let Some(claims) = believed(request, &path) else {
            return Reply::status(401, r#"{"message":"A JSON web token could not be decoded"}"#);
        };
        let at = until().as_second();
        assert_eq!(claims["iss"], "1234");
        assert!(claims["iat"].as_i64().unwrap() < at);
        let holds = claims["exp"].as_i64().unwrap();
        assert!(holds > at && holds <= at + 600, "{claims}");
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let ends = Timestamp::from_second(at + 3600).unwrap();
        let body = json!({"token": format!("ghs_{number}"), "expires_at": ends.to_string(),
            "permissions": {"contents": "write"}, "repository_selection": "selected"});
        Reply::status(201, &body.to_string())
    });
    let app = app(&server, &key, &clock);
    let both = app.clone();
    let (one, other) = tokio::join!(app.token(), both.token());
    assert_eq!((one.unwrap().reveal(), other.unwrap().reveal()), ("ghs_0", "ghs_0"));
    time.store(45 * 60, Ordering::Relaxed);
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_0");
    time.store(51 * 60, Ordering::Relaxed);
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_1");
    assert_eq!(count.load(Ordering::Relaxed), 2);
    // One that was refused is not kept, unless it is too new to be the reason.
    app.distrust();
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_1");
    time.store(52 * 60, Ordering::Relaxed);
    app.distrust();
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_2");
    assert!(!format!("{app:?}").contains("ghs_"));
}

#[tokio::test]
async fn a_token_is_used_to_its_end_while_github_is_away() {
    let (_dir, key) = keys();
    let (time, clock) = clock();
    let away = Arc::new(Mutex::new(false));
    let is_away = Arc::clone(&away);
    let ends = Timestamp::from_second(now().as_second() + 3600).unwrap();
    let server = Server::start(move |_| {
        if *is_away.lock().unwrap() {
            return Reply::status(502, "");
        }
        let body = json!({"token": "ghs_0", "expires_at": ends.to_string()});
        Reply::status(201, &body.to_string())
    });
    let app = app(&server, &key, &clock);
    app.token().await.unwrap();
    *away.lock().unwrap() = true;
    time.store(55 * 60, Ordering::Relaxed);
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_0");
    time.store(60 * 60, Ordering::Relaxed);
    assert_eq!(app.token().await.unwrap_err().reason(), "HostUnreachable");
}

#[tokio::test]
async fn a_refusal_says_which_of_the_three_keys_is_wrong() {
    let (_dir, key) = keys();
    let (_, clock) = clock();
    for (status, reason, says) in [
        (401, "Unauthorized", "check that githubAppPrivateKey is a key of githubAppID"),
        (404, "AppNotInstalled", "has no installation 4711"),
        (403, "Forbidden", "it has been suspended"),
    ] {
        let body = r#"{"message":"it has been suspended"}"#;
        let server = Server::of(&[(EXCHANGE, Reply::status(status, body))]);
        let error = app(&server, &key, &clock).token().await.unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().contains(says), "{error}");
    }
    let settings = |app: &str, key: &str| {
        let api = "https://api.github.com".parse().unwrap();
        AppSettings::new(app, "4711", Secret::new(key), api)
    };
    let error = GitHubApp::new(settings("1234", "-----BEGIN CERTIFICATE-----")).unwrap_err();
    assert_eq!(error, AppError::Key);
    let error = GitHubApp::new(settings("12/34", &key)).unwrap_err();
    assert!(error.to_string().starts_with("githubAppID \"12/34\" is no id"), "{error}");
}

#[tokio::test]
async fn a_key_in_the_newer_form_signs_as_well_and_requests_are_counted() {
    #[derive(Default)]
    struct Counted(Mutex<Vec<(Provider, Option<u16>)>>);
    impl Observer for Counted {
        fn requested(&self, provider: Provider, status: Option<u16>) {
            self.0.lock().unwrap().push((provider, status));
        }
    }
    let (dir, _) = keys();
    let args = ["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-out", "pkcs8.pem"];
    assert!(openssl(dir.path(), &args));
    let key = std::fs::read_to_string(dir.path().join("pkcs8.pem")).unwrap();
    let path = dir.path().to_owned();
    let server = Server::start(move |request| match believed(request, &path) {
        Some(_) => Reply::status(201, r#"{"token":"ghs_0","expires_at":"2099-01-01T00:00:00Z"}"#),
        None => Reply::status(401, "{}"),
    });
    let counted = Arc::new(Counted::default());
    let settings =
        AppSettings::new("1234", "4711", Secret::new(key), server.url("").parse().unwrap());
    let observer: Arc<dyn Observer> = Arc::clone(&counted) as _;
    let app =
        GitHubApp::new(AppSettings { observer: Some(observer), allow_loopback: true, ..settings })
            .unwrap();
    assert_eq!(app.token().await.unwrap().reveal(), "ghs_0");
    assert_eq!(*counted.0.lock().unwrap(), [(Provider::GitHub, Some(201))]);
}
