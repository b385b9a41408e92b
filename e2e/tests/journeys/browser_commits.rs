//! From a push elsewhere to a release, on the page of commits.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gimlet_crds::Repository;
use gimlet_e2e::{Person, Stage, gitea, wait_until};
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
