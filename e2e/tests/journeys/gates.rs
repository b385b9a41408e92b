//! What holds a release back, and what ends it before git.

use anyhow::{Context, Result};
use gimlet_crds::{BlockerKind, Phase, Release, condition};
use gimlet_e2e::Stage;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::release::{commit, status};

fn blockers(release: &Release) -> Result<Vec<(BlockerKind, &str)>> {
    let blockers = &status(release)?.blocked_by;
    Ok(blockers.iter().map(|b| (b.kind, b.reason.as_str())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_holds_a_release_until_it_is_gone() -> Result<()> {
    let stage = Stage::open_with("lock", json!({"lock": {"reason": "code freeze"}})).await?;
    let before = stage.repository.head("main")?;
    let release = stage.release("web", stage.web("1")).await?;
    let waits = stage.phase(&release.name_any(), Phase::Waiting).await?;
    assert_eq!(blockers(&waits)?, [(BlockerKind::Lock, "code freeze")]);
    let plan = status(&waits)?.plan.as_ref().context("what waits is planned")?;
    assert!(plan.added >= 2, "{plan:?}");
    assert_eq!(stage.repository.head("main")?, before);

    stage.change_environment("staging", json!({"lock": null})).await?;
    let done = stage.ended(&release.name_any()).await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);
    assert_eq!(blockers(&done)?, []);
    assert_eq!(commit(&done)?, stage.repository.head("main")?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_waits_can_be_cancelled_for_good() -> Result<()> {
    let stage = Stage::open_with("cancel", json!({"lock": {"reason": "freeze"}})).await?;
    let before = stage.repository.head("main")?;
    let release = stage.release("web", stage.web("1")).await?;
    let name = release.name_any();
    stage.phase(&name, Phase::Waiting).await?;
    let cancel = Patch::Merge(json!({"spec": {"cancel": true}}));
    stage.releases().patch(&name, &PatchParams::default(), &cancel).await?;
    let ended = stage.ended(&name).await?;
    assert_eq!(status(&ended)?.phase, Phase::Cancelled);
    assert!(!condition::is_true(&status(&ended)?.conditions, condition::READY));

    // A later release shows that the lock is gone and the cancelled one still is not in git.
    stage.change_environment("staging", json!({"lock": null})).await?;
    let other = stage.release("other", stage.web("1")).await?;
    let other = stage.ended(&other.name_any()).await?;
    let log = stage.log()?;
    assert_eq!(log[0].id, commit(&other)?);
    assert_eq!(log[1].id, before);
    assert_eq!(status(&stage.get(&name).await?)?.phase, Phase::Cancelled);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_the_releases_that_wait_wins() -> Result<()> {
    let stage = Stage::open_with("newest", json!({"lock": {"reason": "freeze"}})).await?;
    let before = stage.repository.head("main")?;
    let mut names = Vec::new();
    for tag in ["1", "2", "3"] {
        let release = stage.release("web", stage.web(tag)).await?;
        stage.next_second(&release).await?;
        names.push(release.name_any());
    }
    stage.phase(&names[2], Phase::Waiting).await?;
    stage.change_environment("staging", json!({"lock": null})).await?;
    let newest = stage.ended(&names[2]).await?;
    assert_eq!(status(&newest)?.phase, Phase::Committed);
    for name in &names[..2] {
        let old = stage.ended(name).await?;
        assert_eq!(status(&old)?.phase, Phase::Superseded);
        let ready = condition::find(&status(&old)?.conditions, condition::READY);
        let message = &ready.context("there is no Ready")?.message;
        assert!(message.ends_with("came after it"), "{message}");
        assert_eq!(stage.commits_of(&old)?, []);
    }
    let log = stage.log()?;
    assert_eq!((log[0].id.as_str(), log[1].id.as_str()), (commit(&newest)?, before.as_str()));
    assert!(stage.files()?["staging/web/deployment-web.yaml"].contains("example/web:3"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_releases_made_at_once_the_last_one_is_in_git_at_the_end() -> Result<()> {
    let stage = Stage::open("second").await?;
    // Names that sort against the order in which they were made.
    let mut last = String::new();
    for (name, tag) in [("web-z", "1"), ("web-m", "2"), ("web-a", "3")] {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": name},
            "spec": {"app": "web", "environment": "staging", "manifest": stage.web(tag)},
        }))?;
        stage.releases().create(&PostParams::default(), &release).await?;
        name.clone_into(&mut last);
    }
    assert_eq!(status(&stage.ended(&last).await?)?.phase, Phase::Committed);
    for name in ["web-z", "web-m"] {
        stage.ended(name).await?;
    }
    assert!(stage.files()?["staging/web/deployment-web.yaml"].contains("example/web:3"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_expects_another_base_is_rejected() -> Result<()> {
    let stage = Stage::open("base").await?;
    let first = stage.release("web", stage.web("1")).await?;
    let first = stage.ended(&first.name_any()).await?;
    let seen = commit(&first)?;
    // What others do in the repository does not count.
    let other = stage.release("other", stage.web("1")).await?;
    stage.ended(&other.name_any()).await?;

    let spec = |tag: &str| json!({"manifest": stage.web(tag), "expectedBase": seen});
    let right = stage.create("web", spec("2")).await?;
    let right = stage.ended(&right.name_any()).await?;
    assert_eq!(status(&right)?.phase, Phase::Committed);

    let wrong = stage.create("web", spec("3")).await?;
    let wrong = stage.ended(&wrong.name_any()).await?;
    let told = status(&wrong)?;
    assert_eq!(told.phase, Phase::Rejected);
    let ready = condition::find(&told.conditions, condition::READY).context("no Ready")?;
    assert_eq!(ready.reason, "BaseChanged");
    assert!(ready.message.contains(&commit(&right)?[..7]), "{ready:?}");
    assert_eq!(stage.repository.head("main")?, commit(&right)?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_environment_does_nothing_and_loses_nothing() -> Result<()> {
    let stage = Stage::open("suspend").await?;
    stage.change_environment("staging", json!({"suspend": true})).await?;
    stage
        .environment_until("staging", "says that it is suspended", |environment| {
            let status = environment.status.clone().unwrap_or_default();
            let ready = condition::find(&status.conditions, condition::READY);
            ready.is_some_and(|ready| ready.status == "False" && ready.reason == "Suspended")
        })
        .await?;
    let before = stage.repository.head("main")?;
    let release = stage.release("web", stage.web("1")).await?;
    let waits = stage.phase(&release.name_any(), Phase::Waiting).await?;
    let told = blockers(&waits)?;
    assert!(matches!(told.as_slice(), [(BlockerKind::Suspend, _)]), "{told:?}");
    assert!(told[0].1.contains("set spec.suspend to false"), "{told:?}");
    assert_eq!(stage.repository.head("main")?, before);

    stage.change_environment("staging", json!({"suspend": false})).await?;
    let done = stage.ended(&release.name_any()).await?;
    assert_eq!(commit(&done)?, stage.repository.head("main")?);
    stage.environment_ready("staging").await?;
    stage.end().await
}
