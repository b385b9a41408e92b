//! Files at GitHub and GitLab, by a server that answers in the shapes of their documentation.

use gimlet_hosts::{File, FileChange, HostError, Provider};
use serde_json::json;

use crate::fixture::{base64, host, sha};
use crate::server::{Reply, Request, Server};

const PATH: &str = ".gimlet/shop.yaml";

fn change(base: Option<File>, content: Option<&str>) -> FileChange {
    FileChange {
        branch: "main".into(),
        path: PATH.into(),
        content: content.map(Into::into),
        base,
        message: "Three replicas".into(),
    }
}

fn hub_file(first: char, content: &str) -> Reply {
    let body = json!({"type": "file", "encoding": "base64", "sha": sha(first).as_str(),
        "size": content.len(), "content": format!("{}\n", base64(content.as_bytes()))});
    Reply::ok(body.to_string())
}

fn lab_file(first: char, content: &str) -> Reply {
    let body = json!({"file_path": PATH, "encoding": "base64", "blob_id": sha(first).as_str(),
        "last_commit_id": sha('3').as_str(), "commit_id": sha('3').as_str(),
        "content": base64(content.as_bytes())});
    Reply::ok(body.to_string())
}

#[tokio::test]
async fn github_writes_a_file_with_the_id_of_what_was_read() {
    let written =
        json!({"content": null, "commit": {"sha": sha('2').as_str(), "html_url": "https://x"}});
    let server = Server::of(&[
        ("GET /repos/acme/shop/contents/.gimlet/shop.yaml", hub_file('1', "a: 1\n")),
        ("PUT /repos/acme/shop/contents/.gimlet/shop.yaml", Reply::ok(written.to_string())),
        ("DELETE /repos/acme/shop/contents/.gimlet/shop.yaml", Reply::ok(written.to_string())),
    ]);
    let (_, host) = host(Provider::GitHub, &server);
    let found = host.file("main", PATH).await.unwrap().unwrap();
    assert_eq!((found.blob.clone(), found.content.as_slice()), (sha('1'), &b"a: 1\n"[..]));
    let made = host.write_file(&change(Some(found.clone()), Some("a: 2\n"))).await.unwrap();
    assert_eq!((made.sha, made.url.as_deref()), (sha('2'), Some("https://x")));
    host.write_file(&change(Some(found), None)).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].has("ref=main"));
    assert_eq!(
        seen[1].json(),
        json!({"message": "Three replicas", "branch": "main", "sha": sha('1').as_str(),
            "content": base64(b"a: 2\n")})
    );
    assert_eq!(
        seen[2].json(),
        json!({"message": "Three replicas", "branch": "main", "sha": sha('1').as_str()})
    );
}

#[tokio::test]
async fn github_tells_a_changed_file_from_a_branch_that_moved() {
    let refused = Reply::status(409, r#"{"message":"is at one but expected another"}"#);
    let server = Server::of(&[
        ("GET /repos/acme/shop/contents/.gimlet/shop.yaml", hub_file('2', "theirs")),
        ("PUT /repos/acme/shop/contents/.gimlet/shop.yaml", refused),
    ]);
    let (_, host) = host(Provider::GitHub, &server);
    let old = File::new(sha('1'), b"old".to_vec());
    let error = host.write_file(&change(Some(old), Some("ours"))).await.unwrap_err();
    assert_eq!(error, HostError::FileChanged { path: PATH.into() });
    let same = File::new(sha('2'), b"theirs".to_vec());
    let error = host.write_file(&change(Some(same), Some("ours"))).await.unwrap_err();
    assert_eq!(error.reason(), "HostUnreachable", "it is worth trying again: {error}");
    assert!(error.to_string().contains("expected another"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_can_not_be_seen() {
    let server = Server::of(&[("GET /repos/acme/shop", Reply::file("github/repository.json"))]);
    let (_, seen) = host(Provider::GitHub, &server);
    assert_eq!(seen.file("main", PATH).await.unwrap(), None);
    assert_eq!(seen.branch("gimlet/config-1").await.unwrap(), None);
    assert!(server.lines().contains(&"GET /repos/acme/shop/git/ref/heads/gimlet/config-1".into()));
    let nothing = Server::of(&[]);
    for provider in [Provider::GitHub, Provider::GitLab, Provider::Gitea] {
        let (_, unseen) = host(provider, &nothing);
        assert_eq!(unseen.file("main", PATH).await.unwrap_err().reason(), "NotFound");
        assert_eq!(unseen.branch("b").await.unwrap_err().reason(), "NotFound");
        assert_eq!(unseen.file_commits("main", PATH).await.unwrap_err().reason(), "NotFound");
    }
}

#[tokio::test]
async fn a_path_or_branch_that_leads_elsewhere_is_never_sent() {
    let server = Server::of(&[]);
    for provider in [Provider::GitHub, Provider::GitLab, Provider::Gitea] {
        let (_, host) = host(provider, &server);
        let path = "../../other/contents/x";
        assert_eq!(host.file("main", path).await.unwrap_err().reason(), "InvalidInput");
        let mut bad = change(None, Some("x"));
        bad.path = path.into();
        assert_eq!(host.write_file(&bad).await.unwrap_err().reason(), "InvalidInput");
        assert_eq!(host.branch("a/../b").await.unwrap_err().reason(), "InvalidInput");
        assert_eq!(host.create_branch("-x", &sha('1')).await.unwrap_err().reason(), "InvalidInput");
    }
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn github_makes_a_branch_once() {
    let exists = Reply::status(422, r#"{"message":"Reference already exists"}"#);
    let server = Server::of(&[
        ("POST /repos/acme/shop/git/refs", exists),
        (
            "GET /repos/acme/shop/git/ref/heads/a/b",
            Reply::ok(
                json!({"ref": "refs/heads/a/b", "object": {"sha": sha('2').as_str()}}).to_string(),
            ),
        ),
    ]);
    let (_, host) = host(Provider::GitHub, &server);
    assert_eq!(host.branch("a/b").await.unwrap(), Some(sha('2')));
    let error = host.create_branch("a/b", &sha('1')).await.unwrap_err();
    assert_eq!(error, HostError::Exists { what: "branch a/b".into() });
    let sent = server.seen()[1].json();
    assert_eq!(sent, json!({"ref": "refs/heads/a/b", "sha": sha('1').as_str()}));
}

#[tokio::test]
async fn gitlab_locks_a_file_by_the_commit_that_changed_it_last() {
    let project = "/projects/acme%2Fweb%2Fshop/repository";
    let file = format!("GET {project}/files/.gimlet%2Fshop.yaml");
    let commits = format!("POST {project}/commits");
    let now = std::sync::Arc::new(std::sync::Mutex::new(('1', 201)));
    let state = std::sync::Arc::clone(&now);
    let server = Server::start(move |request: &Request| {
        let (blob, status) = *state.lock().unwrap();
        match request.line() {
            line if line == file => lab_file(blob, "a: 1\n"),
            line if line == commits && status == 201 => {
                let body = json!({"id": sha('2').as_str(), "web_url": "https://x"});
                Reply::status(201, &body.to_string())
            }
            _ => Reply::status(status, r#"{"message":"a file has changed"}"#),
        }
    });
    let (_, host) = host(Provider::GitLab, &server);
    let found = host.file("main", PATH).await.unwrap();
    let made = host.write_file(&change(found.clone(), Some("a: 2\n"))).await.unwrap();
    assert_eq!((made.sha, made.url.as_deref()), (sha('2'), Some("https://x")));
    let action = json!({"file_path": PATH, "action": "update", "encoding": "base64",
        "content": base64(b"a: 2\n"), "last_commit_id": sha('3').as_str()});
    let sent = server.seen()[1].json();
    assert_eq!(
        sent,
        json!({"branch": "main", "commit_message": "Three replicas", "actions": [action]})
    );
    host.write_file(&change(None, Some("new"))).await.unwrap();
    host.write_file(&change(found.clone(), None)).await.unwrap();
    let actions: Vec<String> = server.seen()[2..]
        .iter()
        .map(|request| request.json()["actions"][0]["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["create", "delete"]);

    *now.lock().unwrap() = ('2', 400);
    let error = host.write_file(&change(found, Some("a: 2\n"))).await.unwrap_err();
    assert_eq!(error, HostError::FileChanged { path: PATH.into() });
}
