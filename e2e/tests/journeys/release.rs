//! From a Release to what runs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::condition::{self, APPLIED, COMMITTED, HEALTHY, PLANNED, READY};
use gimlet_crds::{LiveState, Phase, Release, ReleaseStatus};
use gimlet_e2e::{Stage, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);
const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n\
                        data: {mode: fast}\n";

pub(crate) fn status(release: &Release) -> Result<&ReleaseStatus> {
    release.status.as_ref().context("the release has no status")
}

/// Gives the commit that a release made.
pub(crate) fn commit(release: &Release) -> Result<&str> {
    let status = status(release)?;
    let commit = status.commit.as_ref().with_context(|| format!("no commit: {status:?}"))?;
    Ok(&commit.sha)
}

async fn reasons(stage: &Stage, release: &Release) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let list = events.list(&ListParams::default()).await?;
    let of_release = list
        .into_iter()
        .filter(|event| event.regarding.as_ref().is_some_and(|object| object.uid == release.uid()));
    Ok(of_release.filter_map(|event| event.reason).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_release_is_rendered_committed_applied_and_runs() -> Result<()> {
    let stage = Stage::open("first").await?;
    stage.connect_flux().await?;
    let version = json!({
        "name": "v1.4.2", "sha": "d4f3846a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
        "author": "Ada", "message": "fix the cart\n\nGimlet-App: forged",
    });
    let spec = json!({
        "manifest": stage.web("1"), "version": version, "requestedBy": "ada@example.com",
    });
    let release = stage.create("web", spec).await?;
    let name = release.name_any();
    let done = stage.phase(&name, Phase::Healthy).await?;

    let told = status(&done)?;
    for kind in [PLANNED, COMMITTED, APPLIED, HEALTHY, READY] {
        assert!(condition::is_true(&told.conditions, kind), "{kind}: {told:?}");
    }
    let times = &told.timestamps;
    let steps = [&times.planned, &times.queued, &times.committed, &times.applied, &times.healthy];
    let steps: Vec<_> = steps.into_iter().flatten().map(|time| time.0).collect();
    assert!(steps.len() == 5 && steps.is_sorted(), "{times:?}");
    let plan = told.plan.as_ref().context("there is no plan")?;
    assert_eq!((plan.changed, plan.removed), (0, 0));
    assert!(plan.objects.contains(&"+ Deployment/web".to_owned()), "{plan:?}");
    let made = told.commit.as_ref().context("there is no commit")?;
    assert_eq!(made.sha, stage.repository.head("main")?);
    assert_eq!((made.branch.as_str(), made.path.as_str()), ("main", "staging/web"));

    let files = stage.files()?;
    let deployment = files.get("staging/web/deployment-web.yaml").context("no Deployment")?;
    assert!(deployment.contains("example/web:1"), "{deployment}");
    assert!(files.contains_key("staging/flux/app-web.yaml"), "{:?}", files.keys());
    let record: Value = serde_json::from_str(&files["staging/web/release.json"])?;
    for (field, value) in [
        ("app", "web"),
        ("environment", "staging"),
        ("release", name.as_str()),
        ("version", "v1.4.2"),
        ("requestedBy", "ada@example.com"),
        ("plan", plan.digest.as_str()),
    ] {
        assert_eq!(record[field], value, "{record}");
    }

    let commits = stage.commits_of(&done)?;
    let [only] = commits.as_slice() else { anyhow::bail!("not one commit: {commits:?}") };
    assert_eq!(only.id, made.sha);
    assert_eq!(only.subject, "staging/web: release v1.4.2 (d4f3846)");
    for (trailer, value) in [
        ("Gimlet-Action", "release"),
        ("Gimlet-Name", name.as_str()),
        ("Gimlet-App", "web"),
        ("Gimlet-Env", "staging"),
        ("Gimlet-Version", "v1.4.2"),
        ("Gimlet-Requested-By", "ada@example.com"),
        ("Gimlet-Plan", plan.digest.as_str()),
    ] {
        assert_eq!(only.trailer(trailer), Some(value), "{only:?}");
    }

    let app = stage
        .app_until("web", "runs", |app| {
            let live = app.status.as_ref().and_then(|status| status.live.as_ref());
            live.is_some_and(|live| live.state == LiveState::Healthy)
        })
        .await?;
    let known = app.status.context("the App has no status")?;
    assert!(condition::is_true(&known.conditions, READY), "{known:?}");
    let current = known.current.context("the App has no current release")?;
    assert_eq!((current.name.as_str(), current.commit.as_str()), (name.as_str(), commit(&done)?));
    assert_eq!(current.tree, plan.tree);
    assert_eq!(known.live.and_then(|live| live.commit).as_deref(), Some(commit(&done)?));

    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let ready = deployments.get("web").await?.status.and_then(|status| status.ready_replicas);
    assert_eq!(ready, Some(1));
    wait_until("the release's events", SOON, async || {
        let reasons = reasons(&stage, &done).await?;
        let all = ["Queued", "Committed", "Healthy"];
        ensure!(all.iter().all(|reason| reasons.iter().any(|r| r == reason)), "{reasons:?}");
        Ok(())
    })
    .await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_takes_stale_files_away() -> Result<()> {
    let stage = Stage::open("update").await?;
    let mut manifest = stage.web("1");
    manifest["manifests"] = SETTINGS.into();
    let first = stage.release("web", manifest).await?;
    let first = stage.ended(&first.name_any()).await?;
    assert_eq!(status(&first)?.phase, Phase::Committed);
    let file = "staging/web/configmap-settings.yaml";
    assert!(stage.files()?.contains_key(file), "{:?}", stage.files()?.keys());

    let second = stage.release("web", stage.web("2")).await?;
    let second = stage.ended(&second.name_any()).await?;
    let plan = status(&second)?.plan.clone().context("there is no plan")?;
    // The version is a label of the Service too.
    assert_eq!((plan.added, plan.changed, plan.removed), (0, 2, 1), "{plan:?}");
    assert_eq!(plan.base.as_deref(), Some(commit(&first)?));
    for line in ["~ Deployment/web", "- ConfigMap/settings"] {
        assert!(plan.objects.iter().any(|object| object == line), "{plan:?}");
    }
    let files = stage.files()?;
    assert!(!files.contains_key(file), "{:?}", files.keys());
    assert!(files["staging/web/deployment-web.yaml"].contains("example/web:2"));
    let (now, before) = (commit(&second)?, commit(&first)?);
    let app = stage
        .app_until("web", "is at the second release", |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            current.is_some_and(|current| current.commit == now)
        })
        .await?;
    let previous = app.status.and_then(|status| status.previous);
    assert_eq!(previous.map(|release| release.commit).as_deref(), Some(before));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_changes_nothing_makes_no_commit() -> Result<()> {
    let stage = Stage::open("same").await?;
    let first = stage.release("web", stage.web("1")).await?;
    let first = stage.ended(&first.name_any()).await?;
    let second = stage.release("web", stage.web("1")).await?;
    let second = stage.ended(&second.name_any()).await?;
    let told = status(&second)?;
    assert_eq!(told.phase, Phase::Unchanged);
    assert!(condition::is_true(&told.conditions, READY), "{told:?}");
    assert_eq!(told.commit, None);
    assert_eq!(stage.repository.head("main")?, commit(&first)?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_what_would_change_and_commits_nothing() -> Result<()> {
    let stage = Stage::open("plan").await?;
    let before = stage.repository.head("main")?;
    let spec = json!({"manifest": stage.web("1"), "planOnly": true});
    let planned = stage.create("web", spec).await?;
    let planned = stage.ended(&planned.name_any()).await?;
    let told = status(&planned)?;
    assert_eq!(told.phase, Phase::Planned);
    assert!(condition::is_true(&told.conditions, READY), "{told:?}");
    let plan = told.plan.as_ref().context("there is no plan")?;
    assert!(plan.added >= 2 && plan.objects.iter().any(|o| o == "+ Service/web"), "{plan:?}");
    assert!(plan.digest.starts_with("sha256:"), "{plan:?}");
    assert_eq!(stage.repository.head("main")?, before);
    assert!(stage.apps().get_opt("web.staging").await?.is_none(), "a plan made an App");

    let real = stage.release("web", stage.web("1")).await?;
    let real = stage.ended(&real.name_any()).await?;
    assert_eq!(status(&real)?.plan.as_ref().map(|p| &p.digest), Some(&plan.digest));
    stage.end().await
}
