//! Repositories that are made, and the keys that read them.

use gimlet_hosts::{HostError, NewDeployKey, NewRepository, Provider};
use serde_json::json;

use crate::fixture::host;
use crate::server::{Reply, Server};

fn new() -> NewRepository {
    NewRepository { private: true, description: "What runs".into(), branch: "main".into() }
}

fn key() -> NewDeployKey {
    NewDeployKey { title: "flux".into(), key: "ssh-ed25519 AAAA me".into(), may_push: false }
}

#[tokio::test]
async fn github_makes_a_repository_for_an_organization_or_for_oneself() {
    let server = Server::of(&[
        ("GET /user", Reply::ok(r#"{"login": "somebody"}"#)),
        ("POST /orgs/acme/repos", Reply::file("github/repository.json")),
    ]);
    let (_, of_acme) = host(Provider::GitHub, &server);
    assert_eq!(of_acme.create(&new()).await.unwrap().full_name, "acme/shop");
    let sent = server.seen().pop().unwrap().json();
    assert_eq!(sent["private"], true);
    assert_eq!((&sent["name"], sent.get("default_branch")), (&json!("shop"), None));

    let taken = r#"{"message": "Repository creation failed.", "errors": [{"message": "name already exists on this account"}]}"#;
    let server = Server::of(&[
        ("GET /user", Reply::ok(r#"{"login": "Acme"}"#)),
        ("POST /user/repos", Reply::status(422, taken)),
    ]);
    let (_, own) = host(Provider::GitHub, &server);
    let error = own.create(&new()).await.unwrap_err();
    assert!(matches!(error, HostError::Exists { .. }), "{error}");
}

#[tokio::test]
async fn gitlab_makes_a_project_in_its_group() {
    let server = Server::of(&[
        ("GET /namespaces/acme%2Fweb", Reply::ok(r#"{"id": 7}"#)),
        ("POST /projects", Reply::file("gitlab/project.json")),
    ]);
    let (_, lab) = host(Provider::GitLab, &server);
    assert_eq!(lab.create(&new()).await.unwrap().full_name, "acme/web/shop");
    let sent = server.seen().pop().unwrap().json();
    assert_eq!(sent["namespace_id"], 7);
    assert_eq!((&sent["path"], &sent["visibility"]), (&json!("shop"), &json!("private")));

    let taken = r#"{"message": {"path": ["has already been taken"]}}"#;
    let server = Server::of(&[
        ("GET /namespaces/acme%2Fweb", Reply::ok(r#"{"id": 7}"#)),
        ("POST /projects", Reply::status(400, taken)),
    ]);
    let (_, lab) = host(Provider::GitLab, &server);
    assert!(matches!(lab.create(&new()).await.unwrap_err(), HostError::Exists { .. }));
}

#[tokio::test]
async fn a_token_without_the_right_to_make_repositories_is_told_which_one() {
    let server = Server::of(&[
        ("GET /user", Reply::ok(r#"{"login": "somebody"}"#)),
        ("POST /orgs/acme/repos", Reply::status(403, r#"{"message": "Not allowed"}"#)),
    ]);
    let (_, hub) = host(Provider::GitHub, &server);
    let error = hub.create(&new()).await.unwrap_err().to_string();
    assert!(error.contains("may not create the repository"), "{error}");
    assert!(error.contains("Administration: write"), "{error}");
}

#[tokio::test]
async fn a_deploy_key_is_added_once_and_never_taken_for_that_of_another_repository() {
    let refused = Reply::status(422, r#"{"message": "key is already in use"}"#);
    for (known, there) in [
        (r#"[{"id": 1, "key": "ssh-ed25519 AAAA"}]"#, true),
        (r#"[{"id": 1, "key": "ssh-ed25519 BBBB me"}]"#, false),
    ] {
        let server = Server::of(&[
            ("POST /repos/acme/shop/keys", refused.clone()),
            ("GET /repos/acme/shop/keys", Reply::ok(known)),
        ]);
        let (_, hub) = host(Provider::GitHub, &server);
        assert_eq!(hub.add_deploy_key(&key()).await.is_ok(), there, "{known}");
    }
    let server = Server::of(&[("POST /projects/acme%2Fweb%2Fshop/deploy_keys", Reply::ok("{}"))]);
    let (_, lab) = host(Provider::GitLab, &server);
    lab.add_deploy_key(&key()).await.unwrap();
    assert_eq!(server.seen()[0].json()["can_push"], false);
}

#[tokio::test]
async fn only_the_deploy_key_that_is_meant_is_removed() {
    let known =
        r#"[{"id": 6, "key": "ssh-ed25519 BBBB me"}, {"id": 7, "key": "ssh-ed25519 AAAA"}]"#;
    let hub = ("GET /repos/acme/shop/keys", "DELETE /repos/acme/shop/keys/7");
    let lab = (
        "GET /projects/acme%2Fweb%2Fshop/deploy_keys",
        "DELETE /projects/acme%2Fweb%2Fshop/deploy_keys/7",
    );
    for (provider, (get, delete)) in [(Provider::GitHub, hub), (Provider::GitLab, lab)] {
        let server = Server::of(&[(get, Reply::ok(known)), (delete, Reply::status(204, ""))]);
        let (_, repository) = host(provider, &server);
        assert!(repository.remove_deploy_key("ssh-ed25519 AAAA flux").await.unwrap());
        assert!(!repository.remove_deploy_key("ssh-ed25519 CCCC").await.unwrap());
        let gone = Server::of(&[(get, Reply::ok(known)), (delete, Reply::status(404, "{}"))]);
        let (_, repository) = host(provider, &gone);
        assert!(!repository.remove_deploy_key("ssh-ed25519 AAAA").await.unwrap());
    }
}
