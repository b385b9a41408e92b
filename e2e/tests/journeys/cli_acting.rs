//! The command line: promote, approve, reject, cancel, lock, wait.

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Artifact, Phase};
use gimlet_e2e::{Cli, Stage};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::release::status;

/// Ships an artifact with a manifest for each of these environments, and no policy.
async fn artifact(stage: &Stage, name: &str, environments: &[&str], tag: &str) -> Result<()> {
    let content: Vec<String> = environments
        .iter()
        .map(|environment| {
            format!(
                "app: web\nenv: {environment}\nnamespace: {}\nchart: {{name: app}}\nvalues: {{port: 8080, image: \
                 {{repository: example/web, tag: {tag}}}}}\n",
                stage.namespace.name()
            )
        })
        .collect();
    let object: Artifact = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": name},
        "spec": {
            "version": {"repository": "acme/web", "sha": "abcdef0", "branch": "main"},
            "manifests": [{"path": ".gimlet/web.yaml", "content": content.join("---\n")}],
        },
    }))?;
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

/// Gives the name of the release that a command says it has created.
fn created(out: &str) -> Result<String> {
    let line = out.lines().next().context("it said nothing")?;
    let name = line.strip_prefix("release.gimlet.io/").context("it created no release")?;
    Ok(name.trim_end_matches(" created").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_an_artifact_is_waited_for_and_promoted() -> Result<()> {
    let stage = Stage::open("cli-promote").await?;
    stage.connect_flux().await?;
    stage
        .environment("production", "production", json!({"promotion": {"from": "staging"}}))
        .await?;
    stage.environment_ready("production").await?;
    artifact(&stage, "web-1", &["staging", "production"], "v1").await?;
    let cli = Cli::new(&stage.namespace)?;

    let said = cli.run(["promote", "web", "--to", "production"])?;
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.err.contains("error: web does not run in staging"), "{}", said.err);

    let out = cli.ok(["release", "web", "-e", "staging", "--artifact", "web-1", "--wait"])?;
    let first = created(&out)?;
    assert_eq!(status(&stage.get(&first).await?)?.phase, Phase::Healthy);
    let out = cli.ok(["wait", "app", "web", "-e", "staging"])?;
    assert_eq!(out, "app.gimlet.io/web.staging healthy\n");
    // What is there already is not waited for.
    let out =
        cli.ok(["wait", "release", &first, "--for", "condition=Committed", "--timeout", "1s"])?;
    assert_eq!(out, format!("release.gimlet.io/{first} is Committed\n"));

    let plan = cli.ok(["promote", "web", "--to", "production", "--plan-only", "--wait"])?;
    assert!(plan.contains("web in production:") && plan.contains("+ Deployment/web"), "{plan}");
    let dry = cli.ok(["promote", "web", "--to", "production", "--dry-run=server", "-o", "json"])?;
    let dry: Value = serde_json::from_str(&dry)?;
    assert_eq!(dry["spec"]["promoteFrom"]["environment"], "staging");
    assert!(
        stage.releases().get_opt(dry["metadata"]["name"].as_str().unwrap_or("")).await?.is_none()
    );
    let out = cli.ok(["promote", "web", "--to", "production", "--wait", "--for", "committed"])?;
    let promoted = stage.get(&created(&out)?).await?;
    assert_eq!(status(&promoted)?.artifact.as_ref().map(|a| a.name.as_str()), Some("web-1"));
    assert!(stage.files()?.contains_key("production/web/deployment-web.yaml"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_approved_or_rejected_or_cancelled() -> Result<()> {
    let stage = Stage::open_with("cli-approve", json!({"approval": {"own": true}})).await?;
    let cli = Cli::new(&stage.namespace)?;
    let make = |tag: &str| {
        let image = format!("example/web:{tag}");
        let chart =
            ["--chart", "app", "--target-namespace", stage.namespace.name(), "--set", "port=8080"];
        let mut line = vec!["release", "web", "-e", "staging", "--image", &image];
        line.extend(chart);
        created(&cli.ok(line)?)
    };
    let first = make("1")?;
    stage.phase(&first, Phase::Waiting).await?;
    let said = cli.run(["wait", "release", &first, "--fail-on-waiting"])?;
    assert_eq!(said.code, 8, "{said:?}");
    let said = cli.run(["approve", &first])?;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("+ Deployment/web") && said.err.contains("hint: pass --yes"),
        "{}",
        said.err
    );
    let said = cli.run(["approve", &first, "--digest", "sha256:another"])?;
    assert_eq!(said.code, 2, "{said:?}");
    let out = cli.ok(["approve", &first, "--yes", "--comment", "fine"])?;
    assert!(out.starts_with(&format!("approval.gimlet.io/{first}-")), "{out}");
    cli.ok(["wait", "release", &first, "--for", "committed"])?;
    let list = cli.ok(["get", "approvals", "-o", "wide"])?;
    assert!(list.contains("Approve") && list.contains("fine"), "{list}");
    let said = cli.run(["approve", &first, "--yes"])?;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("does not wait for approval"), "{}", said.err);

    let second = make("2")?;
    stage.phase(&second, Phase::Waiting).await?;
    let said = cli.run(["reject", &second])?;
    assert_eq!(said.code, 2, "{said:?}");
    cli.ok(["reject", &second, "--comment", "not today"])?;
    let said = cli.run(["wait", "release", &second])?;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("not today"), "{}", said.err);

    let third = make("3")?;
    stage.phase(&third, Phase::Waiting).await?;
    assert_eq!(cli.ok(["cancel", &third])?, format!("release.gimlet.io/{third} asked to cancel\n"));
    stage.phase(&third, Phase::Cancelled).await?;
    let said = cli.run(["cancel", &first])?;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("is in git already") && said.err.contains("gimlet rollback"),
        "{}",
        said.err
    );
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_holds_releases_back_until_it_is_taken_away() -> Result<()> {
    let stage = Stage::open("cli-lock").await?;
    let cli = Cli::new(&stage.namespace)?;
    assert_eq!(cli.run(["lock", "staging"])?.code, 2, "a lock needs a reason");
    let shown = cli.ok(["lock", "staging/web", "--reason", "x", "--dry-run=client"])?;
    assert!(shown.contains("kind: App") && shown.contains("reason: x"), "{shown}");
    assert_eq!(cli.run(["lock", "nowhere", "--reason", "x"])?.code, 6);
    let out = cli.ok(["lock", "staging", "--reason", "code freeze", "--until", "2h"])?;
    assert!(out.starts_with("environment.gimlet.io/staging locked until "), "{out}");
    let release = stage.release("web", stage.web("1")).await?;
    let name = release.metadata.name.context("no name")?;
    let waits = stage.phase(&name, Phase::Waiting).await?;
    assert_eq!(status(&waits)?.blocked_by[0].reason, "code freeze");
    let text = cli.ok(["env", "get", "staging"])?;
    assert!(text.contains("code freeze"), "{text}");
    let said = cli.run(["wait", "release", &name, "--timeout", "1s"])?;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("code freeze"), "it says what blocks: {}", said.err);
    assert_eq!(cli.ok(["unlock", "staging"])?, "environment.gimlet.io/staging unlocked\n");
    cli.ok(["wait", "release", &name, "--for", "committed"])?;
    let said = cli.run(["unlock", "staging"])?;
    assert_eq!(said.code, 1, "{said:?}");
    cli.ok(["lock", "staging/web", "--reason", "migration"])?;
    ensure!(stage.apps().get("web.staging").await?.spec.lock.is_some(), "the app is not locked");
    cli.ok(["unlock", "staging/web"])?;
    let events = cli.ok(["events", "web", "-e", "staging"])?;
    assert!(events.contains(&format!("release/{name}")), "{events}");
    stage.end().await
}
