//! Files of application repositories, changed by one commit or one pull request.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{ConfigChange, ConfigChangePhase, ConfigChangeStatus, condition};
use gimlet_e2e::{Repository, Stage, gitea, wait_until};
use kube::api::{Api, PostParams};
use kube::ResourceExt;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(2);
const PATH: &str = ".gimlet/staging.yaml";

fn changes(stage: &Stage) -> Api<ConfigChange> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

async fn repository(stage: &Stage, source: &Repository, provider: &str) -> Result<()> {
    let object: gimlet_crds::Repository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "shop"},
        "spec": {
            "url": source.http_url, "provider": provider, "secretRef": {"name": "gitops"},
            "interval": "1h",
        },
    }))?;
    let api: Api<gimlet_crds::Repository> =
        Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn change(stage: &Stage, name: &str, spec: Value) -> Result<ConfigChange> {
    let mut all = json!({
        "repository": "shop", "branch": "main", "path": PATH, "message": format!("{name}\n\nwhy"),
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    let object = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
        "metadata": {"name": name}, "spec": all,
    }))?;
    Ok(changes(stage).create(&PostParams::default(), &object).await?)
}

async fn until(
    stage: &Stage,
    name: &str,
    what: &str,
    is: impl Fn(&ConfigChangeStatus) -> bool,
) -> Result<ConfigChangeStatus> {
    let api = changes(stage);
    wait_until(&format!("change {name} {what}"), SOON, async || {
        let status = api.get(name).await?.status.unwrap_or_default();
        ensure!(is(&status), "{}", serde_json::to_string(&status)?);
        Ok(status)
    })
    .await
}

async fn ended(stage: &Stage, name: &str) -> Result<ConfigChangeStatus> {
    until(stage, name, "has ended", |status| status.ended.is_some()).await
}

fn ready(status: &ConfigChangeStatus) -> (&str, &str) {
    let found = condition::find(&status.conditions, condition::READY);
    found.map_or(("", ""), |ready| (ready.reason.as_str(), ready.message.as_str()))
}

fn blob(source: &Repository) -> Result<String> {
    Ok(source.checkout()?.git(["rev-parse", &format!("HEAD:{PATH}")])?.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_changed_once_and_only_upon_what_was_seen() -> Result<()> {
    let mut stage = Stage::bare("config").await?;
    let source = gitea()?.repository("shop")?;
    repository(&stage, &source, "Gitea").await?;
    let asked = json!({"content": "a: 1\n", "requestedBy": "ada"});
    let first = change(&stage, "first", asked).await?;
    let status = ended(&stage, "first").await?;
    assert_eq!(status.phase, ConfigChangePhase::Committed);
    let commit = status.commit.context("it has a commit")?;
    assert_eq!(source.head("main")?, commit.sha);
    assert_eq!(source.read("main", PATH)?.as_deref(), Some("a: 1\n"));
    let log = source.checkout()?.git(["log", "-1", "--format=%an%n%B"])?;
    assert!(log.contains("Gimlet-Requested-By: ada"), "{log}");
    assert!(log.contains(&format!("Gimlet-Release: {}", first.uid().unwrap_or_default())), "{log}");

    // A new file is not one that is there, and an old one not another's.
    change(&stage, "again", json!({"content": "a: 2\n"})).await?;
    let status = ended(&stage, "again").await?;
    let (reason, message) = ready(&status);
    assert_eq!((status.phase, reason), (ConfigChangePhase::Failed, "BaseChanged"));
    assert!(message.contains(&blob(&source)?), "{message}");
    assert!(condition::is_true(&status.conditions, condition::STALLED));
    let stale = "5716ca5987cbf97d6bb54920bea6adde242d87e6";
    change(&stage, "stale", json!({"content": "a: 2\n", "baseBlob": stale})).await?;
    assert_eq!(ready(&ended(&stage, "stale").await?).0, "BaseChanged");
    change(&stage, "same", json!({"content": "a: 1\n", "baseBlob": stale})).await?;
    assert_eq!(ended(&stage, "same").await?.phase, ConfigChangePhase::Unchanged);
    let other = json!({"content": "a: 2\n", "branch": "nowhere"});
    change(&stage, "nowhere", other).await?;
    assert_eq!(ready(&ended(&stage, "nowhere").await?).0, "GitBranchMissing");

    // Somebody else pushes meanwhile, and the operator is away.
    stage.operator.kill()?;
    let base = blob(&source)?;
    change(&stage, "next", json!({"content": "a: 2\n", "baseBlob": base})).await?;
    source.write("main", "README.md", "more\n")?;
    stage.operator.restart().await?;
    assert_eq!(ended(&stage, "next").await?.phase, ConfigChangePhase::Committed);
    let gone = json!({"delete": true, "baseBlob": blob(&source)?});
    change(&stage, "gone", gone).await?;
    assert_eq!(ended(&stage, "gone").await?.phase, ConfigChangePhase::Committed);
    assert_eq!(source.read("main", PATH)?, None);
    let log = source.checkout()?.git(["log", "--format=%(trailers:key=Gimlet-Name,valueonly)"])?;
    let names: Vec<_> = log.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(names, ["gone", "next", "first"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_branch_is_changed_by_one_pull_request() -> Result<()> {
    let mut stage = Stage::bare("config-pull").await?;
    let source = gitea()?.repository("shop")?;
    source.protect_branch("main")?;
    repository(&stage, &source, "Gitea").await?;
    change(&stage, "push", json!({"content": "a: 1\n"})).await?;
    let status = ended(&stage, "push").await?;
    let (reason, message) = ready(&status);
    assert_eq!(reason, "GitRejected", "{message}");
    assert!(message.contains("use mode PullRequest"), "{message}");

    stage.operator.kill()?;
    let asked = json!({"content": "a: 1\n", "mode": "PullRequest", "requestedBy": "@ada"});
    change(&stage, "pull", asked).await?;
    stage.operator.restart().await?;
    let status = ended(&stage, "pull").await?;
    assert_eq!(status.phase, ConfigChangePhase::Proposed);
    let at = status.pull_request.context("it has a pull request")?;
    let all = source.api("GET", "/pulls?state=all", None)?;
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    assert_eq!(all[0]["title"], "pull");
    assert_eq!(all[0]["html_url"], *at.url);
    assert!(all[0]["body"].as_str().is_some_and(|body| body.contains("Requested by `@ada`")));
    let body = json!({"Do": "merge"});
    wait_until("it is merged", SOON, async || {
        source.api("POST", &format!("/pulls/{}/merge", at.number), Some(&body)).map(drop)
    })
    .await?;
    assert_eq!(source.read("main", PATH)?.as_deref(), Some("a: 1\n"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_change_back_is_told_and_mending_it_is_enough() -> Result<()> {
    let stage = Stage::bare("config-late").await?;
    let source = gitea()?.repository("shop")?;
    change(&stage, "early", json!({"content": "a: 1\n"})).await?;
    until(&stage, "early", "misses its Repository", |status| {
        ready(status).0 == "RepositoryNotFound" && status.ended.is_none()
    })
    .await?;
    repository(&stage, &source, "Git").await?;
    assert_eq!(ended(&stage, "early").await?.phase, ConfigChangePhase::Committed);
    let asked = json!({"content": "a: 2\n", "baseBlob": blob(&source)?, "mode": "PullRequest"});
    change(&stage, "plain", asked).await?;
    assert_eq!(ready(&ended(&stage, "plain").await?).0, "NoPullRequests");
    stage.end().await
}
