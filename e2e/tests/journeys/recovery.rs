//! The operator is lost, or all of its objects: what git and a backup bring back, and that nothing is
//! released twice.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, AppStatus, Artifact, Phase, Release, condition};
use gimlet_e2e::{Cli, Stage, wait_until};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::docs::commands::{Block, blocks_under, run};

const SOON: Duration = Duration::from_mins(2);
const PAGE: &str = "docs/backup.md";

/// Runs the commands of the guide under a heading.
fn walk(cli: &Cli, heading: &str, stage: &Stage) -> Result<Vec<Block>> {
    let blocks = blocks_under(PAGE, heading)?;
    ensure!(!blocks.is_empty(), "{PAGE} has no commands under {heading}");
    for block in &blocks {
        run(cli, block, stage.namespace.name())?;
    }
    Ok(blocks)
}

/// Makes a history: three versions of `web`, of which the first was put back, and one of `cart`.
async fn history(stage: &Stage) -> Result<Vec<Release>> {
    let mut made = Vec::new();
    for tag in ["v1", "v2", "v3"] {
        let release = stage.release("web", stage.web(tag)).await?;
        made.push(stage.ended(&release.name_any()).await?);
    }
    let cart = stage.release("cart", stage.web("v1")).await?;
    made.push(stage.ended(&cart.name_any()).await?);
    let back = json!({"release": made[0].name_any()});
    let back = stage.roll_back("web", back, "v3 fails").await?;
    made.push(stage.ended(&back.name_any()).await?);
    Ok(made)
}

fn ids(stage: &Stage) -> Result<Vec<String>> {
    Ok(stage.log()?.into_iter().map(|commit| commit.id).collect())
}

fn runs(app: &App) -> (Option<&str>, Option<&str>, Option<&str>) {
    let status = app.status.as_ref();
    let current = status.and_then(|status| status.current.as_ref());
    let previous = status.and_then(|status| status.previous.as_ref());
    (
        current.map(|current| current.name.as_str()),
        current.and_then(|current| current.version.as_deref()),
        previous.map(|previous| previous.name.as_str()),
    )
}

/// Waits until an app tells a release and its version as current, and another as the one before.
async fn app_runs(stage: &Stage, app: &str, current: &str, version: &str) -> Result<App> {
    stage
        .app_until(app, &format!("is {current}"), |app| {
            let (name, of, _) = runs(app);
            name == Some(current) && of == Some(version)
        })
        .await
}

/// Shows that releases and rollbacks go on: one of each is made, and nothing else.
async fn goes_on(stage: &Stage, app: &str, back_to: &str) -> Result<()> {
    let before = ids(stage)?;
    let next = json!({"manifest": stage.web("v9"), "reason": "go on"});
    let next = stage.create(app, next).await?;
    let next = stage.ended(&next.name_any()).await?;
    let phase = |release: &Release| release.status.as_ref().map(|status| status.phase);
    ensure!(phase(&next) == Some(Phase::Committed), "{:?}", next.status);
    let back = stage.roll_back(app, json!({"release": back_to}), "as it was").await?;
    let back = stage.ended(&back.name_any()).await?;
    ensure!(phase(&back) == Some(Phase::Committed), "{:?}", back.status);
    let after = ids(stage)?;
    assert_eq!(after.len(), before.len() + 2, "something else was committed");
    assert_eq!(after[2..], before[..], "the history is another");
    app_runs(stage, app, &back.name_any(), "v1").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_rebuilt_from_git_and_its_objects() -> Result<()> {
    let mut stage = Stage::open("rebuilt").await?;
    let made = history(&stage).await?;
    app_runs(&stage, "web", &made[4].name_any(), "v1").await?;
    let before = ids(&stage)?;
    stage.operator.kill()?;
    // Made while it is away, and in no cache.
    let waiting = stage.release("late", stage.web("v1")).await?;
    std::fs::remove_dir_all(stage.operator.cache())?;
    let namespace = stage.namespace.name();
    stage.cluster.kubectl(["delete", "lease", "--all", "-n", namespace])?;
    stage.cluster.kubectl(["delete", "events.events.k8s.io", "--all", "-n", namespace])?;
    // What the operator had found out of the apps goes as well.
    for name in ["web.staging", "cart.staging"] {
        let nothing: Option<AppStatus> = None;
        let patch = Patch::Merge(json!({"status": nothing}));
        stage.apps().patch_status(name, &PatchParams::default(), &patch).await?;
    }
    stage.operator.restart().await?;

    stage.phase(&waiting.name_any(), Phase::Committed).await?;
    let web = app_runs(&stage, "web", &made[4].name_any(), "v1").await?;
    assert_eq!(runs(&web).2, Some(&*made[2].name_any()));
    assert!(web.spec.hold.is_some(), "the hold of the rollback is gone");
    app_runs(&stage, "cart", &made[3].name_any(), "v1").await?;
    let after = ids(&stage)?;
    assert_eq!(after[1..], before[..], "more than the release that waited was committed");
    for release in &made {
        let status = stage.get(&release.name_any()).await?.status.context("it has a status")?;
        let fine = matches!(status.phase, Phase::Committed | Phase::Superseded);
        ensure!(fine, "{} {status:?}", release.name_any());
        assert_eq!(stage.commits_of(release)?.len(), 1);
    }
    goes_on(&stage, "web", &made[0].name_any()).await?;
    stage.end().await
}

fn artifacts(stage: &Stage) -> Api<Artifact> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

/// Ships an artifact whose policy releases the app `auto`.
async fn ship(stage: &Stage) -> Result<()> {
    let content = format!(
        "app: auto\nenv: staging\nnamespace: {}\ndeploy: {{event: push, branch: main}}\n\
         chart: {{name: app}}\nvalues: {{port: 8080, image: {{repository: example/auto, tag: v1}}}}\n",
        stage.namespace.name()
    );
    let artifact = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "auto-1"},
        "spec": {
            "version": {"repository": "acme/auto", "sha": "abcdef0", "branch": "main"},
            "manifests": [{"path": ".gimlet/auto.yaml", "content": content}],
        },
    });
    let artifact = serde_json::from_value(artifact)?;
    artifacts(stage).create(&PostParams::default(), &artifact).await?;
    stage.app_until("auto", "is released", |app| runs(app).0.is_some()).await?;
    Ok(())
}

/// Takes all objects of the group away, as the loss of the cluster does: nothing is uninstalled.
fn lose(stage: &Stage) -> Result<()> {
    let namespace = stage.namespace.name();
    let apps = stage.cluster.kubectl(["get", "apps.gimlet.io", "-n", namespace, "-o", "name"])?;
    for app in apps.lines() {
        let free = r#"{"metadata": {"finalizers": null}}"#;
        stage.cluster.kubectl(["patch", app, "-n", namespace, "--type=merge", "-p", free])?;
    }
    let kinds = "environments,repositories,artifacts,approvals,configchanges,releasesets,releases,\
                 apps.gimlet.io";
    stage.cluster.kubectl(["delete", kinds, "--all", "-n", namespace, "--wait=true"])?;
    stage.cluster.kubectl(["delete", "lease", "--all", "-n", namespace])?;
    Ok(())
}

/// Waits until every Release has ended, and gives all with phase and reason.
async fn all_ended(stage: &Stage) -> Result<Vec<(String, Phase, String)>> {
    let api = stage.releases();
    wait_until("the end of all releases", SOON, async || {
        let mut found = Vec::new();
        for release in api.list(&ListParams::default()).await? {
            let status = release.status.clone().unwrap_or_default();
            let ready = condition::find(&status.conditions, condition::READY);
            let ended = status.timestamps.ended.is_some();
            ensure!(ended, "{} {}", release.name_any(), serde_json::to_string(&status)?);
            let reason = ready.map(|ready| ready.reason.clone()).unwrap_or_default();
            found.push((release.name_any(), status.phase, reason));
        }
        Ok(found)
    })
    .await
}

/// What is there when the backup is made, and what came after.
struct Loss {
    made: Vec<Release>,
    waiting: String,
    /// Released after the backup.
    newest: String,
    commits: Vec<String>,
}

/// Makes releases, has the guide back them up, goes on, and loses everything but git.
async fn loss(stage: &mut Stage, cli: &Cli) -> Result<Loss> {
    let made = history(stage).await?;
    ship(stage).await?;
    let lock =
        json!({"spec": {"app": "held", "environment": "staging", "lock": {"reason": "freeze"}}});
    let held = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "held.staging"},
        "spec": lock["spec"],
    });
    stage.apps().create(&PostParams::default(), &serde_json::from_value(held)?).await?;
    let waiting = stage.release("held", stage.web("v1")).await?.name_any();
    stage.phase(&waiting, Phase::Waiting).await?;
    walk(cli, "Back up", stage)?;
    // The backup is older than git from here on: of cart there is a newer version, auto is gone.
    let newest = stage.release("cart", stage.web("v2")).await?.name_any();
    stage.phase(&newest, Phase::Committed).await?;
    stage.apps().delete("auto.staging", &kube::api::DeleteParams::default()).await?;
    stage.app_gone("auto").await?;
    let commits = ids(stage)?;
    stage.operator.kill()?;
    std::fs::remove_dir_all(stage.operator.cache())?;
    lose(stage)?;
    Ok(Loss { made, waiting, newest, commits })
}

/// Shows that what was restored is what it was, and that nothing was released again.
async fn nothing_again(stage: &Stage, loss: &Loss, with_status: bool) -> Result<()> {
    stage.environment_ready("staging").await?;
    let releases = all_ended(stage).await?;
    for (name, phase, reason) in &releases {
        let in_git =
            loss.made.iter().any(|made| made.name_any() == *name) || name.starts_with("auto");
        if *name == loss.waiting {
            assert_eq!((*phase, reason.as_str()), (Phase::Rejected, "Restored"), "{name}");
        } else {
            ensure!(in_git, "{name} was made by nobody");
            let fine = matches!(phase, Phase::Committed | Phase::Superseded);
            ensure!(fine, "{name} is {} ({reason})", phase.as_str());
        }
    }
    // All of them are there, and no policy made another one.
    assert_eq!(releases.len(), loss.made.len() + 2, "{releases:?}");
    let artifact = artifacts(stage).get("auto-1").await?.status.context("it has no status")?;
    let ready = condition::find(&artifact.conditions, condition::READY).context("it is judged")?;
    assert_eq!(ready.reason, if with_status { "Judged" } else { "Restored" });
    // Git is right where the backup is older.
    app_runs(stage, "cart", &loss.newest, "v2").await?;
    let web = app_runs(stage, "web", &loss.made[4].name_any(), "v1").await?;
    assert_eq!(runs(&web).2, Some(&*loss.made[2].name_any()));
    assert!(web.spec.hold.is_some(), "the hold is gone");
    stage
        .app_until("auto", "is not released", |app| {
            app.status.as_ref().is_some_and(|status| {
                status.current.is_none() && status.observed_generation.is_some()
            })
        })
        .await?;
    assert_eq!(ids(stage)?, loss.commits, "something was committed again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_everything_back_and_nothing_is_released_again() -> Result<()> {
    let mut stage = Stage::open("restored").await?;
    let cli = Cli::new(&stage.namespace)?;
    let loss = loss(&mut stage, &cli).await?;
    walk(&cli, "Restore", &stage)?;
    stage.operator.restart().await?;
    nothing_again(&stage, &loss, true).await?;
    // Rolled back by a name that only git knows.
    goes_on(&stage, "cart", &loss.made[3].name_any()).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_restored_without_statuses_under_a_running_operator_are_not_released_again()
-> Result<()> {
    let mut stage = Stage::open("bare-restored").await?;
    let cli = Cli::new(&stage.namespace)?;
    let loss = loss(&mut stage, &cli).await?;
    stage.operator.restart().await?;
    let blocks = blocks_under(PAGE, "Restore")?;
    run(&cli, &blocks[0], stage.namespace.name())?;
    nothing_again(&stage, &loss, false).await?;
    goes_on(&stage, "web", &loss.made[0].name_any()).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_git_alone_the_apps_come_back_as_they_were() -> Result<()> {
    let mut stage = Stage::open("git-alone").await?;
    let mut cli = Cli::new(&stage.namespace)?;
    let loss = loss(&mut stage, &cli).await?;
    stage.environment("staging", "staging", json!({"suspend": true})).await?;
    let checkout = stage.repository.checkout()?;
    cli.enter(checkout.path());
    let (before, last) = {
        let mut blocks = blocks_under(PAGE, "From git alone")?;
        let last = blocks.pop().context("the guide ends with a command")?;
        (blocks, last)
    };
    for block in &before {
        run(&cli, block, stage.namespace.name())?;
    }
    stage.operator.restart().await?;
    run(&cli, &last, stage.namespace.name())?;
    stage.environment_ready("staging").await?;
    app_runs(&stage, "cart", &loss.newest, "v2").await?;
    let web = app_runs(&stage, "web", &loss.made[4].name_any(), "v1").await?;
    assert_eq!(runs(&web).2, Some(&*loss.made[2].name_any()));
    assert!(web.spec.hold.is_some(), "what was rolled back is not held");
    let cart = stage.apps().get("cart.staging").await?;
    assert!(cart.spec.hold.is_none(), "what was not rolled back is held");
    assert_eq!(ids(&stage)?, loss.commits, "something was committed");
    goes_on(&stage, "cart", &loss.made[3].name_any()).await?;
    stage.end().await
}
