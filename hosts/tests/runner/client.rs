//! What is the same for every host: limits, kept answers, redirects, errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gimlet_hosts::{Client, Host, HostError, Provider, Retry, Secret, Settings, StatusState};
use jiff::Timestamp;

use crate::fixture::{TOKEN, address, host, now, settings, sha, text};
use crate::server::{Reply, Server};

const REPOSITORY: &str = "GET /repos/acme/shop";

fn limited(reply: Reply, remaining: u32, reset: i64) -> Reply {
    reply
        .with("X-RateLimit-Limit", "5000")
        .with("X-RateLimit-Remaining", remaining.to_string())
        .with("X-RateLimit-Reset", (now().as_second() + reset).to_string())
        .with("X-RateLimit-Resource", "core")
}

/// A client whose time is set by the test, in seconds from [`now`].
fn timed(server: &Server) -> (Arc<AtomicI64>, Client, Arc<dyn Host>) {
    let clock = Arc::new(AtomicI64::new(0));
    let mut settings = settings(Provider::GitHub, server);
    let time = Arc::clone(&clock);
    settings.clock = Arc::new(move || {
        Timestamp::from_second(now().as_second() + time.load(Ordering::SeqCst)).unwrap()
    });
    let client = Client::new(settings).unwrap();
    let host = client.repository(&address(Provider::GitHub)).unwrap();
    (clock, client, host)
}

fn status() -> gimlet_hosts::NewStatus {
    gimlet_hosts::NewStatus {
        context: "c".into(),
        state: StatusState::Success,
        description: String::new(),
        url: None,
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let server = Server::start(|request| {
        if request.header("if-none-match") == Some("\"v1\"") {
            return Reply::status(304, "");
        }
        let link = r#"<https://x>; rel="next""#;
        Reply::file("github/branches.json").with("ETag", "\"v1\"").with("Link", link)
    });
    let (_, host) = host(Provider::GitHub, &server);
    let first = host.branches(1).await.unwrap();
    let second = host.branches(1).await.unwrap();
    assert_eq!(first, second, "the next page is known too");
    host.branches(2).await.unwrap();
    let tags: Vec<_> =
        server.seen().iter().map(|r| r.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(tags, [None, Some("\"v1\"".to_owned()), None]);
}

#[tokio::test]
async fn a_list_of_gitea_without_links_goes_on_to_its_total() {
    let server = Server::start(|request| {
        let tags = if request.has("page=3") { "[]".to_owned() } else { text("github/tags.json") };
        Reply::ok(tags).with("X-Total-Count", "2")
    });
    let (_, host) = host(Provider::Gitea, &server);
    assert_eq!(host.tags(1).await.unwrap().next, Some(2));
    assert_eq!(host.tags(2).await.unwrap().next, None);
    assert_eq!(host.tags(3).await.unwrap().next, None);
    assert!(server.seen()[0].has("limit=50"));
}

#[tokio::test]
async fn nothing_is_kept_where_no_room_is_given() {
    let server = Server::start(|_| Reply::file("github/branches.json").with("ETag", "\"v1\""));
    let mut settings = settings(Provider::GitHub, &server);
    settings.cache = 0;
    let host = Client::new(settings).unwrap().repository(&address(Provider::GitHub)).unwrap();
    host.branches(1).await.unwrap();
    host.branches(1).await.unwrap();
    assert!(server.seen().iter().all(|request| request.header("if-none-match").is_none()));
}

#[tokio::test]
async fn a_used_up_limit_is_waited_for_without_a_request() {
    let server = Server::start(|_| limited(Reply::file("github/repository.json"), 0, 600));
    let (clock, client, host) = timed(&server);
    host.repository().await.unwrap();
    let known = client.rate_limit().unwrap();
    assert_eq!((known.limit, known.remaining), (5000, 0));
    assert_eq!(known.reset.as_second(), now().as_second() + 600);
    let error = host.repository().await.unwrap_err();
    assert_eq!(error.reason(), "RateLimited");
    assert_eq!(error.retry(now()), Retry::After(Duration::from_mins(10)));
    assert_eq!(server.seen().len(), 1, "nothing was asked");
    clock.store(600, Ordering::SeqCst);
    host.repository().await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_last_requests_are_kept_for_writing() {
    let server = Server::start(|_| limited(Reply::file("github/repository.json"), 50, 600));
    let (_, _, host) = timed(&server);
    host.repository().await.unwrap();
    assert_eq!(host.repository().await.unwrap_err().reason(), "RateLimited");
    host.set_commit_status(&sha('2'), &status()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_secondary_limit_stops_writing_too() {
    let refusal = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
    let server = Server::start(move |_| Reply::status(403, refusal).with("Retry-After", "30"));
    let (clock, _, host) = timed(&server);
    let error = host.set_commit_status(&sha('2'), &status()).await.unwrap_err();
    assert_eq!(error.retry(now()), Retry::After(Duration::from_secs(30)));
    clock.store(29, Ordering::SeqCst);
    assert_eq!(host.set_commit_status(&sha('2'), &status()).await, Err(error));
    assert_eq!(server.seen().len(), 1);
    clock.store(30, Ordering::SeqCst);
    assert!(host.set_commit_status(&sha('2'), &status()).await.is_err());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_limit_belongs_to_the_account_and_not_to_a_repository() {
    let server = Server::start(|_| limited(Reply::file("github/repository.json"), 0, 600));
    let (_, client, host) = timed(&server);
    host.repository().await.unwrap();
    let other = gimlet_hosts::Address::parse("https://github.com/acme/other").unwrap();
    let other = client.repository(&other).unwrap();
    assert_eq!(other.repository().await.unwrap_err().reason(), "RateLimited");
}

#[tokio::test]
async fn a_token_never_goes_to_another_host() {
    let other = Server::start(|_| Reply::file("github/repository.json"));
    let to = other.url("/repos/acme/shop");
    let server = Server::start(move |_| Reply::status(302, "").with("Location", to.clone()));
    let (_, host) = host(Provider::GitHub, &server);
    let error = host.repository().await.unwrap_err();
    assert_eq!(error.reason(), "RepositoryMoved");
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_renamed_repository_is_read_at_its_new_place_but_not_written() {
    let server = Server::start(|request| match request.target.split('?').next().unwrap() {
        "/repositories/4711" => Reply::file("github/repository.json"),
        _ => Reply::status(301, "").with("Location", "/repositories/4711"),
    });
    let (_, host) = host(Provider::GitHub, &server);
    assert_eq!(host.repository().await.unwrap().full_name, "acme/shop");
    let error = host.set_commit_status(&sha('2'), &status()).await.unwrap_err();
    assert_eq!(error.reason(), "RepositoryMoved");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::start(|_| Reply::status(301, "").with("Location", "/repos/acme/shop"));
    let (_, host) = host(Provider::GitHub, &server);
    assert_eq!(host.repository().await.unwrap_err().reason(), "HostUnreachable");
    assert!(server.seen().len() < 10);
}

#[tokio::test]
async fn errors_say_what_to_do_and_never_the_token() {
    for (status, reason, says, retry) in [
        (401, "Unauthorized", "Contents: read", Retry::Stalled),
        (403, "Forbidden", "Contents: read", Retry::Stalled),
        (404, "NotFound", "repository acme/shop", Retry::Stalled),
        (451, "HostRefused", "451", Retry::Stalled),
        (502, "HostUnreachable", "502", Retry::Backoff),
    ] {
        let body = format!(r#"{{"message":"Bad credentials {TOKEN}\u001b[31m"}}"#);
        let server = Server::start(move |_| Reply::status(status, &body));
        let (client, host) = host(Provider::GitHub, &server);
        let error = host.repository().await.unwrap_err();
        assert_eq!((error.reason(), error.retry(now())), (reason, retry));
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("127.0.0.1"), "{text}");
        for text in [text, format!("{error:?}"), format!("{client:?}")] {
            assert!(!text.contains(TOKEN) && !text.contains('\u{1b}'), "{text}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_something_else_names_the_provider() {
    let server = Server::start(|_| Reply::ok("<html>Sign in</html>"));
    let (_, host) = host(Provider::GitHub, &server);
    let error = host.repository().await.unwrap_err();
    assert_eq!(error.reason(), "InvalidAnswer");
    assert!(error.to_string().contains("as GitHub does"), "{error}");
}

#[tokio::test]
async fn huge_answers_and_endless_lists_are_given_up() {
    let server = Server::start(|_| Reply::ok(vec![b' '; 9 * 1024 * 1024]));
    let (_, github) = host(Provider::GitHub, &server);
    assert_eq!(github.repository().await.unwrap_err().reason(), "TooLarge");

    let server = Server::start(|_| {
        Reply::file("github/comments.json").with("Link", r#"<https://x>; rel="next""#)
    });
    let (_, github) = host(Provider::GitHub, &server);
    assert_eq!(github.comments(42).await.unwrap_err().reason(), "TooLarge");
    assert_eq!(server.seen().len(), 10);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_worth_another_try() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = format!("http://127.0.0.1:{port}").parse().unwrap();
    let settings = Settings { allow_loopback: true, ..Settings::new(Provider::GitHub, api) };
    let client = Client::new(settings).unwrap();
    let host = client.repository(&address(Provider::GitHub)).unwrap();
    let error = host.repository().await.unwrap_err();
    assert_eq!((error.reason(), error.retry(now())), ("HostUnreachable", Retry::Backoff));
}

#[tokio::test]
async fn an_exchanged_token_is_used_from_then_on_and_no_token_is_no_header() {
    let server = Server::of(&[(REPOSITORY, Reply::ok(text("github/repository.json")))]);
    let (client, host) = host(Provider::GitHub, &server);
    client.set_token(Some(Secret::new("another\n"))).unwrap();
    host.repository().await.unwrap();
    client.set_token(None).unwrap();
    host.repository().await.unwrap();
    let sent: Vec<_> =
        server.seen().iter().map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("Bearer another".to_owned()), None]);
}

#[test]
fn settings_that_would_give_the_token_away_are_refused() {
    let make = |api: &str, token: Option<&str>| {
        let mut settings = Settings::new(Provider::Gitea, api.parse().unwrap());
        settings.token = token.map(Secret::new);
        Client::new(settings).map(|_| ())
    };
    let insecure = make("http://git.example.com/api/v1", Some("t")).unwrap_err();
    assert_eq!(insecure, HostError::Insecure { host: "git.example.com".into() });
    assert!(make("http://git.example.com/api/v1", None).is_ok());
    assert!(make("https://git.example.com/api/v1", Some("t")).is_ok());
    for (api, token) in [
        ("https://user:hunter2@git.example.com/", None),
        ("https://git.example.com/?x=1", None),
        ("ftp://git.example.com/", None),
        ("https://git.example.com/", Some("a b")),
        ("https://git.example.com/", Some("a\r\nx: y")),
    ] {
        let error = make(api, token).unwrap_err();
        assert_eq!(error.reason(), "InvalidInput", "{api}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn this_machine_is_contacted_only_where_that_is_allowed() {
    let server = Server::of(&[(REPOSITORY, Reply::ok(text("github/repository.json")))]);
    for name in ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"] {
        let api = server.url("").replace("127.0.0.1", name).parse().unwrap();
        let client = Client::new(Settings::new(Provider::GitHub, api)).unwrap();
        let host = client.repository(&address(Provider::GitHub)).unwrap();
        let error = host.repository().await.unwrap_err();
        assert_eq!(error.reason(), "AddressRefused", "{name}: {error}");
        assert!(error.to_string().contains("--allow-loopback"), "{error}");
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn metadata_services_are_never_contacted() {
    let api = "http://169.254.169.254/".parse().unwrap();
    let client = Client::new(Settings::new(Provider::GitHub, api)).unwrap();
    let host = client.repository(&address(Provider::GitHub)).unwrap();
    assert_eq!(host.repository().await.unwrap_err().reason(), "AddressRefused");
}
