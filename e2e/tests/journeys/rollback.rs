//! Going back, and what keeps the culprit from coming again.

use anyhow::{Context, Result};
use gimlet_crds::{BlockerKind, Phase, Release};
use gimlet_e2e::Stage;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::release::{commit, status};

/// Releases versions one after the other; each has an object that no other has.
async fn versions(stage: &Stage, count: usize) -> Result<Vec<Release>> {
    let mut done = Vec::new();
    for version in 1..=count {
        let mut manifest = stage.web(&format!("v{version}"));
        manifest["manifests"] =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: only-{version}}}\n").into();
        let release = stage.release("web", manifest).await?;
        done.push(stage.ended(&release.name_any()).await?);
    }
    Ok(done)
}

fn tree(stage: &Stage, commit: &str) -> Result<String> {
    stage.repository.checkout()?.git(["rev-parse", &format!("{commit}:staging/web")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_puts_back_exactly_what_was_there_any_distance_back() -> Result<()> {
    let stage = Stage::open("rollback").await?;
    let done = versions(&stage, 5).await?;
    let (first, third) = (&done[0], &done[2]);

    let back = stage.roll_back("web", json!({"release": first.name_any()}), "v5 fails").await?;
    let back = stage.ended(&back.name_any()).await?;
    assert_eq!(status(&back)?.phase, Phase::Committed);
    assert_eq!(status(&back)?.version.as_deref(), Some("v1"));
    let (then, now) = (commit(first)?, commit(&back)?);
    assert_eq!(now, stage.repository.head("main")?);
    assert_eq!(tree(&stage, then)?, tree(&stage, now)?);
    let files = stage.files()?;
    assert!(files.contains_key("staging/web/configmap-only-1.yaml"), "{:?}", files.keys());
    assert!(!files.contains_key("staging/web/configmap-only-5.yaml"), "{:?}", files.keys());
    let commits = stage.commits_of(&back)?;
    let only = commits.first().context("no commit has the release's UID")?;
    assert_eq!(only.subject, "staging/web: roll back to v1");
    for (trailer, value) in [
        ("Gimlet-Action", "rollback"),
        ("Gimlet-Rollback-To", then),
        ("Gimlet-Reason", "v5 fails"),
        ("Gimlet-Version", "v1"),
    ] {
        assert_eq!(only.trailer(trailer), Some(value), "{only:?}");
    }
    let app = stage.apps().get("web.staging").await?;
    let hold = app.spec.hold.context("a rollback sets a hold")?;
    assert_eq!(hold.reason, "rolled back: v5 fails");

    // A rollback goes through its own hold, to a commit as well.
    let to = json!({"commit": &commit(third)?[..10]});
    let again = stage.roll_back("web", to, "v3 was fine").await?;
    let again = stage.ended(&again.name_any()).await?;
    assert_eq!(tree(&stage, commit(third)?)?, tree(&stage, commit(&again)?)?);
    assert_eq!(status(&again)?.version.as_deref(), Some("v3"));

    let same = stage.roll_back("web", json!({"commit": commit(&again)?}), "once more").await?;
    let same = stage.ended(&same.name_any()).await?;
    assert_eq!(status(&same)?.phase, Phase::Unchanged);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rollback_a_release_waits_unless_somebody_gives_a_reason() -> Result<()> {
    let stage = Stage::open("hold").await?;
    let done = versions(&stage, 2).await?;
    let back = stage.roll_back("web", json!({"release": done[0].name_any()}), "v2 fails").await?;
    let back = stage.ended(&back.name_any()).await?;

    let machine = stage.release("web", stage.web("v3")).await?;
    let waits = stage.phase(&machine.name_any(), Phase::Waiting).await?;
    let blockers = &status(&waits)?.blocked_by;
    assert_eq!(blockers.iter().map(|b| b.kind).collect::<Vec<_>>(), [BlockerKind::Hold]);
    assert_eq!(blockers[0].name, "web.staging");
    assert!(blockers[0].reason.contains("rolled back: v2 fails"), "{blockers:?}");
    assert!(blockers[0].reason.contains("release with a reason"), "{blockers:?}");
    assert_eq!(stage.repository.head("main")?, commit(&back)?);

    stage.next_second(&machine).await?;
    let spec = json!({"manifest": stage.web("v4"), "reason": "v4 has the fix"});
    let person = stage.create("web", spec).await?;
    let person = stage.ended(&person.name_any()).await?;
    assert_eq!(commit(&person)?, stage.repository.head("main")?);
    stage.phase(&machine.name_any(), Phase::Superseded).await?;

    let later = stage.release("web", stage.web("v5")).await?;
    stage.phase(&later.name_any(), Phase::Waiting).await?;
    let resume = Patch::Merge(json!({"spec": {"hold": null}}));
    stage.apps().patch("web.staging", &PatchParams::default(), &resume).await?;
    let later = stage.ended(&later.name_any()).await?;
    assert_eq!(commit(&later)?, stage.repository.head("main")?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_what_never_was_fails_and_says_where_to_look() -> Result<()> {
    let stage = Stage::open("nowhere").await?;
    let done = versions(&stage, 1).await?;
    for to in [json!({"release": "web.staging-other"}), json!({"commit": "abcdef0123"})] {
        let back = stage.roll_back("web", to, "it fails").await?;
        let back = stage.ended(&back.name_any()).await?;
        let told = status(&back)?;
        assert_eq!(told.phase, Phase::Failed, "{told:?}");
        let ready = told.conditions.iter().find(|c| c.type_ == "Ready").context("no Ready")?;
        assert!(ready.message.contains("gimlet history web -e staging"), "{ready:?}");
    }
    assert_eq!(stage.repository.head("main")?, commit(&done[0])?);
    let app = stage.apps().get("web.staging").await?;
    assert_eq!(app.spec.hold, None, "a rollback that failed holds nothing");
    stage.end().await
}
