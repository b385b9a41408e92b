//! A real Gitea: the one whose state folder `E2E_GITEA` names, as `e2e/with.sh` starts it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use gimlet_hosts::{
    Address, Client, Event, FileChange, Host, Marker, MergeMethod, NewDeployKey, NewDeployment,
    NewPullRequest, NewRepository, NewStatus, Provider, PullRequestAction, PullRequestChange,
    PullRequestState, Reference, Replays, Secret, Settings, StatusState, Upserted, receive,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::headers;
use crate::server::{Reply, Request, Server};

const SECRET: &str = "webhook-secret";

struct Gitea {
    url: String,
    user: String,
    token: String,
}

/// A repository of one test.
struct Fixture {
    gitea: Gitea,
    name: String,
    client: Client,
    host: Arc<dyn Host>,
}

impl Gitea {
    /// Returns nothing where there is no Gitea, which CI does not accept.
    fn find() -> Option<Self> {
        let Some(dir) = std::env::var_os("E2E_GITEA").filter(|dir| !dir.is_empty()) else {
            assert!(std::env::var_os("CI").is_none(), "CI has to set E2E_GITEA: use e2e/with.sh");
            eprintln!("skipped: E2E_GITEA names no Gitea; e2e/with.sh starts one and sets it");
            return None;
        };
        let path = std::path::Path::new(&dir).join("env");
        let env = std::fs::read_to_string(&path).expect("the state folder of a Gitea");
        let value = |name: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {name} in {}", path.display())).to_owned()
        };
        Some(Self {
            url: value("GITEA_URL"),
            user: value("GITEA_USER"),
            token: value("GITEA_TOKEN"),
        })
    }

    /// Does what tests need and the crate does not.
    fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("authorization", format!("token {}", self.token))
            .header("content-type", "application/json")
            .body(body.to_string())
            .unwrap();
        let mut response = agent.run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

impl Fixture {
    fn new(prefix: &str) -> Option<Self> {
        let gitea = Gitea::find()?;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("{prefix}-{nanos}");
        let body =
            json!({"name": name, "private": true, "auto_init": true, "default_branch": "main"});
        gitea.api("POST", "/user/repos", &body);
        let address = Address::parse(&format!("{}/{}/{name}.git", gitea.url, gitea.user)).unwrap();
        let mut settings = Settings::new(Provider::Gitea, address.api(Provider::Gitea));
        settings.token = Some(Secret::new(&*gitea.token));
        settings.allow_loopback = true;
        let client = Client::new(settings).unwrap();
        let host = client.repository(&address).unwrap();
        Some(Self { gitea, name, client, host })
    }

    fn repo(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.gitea.user, self.name)
    }

    /// Commits a file to a branch, which is made of `main` if it is new.
    fn commit(&self, branch: &str, new: bool, file: &str) {
        let content = base64::engine::general_purpose::STANDARD.encode(file);
        let mut body = json!({"content": content, "message": format!("Add {file}")});
        body["branch"] = json!(if new { "main" } else { branch });
        if new {
            body["new_branch"] = json!(branch);
        }
        self.gitea.api("POST", &self.repo(&format!("/contents/{file}")), &body);
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.gitea.api("DELETE", &self.repo(""), &Value::Null);
        }
    }
}

/// Asks until there is an answer, for a minute at most.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut interval = tokio::time::interval(Duration::from_millis(100));
    let asking = async {
        loop {
            interval.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asking).await.expect(what)
}

fn new_pull_request(head: &str) -> NewPullRequest {
    NewPullRequest {
        head: head.into(),
        base: "main".into(),
        title: "Release shop".into(),
        body: "The plan".into(),
    }
}

#[tokio::test]
async fn a_real_gitea_shows_branches_tags_commits_and_statuses() {
    let Some(fixture) = Fixture::new("reads") else { return };
    let host = &fixture.host;
    let info = host.repository().await.unwrap();
    assert_eq!(info.default_branch.as_deref(), Some("main"));
    assert!(info.private && !info.archived);
    assert_eq!(info.full_name, format!("{}/{}", fixture.gitea.user, fixture.name));

    fixture.commit("feature/cart", true, "cart.txt");
    let branches = host.branches(1).await.unwrap();
    let mut names: Vec<_> = branches.items.iter().map(|branch| branch.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, branches.next), (vec!["feature/cart", "main"], None));
    let commits = host.commits("feature/cart", 1).await.unwrap().items;
    assert_eq!(commits[0].message.trim_end(), "Add cart.txt");
    assert_eq!(commits[0].parents, [commits[1].sha.clone()]);
    assert!(commits[0].committed.is_some());
    let one = host.commit(&commits[0].sha).await.unwrap();
    assert_eq!((&one.sha, &one.parents), (&commits[0].sha, &commits[0].parents));
    assert_eq!(host.commits("no-such-branch", 1).await.unwrap_err().reason(), "NotFound");

    let tag = json!({"tag_name": "v1", "message": "first", "target": commits[1].sha.as_str()});
    fixture.gitea.api("POST", &fixture.repo("/tags"), &tag);
    let tags = host.tags(1).await.unwrap().items;
    assert_eq!((tags[0].name.as_str(), &tags[0].sha), ("v1", &commits[1].sha));

    let sha = &commits[0].sha;
    assert_eq!(host.statuses(sha).await.unwrap().items, []);
    let mut status = NewStatus {
        context: "gimlet/staging/shop".into(),
        state: StatusState::Pending,
        description: "rolling out".into(),
        url: Some("https://gimlet.example.com/1".into()),
    };
    host.set_commit_status(sha, &status).await.unwrap();
    for (state, expected) in [
        (StatusState::Error, StatusState::Error),
        (StatusState::Skipped, StatusState::Success),
        (StatusState::Failure, StatusState::Failure),
    ] {
        status.state = state;
        host.set_commit_status(sha, &status).await.unwrap();
        let found = host.statuses(sha).await.unwrap().items;
        assert_eq!(found.len(), 1, "the newest of a context counts");
        assert_eq!((found[0].context.as_str(), found[0].state), ("gimlet/staging/shop", expected));
        assert_eq!(found[0].url.as_deref(), Some("https://gimlet.example.com/1"));
    }
    assert_eq!(fixture.client.rate_limit(), None);
}

#[tokio::test]
async fn a_pull_request_in_a_real_gitea_is_followed_to_its_merge() {
    let Some(fixture) = Fixture::new("pulls") else { return };
    let host = &fixture.host;
    let head = "gimlet/staging/shop";
    fixture.commit(head, true, "one.txt");
    assert_eq!(host.find_pull_request(head).await.unwrap(), None);
    let opened = host.create_pull_request(&new_pull_request(head)).await.unwrap();
    assert_eq!((opened.head_branch.as_str(), opened.base_branch.as_str()), (head, "main"));
    assert_eq!((opened.state, opened.from_fork), (PullRequestState::Open, false));
    let again = host.create_pull_request(&new_pull_request(head)).await.unwrap_err();
    assert_eq!(again.reason(), "AlreadyExists");
    let found = host.find_pull_request(head).await.unwrap().unwrap();
    assert_eq!(found.number, opened.number);
    assert_eq!(host.pull_requests(1).await.unwrap().items.len(), 1);

    let change = PullRequestChange { title: Some("Release shop 2".into()), ..Default::default() };
    let changed = host.update_pull_request(opened.number, &change).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.body.as_str()), ("Release shop 2", "The plan"));

    let marker = Marker::new("gimlet:preview/shop").unwrap();
    let written = host.upsert_comment(opened.number, &marker, "starting").await.unwrap();
    let Upserted::Created(comment) = written else { panic!("{written:?}") };
    let written = host.upsert_comment(opened.number, &marker, "running").await.unwrap();
    assert!(matches!(&written, Upserted::Edited(edited) if edited.id == comment.id), "{written:?}");
    let written = host.upsert_comment(opened.number, &marker, "running").await.unwrap();
    assert!(matches!(&written, Upserted::Unchanged(_)), "{written:?}");
    let comments = host.comments(opened.number).await.unwrap();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.starts_with("running"));

    fixture.commit(head, false, "two.txt");
    // Gitea looks at what was pushed in its own time.
    let newest = eventually("the new commit is seen", async || {
        let now = host.pull_request(opened.number).await.unwrap().head_sha;
        (now != opened.head_sha).then_some(now)
    })
    .await;
    let stale = host.merge_pull_request(opened.number, &opened.head_sha, MergeMethod::Merge).await;
    assert_eq!(stale.unwrap_err().reason(), "HeadChanged");
    // And finds out later whether there are conflicts.
    eventually("it is merged", async || {
        match host.merge_pull_request(opened.number, &newest, MergeMethod::Squash).await {
            Ok(()) => Some(()),
            Err(error) => {
                assert_eq!(error.reason(), "NotMergeable", "{error}");
                None
            }
        }
    })
    .await;
    host.merge_pull_request(opened.number, &newest, MergeMethod::Squash).await.unwrap();
    let merged = host.pull_request(opened.number).await.unwrap();
    assert_eq!(merged.state, PullRequestState::Merged);
    let main = host.commits("main", 1).await.unwrap().items;
    assert_eq!(merged.merge_sha.as_ref(), Some(&main[0].sha));
    assert_eq!(main[0].parents.len(), 1, "squashed");

    assert!(host.delete_branch(head).await.unwrap());
    assert!(!host.delete_branch(head).await.unwrap());
    assert_eq!(host.branches(1).await.unwrap().items.len(), 1);
    let merged = host.pull_request(opened.number).await.unwrap();
    assert_eq!((merged.head_branch.as_str(), merged.from_fork), (head, false), "still known");
}

#[tokio::test]
async fn a_pull_request_that_was_pushed_without_a_branch_counts_as_that_of_a_fork() {
    let Some(fixture) = Fixture::new("agit") else { return };
    let dir = tempfile::tempdir().unwrap();
    let Gitea { url, user, token } = &fixture.gitea;
    let address = format!("{url}/{user}/{}.git", fixture.name).replacen(
        "://",
        &format!("://{user}:{token}@"),
        1,
    );
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .current_dir(dir.path())
            .args(["-c", "user.name=Mia", "-c", "user.email=mia@example.com"])
            .args(args)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["clone", "--quiet", &address, "."]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "Loose"]);
    git(&["push", "--quiet", "origin", "HEAD:refs/for/main", "-o", "topic=loose"]);
    let open = fixture.host.pull_requests(1).await.unwrap().items;
    assert_eq!(open.len(), 1);
    assert!(open[0].from_fork, "{:?}", open[0]);
    assert_eq!(fixture.host.find_pull_request(&open[0].head_branch).await.unwrap(), None);
}

#[tokio::test]
async fn a_pull_request_in_a_real_gitea_is_closed_and_its_branch_may_have_another() {
    let Some(fixture) = Fixture::new("close") else { return };
    let host = &fixture.host;
    fixture.commit("b", true, "one.txt");
    let first = host.create_pull_request(&new_pull_request("b")).await.unwrap();
    host.close_pull_request(first.number).await.unwrap();
    let closed = host.pull_request(first.number).await.unwrap();
    assert_eq!((closed.state, closed.merge_sha), (PullRequestState::Closed, None));
    assert_eq!(host.find_pull_request("b").await.unwrap(), None);
    let second = host.create_pull_request(&new_pull_request("b")).await.unwrap();
    assert_ne!(first.number, second.number);
}

#[tokio::test]
async fn a_real_gitea_has_no_deployments_and_tells_bad_tokens() {
    let Some(fixture) = Fixture::new("rights") else { return };
    let host = &fixture.host;
    let sha = host.commits("main", 1).await.unwrap().items[0].sha.clone();
    let new = NewDeployment {
        sha,
        reference: "main".into(),
        is_tag: false,
        environment: "staging".into(),
        description: String::new(),
        transient: false,
        production: false,
        key: "u-1".into(),
    };
    assert_eq!(host.create_deployment(&new).await.unwrap_err().reason(), "Unsupported");
    fixture.client.set_token(Some(Secret::new("0".repeat(40)))).unwrap();
    let error = host.repository().await.unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
    assert!(error.to_string().contains("read:repository"), "{error}");
    fixture.client.set_token(None).unwrap();
    assert_eq!(host.repository().await.unwrap_err().reason(), "NotFound");
}

#[tokio::test]
async fn deliveries_of_a_real_gitea_are_accepted() {
    let Some(fixture) = Fixture::new("hooks") else { return };
    let server = Server::start(|_| Reply::ok(""));
    let hook = json!({
        "type": "gitea",
        "active": true,
        "events": ["push", "create", "delete", "pull_request", "pull_request_sync"],
        "config": {"url": server.url("/hook"), "content_type": "json", "secret": SECRET},
    });
    fixture.gitea.api("POST", &fixture.repo("/hooks"), &hook);
    let address = format!("{}/{}/{}", fixture.gitea.url, fixture.gitea.user, fixture.name);
    let address = Address::parse(&address).unwrap();
    let replays = Replays::new(100, SignedDuration::from_hours(1));
    let next = |wanted: &dyn Fn(&Event) -> bool| {
        loop {
            let Request { headers: given, body, .. } = server.next();
            let given: Vec<_> = given.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let given = headers(&given);
            let now = Timestamp::now();
            let secret = Secret::new(SECRET);
            let delivery = receive(Provider::Gitea, &given, &body, &secret, now).unwrap();
            assert!(delivery.repository.as_ref().unwrap().is(&address));
            assert!(!replays.seen("repo", &delivery, now));
            assert!(replays.seen("repo", &delivery, now));
            assert!(receive(Provider::Gitea, &given, &body, &Secret::new("x"), now).is_err());
            // The other signature that it sends is enough, too.
            let mut hub = given.clone();
            hub.remove("x-gitea-signature");
            hub.remove("x-forgejo-signature");
            assert!(hub.contains_key("x-hub-signature-256"));
            assert!(receive(Provider::Gitea, &hub, &body, &secret, now).is_ok());
            if wanted(&delivery.event) {
                return delivery.event;
            }
        }
    };
    fixture.commit("feature/cart", true, "one.txt");
    let head = fixture.host.commits("feature/cart", 1).await.unwrap().items[0].sha.clone();
    let branch = Reference::Branch("feature/cart".into());
    let Event::Push(push) = next(&|event| matches!(event, Event::Push(_))) else { panic!() };
    assert_eq!((&push.reference, push.after.as_ref()), (&branch, Some(&head)));
    assert!(push.created());

    let opened = fixture.host.create_pull_request(&new_pull_request("feature/cart")).await.unwrap();
    let is_request = |event: &Event| matches!(event, Event::PullRequest(_));
    let Event::PullRequest(request) = next(&is_request) else { panic!() };
    assert_eq!((request.action, request.number), (PullRequestAction::Opened, opened.number));
    assert_eq!((&request.head_sha, request.from_fork), (&head, false));
    fixture.host.close_pull_request(opened.number).await.unwrap();
    let Event::PullRequest(request) = next(&is_request) else { panic!() };
    assert_eq!(request.action, PullRequestAction::Closed);
    assert_eq!(request.state, PullRequestState::Closed);

    assert!(fixture.host.delete_branch("feature/cart").await.unwrap());
    let gone = |event: &Event| matches!(event, Event::Push(push) if push.deleted());
    let Event::Push(push) = next(&gone) else { panic!() };
    assert_eq!(push.reference, branch);
}

#[tokio::test]
async fn a_file_in_a_real_gitea_is_written_once_and_never_over_somebody_else() {
    let Some(fixture) = Fixture::new("files") else { return };
    let host = &fixture.host;
    let path = ".gimlet/a b.yaml";
    assert_eq!(host.file("main", path).await.unwrap(), None);
    assert_eq!(host.file_commits("main", path).await.unwrap(), []);
    let mut change = FileChange {
        branch: "main".into(),
        path: path.into(),
        content: Some(b"one: 1\n".to_vec()),
        base: None,
        message: "First\n\nGimlet-Change: u-1".into(),
    };
    let first = host.write_file(&change).await.unwrap();
    assert_eq!(host.branch("main").await.unwrap(), Some(first.sha.clone()));
    assert!(first.url.is_some());
    let found = host.file("main", path).await.unwrap().unwrap();
    assert_eq!(found.content, b"one: 1\n");
    let refused = host.write_file(&change).await.unwrap_err();
    assert_eq!(refused.reason(), "FileChanged", "it is there already: {refused}");

    host.create_branch("gimlet/config-1", &first.sha).await.unwrap();
    let again = host.create_branch("gimlet/config-1", &first.sha).await.unwrap_err();
    assert_eq!(again.reason(), "AlreadyExists");
    assert_eq!(host.branch("gimlet/config-1").await.unwrap(), Some(first.sha));
    assert_eq!(host.branch("gimlet/config-2").await.unwrap(), None);

    change.content = Some(b"two: 2\n".to_vec());
    change.base = Some(found.clone());
    let second = host.write_file(&change).await.unwrap();
    change.content = Some(b"three: 3\n".to_vec());
    let refused = host.write_file(&change).await.unwrap_err();
    assert_eq!(refused.reason(), "FileChanged", "{refused}");
    let commits = host.file_commits("main", path).await.unwrap();
    assert_eq!((commits.len(), &commits[0].sha), (2, &second.sha));
    assert!(commits[0].message.trim_end().ends_with("Gimlet-Change: u-1"));
    let old = host.file("gimlet/config-1", path).await.unwrap().unwrap();
    assert_eq!(old.blob, found.blob, "the branch has the file as it was");

    change.content = None;
    assert_eq!(host.write_file(&change).await.unwrap_err().reason(), "FileChanged");
    change.base = host.file("main", path).await.unwrap();
    host.write_file(&change).await.unwrap();
    assert_eq!(host.file("main", path).await.unwrap(), None);
    assert_eq!(host.file_commits("main", path).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_repository_is_made_in_a_real_gitea_once() {
    let Some(gitea) = Gitea::find() else { return };
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let name = format!("made-{nanos}");
    let address = Address::parse(&format!("{}/{}/{name}.git", gitea.url, gitea.user)).unwrap();
    let mut settings = Settings::new(Provider::Gitea, address.api(Provider::Gitea));
    settings.token = Some(Secret::new(&*gitea.token));
    settings.allow_loopback = true;
    let client = Client::new(settings).unwrap();
    let host = client.repository(&address).unwrap();
    let new = NewRepository { private: true, description: "test".into(), branch: "trunk".into() };
    let info = host.create(&new).await.unwrap();
    let fixture = Fixture { gitea, name, client, host };
    assert!(info.private && info.default_branch.is_none(), "{info:?}");
    assert_eq!(fixture.host.create(&new).await.unwrap_err().reason(), "AlreadyExists");
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtv2UNlE9e8TzjyfdSKoOzlw1rBHKxBMZEJvqMTZmLa test";
    let key = NewDeployKey { title: "flux".into(), key: key.into(), may_push: false };
    fixture.host.add_deploy_key(&key).await.unwrap();
    fixture.host.add_deploy_key(&key).await.unwrap();
    assert!(fixture.host.remove_deploy_key(&key.key).await.unwrap());
    assert!(!fixture.host.remove_deploy_key(&key.key).await.unwrap());
}
