//! Previews: an app for each branch, which goes with it, and a comment that tells of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, Artifact, Repository as GimletRepository, condition, labels};
use gimlet_e2e::{Repository, Stage, gitea, secret, wait_until};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(2);

fn manifest(stage: &Stage, more: &str) -> String {
    format!(
        "app: shop\nenv: staging\nnamespace: {}\npreview: true\nchart:\n  name: app\nvalues:\n  port: 8080\n  \
         image:\n    repository: example/web\n    tag: '{{{{ .SHA }}}}'\n  ingress:\n    enabled: true\n    host: \
         shop.example.com\n{more}",
        stage.namespace.name()
    )
}

/// Makes a stage, and an application's repository that is looked at every few seconds and never sends
/// a webhook; its credentials are its own.
async fn stage(prefix: &str, more: &str) -> Result<(Stage, Repository)> {
    let stage = Stage::open_with(prefix, json!({"domain": "preview.example.com"})).await?;
    stage.connect_flux().await?;
    let source = gitea()?.repository(&format!("{prefix}-app"))?;
    source.write("main", ".gimlet/shop.yaml", &manifest(&stage, more))?;
    credentials(&stage, &gitea()?.token)?;
    watch(&stage, &source).await?;
    Ok((stage, source))
}

async fn watch(stage: &Stage, source: &Repository) -> Result<()> {
    let object: GimletRepository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "shop"},
        "spec": {
            "url": source.http_url, "provider": "Gitea", "secretRef": {"name": "source"},
            "interval": "5s", "artifactsFromCommits": true,
        },
    }))?;
    repositories(stage).create(&PostParams::default(), &object).await?;
    ready(stage, true).await
}

fn credentials(stage: &Stage, token: &str) -> Result<()> {
    stage.cluster.apply(&secret(stage.namespace.name(), "source", &gitea()?.user, token))?;
    Ok(())
}

fn repositories(stage: &Stage) -> Api<GimletRepository> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

/// Waits until the application's repository can be read, or cannot.
async fn ready(stage: &Stage, readable: bool) -> Result<()> {
    let api = repositories(stage);
    wait_until("the repository is read, or refused", SOON, async || {
        let status = api.get("shop").await?.status.unwrap_or_default();
        let ready = condition::find(&status.conditions, condition::READY);
        let ready = ready.context("it was not looked at")?;
        ensure!((ready.status == "True") == readable, "{}", ready.message);
        Ok(())
    })
    .await
}

fn make_branch(source: &Repository, branch: &str, from: &str) -> Result<()> {
    let body = json!({"new_branch_name": branch, "old_ref_name": from});
    source.api("POST", "/branches", Some(&body)).map(drop)
}

fn delete_branch(source: &Repository, branch: &str) -> Result<()> {
    let path = format!("/branches/{}", branch.replace('/', "%2F"));
    source.api("DELETE", &path, None).map(drop)
}

/// Waits until the preview of a branch is as a test wants it.
async fn preview(
    stage: &Stage,
    branch: &str,
    what: &str,
    is: impl Fn(&App) -> bool,
) -> Result<App> {
    let api = stage.apps();
    wait_until(&format!("the preview of {branch} {what}"), SOON, async || {
        let apps = api.list(&ListParams::default()).await?;
        let of_branch =
            |app: &App| app.spec.preview.as_ref().is_some_and(|preview| preview.branch == branch);
        let found = apps.into_iter().find(of_branch).context("there is none")?;
        ensure!(is(&found), "{}", serde_json::to_string(&found)?);
        Ok(found)
    })
    .await
}

fn runs(app: &App, version: &str) -> bool {
    let status = app.status.as_ref();
    status.is_some_and(|status| {
        let current = status.current.as_ref().and_then(|current| current.version.as_deref());
        condition::is_true(&status.conditions, condition::READY) && current == Some(&version[..7])
    })
}

fn needed(app: &App) -> Option<(&str, &str)> {
    let status = app.status.as_ref()?;
    let needed = condition::find(&status.conditions, condition::PREVIEW_NEEDED)?;
    Some((&needed.status, &needed.reason))
}

/// Waits until the one comment of a pull request says something.
async fn comment(source: &Repository, number: u64, parts: &[&str]) -> Result<Value> {
    wait_until(&format!("the comment says {parts:?}"), SOON, async || {
        let all = source.api("GET", &format!("/issues/{number}/comments"), None)?;
        let all = all.as_array().context("no list")?;
        ensure!(all.len() <= 1, "there are {} comments", all.len());
        let one = all.first().context("there is no comment")?;
        let body = one["body"].as_str().unwrap_or_default();
        ensure!(parts.iter().all(|part| body.contains(part)), "{body}");
        Ok(one.clone())
    })
    .await
}

/// Waits until the artifact of a commit was judged; by then its repository was looked at anew.
async fn judged(stage: &Stage, sha: &str) -> Result<()> {
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    wait_until(&format!("the artifact of {sha} is judged"), SOON, async || {
        let all = api.list(&ListParams::default()).await?;
        let is_ready = |artifact: &Artifact| {
            let status = artifact.status.as_ref();
            artifact.spec.version.sha.as_deref() == Some(sha)
                && status.is_some_and(|s| condition::is_true(&s.conditions, condition::READY))
        };
        ensure!(all.iter().any(is_ready), "it is not there, or not judged");
        Ok(())
    })
    .await
}

/// Finds why an app was uninstalled.
fn reason_of_removal(stage: &Stage, app: &str) -> Result<String> {
    let log = stage.log()?;
    let commit = log.iter().find(|commit| {
        commit.trailer(labels::trailer::ACTION) == Some("uninstall")
            && commit.trailer(labels::trailer::APP) == Some(app)
    });
    let commit = commit.context("no commit removed it")?;
    Ok(commit.trailer(labels::trailer::REASON).context("it does not say why")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_follows_its_branch_and_its_pull_request_is_told_in_one_comment() -> Result<()> {
    let (mut stage, source) = stage("preview", "").await?;
    let branch = "feature/login";
    make_branch(&source, branch, "main")?;
    let first = source.write(branch, "a.txt", "1")?;
    let app = preview(&stage, branch, "runs", |app| runs(app, &first)).await?;
    let name = app.spec.app.clone();
    assert!(name.starts_with("shop-feature-login-"), "{name}");
    assert_eq!(needed(&app), Some(("True", "BranchThere")));
    let url = format!("https://{name}.preview.example.com");
    let status = app.status.as_ref().and_then(|status| status.preview.as_ref());
    assert_eq!(status.and_then(|preview| preview.url.as_deref()), Some(&*url));
    let files = stage.files()?;
    let ingress = &files[&format!("staging/{name}/ingress-{name}.yaml")];
    assert!(ingress.contains(&format!("host: {name}.preview.example.com")), "{ingress}");
    assert!(!files.keys().any(|file| file.starts_with("staging/shop/")), "main has no preview");

    let request = json!({"title": "login", "head": branch, "base": "main"});
    let number = source.api("POST", "/pulls", Some(&request))?["number"].as_u64();
    let number = number.context("no number")?;
    let told = comment(&source, number, &[&url, "| ready |", &first[..7]]).await?;
    let second = source.write(branch, "a.txt", "2")?;
    let edited = comment(&source, number, &[&url, "| ready |", &second[..7]]).await?;
    assert_eq!(edited["id"], told["id"], "it is edited in place");
    let all = stage.apps().list(&ListParams::default()).await?;
    assert_eq!(all.items.len(), 1, "the pull request makes no second preview");

    // Nobody tells the operator of the end, and it knows nothing of before.
    stage.operator.kill()?;
    delete_branch(&source, branch)?;
    stage.operator.restart().await?;
    stage.app_gone(&name).await?;
    assert!(!stage.files()?.keys().any(|file| file.contains(&name)), "its folder is gone");
    let why = reason_of_removal(&stage, &name)?;
    assert!(why.starts_with("branch feature/login of") && why.ends_with("was deleted"), "{why}");
    let last = comment(&source, number, &["| removed: ", "was deleted"]).await?;
    assert_eq!(last["id"], told["id"]);

    // The same commit again is a preview again.
    make_branch(&source, branch, &second)?;
    preview(&stage, branch, "runs again", |app| runs(app, &second)).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_whose_time_is_up_goes_and_comes_back_with_the_next_push() -> Result<()> {
    let (stage, source) = stage("timeup", "cleanup:\n  after: 75s\n").await?;
    make_branch(&source, "fix", "main")?;
    let first = source.write("fix", "a.txt", "1")?;
    let app = preview(&stage, "fix", "runs", |app| runs(app, &first)).await?;
    assert_eq!(app.spec.app, "shop-fix");
    let expires = app.status.and_then(|status| status.preview?.expires).context("no end")?;
    let made = app.metadata.creation_timestamp.context("no time")?;
    assert_eq!(expires.0.as_second() - made.0.as_second(), 75);
    stage.app_gone("shop-fix").await?;
    assert_eq!(reason_of_removal(&stage, "shop-fix")?, "its time of 75s is up");
    // The branch is still there, and its artifact was released once.
    let other = source.write("main", "b.txt", "1")?;
    judged(&stage, &other).await?;
    assert!(stage.apps().get_opt("shop-fix.staging").await?.is_none());
    let second = source.write("fix", "a.txt", "2")?;
    preview(&stage, "fix", "is back", |app| runs(app, &second)).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pull_request_ends_a_preview_whose_branch_stays_and_a_lock_keeps_it() -> Result<()>
{
    let (stage, source) = stage("closed", "").await?;
    make_branch(&source, "fix", "main")?;
    let sha = source.write("fix", "a.txt", "1")?;
    let request = json!({"title": "fix", "head": "fix", "base": "main"});
    let number = source.api("POST", "/pulls", Some(&request))?["number"].as_u64();
    let number = number.context("no number")?;
    preview(&stage, "fix", "knows its pull request", |app| {
        let number = i64::try_from(number).ok();
        runs(app, &sha) && app.spec.preview.as_ref().is_some_and(|p| p.pull_request == number)
    })
    .await?;
    comment(&source, number, &["| ready |"]).await?;
    let lock = |value: Value| {
        let (api, patch) = (stage.apps(), Patch::Merge(json!({"spec": {"lock": value}})));
        async move { api.patch("shop-fix.staging", &PatchParams::default(), &patch).await }
    };
    lock(json!({"reason": "demo at four"})).await?;
    source.api("PATCH", &format!("/pulls/{number}"), Some(&json!({"state": "closed"})))?;
    let kept = preview(&stage, "fix", "is to go", |app| {
        needed(app) == Some(("False", "PullRequestClosed"))
    })
    .await?;
    assert!(kept.metadata.deletion_timestamp.is_none());
    let message = kept.status.as_ref().and_then(|status| {
        condition::find(&status.conditions, condition::PREVIEW_NEEDED).map(|c| c.message.clone())
    });
    assert!(message.as_ref().is_some_and(|m| m.contains("demo at four")), "{message:?}");
    lock(Value::Null).await?;
    stage.app_gone("shop-fix").await?;
    comment(&source, number, &["| removed: ", "was closed"]).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_read_removes_nothing() -> Result<()> {
    let (mut stage, source) = stage("unread", "").await?;
    make_branch(&source, "fix", "main")?;
    let sha = source.write("fix", "a.txt", "1")?;
    preview(&stage, "fix", "runs", |app| runs(app, &sha)).await?;
    credentials(&stage, "wrong")?;
    ready(&stage, false).await?;
    delete_branch(&source, "fix")?;
    stage.operator.kill()?;
    stage.operator.restart().await?;
    preview(&stage, "fix", "is in doubt", |app| {
        needed(app) == Some(("Unknown", "RepositoryNotRead"))
    })
    .await?;
    // Whatever else is done, it stays.
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.name_any(), gimlet_crds::Phase::Healthy).await?;
    let kept = stage.apps().get("shop-fix.staging").await?;
    assert!(kept.metadata.deletion_timestamp.is_none());
    assert_eq!(needed(&kept), Some(("Unknown", "RepositoryNotRead")));
    repositories(&stage).delete("shop", &kube::api::DeleteParams::default()).await?;
    preview(&stage, "fix", "has no repository", |app| {
        needed(app) == Some(("Unknown", "RepositoryNotFound"))
    })
    .await?;
    credentials(&stage, &gitea()?.token)?;
    watch(&stage, &source).await?;
    stage.app_gone("shop-fix").await?;
    stage.end().await
}
