//! GitHub, by a server that answers in the shapes of its documentation.

use gimlet_hosts::{
    Deployment, DeploymentIdentity, DeploymentSearch, DeploymentState, DeploymentUpdate, HostError,
    Marker, MergeMethod, NewDeployment, NewPullRequest, NewStatus, Provider, PullRequestChange,
    PullRequestState, StatusState, Upserted,
};
use serde_json::json;

use crate::fixture::{TOKEN, host, now, sha};
use crate::server::{Reply, Server};

const GITHUB: Provider = Provider::GitHub;

fn status(state: StatusState) -> NewStatus {
    NewStatus {
        context: "gimlet/staging/shop".into(),
        state,
        description: "d".repeat(200),
        url: Some("https://gimlet.example.com/r/1".into()),
    }
}

#[tokio::test]
async fn every_request_says_who_and_which_version() {
    let server = Server::of(&[("GET /repos/acme/shop", Reply::file("github/repository.json"))]);
    let (_, host) = host(GITHUB, &server);
    let info = host.repository().await.unwrap();
    assert_eq!(info.full_name, "acme/shop");
    assert_eq!(info.default_branch.as_deref(), Some("main"));
    assert!(info.private && !info.archived);
    let request = &server.seen()[0];
    assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(request.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(request.header("x-github-api-version"), Some("2022-11-28"));
    assert!(request.header("user-agent").unwrap().starts_with("gimlet/"));
}

#[tokio::test]
async fn branches_tags_and_commits_are_read_page_by_page() {
    let next = r#"<https://api.github.com/repositories/4711/branches?page=2>; rel="next", <https://x>; rel="last""#;
    let server = Server::of(&[
        ("GET /repos/acme/shop/branches", Reply::file("github/branches.json").with("Link", next)),
        ("GET /repos/acme/shop/tags", Reply::file("github/tags.json")),
        ("GET /repos/acme/shop/commits", Reply::file("github/commits.json")),
    ]);
    let (_, host) = host(GITHUB, &server);
    let branches = host.branches(1).await.unwrap();
    assert_eq!(branches.next, Some(2));
    assert_eq!((branches.items[0].name.as_str(), branches.items[0].protected), ("main", true));
    assert_eq!(branches.items[1].sha, sha('2'));
    let tags = host.tags(3).await.unwrap();
    assert_eq!((tags.items[0].name.as_str(), tags.next), ("v1.2.0", None));
    let commits = host.commits("feature/a&b", 1).await.unwrap();
    let newest = &commits.items[0];
    assert_eq!((newest.message.as_str(), newest.author.as_str()), ("Add the cart", "Mia Meier"));
    assert_eq!(newest.committed.unwrap().to_string(), "2026-03-04T09:12:00Z");
    assert_eq!(newest.parents, [sha('1')]);
    let seen = server.seen();
    assert!(seen[0].has("per_page=100") && seen[0].has("page=1"));
    assert!(seen[1].has("page=3"));
    assert!(seen[2].has("sha=feature%2Fa%26b"), "{}", seen[2].target);
}

#[tokio::test]
async fn a_commit_is_read_without_its_files() {
    let at = format!("GET /repos/acme/shop/git/commits/{}", sha('2'));
    let server = Server::of(&[(at.leak(), Reply::file("github/git_commit.json"))]);
    let (_, host) = host(GITHUB, &server);
    let commit = host.commit(&sha('2')).await.unwrap();
    assert_eq!((commit.sha, commit.parents), (sha('2'), vec![sha('1')]));
    assert_eq!(commit.url.unwrap(), format!("https://github.com/acme/shop/commit/{}", sha('2')));
}

#[tokio::test]
async fn statuses_and_check_runs_are_one_list() {
    let statuses = format!("GET /repos/acme/shop/commits/{}/status", sha('2'));
    let runs = format!("GET /repos/acme/shop/commits/{}/check-runs", sha('2'));
    let server = Server::of(&[
        (statuses.clone().leak(), Reply::file("github/status.json")),
        (runs.clone().leak(), Reply::file("github/check_runs.json")),
    ]);
    let (_, github) = host(GITHUB, &server);
    let found = github.statuses(&sha('2')).await.unwrap();
    let states: Vec<_> = found.items.iter().map(|s| (s.context.as_str(), s.state)).collect();
    assert_eq!(
        states,
        [
            ("ci/lint", StatusState::Success),
            ("ci/slow", StatusState::Pending),
            ("build", StatusState::Error),
            ("test", StatusState::Pending),
            ("docs", StatusState::Skipped),
        ]
    );
    assert_eq!(found.items[2].description.as_deref(), Some("Took too long"));
    assert_eq!(found.incomplete, None);

    let denied =
        Reply::status(403, r#"{"message":"Resource not accessible by personal access token"}"#);
    let server =
        Server::of(&[(statuses.leak(), Reply::file("github/status.json")), (runs.leak(), denied)]);
    let (_, github) = host(GITHUB, &server);
    let found = github.statuses(&sha('2')).await.unwrap();
    assert_eq!(found.items.len(), 2);
    assert!(found.incomplete.unwrap().contains("Checks: read"));
}

#[tokio::test]
async fn a_status_is_set_with_a_description_that_fits() {
    let at = format!("POST /repos/acme/shop/statuses/{}", sha('2'));
    let server = Server::of(&[(at.leak(), Reply::status(201, "{}"))]);
    let (_, host) = host(GITHUB, &server);
    host.set_commit_status(&sha('2'), &status(StatusState::Failure)).await.unwrap();
    let body = server.seen()[0].json();
    assert_eq!(body["state"], "failure");
    assert_eq!(body["context"], "gimlet/staging/shop");
    assert_eq!(body["target_url"], "https://gimlet.example.com/r/1");
    assert_eq!(body["description"].as_str().unwrap().chars().count(), 140);
}

#[tokio::test]
async fn the_open_pull_request_of_a_branch_is_never_that_of_a_fork() {
    let server = Server::of(&[("GET /repos/acme/shop/pulls", Reply::file("github/pulls.json"))]);
    let (_, host) = host(GITHUB, &server);
    let found = host.find_pull_request("feature/cart").await.unwrap().unwrap();
    assert_eq!((found.number, found.from_fork), (42, false));
    assert_eq!(found.merge_sha, None, "it is that of a trial");
    assert!(
        server.seen()[0].has("head=acme%3Afeature%2Fcart") && server.seen()[0].has("state=open")
    );
    assert_eq!(host.find_pull_request("other").await.unwrap(), None);
    let all = host.pull_requests(1).await.unwrap();
    assert_eq!(all.items.iter().map(|p| p.from_fork).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn pull_requests_are_opened_changed_and_closed() {
    let server = Server::of(&[
        ("POST /repos/acme/shop/pulls", Reply::file("github/pull.json")),
        ("PATCH /repos/acme/shop/pulls/42", Reply::file("github/pull.json")),
    ]);
    let (_, host) = host(GITHUB, &server);
    let new = NewPullRequest {
        head: "gimlet/staging/shop".into(),
        base: "main".into(),
        title: "Release".into(),
        body: "Text".into(),
    };
    assert_eq!(host.create_pull_request(&new).await.unwrap().number, 42);
    let change = PullRequestChange { title: Some("New".into()), ..PullRequestChange::default() };
    host.update_pull_request(42, &change).await.unwrap();
    host.close_pull_request(42).await.unwrap();
    let bodies: Vec<_> = server.seen().iter().map(crate::server::Request::json).collect();
    assert_eq!(
        bodies[0],
        json!({"head": "gimlet/staging/shop", "base": "main", "title": "Release", "body": "Text"})
    );
    assert_eq!(bodies[1], json!({"title": "New"}));
    assert_eq!(bodies[2], json!({"state": "closed"}));
}

#[tokio::test]
async fn a_second_pull_request_of_a_branch_is_told_from_other_refusals() {
    let answer = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:b."}]}"#;
    let server = Server::of(&[("POST /repos/acme/shop/pulls", Reply::status(422, answer))]);
    let (_, github) = host(GITHUB, &server);
    let new = NewPullRequest {
        head: "b".into(),
        base: "main".into(),
        title: "t".into(),
        body: String::new(),
    };
    let error = github.create_pull_request(&new).await.unwrap_err();
    assert_eq!(error.reason(), "AlreadyExists");
    let answer = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between main and b"}]}"#;
    let server = Server::of(&[("POST /repos/acme/shop/pulls", Reply::status(422, answer))]);
    let (_, github) = host(GITHUB, &server);
    let error = github.create_pull_request(&new).await.unwrap_err();
    assert_eq!(error.reason(), "HostRefused");
    assert!(error.to_string().contains("No commits between main and b"), "{error}");
}

#[tokio::test]
async fn a_merge_names_the_commit_and_says_why_it_is_refused() {
    let merge = "PUT /repos/acme/shop/pulls/42/merge";
    let pull = "GET /repos/acme/shop/pulls/42";
    let merged = Server::of(&[(merge, Reply::ok(r#"{"merged":true,"sha":"x","message":"ok"}"#))]);
    let (_, github) = host(GITHUB, &merged);
    github.merge_pull_request(42, &sha('2'), MergeMethod::Squash).await.unwrap();
    let body = merged.seen()[0].json();
    assert_eq!(body, json!({"merge_method": "squash", "sha": sha('2').as_str()}));

    let refusal = Reply::status(405, r#"{"message":"Required status check is expected."}"#);
    let refused = Server::of(&[(merge, refusal.clone()), (pull, Reply::file("github/pull.json"))]);
    let (_, github) = host(GITHUB, &refused);
    let error = github.merge_pull_request(42, &sha('2'), MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error.reason(), "NotMergeable");
    assert!(error.to_string().contains("Required status check"), "{error}");
    let error = github.merge_pull_request(42, &sha('1'), MergeMethod::Merge).await.unwrap_err();
    assert_eq!(error, HostError::HeadChanged { number: 42 });

    let already = Server::of(&[(merge, refusal), (pull, Reply::file("github/pull_merged.json"))]);
    let (_, github) = host(GITHUB, &already);
    github.merge_pull_request(42, &sha('2'), MergeMethod::Merge).await.unwrap();
    let now = github.pull_request(42).await.unwrap();
    assert_eq!((now.state, now.merge_sha), (PullRequestState::Merged, Some(sha('3'))));
}

#[tokio::test]
async fn the_one_comment_is_edited_and_that_of_others_left_alone() {
    let comments = "GET /repos/acme/shop/issues/42/comments";
    let edit = r#"{"id":2,"body":"new","user":{"login":"gimlet-bot"}}"#;
    let routes = [
        ("GET /user", Reply::ok(r#"{"login":"gimlet-bot","id":7}"#)),
        (comments, Reply::file("github/comments.json")),
        ("PATCH /repos/acme/shop/issues/comments/2", Reply::ok(edit)),
        ("POST /repos/acme/shop/issues/42/comments", Reply::status(201, edit)),
    ];
    let server = Server::of(&routes);
    let (_, github) = host(GITHUB, &server);
    let marker = Marker::new("gimlet:preview/shop").unwrap();
    let edited = github.upsert_comment(42, &marker, "At https://new.example.com").await.unwrap();
    assert!(matches!(edited, Upserted::Edited(comment) if comment.id == 2));
    let body = server.seen().last().unwrap().json();
    assert_eq!(body["body"], "At https://new.example.com\n\n<!-- gimlet:preview/shop -->");

    let same = github.upsert_comment(42, &marker, "At https://old.example.com").await.unwrap();
    assert!(matches!(same, Upserted::Unchanged(comment) if comment.id == 2));
    let other = Marker::new("gimlet:preview/other").unwrap();
    let created = github.upsert_comment(42, &other, "At https://new.example.com").await.unwrap();
    assert!(matches!(created, Upserted::Created(_)));
    assert_eq!(
        server.lines(),
        [
            "GET /user",
            comments,
            "PATCH /repos/acme/shop/issues/comments/2",
            comments,
            comments,
            "POST /repos/acme/shop/issues/42/comments",
        ],
        "the account is asked for once"
    );
}

#[tokio::test]
async fn without_a_known_account_a_comment_that_may_not_be_edited_is_passed_over() {
    let denied = Reply::status(403, r#"{"message":"Resource not accessible by integration"}"#);
    let edit = r#"{"id":2,"body":"new","user":{"login":"gimlet[bot]"}}"#;
    let server = Server::of(&[
        ("GET /user", denied.clone()),
        ("GET /repos/acme/shop/issues/42/comments", Reply::file("github/comments.json")),
        ("PATCH /repos/acme/shop/issues/comments/1", denied),
        ("PATCH /repos/acme/shop/issues/comments/2", Reply::ok(edit)),
    ]);
    let (_, github) = host(GITHUB, &server);
    let marker = Marker::new("gimlet:preview/shop").unwrap();
    let edited = github.upsert_comment(42, &marker, "new").await.unwrap();
    assert!(matches!(edited, Upserted::Edited(comment) if comment.id == 2));
}

#[tokio::test]
async fn deleting_a_branch_finds_out_whether_it_was_there() {
    let at = "DELETE /repos/acme/shop/git/refs/heads/feature/cart";
    let server = Server::of(&[(at, Reply::status(204, ""))]);
    let (_, github) = host(GITHUB, &server);
    assert!(github.delete_branch("feature/cart").await.unwrap());

    let gone = Reply::status(422, r#"{"message":"Reference does not exist"}"#);
    let repository = ("GET /repos/acme/shop", Reply::file("github/repository.json"));
    let server = Server::of(&[(at, gone), repository]);
    let (_, github) = host(GITHUB, &server);
    assert!(!github.delete_branch("feature/cart").await.unwrap());

    let server = Server::of(&[]);
    let (_, github) = host(GITHUB, &server);
    let error = github.delete_branch("feature/cart").await.unwrap_err();
    assert_eq!(error.reason(), "NotFound", "the repository can not be seen");
}

#[tokio::test]
async fn deployments_are_shown_without_merging_or_waiting() {
    let server = Server::of(&[
        ("POST /repos/acme/shop/deployments", Reply::file("github/deployment.json")),
        ("POST /repos/acme/shop/deployments/777/statuses", Reply::status(201, "{}")),
    ]);
    let (_, github) = host(GITHUB, &server);
    let new = NewDeployment {
        sha: sha('2'),
        reference: "main".into(),
        is_tag: false,
        environment: "staging".into(),
        description: "Release 1".into(),
        transient: false,
        production: true,
        key: "u-1".into(),
    };
    let id = github.create_deployment(&new).await.unwrap();
    assert_eq!(id, 777);
    let update = DeploymentUpdate {
        state: DeploymentState::Success,
        description: "healthy".into(),
        log_url: None,
        environment_url: Some("https://shop.example.com".into()),
    };
    github.update_deployment(id, &update).await.unwrap();
    let bodies: Vec<_> = server.seen().iter().map(crate::server::Request::json).collect();
    assert_eq!(bodies[0]["ref"], sha('2').as_str());
    assert_eq!(bodies[0]["auto_merge"], false);
    assert_eq!(bodies[0]["required_contexts"], json!([]));
    assert_eq!(bodies[0]["production_environment"], true);
    assert_eq!(bodies[0]["payload"], json!({"gimlet": "u-1"}));
    assert_eq!(
        bodies[1],
        json!({"state": "success", "description": "healthy", "environment_url": "https://shop.example.com"})
    );
}

#[tokio::test]
async fn a_deployment_is_found_by_the_key_that_it_was_made_with() {
    let server = Server::of(&[
        ("GET /repos/acme/shop/deployments", Reply::file("github/deployments.json")),
        (
            "GET /repos/acme/shop/deployments/777/statuses",
            Reply::file("github/deployment_statuses.json"),
        ),
        ("GET /repos/acme/shop/deployments/778/statuses", Reply::ok("[]")),
        ("GET /repos/acme/shop/deployments/779/statuses", Reply::ok("[]")),
    ]);
    let (_, github) = host(GITHUB, &server);
    let of = |key: Option<&str>| DeploymentSearch {
        environment: "staging/shop".into(),
        identity: key.map(|key| DeploymentIdentity {
            sha: sha('2'),
            key: key.into(),
            since: now(),
        }),
    };
    let found = github.find_deployment(&of(Some("u-1"))).await.unwrap();
    assert_eq!(found, Some(Deployment { id: 777, state: Some(DeploymentState::Success) }));
    let request = &server.seen()[0];
    assert!(request.has("environment=staging%2Fshop"), "{}", request.target);
    assert!(request.has(&format!("sha={}", sha('2'))), "{}", request.target);
    let found = github.find_deployment(&of(Some("u-2"))).await.unwrap();
    assert_eq!(found, Some(Deployment { id: 778, state: None }), "a payload may be a text");
    assert_eq!(github.find_deployment(&of(Some("u-3"))).await.unwrap(), None);
    let newest = github.find_deployment(&of(None)).await.unwrap();
    assert_eq!(newest.map(|newest| newest.id), Some(779));
}
