//! From a push elsewhere to a release, on the page of commits.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gimlet_crds::{Repository, labels};
use gimlet_e2e::{Person, Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::Api;
use serde_json::json;

use crate::browser::{AT_ONCE, account, as_told, dashboard, text};
use crate::repositories::{manifest, watch_repository};

const SOON: Duration = Duration::from_mins(1);
/// Where the commits are.
const COMMITS: &str = ".commits tbody tr";

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_on_the_page_at_once_and_is_released_by_its_button() -> Result<()> {
    let stage = Stage::open("commit-page").await?;
    let dashboard = dashboard(&stage).await?;
    let ns = stage.namespace.name();
    let source = gitea()?.repository("commit-page-app")?;
    // Nothing but a tag releases it by itself.
    source.write("main", ".gimlet/web.yaml", &manifest(&stage, "web", "  event: tag\n"))?;
    source.add_webhook(&stage.operator.webhook_url("shop"), "signed-with-this", &["push"])?;
    watch_repository(&stage, &source, "1h").await?;
    let page = format!("/commits/{ns}/shop?ns={ns}");
    let ada = account(&stage, "ada", &["gimlet-releaser"])?;
    let Some(ada) = Person::sign_in("ada", &dashboard, &page, &ada).await? else {
        return Ok(());
    };
    stage.connect_flux().await?;
    ada.see(COMMITS, "set .gimlet/web.yaml").await?;

    let sha = source.write("main", "src/main.rs", "fn main() {}\n")?;
    let api: Api<Repository> = Api::namespaced(stage.client.clone(), ns);
    wait_until("the operator knows the commit", SOON, async || {
        let head = api.get("shop").await?.status.and_then(|status| status.head);
        ensure!(head.as_ref().is_some_and(|head| head.commit == sha), "{head:?}");
        Ok(())
    })
    .await?;
    let begun = Instant::now();
    let row = ada.see(COMMITS, "set src/main.rs").await?;
    ensure!(begun.elapsed() < AT_ONCE, "a commit is shown after {:?}", begun.elapsed());
    ensure!(row.contains(&sha[..7]), "{row}");

    let wanted = json!({"commit": "set src/main.rs", "environment": "staging"});
    let told = ada.act("release a commit", wanted).await?;
    ensure!(text(&told, "plan")?.contains(&format!("example/web:{sha}")), "{told}");
    let subject = format!("staging/web: release {}", &sha[..7]);
    as_told(&stage, &told, &subject).await?;

    // It is where it runs, beside the check that the host got.
    ada.go(&page).await?;
    ada.see(&format!("{COMMITS} .place"), "web in staging").await?;
    wait_until("the check at the host", SOON, async || {
        let all = source.api("GET", &format!("/commits/{sha}/statuses"), None)?;
        ensure!(all[0]["status"] == "success", "{all}");
        Ok(())
    })
    .await?;
    ada.act("look", json!({"name": "commits"})).await?;
    stage.end().await
}

/// Returns what has asked for a look at the repository last.
async fn mark(api: &Api<Repository>) -> Result<Option<String>> {
    Ok(api.get("shop").await?.annotations().get(labels::LOOK_REQUESTED).cloned())
}

/// Waits for the webhook of what was done at the host, and gives the time of it.
async fn is_told(api: &Api<Repository>, before: Option<&str>) -> Result<Instant> {
    wait_until("the webhook", SOON, async || {
        ensure!(mark(api).await?.as_deref() != before, "it is {before:?} still");
        Ok(Instant::now())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_builds_of_any_branch_are_on_the_page_once_the_host_tells_of_them() -> Result<()>
{
    let stage = Stage::open("any-branch").await?;
    let dashboard = dashboard(&stage).await?;
    let ns = stage.namespace.name();
    let source = gitea()?.repository("any-branch-app")?;
    let file = ".gimlet/web.yaml";
    let first = manifest(&stage, "web", "  event: tag\n");
    source.write("main", file, &first)?;
    let branch = json!({"new_branch_name": "work", "old_branch_name": "main"});
    source.api("POST", "/branches", Some(&branch))?;
    let events = ["push", "status"];
    source.add_webhook(&stage.operator.webhook_url("shop"), "signed-with-this", &events)?;
    // Nothing but a webhook tells within the time of this test: the page asks each minute where there is one.
    watch_repository(&stage, &source, "1h").await?;
    let api: Api<Repository> = Api::namespaced(stage.client.clone(), ns);
    let ada = account(&stage, "ada", &["gimlet-releaser", "gimlet-configurer"])?;
    let Some(ada) = Person::sign_in("ada", &dashboard, &format!("/?ns={ns}"), &ada).await? else {
        return Ok(());
    };
    let path = format!("/apps/{ns}/web/staging/configure?repository=shop&branch=work");
    ada.act("open the form", json!({"path": path})).await?;
    ada.see(".cm-content", "port: 8080").await?;
    let before = mark(&api).await?;
    let sha = source.write("work", file, &first.replace("8080", "9191"))?;
    let begun = is_told(&api, before.as_deref()).await?;
    ada.see(".cm-content", "port: 9191").await?;
    ensure!(begun.elapsed() < AT_ONCE, "an edit is shown after {:?}", begun.elapsed());

    ada.go(&format!("/commits/{ns}/shop?ns={ns}&branch=work")).await?;
    ada.see(COMMITS, &sha[..7]).await?;
    let before = mark(&api).await?;
    let status = json!({"state": "failure", "context": "ci/unit", "description": "1 test failed"});
    source.api("POST", &format!("/statuses/{sha}"), Some(&status))?;
    let begun = is_told(&api, before.as_deref()).await?;
    ada.see(COMMITS, "ci/unit").await?;
    ensure!(begun.elapsed() < AT_ONCE, "a build is shown after {:?}", begun.elapsed());
    stage.end().await
}
