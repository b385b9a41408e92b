use super::server::{Reply, Request, Server};
use super::*;
use crate::OciReference;

const TOKEN: &str = "Bearer opaque-token";

fn manifest(chart: &[u8], config: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"{0}","size":2}},
        "layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{1}","size":{2}}}]}}"#,
        sha256(b"{}"),
        sha256(chart),
        chart.len()
    )
}

const HELM: &str = "application/vnd.cncf.helm.config.v1+json";

/// A registry with token authentication, two pages of tags and blobs behind a redirect.
fn registry() -> Server {
    Server::start(|request, port| {
        if request.path() == "/token" {
            let known = request.header("authorization") == Some("Basic Ym90Omh1bnRlcjI=");
            let asked = request.target.contains("scope=repository%3Aacme%2Fshop%3Apull");
            return if known && asked {
                Reply::ok(r#"{"token":"opaque-token"}"#)
            } else {
                Reply::status(401)
            };
        }
        if request.path().starts_with("/storage/") {
            return storage(request);
        }
        if request.header("authorization") != Some(TOKEN) {
            let challenge = format!(
                "Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"registry\",\
                 scope=\"repository:acme/shop:pull\""
            );
            return Reply::status(401).with("WWW-Authenticate", challenge);
        }
        content(request, port)
    })
}

fn storage(request: &Request) -> Reply {
    if request.header("authorization").is_some() {
        return Reply::status(400);
    }
    let charts = ["1.0.0", "1.2.0+b1"].map(|version| archive("shop", version, &[]));
    let found = charts.into_iter().find(|chart| request.path().ends_with(&sha256(chart)));
    found.map_or_else(|| Reply::status(404), Reply::ok)
}

fn content(request: &Request, port: u16) -> Reply {
    let chart = |version: &str| manifest(&archive("shop", version, &[]), HELM);
    match request.target.strip_prefix("/v2/acme/shop/").unwrap_or_default() {
        "tags/list?n=1000" => Reply::ok(r#"{"tags":["1.0.0","latest","2.0.0-rc.1"]}"#)
            .with("Link", "</v2/acme/shop/tags/list?n=1000&last=x>; rel=\"next\""),
        "tags/list?n=1000&last=x" => Reply::ok(r#"{"tags":["1.2","1.2.0_b1","20240115"]}"#),
        "manifests/1.0.0" => Reply::ok(chart("1.0.0")),
        "manifests/1.2.0_b1" => Reply::ok(chart("1.2.0+b1")),
        "manifests/index" => {
            let (other, helm) = (manifest(b"", "application/x-other"), chart("1.0.0"));
            let entries: Vec<String> = [other, helm]
                .iter()
                .map(|body| {
                    format!(r#"{{"mediaType":"m","digest":"{}"}}"#, sha256(body.as_bytes()))
                })
                .collect();
            Reply::ok(format!(r#"{{"manifests":[{}]}}"#, entries.join(",")))
        }
        "manifests/image" => Reply::ok(manifest(b"", "application/vnd.oci.image.config.v1+json")),
        "manifests/hostile" => {
            let hostile =
                chart("1.0.0").replace(&sha256(&archive("shop", "1.0.0", &[])), "../../x");
            Reply::ok(hostile)
        }
        path if path.starts_with("manifests/sha256:") => {
            let bodies = [manifest(b"", "application/x-other"), chart("1.0.0")];
            let found = bodies.into_iter().find(|body| path.ends_with(&sha256(body.as_bytes())));
            found.map_or_else(|| Reply::ok("{}"), Reply::ok)
        }
        path if path.starts_with("blobs/") => {
            // Another host by name, so that the token must stay behind.
            let digest = path.trim_start_matches("blobs/");
            Reply::status(307).with("Location", format!("http://localhost:{port}/storage/{digest}"))
        }
        _ => Reply::status(404),
    }
}

fn shop(server: &Server, reference: OciReference) -> Source {
    Source::Oci { registry: server.host(), repository: "acme/shop".into(), reference }
}

fn tag(name: &str) -> OciReference {
    OciReference::Tag(name.into())
}

fn range(text: &str) -> OciReference {
    OciReference::Range(VersionRange::parse(text).unwrap())
}

#[test]
fn a_tag_is_fetched_with_a_token_that_stays_with_the_registry() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    let fetched = fetcher(cache.path()).fetch(&shop(&server, tag("1.0.0")), &access).unwrap();
    assert_eq!(fetched.version, "1.0.0");
    assert_eq!(fetched.digest, sha256(&archive("shop", "1.0.0", &[])));
    assert_eq!(fetched.origin, format!("oci://{}/acme/shop", server.host()));
    assert_eq!(server.count("/token"), 1);
}

#[test]
fn a_range_is_looked_up_in_all_pages_of_tags() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    let fetch = |text| fetcher(cache.path()).fetch(&shop(&server, range(text)), &access);
    assert_eq!(fetch("").unwrap().version, "1.2.0+b1");
    assert_eq!(fetch("~1.0").unwrap().version, "1.0.0");
    let error = fetch("^3").unwrap_err();
    assert_eq!(error.reason(), "VersionNotFound");
    assert!(error.to_string().contains("1.2.0_b1"), "{error}");
}

#[test]
fn the_versions_are_the_tags_of_all_pages_that_are_stable_ones() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    let fetcher = fetcher(cache.path());
    let found = fetcher.versions(&shop(&server, tag("1.0.0")), &access).unwrap();
    assert_eq!(*found, ["1.2.0+b1", "1.0.0"]);
    let asked = server.seen().len();
    fetcher.versions(&shop(&server, range("^1")), &access).unwrap();
    assert_eq!(server.seen().len(), asked, "the list is kept");
}

#[test]
fn a_digest_names_a_manifest_and_is_verified() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    let fetch = |digest: String| {
        fetcher(cache.path()).fetch(&shop(&server, OciReference::Digest(digest)), &access)
    };
    let body = manifest(&archive("shop", "1.0.0", &[]), HELM);
    assert_eq!(fetch(sha256(body.as_bytes())).unwrap().version, "1.0.0");
    assert_eq!(fetch(sha256(b"something else")).unwrap_err().reason(), "DigestMismatch");
}

#[test]
fn a_chart_is_found_in_an_index_and_an_image_is_no_chart() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    let fetch = |name| fetcher(cache.path()).fetch(&shop(&server, tag(name)), &access);
    assert_eq!(fetch("index").unwrap().version, "1.0.0");
    assert_eq!(fetch("image").unwrap_err().reason(), "InvalidChart");
    assert_eq!(fetch("hostile").unwrap_err().reason(), "InvalidChart");
    assert_eq!(fetch("missing").unwrap_err().reason(), "NotFound");
}

#[test]
fn without_credentials_a_private_registry_refuses() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let error =
        fetcher(cache.path()).fetch(&shop(&server, tag("1.0.0")), &Access::default()).unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("Unauthorized", false));
}

#[test]
fn a_known_archive_is_not_downloaded_again() {
    let server = registry();
    let cache = tempfile::tempdir().unwrap();
    let access = with_credentials(&server.host());
    for _ in 0..2 {
        fetcher(cache.path()).fetch(&shop(&server, tag("1.0.0")), &access).unwrap();
    }
    let blobs = server.seen().iter().filter(|r| r.path().starts_with("/storage/")).count();
    assert_eq!(blobs, 1);
}
