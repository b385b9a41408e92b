//! A GitHub App where nobody may push to the branch: by a host that speaks as GitHub does.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use gimlet_crds::{BlockerKind, Phase, condition};
use gimlet_e2e::{Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);
/// A pull request as GitHub describes it.
const PULL: &str = include_str!("../../../hosts/tests/fixtures/github/pull.json");

/// A host whose pull requests are those of a Gitea, told in the words and shapes of GitHub.
#[derive(Clone)]
struct GitHub(Arc<Mutex<Shown>>);

struct Shown {
    /// Where the repository is in Gitea's API.
    place: String,
    /// The tokens that the installation gets, one after the other; they open the git server too.
    tokens: Vec<String>,
    given: usize,
    /// The tokens with the right to pull requests.
    granted: Vec<String>,
}

type Answer = (StatusCode, Json<Value>);

impl GitHub {
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self) -> Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let at = "/repos/{owner}/{name}/pulls";
        let pulls = Router::new()
            .route(at, get(list).post(open))
            .route(&format!("{at}/{{number}}"), get(read).patch(change))
            .route(&format!("{at}/{{number}}/merge"), put(merge))
            .route_layer(from_fn_with_state(self.clone(), admit));
        let exchange = post(exchange);
        let router = pulls.route("/app/installations/4711/access_tokens", exchange);
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{address}"))
    }

    /// Asks Gitea about the pull requests.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let path = format!("{}/pulls{path}", self.lock().place);
        let answer = tokio::task::block_in_place(|| gitea()?.try_api(method, &path, body));
        match answer {
            Ok((status, answer)) => {
                (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), answer)
            }
            Err(error) => (StatusCode::BAD_GATEWAY, json!({"message": error.to_string()})),
        }
    }

    /// Asks Gitea for one pull request.
    fn one(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let (status, answer) = self.ask(method, path, body);
        (status, Json(if status.is_success() { shaped(&answer) } else { answer }))
    }
}

/// Tells a pull request of Gitea as GitHub does.
fn shaped(theirs: &Value) -> Value {
    let mut pull: Value = serde_json::from_str(PULL).unwrap_or_default();
    for field in
        ["number", "state", "title", "body", "html_url", "merged", "merged_at", "merge_commit_sha"]
    {
        pull[field] = theirs[field].clone();
    }
    for end in ["head", "base"] {
        for field in ["ref", "sha"] {
            pull[end][field] = theirs[end][field].clone();
        }
        let name = theirs[end]["ref"].as_str().unwrap_or_default();
        pull[end]["label"] = json!(format!("acme:{name}"));
    }
    pull
}

/// Exchanges what an App signed; who signed it is checked elsewhere.
async fn exchange(State(host): State<GitHub>) -> Answer {
    let mut shown = host.lock();
    let token = shown.tokens[shown.given.min(shown.tokens.len() - 1)].clone();
    shown.given += 1;
    (StatusCode::CREATED, Json(json!({"token": token, "expires_at": "2099-01-01T00:00:00Z"})))
}

/// Lets those through whose token has the right, and answers others as GitHub does.
async fn admit(State(host): State<GitHub>, request: Request, next: Next) -> Response {
    let given = request.headers().get("authorization").and_then(|given| given.to_str().ok());
    let given = given.and_then(|given| given.strip_prefix("Bearer ")).unwrap_or_default();
    let (known, granted) = {
        let shown = host.lock();
        let is = |tokens: &[String]| tokens.iter().any(|token| token == given);
        (is(&shown.tokens), is(&shown.granted))
    };
    if granted {
        return next.run(request).await;
    }
    if known {
        let body = json!({"message": "Resource not accessible by integration", "status": "403"});
        return (StatusCode::FORBIDDEN, Json(body)).into_response();
    }
    (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response()
}

async fn list(State(host): State<GitHub>, Query(query): Query<BTreeMap<String, String>>) -> Answer {
    let (status, all) = host.ask("GET", "?state=open&limit=50", None);
    let head = query.get("head").and_then(|head| head.split_once(':')).map(|(_, head)| head);
    let all = all.as_array().cloned().unwrap_or_default();
    let wanted = all.iter().filter(|pull| head.is_none_or(|head| pull["head"]["ref"] == head));
    (status, Json(wanted.map(shaped).collect()))
}

async fn open(State(host): State<GitHub>, Json(body): Json<Value>) -> Answer {
    host.one("POST", "", Some(&body))
}

async fn read(
    State(host): State<GitHub>,
    Path((_, _, number)): Path<(String, String, u64)>,
) -> Answer {
    host.one("GET", &format!("/{number}"), None)
}

async fn change(
    State(host): State<GitHub>,
    Path((_, _, number)): Path<(String, String, u64)>,
    Json(body): Json<Value>,
) -> Answer {
    host.one("PATCH", &format!("/{number}"), Some(&body))
}

async fn merge(
    State(host): State<GitHub>,
    Path((_, _, number)): Path<(String, String, u64)>,
    Json(body): Json<Value>,
) -> Answer {
    let body = json!({"Do": body["merge_method"], "head_commit_id": body["sha"]});
    let (status, _) = host.ask("POST", &format!("/{number}/merge"), Some(&body));
    if status.is_success() {
        return (
            status,
            Json(json!({"merged": true, "message": "Pull Request successfully merged"})),
        );
    }
    let body = json!({"message": "Pull Request is not mergeable"});
    (StatusCode::METHOD_NOT_ALLOWED, Json(body))
}

/// Makes a private key in the form in which GitHub gives it.
fn private_key() -> Result<String> {
    let output = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output()?;
    ensure!(output.status.success(), "openssl made no key");
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_opens_and_merges_pull_requests_as_soon_as_it_got_the_right() -> Result<()> {
    let stage = Stage::bare("app-pulls").await?;
    let checkout = stage.repository.checkout()?;
    checkout.git(["symbolic-ref", "HEAD", "refs/heads/main"])?;
    checkout.write("README.md", "A gitops repository.\n")?;
    checkout.commit_and_push("first")?;
    stage.repository.protect_branch("main")?;
    let scopes = ["write:repository"];
    let tokens = vec![gitea()?.scoped_token(&scopes)?, gitea()?.scoped_token(&scopes)?];
    let (owner, name) = (&stage.repository.owner, &stage.repository.name);
    let place = format!("/repos/{owner}/{name}");
    let shown = Shown { place, tokens: tokens.clone(), given: 0, granted: Vec::new() };
    let host = GitHub(Arc::new(Mutex::new(shown)));
    let api = host.start().await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "app", "namespace": stage.namespace.name()},
        "stringData": {
            "githubAppID": "1234", "githubAppInstallationID": "4711",
            "githubAppPrivateKey": private_key()?,
        },
    });
    stage.cluster.apply(&secret.to_string())?;
    let gitops = json!({
        "secretRef": {"name": "app"}, "push": "PullRequest", "provider": "GitHub", "apiUrl": api,
        "autoMerge": "Merge",
    });
    stage.environment("staging", "staging", json!({"gitops": gitops})).await?;
    stage
        .environment_until("staging", "says which right is missing", |environment| {
            let status = environment.status.clone().unwrap_or_default();
            let ready = condition::find(&status.conditions, condition::READY);
            ready.is_some_and(|ready| {
                ready.reason == "Forbidden"
                    && ready.message.contains("Resource not accessible by integration")
            })
        })
        .await?;

    // Rights that an App is given are those of its next token.
    host.lock().granted.push(tokens[1].clone());
    stage
        .environment_until("staging", "is set up", |environment| {
            let status = environment.status.clone().unwrap_or_default();
            let flux = condition::find(&status.conditions, condition::FLUX_READY);
            status.pull_request.is_none() && flux.is_some_and(|flux| flux.reason == "NotConnected")
        })
        .await?;
    let release = stage.release("web", stage.web("1")).await?;
    let done = stage.phase(&release.name_any(), Phase::Committed).await?;
    let status = done.status.context("it has a status")?;
    let pull = status.pull_request.context("it has a pull request")?;
    assert_eq!(status.commit.map(|commit| commit.sha), Some(pull.commit));
    assert_eq!(stage.commits_of(&release)?.len(), 1);
    let merged = stage.repository.api("GET", &format!("/pulls/{}", pull.number), None)?;
    assert_eq!(
        (&merged["merged"], &merged["title"]),
        (&json!(true), &json!("staging/web: release 1"))
    );

    // An app goes the same way, and what is closed is given up.
    stage.change_environment("staging", json!({"gitops": {"autoMerge": null}})).await?;
    let next = stage.release("web", stage.web("2")).await?;
    let waiting = stage
        .until(&next.name_any(), "waits to be merged", |release| {
            release.status.as_ref().is_some_and(|status| status.pull_request.is_some())
        })
        .await?;
    let status = waiting.status.context("it has a status")?;
    assert_eq!(
        status.blocked_by.first().map(|blocker| blocker.kind),
        Some(BlockerKind::PullRequest)
    );
    let close = json!({"state": "closed"});
    // So soon after the last branch was deleted it is opened again once.
    wait_until("it is closed for good", SOON, async || {
        let status = stage.releases().get(&next.name_any()).await?.status.unwrap_or_default();
        if status.phase != Phase::Rejected {
            let number = status.pull_request.context("it has a pull request")?.number;
            stage.repository.api("PATCH", &format!("/pulls/{number}"), Some(&close))?;
        }
        ensure!(status.phase == Phase::Rejected, "it is {:?}", status.phase);
        Ok(())
    })
    .await?;
    stage.change_environment("staging", json!({"gitops": {"autoMerge": "Rebase"}})).await?;
    stage.apps().delete("web.staging", &DeleteParams::default()).await?;
    stage.app_gone("web").await?;
    assert!(stage.files()?.keys().all(|path| !path.starts_with("staging/web/")));
    wait_until("the branch is gone", SOON, async || {
        let left = stage.repository.api("GET", "/branches", None)?;
        ensure!(left.as_array().map(Vec::len) == Some(1), "{left}");
        Ok(())
    })
    .await?;
    assert_eq!(host.lock().given, 2, "a token is kept as long as it does");
    let log = stage.operator.log();
    assert!(tokens.iter().all(|token| !log.contains(token)) && !log.contains("PRIVATE KEY"));
    stage.end().await
}
