//! GitLab, by a server that answers in the shapes of its documentation.

use gimlet_hosts::{
    Deployment, DeploymentIdentity, DeploymentSearch, DeploymentState, DeploymentUpdate, HostError,
    Marker, MergeMethod, NewDeployment, NewPullRequest, NewStatus, Provider, PullRequestChange,
    PullRequestState, StatusState, Upserted,
};
use serde_json::json;

use crate::fixture::{TOKEN, host, sha};
use crate::server::{Reply, Request, Server};

const GITLAB: Provider = Provider::GitLab;

#[tokio::test]
async fn a_project_in_a_subgroup_is_one_part_of_the_address() {
    let at = "GET /projects/acme%2Fweb%2Fshop";
    let server = Server::of(&[(at, Reply::file("gitlab/project.json"))]);
    let (_, host) = host(GITLAB, &server);
    let info = host.repository().await.unwrap();
    assert_eq!(info.full_name, "acme/web/shop");
    assert!(info.private && info.archived);
    let authorization = format!("Bearer {TOKEN}");
    assert_eq!(server.seen()[0].header("authorization"), Some(authorization.as_str()));
}

#[tokio::test]
async fn branches_tags_commits_and_statuses_are_read() {
    let statuses =
        format!("GET /projects/acme%2Fweb%2Fshop/repository/commits/{}/statuses", sha('2'));
    let commit = format!("GET /projects/acme%2Fweb%2Fshop/repository/commits/{}", sha('2'));
    let server = Server::of(&[
        (
            "GET /projects/acme%2Fweb%2Fshop/repository/branches",
            Reply::file("gitlab/branches.json").with("X-Next-Page", "2"),
        ),
        (
            "GET /projects/acme%2Fweb%2Fshop/repository/tags",
            Reply::file("gitlab/tags.json").with("X-Next-Page", ""),
        ),
        ("GET /projects/acme%2Fweb%2Fshop/repository/commits", Reply::file("gitlab/commits.json")),
        (commit.leak(), Reply::file("gitlab/commit.json")),
        (statuses.leak(), Reply::file("gitlab/statuses.json")),
    ]);
    let (_, host) = host(GITLAB, &server);
    let branches = host.branches(1).await.unwrap();
    assert_eq!((branches.items[0].name.as_str(), branches.next), ("feature/cart", Some(2)));
    let tags = host.tags(1).await.unwrap();
    assert_eq!(
        (&tags.items[0].sha, tags.next),
        (&sha('2'), None),
        "the commit, not the tag object"
    );
    let commits = host.commits("feature/cart", 1).await.unwrap();
    assert_eq!(commits.items[0].committed.unwrap().to_string(), "2026-03-04T09:12:00Z");
    assert_eq!(host.commit(&sha('2')).await.unwrap(), commits.items[0]);
    let found = host.statuses(&sha('2')).await.unwrap().items;
    let states: Vec<_> = found.iter().map(|s| (s.context.as_str(), s.state)).collect();
    assert_eq!(
        states,
        [
            ("test", StatusState::Failure),
            ("deploy", StatusState::Skipped),
            ("build", StatusState::Pending)
        ]
    );
    assert!(server.seen()[2].has("ref_name=feature%2Fcart"));
}

#[tokio::test]
async fn a_status_that_is_so_already_is_no_fault() {
    let at: &str = format!("POST /projects/acme%2Fweb%2Fshop/statuses/{}", sha('2')).leak();
    let status = NewStatus {
        context: "gimlet/staging/shop".into(),
        state: StatusState::Error,
        description: "no".into(),
        url: None,
    };
    let again = r#"{"message":"Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}"#;
    let server = Server::of(&[(at, Reply::status(400, again))]);
    let (_, gitlab) = host(GITLAB, &server);
    gitlab.set_commit_status(&sha('2'), &status).await.unwrap();
    let body = server.seen()[0].json();
    assert_eq!(
        body,
        json!({"name": "gimlet/staging/shop", "state": "failed", "description": "no"})
    );
    let server = Server::of(&[(at, Reply::status(400, r#"{"message":"state is invalid"}"#))]);
    let (_, gitlab) = host(GITLAB, &server);
    let error = gitlab.set_commit_status(&sha('2'), &status).await.unwrap_err();
    assert_eq!(error.reason(), "HostRefused");
}

#[tokio::test]
async fn merge_requests_are_found_opened_changed_and_closed() {
    let server = Server::of(&[
        (
            "GET /projects/acme%2Fweb%2Fshop/merge_requests",
            Reply::file("gitlab/merge_requests.json"),
        ),
        (
            "POST /projects/acme%2Fweb%2Fshop/merge_requests",
            Reply::file("gitlab/merge_request.json"),
        ),
        (
            "PUT /projects/acme%2Fweb%2Fshop/merge_requests/42",
            Reply::file("gitlab/merge_request.json"),
        ),
    ]);
    let (_, host) = host(GITLAB, &server);
    let found = host.find_pull_request("feature/cart").await.unwrap().unwrap();
    assert_eq!((found.number, found.from_fork), (42, false));
    assert_eq!(found.body, "It works.");
    let open = host.pull_requests(1).await.unwrap().items;
    assert_eq!(open.iter().map(|r| r.number).collect::<Vec<_>>(), [41, 42], "40 has no commit");
    let new = NewPullRequest {
        head: "feature/cart".into(),
        base: "main".into(),
        title: "t".into(),
        body: "b".into(),
    };
    host.create_pull_request(&new).await.unwrap();
    let change = PullRequestChange { body: Some("new".into()), ..PullRequestChange::default() };
    host.update_pull_request(42, &change).await.unwrap();
    host.close_pull_request(42).await.unwrap();
    let bodies: Vec<_> = server.seen()[2..].iter().map(Request::json).collect();
    assert_eq!(
        bodies[0],
        json!({"source_branch": "feature/cart", "target_branch": "main", "title": "t", "description": "b"})
    );
    assert_eq!(bodies[1], json!({"description": "new"}));
    assert_eq!(bodies[2], json!({"state_event": "close"}));
}

#[tokio::test]
async fn a_merge_names_the_commit_and_says_why_it_is_refused() {
    let merge = "PUT /projects/acme%2Fweb%2Fshop/merge_requests/42/merge";
    let read = "GET /projects/acme%2Fweb%2Fshop/merge_requests/42";
    let done = Reply::file("gitlab/merge_request_merged.json");
    let server = Server::of(&[(merge, done.clone())]);
    let (_, gitlab) = host(GITLAB, &server);
    gitlab.merge_pull_request(42, &sha('2'), MergeMethod::Squash).await.unwrap();
    assert_eq!(server.seen()[0].json(), json!({"sha": sha('2').as_str(), "squash": true}));
    let error = gitlab.merge_pull_request(42, &sha('2'), MergeMethod::Rebase).await.unwrap_err();
    assert_eq!(error.reason(), "Unsupported");

    let refusal = Reply::status(405, r#"{"message":"405 Method Not Allowed"}"#);
    let server =
        Server::of(&[(merge, refusal.clone()), (read, Reply::file("gitlab/merge_request.json"))]);
    let (_, gitlab) = host(GITLAB, &server);
    let error = gitlab.merge_pull_request(42, &sha('2'), MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error.reason(), "NotMergeable");
    let error = gitlab.merge_pull_request(42, &sha('1'), MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error, HostError::HeadChanged { number: 42 });

    let server = Server::of(&[(merge, refusal), (read, done)]);
    let (_, gitlab) = host(GITLAB, &server);
    gitlab.merge_pull_request(42, &sha('2'), MergeMethod::Merge).await.unwrap();
    let now = gitlab.pull_request(42).await.unwrap();
    assert_eq!((now.state, now.merge_sha), (PullRequestState::Merged, Some(sha('3'))));
}

#[tokio::test]
async fn the_one_comment_is_found_among_the_notes_of_the_system() {
    let server = Server::of(&[
        ("GET /user", Reply::ok(r#"{"username":"gimlet-bot","id":7}"#)),
        (
            "GET /projects/acme%2Fweb%2Fshop/merge_requests/42/notes",
            Reply::file("gitlab/notes.json"),
        ),
        (
            "PUT /projects/acme%2Fweb%2Fshop/merge_requests/42/notes/2",
            Reply::ok(r#"{"id":2,"body":"new","author":{"username":"gimlet-bot"}}"#),
        ),
    ]);
    let (_, gitlab) = host(GITLAB, &server);
    assert_eq!(gitlab.comments(42).await.unwrap().len(), 1);
    let marker = Marker::new("gimlet:preview/shop").unwrap();
    let edited = gitlab.upsert_comment(42, &marker, "new").await.unwrap();
    assert!(matches!(edited, Upserted::Edited(comment) if comment.id == 2));
}

#[tokio::test]
async fn a_branch_with_a_slash_is_one_part_of_the_address() {
    let at = "DELETE /projects/acme%2Fweb%2Fshop/repository/branches/feature%2Fcart";
    let server = Server::of(&[(at, Reply::status(204, ""))]);
    let (_, gitlab) = host(GITLAB, &server);
    assert!(gitlab.delete_branch("feature/cart").await.unwrap());
    let project = ("GET /projects/acme%2Fweb%2Fshop", Reply::file("gitlab/project.json"));
    let server = Server::of(&[project]);
    let (_, gitlab) = host(GITLAB, &server);
    assert!(!gitlab.delete_branch("feature/cart").await.unwrap());
    assert_eq!(gitlab.delete_branch("..").await.unwrap_err().reason(), "InvalidInput");
}

#[tokio::test]
async fn a_deployment_that_is_gone_stops_its_environment() {
    let server = Server::of(&[
        ("POST /projects/acme%2Fweb%2Fshop/deployments", Reply::file("gitlab/deployment.json")),
        ("GET /projects/acme%2Fweb%2Fshop/deployments/777", Reply::file("gitlab/deployment.json")),
        ("PUT /projects/acme%2Fweb%2Fshop/deployments/777", Reply::ok("{}")),
        ("POST /projects/acme%2Fweb%2Fshop/environments/9/stop", Reply::ok("{}")),
    ]);
    let (_, gitlab) = host(GITLAB, &server);
    let new = NewDeployment {
        sha: sha('2'),
        reference: "v1.2.0".into(),
        is_tag: true,
        environment: "staging".into(),
        description: String::new(),
        transient: true,
        production: false,
        key: "u-1".into(),
    };
    let id = gitlab.create_deployment(&new).await.unwrap();
    for state in [DeploymentState::Running, DeploymentState::Failure, DeploymentState::Inactive] {
        let update = DeploymentUpdate {
            state,
            description: String::new(),
            log_url: None,
            environment_url: None,
        };
        gitlab.update_deployment(id, &update).await.unwrap();
    }
    let seen = server.seen();
    assert_eq!(
        seen[0].json(),
        json!({"environment": "staging", "sha": sha('2').as_str(), "ref": "v1.2.0", "tag": true, "status": "running"})
    );
    assert_eq!(seen[1].json(), json!({"status": "failed"}));
    assert_eq!(
        server.lines()[2..],
        [
            "GET /projects/acme%2Fweb%2Fshop/deployments/777",
            "POST /projects/acme%2Fweb%2Fshop/environments/9/stop"
        ]
    );
}

#[tokio::test]
async fn a_deployment_is_known_by_its_commit_and_by_when_it_was_made() {
    let server = Server::of(&[
        ("GET /projects/acme%2Fweb%2Fshop/deployments", Reply::file("gitlab/deployments.json")),
        ("PUT /projects/acme%2Fweb%2Fshop/deployments/778", Reply::ok("{}")),
    ]);
    let (_, gitlab) = host(GITLAB, &server);
    let of = |since: &str| DeploymentSearch {
        environment: "staging/shop".into(),
        identity: Some(DeploymentIdentity {
            sha: sha('2'),
            key: "u-1".into(),
            since: since.parse().unwrap(),
        }),
    };
    let found = gitlab.find_deployment(&of("2026-03-04T09:00:00Z")).await.unwrap();
    let found = found.unwrap();
    assert_eq!(found, Deployment { id: 778, state: Some(DeploymentState::Success) });
    assert_eq!(gitlab.find_deployment(&of("2026-03-05T00:00:00Z")).await.unwrap(), None);
    let any = DeploymentSearch { environment: "staging/shop".into(), identity: None };
    assert_eq!(gitlab.find_deployment(&any).await.unwrap().unwrap().id, 779);
    let request = &server.seen()[0];
    assert!(request.has("environment=staging%2Fshop") && request.has("sort=desc"));
    let update = DeploymentUpdate {
        state: DeploymentState::Cancelled,
        description: String::new(),
        log_url: None,
        environment_url: None,
    };
    gitlab.update_deployment(found.id, &update).await.unwrap();
    assert_eq!(server.seen()[3].json(), json!({"status": "canceled"}));
}
