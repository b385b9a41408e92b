//! Application repositories: from a push to what runs, and back to the commit.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{
    Artifact, ArtifactEvent, ManifestResult, Phase, Repository as GimletRepository, condition,
};
use gimlet_e2e::{Repository, Stage, gitea, wait_until};
use jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};

use crate::release::status;

const SOON: Duration = Duration::from_mins(1);

fn artifacts(stage: &Stage) -> Api<Artifact> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

pub(crate) fn manifest(stage: &Stage, app: &str, policy: &str) -> String {
    format!(
        "app: {app}\nenv: staging\nnamespace: {}\nchart:\n  name: app\nvalues:\n  port: 8080\n  \
         image:\n    repository: example/web\n    tag: '{{{{ .SHA }}}}'\ndeploy:\n{policy}",
        stage.namespace.name()
    )
}

pub(crate) async fn watch_repository(
    stage: &Stage,
    source: &Repository,
    interval: &str,
) -> Result<()> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "webhook", "namespace": stage.namespace.name()},
        "stringData": {"token": "signed-with-this"},
    });
    stage.cluster.apply(&secret.to_string())?;
    let object: GimletRepository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "shop"},
        "spec": {
            "url": source.http_url, "provider": "Gitea", "secretRef": {"name": "gitops"},
            "webhookSecretRef": {"name": "webhook"}, "interval": interval,
            "artifactsFromCommits": true,
        },
    }))?;
    let api: Api<GimletRepository> = Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &object).await?;
    wait_until("the repository is read", SOON, async || {
        let found = api.get("shop").await?;
        let status = found.status.clone().unwrap_or_default();
        let ready = condition::is_true(&status.conditions, condition::READY);
        ensure!(ready, "{}", serde_json::to_string(&status)?);
        Ok(())
    })
    .await
}

/// Waits for the artifact of a commit that an event made.
pub(crate) async fn artifact_of(
    stage: &Stage,
    sha: &str,
    event: ArtifactEvent,
) -> Result<Artifact> {
    let api = artifacts(stage);
    wait_until(&format!("an artifact of {sha} by {event:?}"), SOON, async || {
        let all = api.list(&ListParams::default()).await?;
        let of_commit = all.into_iter().find(|artifact| {
            let ready = artifact
                .status
                .as_ref()
                .is_some_and(|status| condition::is_true(&status.conditions, condition::READY));
            artifact.spec.version.sha.as_deref() == Some(sha)
                && artifact.spec.event == event
                && ready
        });
        of_commit.context("it is not there, or not judged")
    })
    .await
}

/// Waits until Gitea shows a check of a commit in a state.
async fn check(source: &Repository, sha: &str, state: &str) -> Result<Value> {
    wait_until(&format!("the check of {sha} is {state}"), SOON, async || {
        let all = source.api("GET", &format!("/commits/{sha}/statuses"), None)?;
        let newest = all.as_array().and_then(|all| all.first()).cloned();
        let newest = newest.context("there is no check")?;
        ensure!(newest["status"] == state, "{newest}");
        Ok(newest)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_released_by_a_webhook_and_the_commit_is_told() -> Result<()> {
    let stage = Stage::open("repo").await?;
    stage.connect_flux().await?;
    let source = gitea()?.repository("repo-app")?;
    let policy = "  event: push\n  branch: main\n  paths: [src]\n";
    let first = source.write("main", ".gimlet/web.yaml", &manifest(&stage, "web", policy))?;
    source.add_webhook(&stage.operator.webhook_url("shop"), "signed-with-this", &["push"])?;
    // Nobody looks at it by itself within this test.
    watch_repository(&stage, &source, "1h").await?;

    let artifact = artifact_of(&stage, &first, ArtifactEvent::Push).await?;
    let verdict = &artifact.status.as_ref().context("no status")?.releases[0];
    assert_eq!(verdict.result, ManifestResult::Released, "{}", verdict.message);
    assert!(verdict.message.contains("paths not compared"), "{}", verdict.message);
    let release = verdict.release.clone().context("no release")?;
    let done = stage.phase(&release, Phase::Healthy).await?;
    assert_eq!(status(&done)?.version.as_deref(), Some(&first[..7]));
    let told = check(&source, &first, "success").await?;
    assert_eq!(told["context"], "gimlet/staging/web");
    stage
        .app_until("web", "knows the commit", |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            current.is_some_and(|current| current.source.as_deref() == Some(&first))
        })
        .await?;

    // What does not touch the app's paths makes an artifact, and no release.
    let docs = source.write("main", "docs/a.md", "words\n")?;
    let artifact = artifact_of(&stage, &docs, ArtifactEvent::Push).await?;
    let verdict = &artifact.status.as_ref().context("no status")?.releases[0];
    assert_eq!(verdict.result, ManifestResult::NotMatched);
    assert!(verdict.message.contains("none of the 1 paths"), "{}", verdict.message);
    let code = source.write("main", "src/main.rs", "fn main() {}\n")?;
    let artifact = artifact_of(&stage, &code, ArtifactEvent::Push).await?;
    let verdict = &artifact.status.as_ref().context("no status")?.releases[0];
    assert_eq!(verdict.result, ManifestResult::Released, "{}", verdict.message);
    check(&source, &code, "success").await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_tags_and_pull_requests_are_found_without_a_webhook() -> Result<()> {
    let stage = Stage::open("poll").await?;
    let source = gitea()?.repository("poll-app")?;
    let all = [
        manifest(&stage, "on-main", "  branch: main\n"),
        manifest(&stage, "on-branch", "  branch: 'feature/*'\n"),
        manifest(&stage, "on-tag", "  tag: 'v*'\n"),
        manifest(&stage, "on-pr", "  event: pr\n  branch: 'feature/*'\n"),
    ];
    let sha = source.write("main", ".gimlet/all.yaml", &all.join("---\n"))?;
    source.api("POST", "/tags", Some(&json!({"tag_name": "v0.1.0", "target": "main"})))?;
    // What is of the same second as the Repository counts as news.
    let second = Timestamp::now().as_second();
    wait_until("the next second", SOON, async || {
        ensure!(Timestamp::now().as_second() > second, "it has not come");
        Ok(())
    })
    .await?;
    watch_repository(&stage, &source, "5s").await?;
    let released = |artifact: &Artifact| -> Vec<String> {
        let verdicts = artifact.status.iter().flat_map(|status| &status.releases);
        let released = verdicts.filter(|verdict| verdict.result == ManifestResult::Released);
        released.filter_map(|verdict| verdict.app.clone()).collect()
    };
    assert_eq!(released(&artifact_of(&stage, &sha, ArtifactEvent::Push).await?), ["on-main"]);

    // The same commit on another branch is judged again, by that branch's policies.
    let branch = json!({"new_branch_name": "feature/x", "old_branch_name": "main"});
    source.api("POST", "/branches", Some(&branch))?;
    let of_branch = wait_until("the branch's artifact", SOON, async || {
        let all = artifacts(&stage).list(&ListParams::default()).await?;
        let found = all.into_iter().find(|artifact| {
            artifact.spec.version.branch.as_deref() == Some("feature/x")
                && artifact.status.as_ref().is_some_and(|status| status.released > 0)
        });
        found.context("it is not there, or released nothing")
    })
    .await?;
    assert_eq!(of_branch.spec.version.sha.as_deref(), Some(sha.as_str()));
    assert_eq!(released(&of_branch), ["on-branch"]);

    // A tag that was there before is history; a new one on an old commit is not.
    source.api("POST", "/tags", Some(&json!({"tag_name": "v1.0.0", "target": sha})))?;
    let of_tag = artifact_of(&stage, &sha, ArtifactEvent::Tag).await?;
    assert_eq!(of_tag.spec.version.tag.as_deref(), Some("v1.0.0"));
    assert_eq!(released(&of_tag), ["on-tag"]);

    let change = source.write("feature/x", "README.md", "a change\n")?;
    let request = json!({"title": "x", "head": "feature/x", "base": "main"});
    source.api("POST", "/pulls", Some(&request))?;
    let of_request = artifact_of(&stage, &change, ArtifactEvent::PullRequest).await?;
    assert_eq!(of_request.spec.target_branch.as_deref(), Some("main"));
    assert_eq!(released(&of_request), ["on-pr"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_counts_only_if_it_is_signed_and_new() -> Result<()> {
    let stage = Stage::open("hook").await?;
    let source = gitea()?.repository("hook-app")?;
    watch_repository(&stage, &source, "1h").await?;
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let send = |name: &str, signature: Option<&str>, body: &str| -> Result<u16> {
        let mut request = agent
            .post(stage.operator.webhook_url(name))
            .header("content-type", "application/json")
            .header("x-gitea-event", "push");
        if let Some(signature) = signature {
            request = request.header("x-gitea-signature", signature);
        }
        Ok(request.send(body)?.status().as_u16())
    };
    assert_eq!(send("shop", None, "{}")?, 401);
    assert_eq!(send("shop", Some(&"0".repeat(64)), "{}")?, 401);
    assert_eq!(send("nowhere", Some(&"0".repeat(64)), "{}")?, 404);
    assert_eq!(send("shop", Some(&"0".repeat(64)), &"x".repeat(9 << 20))?, 413);
    let metrics = stage.operator.metrics()?;
    let refused = metrics.lines().filter(|line| line.starts_with("gimlet_webhook_requests_total"));
    assert!(refused.count() >= 1, "{metrics}");
    assert!(!metrics.contains("signed-with-this"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_reaches_a_replica_that_waits_is_passed_on() -> Result<()> {
    let mut stage = Stage::open("relay").await?;
    let source = gitea()?.repository("relay-app")?;
    let text = manifest(&stage, "web", "  event: push\n  branch: main\n");
    source.write("main", ".gimlet/web.yaml", &text)?;
    // Nobody looks at it by itself within this test.
    watch_repository(&stage, &source, "1h").await?;
    let other = stage.operator.replica().await?;
    source.add_webhook(&other.webhook_url("shop"), "signed-with-this", &["push"])?;
    let passed_on = source.write("main", "a.md", "one\n")?;
    artifact_of(&stage, &passed_on, ArtifactEvent::Push).await?;
    assert!(!other.log().contains("leading"), "it only passed it on");

    // What comes while nobody leads is there for the next.
    stage.operator.kill()?;
    let meanwhile = source.write("main", "a.md", "two\n")?;
    artifact_of(&stage, &meanwhile, ArtifactEvent::Push).await?;
    assert!(other.log().contains("leading"));
    let later = source.write("main", "a.md", "three\n")?;
    artifact_of(&stage, &later, ArtifactEvent::Push).await?;
    stage.end().await
}
