//! Both ways to work with a repository, each forced, and one taking over from the other.

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Phase, Release};
use gimlet_e2e::Stage;
use kube::ResourceExt;
use serde_json::json;

use crate::release::{commit, status};

async fn use_engine(stage: &Stage, choice: &str, expected: &str) -> Result<()> {
    stage.change_environment("staging", json!({"gitops": {"engine": choice}})).await?;
    let is = |engine: Option<&str>| engine == Some(expected);
    stage
        .environment_until("staging", &format!("is worked with by {expected}"), |environment| {
            let status = environment.status.as_ref();
            is(status.and_then(|status| status.engine.as_deref()))
        })
        .await?;
    Ok(())
}

async fn version(stage: &Stage, tag: &str) -> Result<Release> {
    // The reason goes through the hold of a rollback.
    let spec = json!({"manifest": stage.web(tag), "reason": "it has the fix"});
    let release = stage.create("web", spec).await?;
    let ended = stage.ended(&release.name_any()).await?;
    ensure!(status(&ended)?.phase == Phase::Committed, "{:?}", ended.status);
    Ok(ended)
}

async fn back(stage: &Stage, to: serde_json::Value) -> Result<Release> {
    let release = stage.roll_back("web", to, "as it was").await?;
    let ended = stage.ended(&release.name_any()).await?;
    ensure!(status(&ended)?.phase == Phase::Committed, "{:?}", ended.status);
    Ok(ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_engine_releases_and_goes_back_and_takes_over_from_the_other() -> Result<()> {
    let stage = Stage::open_with("engines", json!({"gitops": {"engine": "Git"}})).await?;
    use_engine(&stage, "Git", "Git").await?;
    let first = version(&stage, "v1").await?;
    let second = version(&stage, "v2").await?;

    use_engine(&stage, "Wire", "Wire").await?;
    let restored = back(&stage, json!({"release": first.name_any()})).await?;
    stage.repository.write("main", "README.md", "Ask Mia first.\n")?;
    let third = version(&stage, "v3").await?;

    use_engine(&stage, "Git", "Git").await?;
    let again = back(&stage, json!({"commit": commit(&second)?})).await?;

    // Gitea can do all that is needed.
    use_engine(&stage, "Auto", "Wire").await?;
    let last = version(&stage, "v4").await?;

    let checkout = stage.repository.checkout()?;
    let tree = |release: &Release| -> Result<String> {
        checkout.git(["rev-parse", &format!("{}:staging/web", commit(release)?)])
    };
    assert_eq!(tree(&first)?, tree(&restored)?);
    assert_eq!(tree(&second)?, tree(&again)?);
    assert_ne!(tree(&third)?, tree(&last)?);
    checkout.git(["fsck", "--strict"])?;
    assert_eq!(stage.files()?.get("README.md").context("a person's file")?, "Ask Mia first.\n");
    let log = stage.log()?;
    let in_order = [&last, &again, &third, &restored, &second, &first];
    let released: Vec<_> = log.iter().filter(|c| c.trailer("Gimlet-App") == Some("web")).collect();
    assert_eq!(released.len(), in_order.len(), "{released:?}");
    for (found, release) in released.iter().zip(in_order) {
        assert_eq!(found.id, commit(release)?, "{found:?}");
    }
    stage.end().await
}
