use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server::{Reply, Server};
use super::*;
use crate::{GitReference, OciReference};

/// A repository with two versions of `shop`; the index announces digests.
fn shop_server() -> Server {
    let charts = [archive("shop", "1.2.0", &[]), archive("shop", "1.10.0", &[])];
    let index = format!(
        "apiVersion: v1\nentries:\n  shop:\n  - version: 1.2.0\n    urls: [charts/shop-1.2.0.tgz]\n    \
         digest: {}\n  - version: 1.10.0\n    urls: [charts/shop-1.10.0.tgz]\n    digest: {}\n",
        sha256(&charts[0]).trim_start_matches("sha256:"),
        sha256(&charts[1]),
    );
    Server::start(move |request, _| match request.path() {
        "/index.yaml" if request.header("if-none-match") == Some("\"1\"") => Reply::status(304),
        "/index.yaml" => Reply::ok(index.clone()).with("ETag", "\"1\""),
        "/charts/shop-1.2.0.tgz" => Reply::ok(charts[0].clone()),
        "/charts/shop-1.10.0.tgz" => Reply::ok(charts[1].clone()),
        _ => Reply::status(404),
    })
}

#[test]
fn the_highest_version_in_the_range_is_fetched_and_identified() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let fetched =
        fetcher(cache.path()).fetch(&repository(&server.url(""), "shop", "^1"), &Access::default());
    let fetched = fetched.unwrap();
    assert_eq!(fetched.version, "1.10.0");
    assert_eq!(fetched.chart.name(), "shop");
    assert_eq!(fetched.digest, sha256(&archive("shop", "1.10.0", &[])));
    assert_eq!(fetched.origin, server.url("/shop"));
}

#[test]
fn the_stable_versions_are_listed_newest_first_from_a_list_that_is_kept() {
    let index = "entries: {shop: [{version: 1.2.0}, {version: v1.10.0}, {version: 1.10.0+b2}, \
                 {version: '1.11'}, {version: '20240115'}, \
                 {version: 2.0.0-rc.1}, {version: other}, null]}";
    let server = Server::start(move |request, _| match request.header("authorization") {
        Some(_) => Reply::ok(index),
        None => Reply::status(401),
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let owner = with_credentials(&server.host());
    for wanted in ["", "~1.2"] {
        let source = repository(&server.url(""), "shop", wanted);
        let found = fetcher.versions(&source, &owner).unwrap();
        assert_eq!(*found, ["v1.10.0", "1.2.0"], "{wanted}");
    }
    assert_eq!(server.seen().len(), 1, "the list is that of every version");
    let source = repository(&server.url(""), "shop", "");
    let error = fetcher.versions(&source, &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized", "it is not for those who may not ask");
    let other = repository(&server.url(""), "other", "");
    assert_eq!(fetcher.versions(&other, &owner).unwrap_err().reason(), "NotFound");
    let elsewhere = Access { allowed_hosts: Some(vec!["example.com".into()]), ..owner };
    assert_eq!(fetcher.versions(&source, &elsewhere).unwrap_err().reason(), "HostNotAllowed");
    assert!(fetcher.versions(&Source::BuiltIn, &Access::default()).unwrap().is_empty());
}

#[test]
fn an_unchanged_index_is_asked_for_but_not_sent_again() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    for _ in 0..3 {
        fetcher.fetch(&repository(&server.url(""), "shop", ""), &Access::default()).unwrap();
    }
    let conditional = server.seen().iter().filter(|r| r.header("if-none-match").is_some()).count();
    assert_eq!((server.count("/index.yaml"), conditional), (3, 2));
    assert_eq!(server.count("/charts/shop-1.10.0.tgz"), 1, "the archive comes from the cache");
}

#[test]
fn a_pinned_chart_in_the_cache_costs_no_request() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let source = repository(&server.url(""), "shop", "");
    let digest = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap().digest;
    let before = server.seen().len();
    let access = Access { pinned: Some(digest.clone()), ..Access::default() };
    let again = fetcher(cache.path()).fetch(&source, &access).unwrap();
    assert_eq!((again.digest, server.seen().len()), (digest, before));
}

#[test]
fn a_damaged_cache_entry_is_fetched_again() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let source = repository(&server.url(""), "shop", "");
    let digest = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap().digest;
    let files = std::fs::read_dir(cache.path().join("sha256")).unwrap();
    let [path] = files.map(|file| file.unwrap().path()).collect::<Vec<_>>().try_into().unwrap();
    std::fs::write(&path, b"damaged").unwrap();
    let access = Access { pinned: Some(digest.clone()), ..Access::default() };
    assert_eq!(fetcher(cache.path()).fetch(&source, &access).unwrap().digest, digest);
    assert_eq!(sha256(&std::fs::read(&path).unwrap()), digest);
}

#[test]
fn a_chart_in_the_cache_is_not_given_to_who_only_knows_its_digest() {
    let chart = archive("shop", "1.0.0", &[]);
    let digest = sha256(&chart);
    let index = format!("entries: {{shop: [{{version: 1.0.0, urls: [a.tgz], digest: {digest}}}]}}");
    let private = Server::start({
        let index = index.clone();
        move |request, _| match (request.header("authorization"), request.path()) {
            (None, _) => Reply::status(401),
            (Some(_), "/index.yaml") => Reply::ok(index.clone()),
            (Some(_), _) => Reply::ok(chart.clone()),
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let owner = with_credentials(&private.host());
    let source = repository(&private.url(""), "shop", "");
    assert_eq!(fetcher.fetch(&source, &owner).unwrap().digest, digest);

    // Somebody who learnt the digest names it in an index and in a manifest of their own.
    let layer = format!(
        r#"{{"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{digest}"}},
        "layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{digest}","size":9}}]}}"#,
    );
    let theirs = Server::start(move |request, _| match request.path() {
        "/index.yaml" => Reply::ok(index.clone()),
        "/v2/acme/shop/manifests/1.0.0" => Reply::ok(layer.clone()),
        _ => Reply::status(404),
    });
    let registry = Source::Oci {
        registry: theirs.host(),
        repository: "acme/shop".into(),
        reference: OciReference::Tag("1.0.0".into()),
    };
    let pinned = Access { pinned: Some(digest.clone()), ..Access::default() };
    for (source, access, reason) in [
        (&repository(&theirs.url(""), "shop", ""), &Access::default(), "NotFound"),
        (&registry, &Access::default(), "NotFound"),
        (&repository(&theirs.url(""), "shop", ""), &pinned, "NotFound"),
        (&source, &pinned, "Unauthorized"),
    ] {
        let error = fetcher.fetch(source, access).unwrap_err();
        assert_eq!(error.reason(), reason, "{source}");
    }
    let asked = private.seen().len();
    let again = Access { pinned: Some(digest), ..owner };
    fetcher.fetch(&source, &again).unwrap();
    assert_eq!(private.seen().len(), asked, "who fetched it finds it again");
}

#[test]
fn what_a_chart_depends_on_is_not_given_to_who_may_not_fetch_that() {
    let metadata = |port: u16| {
        format!(
            "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- name: db\n  version: ^1\n  \
             repository: http://127.0.0.1:{port}\n"
        )
    };
    let private =
        Server::start(|request, _| match (request.header("authorization"), request.path()) {
            (None, _) => Reply::status(401),
            (Some(_), "/index.yaml") => {
                Reply::ok("entries: {db: [{version: 1.0.0, urls: [db.tgz]}]}")
            }
            (Some(_), _) => Reply::ok(archive("db", "1.0.0", &[])),
        });
    let port = private.port;
    let public = Server::start(move |request, _| match request.path() {
        "/index.yaml" => Reply::ok("entries: {shop: [{version: 1.0.0, urls: [shop.tgz]}]}"),
        _ => Reply::ok(archive("shop", "1.0.0", &[("Chart.yaml", &metadata(port))])),
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let source = repository(&public.url(""), "shop", "");
    let found = fetcher.fetch(&source, &with_credentials(&private.host())).unwrap();
    let pinned = Access { pinned: Some(found.digest), ..Access::default() };
    let error = fetcher.fetch(&source, &pinned).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized", "{error}");
}

#[test]
fn a_chart_that_is_not_the_pinned_one_is_refused() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let access = Access { pinned: Some(sha256(b"other")), ..Access::default() };
    let error =
        fetcher(cache.path()).fetch(&repository(&server.url(""), "shop", ""), &access).unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("DigestMismatch", false));
}

#[test]
fn a_chart_that_is_not_the_announced_one_is_refused() {
    let server = Server::start(|request, _| match request.path() {
        "/index.yaml" => Reply::ok(format!(
            "entries: {{shop: [{{version: 1.0.0, urls: [a.tgz], digest: {}}}]}}",
            "0".repeat(64)
        )),
        _ => Reply::ok(archive("shop", "1.0.0", &[])),
    });
    let cache = tempfile::tempdir().unwrap();
    let error = fetcher(cache.path())
        .fetch(&repository(&server.url(""), "shop", ""), &Access::default())
        .unwrap_err();
    assert_eq!(error.reason(), "DigestMismatch");
}

#[test]
fn a_missing_version_names_the_nearest_ones() {
    let server = shop_server();
    let cache = tempfile::tempdir().unwrap();
    let error = fetcher(cache.path())
        .fetch(&repository(&server.url(""), "shop", "~1.3"), &Access::default())
        .unwrap_err();
    let text = "chart shop has no version ~1.3; the nearest are 1.2.0, 1.10.0";
    assert_eq!(error.to_string(), text);
}

#[test]
fn credentials_go_to_their_host_and_not_along_with_a_redirect() {
    let chart = archive("shop", "1.0.0", &[]);
    let other = Server::start(move |_, _| Reply::ok(chart.clone()));
    let target = other.url("/shop.tgz");
    let server = Server::start(move |request, _| {
        // "bot:hunter2" in base 64.
        if request.header("authorization") != Some("Basic Ym90Omh1bnRlcjI=") {
            return Reply::status(401);
        }
        match request.path() {
            "/index.yaml" => Reply::ok("entries: {shop: [{version: 1.0.0, urls: [shop.tgz]}]}"),
            _ => Reply::status(302).with("Location", target.clone()),
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let source = repository(&server.url(""), "shop", "");
    let error = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
    fetcher(cache.path()).fetch(&source, &with_credentials(&server.host())).unwrap();
    assert_eq!(other.seen().len(), 1);
    assert_eq!(other.seen()[0].header("authorization"), None);
}

#[test]
fn an_index_read_with_credentials_is_not_shown_to_others() {
    let server = Server::start(|request, _| match request.header("authorization") {
        None => Reply::status(401),
        Some(_) if request.path() == "/index.yaml" => {
            Reply::ok("entries: {shop: [{version: 1.0.0, urls: [shop.tgz]}]}")
        }
        Some(_) => Reply::ok(archive("shop", "1.0.0", &[])),
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(Options {
        cache_dir: Some(cache.path().into()),
        allow_loopback: true,
        ..Options::default()
    });
    let source = repository(&server.url(""), "shop", "");
    fetcher.fetch(&source, &with_credentials(&server.host())).unwrap();
    let error = fetcher.fetch(&source, &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
}

#[test]
fn hosts_outside_of_the_allow_list_are_not_contacted_even_by_redirect() {
    let server = Server::start(|request, port| match request.path() {
        "/index.yaml" => Reply::status(302).with("Location", format!("http://localhost:{port}/x")),
        _ => Reply::ok("entries: {}"),
    });
    let cache = tempfile::tempdir().unwrap();
    let source = repository(&server.url(""), "shop", "");
    for list in [vec!["charts.example.com".to_owned()], vec!["127.0.0.1".to_owned()]] {
        let access = Access { allowed_hosts: Some(list), ..Access::default() };
        let error = fetcher(cache.path()).fetch(&source, &access).unwrap_err();
        assert_eq!(error.reason(), "HostNotAllowed");
    }
    assert_eq!(server.count("/x"), 0);
}

#[test]
fn metadata_addresses_are_never_contacted() {
    let server = Server::start(|_, _| {
        Reply::status(302).with("Location", "http://169.254.169.254/latest/meta-data")
    });
    let cache = tempfile::tempdir().unwrap();
    for url in [server.url(""), "http://169.254.169.254/".into(), "https://[fe80::1]/".into()] {
        let error = fetcher(cache.path()).fetch(&repository(&url, "shop", ""), &Access::default());
        assert_eq!(error.unwrap_err().reason(), "AddressRefused", "{url}");
    }
}

#[test]
fn this_machine_is_contacted_only_where_that_is_allowed() {
    let server = Server::start(|_, _| Reply::ok("entries: {}"));
    let fetcher = Fetcher::new(Options::default());
    let port = server.port;
    let registry = |host: &str| Source::Oci {
        registry: format!("{host}:{port}"),
        repository: "acme/shop".into(),
        reference: OciReference::Tag("1.0.0".into()),
    };
    for host in ["127.0.0.1", "127.9.9.9", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}");
        for source in [
            repository(&url, "shop", ""),
            Source::ArchiveUrl(Url::parse(&format!("{url}/a.tgz")).unwrap()),
            registry(host),
            Source::Git {
                url: format!("https://{host}:{port}/a.git"),
                path: String::new(),
                reference: GitReference::Default,
            },
        ] {
            let error = fetcher.fetch(&source, &Access::default()).unwrap_err();
            assert_eq!(error.reason(), "AddressRefused", "{source}: {error}");
            assert!(error.to_string().contains("--allow-loopback"), "{error}");
        }
    }
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn credentials_are_not_sent_in_the_clear() {
    let cache = tempfile::tempdir().unwrap();
    let source = repository("http://charts.example.invalid", "shop", "");
    let access = with_credentials("charts.example.invalid");
    let error = fetcher(cache.path()).fetch(&source, &access).unwrap_err();
    assert_eq!(error.reason(), "Insecure");
}

#[test]
fn endless_redirects_and_broken_servers_end_with_the_right_kind() {
    let cache = tempfile::tempdir().unwrap();
    for (reply, reason, transient) in [
        (302, "InvalidRepository", false),
        (503, "Unreachable", true),
        (404, "NotFound", false),
        (200, "InvalidRepository", false),
    ] {
        let server = Server::start(move |_, _| {
            Reply { status: reply, body: b"- not: [an index".to_vec(), ..Reply::default() }
                .with("Location", "/again")
        });
        let source = repository(&server.url(""), "shop", "");
        let error = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap_err();
        assert_eq!((error.reason(), error.is_transient()), (reason, transient), "{reply}");
    }
}

#[test]
fn an_archive_url_is_fetched_and_hostile_content_refused() {
    let bomb = vec![0_u8; 21 * 1024 * 1024];
    let server = Server::start(move |request, _| match request.path() {
        "/shop-1.0.0.tgz" => Reply::ok(archive("shop", "1.0.0", &[])),
        "/big.tgz" => Reply::ok(bomb.clone()),
        _ => Reply::ok("<html>"),
    });
    let cache = tempfile::tempdir().unwrap();
    let fetch = |path: &str| {
        let source = Source::ArchiveUrl(Url::parse(&server.url(path)).unwrap());
        fetcher(cache.path()).fetch(&source, &Access::default())
    };
    assert_eq!(fetch("/shop-1.0.0.tgz").unwrap().version, "1.0.0");
    assert_eq!(fetch("/big.tgz").unwrap_err().reason(), "TooLarge");
    assert_eq!(fetch("/page.tgz").unwrap_err().reason(), "InvalidChart");
}

#[test]
fn an_index_of_any_size_is_given_up() {
    let server = Server::start(|_, _| Reply::ok(vec![b' '; 64 * 1024 * 1024 + 1]));
    let cache = tempfile::tempdir().unwrap();
    let source = repository(&server.url(""), "shop", "");
    let error = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("TooLarge", false), "{error}");
}

#[test]
fn dependencies_that_are_not_vendored_are_fetched_with_theirs() {
    let server = Server::start(move |request, port| {
        let metadata = |name: &str, needs: &str| {
            format!(
                "apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n- name: {needs}\n  \
                 version: ^1\n  repository: http://127.0.0.1:{port}\n"
            )
        };
        match request.path() {
            "/index.yaml" => Reply::ok(
                "entries:\n  shop: [{version: 1.0.0, urls: [shop.tgz]}]\n  \
                 db: [{version: 1.0.0, urls: [db.tgz]}]\n  \
                 common: [{version: 1.5.0, urls: [common.tgz]}]\n  \
                 loop: [{version: 1.0.0, urls: [loop.tgz]}]\n",
            ),
            "/shop.tgz" => {
                Reply::ok(archive("shop", "1.0.0", &[("Chart.yaml", &metadata("shop", "db"))]))
            }
            "/db.tgz" => {
                Reply::ok(archive("db", "1.0.0", &[("Chart.yaml", &metadata("db", "common"))]))
            }
            "/loop.tgz" => {
                Reply::ok(archive("loop", "1.0.0", &[("Chart.yaml", &metadata("loop", "loop"))]))
            }
            "/common.tgz" => Reply::ok(archive("common", "1.5.0", &[])),
            _ => Reply::status(404),
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let source = repository(&server.url(""), "shop", "");
    let found = fetcher.fetch(&source, &Access::default()).unwrap();
    assert!(found.chart.missing_dependencies().is_empty());
    assert_eq!(server.count("/common.tgz"), 1);
    let pinned = Access { pinned: Some(found.digest.clone()), ..Access::default() };
    let before = server.seen().len();
    assert_eq!(fetcher.fetch(&source, &pinned).unwrap().digest, found.digest);
    assert_eq!(server.seen().len(), before, "the pin covers the dependencies too");
    let error =
        fetcher.fetch(&repository(&server.url(""), "loop", ""), &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "InvalidChart");
}

#[test]
fn an_index_that_changes_is_seen() {
    let newer = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&newer);
    let server = Server::start(move |request, _| {
        let version = if flag.load(Ordering::SeqCst) { "2.0.0" } else { "1.0.0" };
        match request.path() {
            "/index.yaml" => {
                Reply::ok(format!("entries: {{shop: [{{version: {version}, urls: [a.tgz]}}]}}"))
                    .with("ETag", format!("\"{version}\""))
            }
            _ => Reply::ok(archive("shop", version, &[])),
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let source = repository(&server.url(""), "shop", "");
    assert_eq!(fetcher.fetch(&source, &Access::default()).unwrap().version, "1.0.0");
    newer.store(true, Ordering::SeqCst);
    assert_eq!(fetcher.fetch(&source, &Access::default()).unwrap().version, "2.0.0");
}
