//! Feedback: commits and deployments as a host shows them, also after the operator was killed.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use gimlet_crds::{Phase, Release, Repository as GimletRepository, condition};
use gimlet_e2e::{Repository, Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

/// A host that speaks as GitHub does, for one repository whose git is elsewhere.
#[derive(Clone, Default)]
struct GitHub(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    /// The token that an installation gets, which opens the git server.
    token: String,
    tokens: usize,
    /// Nobody answers.
    away: bool,
    /// By commit, newest first.
    checks: BTreeMap<String, Vec<Value>>,
    deployments: Vec<Value>,
    /// Of each deployment, newest first.
    steps: BTreeMap<usize, Vec<Value>>,
}

type Answer = Result<(StatusCode, Json<Value>), StatusCode>;

impl GitHub {
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers whoever has the installation's token.
    fn answer(&self, headers: &HeaderMap, of: impl FnOnce(&mut Shown) -> Value) -> Answer {
        let mut shown = self.lock();
        if shown.away {
            return Err(StatusCode::BAD_GATEWAY);
        }
        let expected = format!("Bearer {}", shown.token);
        if headers.get("authorization").is_none_or(|given| *given != *expected) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        Ok((StatusCode::OK, Json(of(&mut shown))))
    }

    async fn start(&self) -> Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let at = "/repos/{owner}/{name}";
        let router = Router::new()
            .route("/app/installations/4711/access_tokens", post(exchange))
            .route(at, get(repository))
            .route(&format!("{at}/pulls"), get(nothing))
            .route(&format!("{at}/statuses/{{sha}}"), post(set_check))
            .route(&format!("{at}/commits/{{sha}}/status"), get(checks))
            .route(&format!("{at}/commits/{{sha}}/check-runs"), get(no_runs))
            .route(&format!("{at}/deployments"), get(deployments).post(deploy))
            .route(&format!("{at}/deployments/{{id}}/statuses"), get(steps).post(step))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{address}"))
    }

    /// Waits until a commit has a check in a state; gives how often it was set.
    async fn check(&self, sha: &str, state: &str) -> Result<usize> {
        wait_until(&format!("the check of {sha} is {state}"), SOON, async || {
            let shown = self.lock();
            let all = shown.checks.get(sha).context("there is no check")?;
            let newest = &all[0];
            ensure!(newest["state"] == state, "{newest}");
            ensure!(newest["context"] == "gimlet/staging/web", "{newest}");
            Ok(all.len())
        })
        .await
    }

    /// Waits until the one deployment of a commit came to a state; gives its steps, oldest first.
    async fn deployment(&self, sha: &str, state: &str) -> Result<Vec<String>> {
        wait_until(&format!("the deployment of {sha} is {state}"), SOON, async || {
            let shown = self.lock();
            let of_commit = shown.deployments.iter().filter(|made| made["sha"] == sha);
            let of_commit: Vec<_> = of_commit.collect();
            let [made] = of_commit.as_slice() else {
                anyhow::bail!("there are {} of it: {:?}", of_commit.len(), shown.deployments)
            };
            ensure!(made["environment"] == "staging/web", "{made}");
            let id = usize::try_from(made["id"].as_u64().context("no id")?)?;
            let steps = shown.steps.get(&id).context("it has no steps")?;
            let mut states = Vec::new();
            for step in steps.iter().rev() {
                states.push(step["state"].as_str().context("no state")?.to_owned());
            }
            ensure!(states.last().is_some_and(|last| last == state), "{states:?}");
            Ok(states)
        })
        .await
    }
}

/// Exchanges what an App signed; who signed it is checked elsewhere.
async fn exchange(State(host): State<GitHub>, headers: HeaderMap) -> Answer {
    let mut shown = host.lock();
    let signed = headers.get("authorization").and_then(|given| given.to_str().ok());
    if signed.is_none_or(|given| given.matches('.').count() != 2) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    shown.tokens += 1;
    let body = json!({"token": shown.token, "expires_at": "2099-01-01T00:00:00Z"});
    Ok((StatusCode::CREATED, Json(body)))
}

async fn repository(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Answer {
    host.answer(&headers, |_| {
        json!({
            "full_name": format!("{owner}/{name}"), "default_branch": "main", "private": true,
            "archived": false, "html_url": "https://github.example.com/a/b",
        })
    })
}

async fn nothing(State(host): State<GitHub>, headers: HeaderMap) -> Answer {
    host.answer(&headers, |_| json!([]))
}

async fn no_runs(State(host): State<GitHub>, headers: HeaderMap) -> Answer {
    host.answer(&headers, |_| json!({"total_count": 0, "check_runs": []}))
}

async fn set_check(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Path((_, _, sha)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    host.answer(&headers, |shown| {
        shown.checks.entry(sha).or_default().insert(0, body);
        json!({})
    })
}

async fn checks(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Path((_, _, sha)): Path<(String, String, String)>,
) -> Answer {
    host.answer(&headers, |shown| {
        let newest = shown.checks.get(&sha).and_then(|all| all.first()).cloned();
        json!({"state": "pending", "statuses": newest.into_iter().collect::<Vec<_>>()})
    })
}

async fn deployments(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer {
    host.answer(&headers, |shown| {
        let fits = |made: &&Value| {
            ["sha", "environment"]
                .iter()
                .all(|field| query.get(*field).is_none_or(|wanted| made[*field] == **wanted))
        };
        shown.deployments.iter().rev().filter(fits).cloned().collect()
    })
}

async fn deploy(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Json(mut body): Json<Value>,
) -> Answer {
    host.answer(&headers, |shown| {
        body["id"] = json!(shown.deployments.len() + 1);
        body["sha"] = body["ref"].clone();
        shown.deployments.push(body.clone());
        body
    })
}

async fn steps(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, usize)>,
) -> Answer {
    host.answer(&headers, |shown| {
        let steps = shown.steps.get(&id).cloned().unwrap_or_default();
        let count = steps.len();
        let numbered = steps.into_iter().enumerate().map(|(index, mut step)| {
            step["id"] = json!(count - index);
            step
        });
        numbered.collect()
    })
}

async fn step(
    State(host): State<GitHub>,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, usize)>,
    Json(body): Json<Value>,
) -> Answer {
    host.answer(&headers, |shown| {
        shown.steps.entry(id).or_default().insert(0, body);
        json!({})
    })
}

/// Makes a private key in the form in which GitHub gives it.
fn private_key() -> Result<String> {
    let output = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output()?;
    ensure!(output.status.success(), "openssl made no key");
    Ok(String::from_utf8(output.stdout)?)
}

async fn watch(stage: &Stage, source: &Repository, spec: Value) -> Result<()> {
    let mut all = json!({"url": source.http_url, "interval": "1h"});
    for (field, value) in spec.as_object().into_iter().flatten() {
        all[field] = value.clone();
    }
    let object: GimletRepository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "shop"},
        "spec": all,
    }))?;
    let api: Api<GimletRepository> = Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &object).await?;
    wait_until("the repository is read", SOON, async || {
        let status = api.get("shop").await?.status.unwrap_or_default();
        let ready = condition::is_true(&status.conditions, condition::READY);
        ensure!(ready, "{}", serde_json::to_string(&status)?);
        Ok(())
    })
    .await
}

/// Releases a commit of the application.
async fn release(stage: &Stage, source: &Repository, sha: &str, tag: &str) -> Result<Release> {
    let version = json!({
        "repository": format!("{}/{}", source.owner, source.name), "sha": sha, "branch": "main",
    });
    stage.create("web", json!({"manifest": stage.web(tag), "version": version})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_app_writes_git_and_shows_each_release_as_one_deployment() -> Result<()> {
    let host = GitHub::default();
    host.lock().token.clone_from(&gitea()?.token);
    let api = host.start().await?;
    let mut stage = Stage::bare("deploys").await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "app", "namespace": stage.namespace.name()},
        "stringData": {
            "githubAppID": "1234", "githubAppInstallationID": "4711",
            "githubAppPrivateKey": private_key()?, "githubAppBaseURL": api,
        },
    });
    stage.cluster.apply(&secret.to_string())?;
    let spec = json!({"gitops": {"secretRef": {"name": "app"}}});
    stage.environment("staging", "staging", spec).await?;
    stage.environment_ready("staging").await?;
    stage.connect_flux().await?;
    let source = gitea()?.repository("deploys-app")?;
    let hub = json!({"provider": "GitHub", "apiUrl": api, "secretRef": {"name": "app"}});
    watch(&stage, &source, hub).await?;

    let first = source.write("main", "a", "1")?;
    let made = release(&stage, &source, &first, "1").await?;
    stage.phase(&made.name_any(), Phase::Healthy).await?;
    host.check(&first, "success").await?;
    let steps = host.deployment(&first, "success").await?;
    assert!(steps.iter().filter(|step| *step == "success").count() == 1, "{steps:?}");
    assert!(steps.contains(&"in_progress".to_owned()), "{steps:?}");
    assert_eq!(host.lock().deployments[0]["payload"]["gimlet"], json!(made.uid()));
    assert_eq!(host.lock().tokens, 1, "both objects share the installation's token");

    // What was not told because the host was away and the operator killed is told afterwards.
    host.lock().away = true;
    let second = source.write("main", "a", "2")?;
    let made = release(&stage, &source, &second, "2").await?;
    stage.phase(&made.name_any(), Phase::Healthy).await?;
    stage.operator.kill()?;
    let told = host.lock().checks.get(&first).map(Vec::len);
    host.lock().away = false;
    stage.operator.restart().await?;
    host.check(&second, "success").await?;
    host.deployment(&second, "success").await?;
    assert_eq!(host.lock().checks.get(&first).map(Vec::len), told, "it was told already");
    assert_eq!(host.deployment(&first, "success").await?, steps, "and shown");

    // One that fails, and what is left when the app goes.
    let third = source.write("main", "a", "3")?;
    let made = release(&stage, &source, &third, "broken").await?;
    stage.phase(&made.name_any(), Phase::Failed).await?;
    host.check(&third, "failure").await?;
    host.deployment(&third, "failure").await?;
    let metrics = stage.operator.metrics()?;
    for line in [
        r#"gimlet_deployments_total{result="ok"}"#,
        r#"gimlet_scm_requests_total{code="200",provider="GitHub"}"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    stage.apps().delete("web.staging", &DeleteParams::default()).await?;
    stage.app_gone("web").await?;
    host.deployment(&third, "inactive").await?;
    let log = stage.operator.log();
    assert!(!log.contains(&host.lock().token) && !log.contains("PRIVATE KEY"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_a_real_gitea_lacks_is_reported_after_a_restart_and_only_once() -> Result<()> {
    let mut stage = Stage::open("checks").await?;
    stage.connect_flux().await?;
    let source = gitea()?.repository("checks-app")?;
    // Nothing is reported, as if all of it had been lost with the process.
    let spec = json!({"provider": "Gitea", "secretRef": {"name": "gitops"}, "commitStatus": false});
    watch(&stage, &source, spec).await?;
    let sha = source.write("main", "a", "1")?;
    let made = release(&stage, &source, &sha, "1").await?;
    stage.phase(&made.name_any(), Phase::Healthy).await?;
    stage.operator.kill()?;
    let api: Api<GimletRepository> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let on = Patch::Merge(json!({"spec": {"commitStatus": true}}));
    api.patch("shop", &PatchParams::default(), &on).await?;
    stage.operator.restart().await?;
    let shown = || source.api("GET", &format!("/commits/{sha}/statuses"), None);
    wait_until("the check", SOON, async || {
        let all = shown()?;
        ensure!(all[0]["status"] == "success", "{all}");
        ensure!(all[0]["context"] == "gimlet/staging/web", "{all}");
        Ok(())
    })
    .await?;
    let count = shown()?.as_array().map(Vec::len);

    // What is there already is not told again: the next commit's check comes after it.
    stage.operator.kill()?;
    stage.operator.restart().await?;
    let next = source.write("main", "a", "2")?;
    let made = release(&stage, &source, &next, "2").await?;
    stage.phase(&made.name_any(), Phase::Healthy).await?;
    wait_until("the next check", SOON, async || {
        let all = source.api("GET", &format!("/commits/{next}/statuses"), None)?;
        ensure!(all[0]["status"] == "success", "{all}");
        Ok(())
    })
    .await?;
    assert_eq!(shown()?.as_array().map(Vec::len), count);
    stage.end().await
}
