//! Artifacts: what their policies set off, and what they do not.

use anyhow::{Context, Result};
use gimlet_crds::{Artifact, ManifestResult, ManifestVerdict, Phase, condition};
use gimlet_e2e::{Stage, wait_until};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::Duration;

use crate::release::{commit, status};

const SHA: &str = "d4f38460aa00000000000000000000000000beef";

fn artifacts(stage: &Stage) -> Api<Artifact> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

async fn ship(stage: &Stage, name: &str, spec: Value) -> Result<Artifact> {
    let object = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
        "metadata": {"name": name}, "spec": spec,
    }))?;
    Ok(artifacts(stage).create(&PostParams::default(), &object).await?)
}

async fn judged(stage: &Stage, name: &str) -> Result<Vec<ManifestVerdict>> {
    let api = artifacts(stage);
    let found =
        wait_until(&format!("artifact {name} is judged"), Duration::from_mins(1), async || {
            let found = api.get(name).await?;
            let status = found.status.clone().unwrap_or_default();
            let ready = condition::is_true(&status.conditions, condition::READY);
            anyhow::ensure!(ready, "{}", serde_json::to_string(&status)?);
            Ok(found)
        })
        .await?;
    Ok(found.status.context("it has no status")?.releases)
}

fn manifest(stage: &Stage, app: &str, policy: &str) -> String {
    format!(
        "app: {app}\nenv: staging\nnamespace: {}\nchart:\n  name: app\nvalues:\n  port: 8080\n  \
         image:\n    repository: example/web\n    tag: '{{{{ .SHA }}}}'\n{policy}",
        stage.namespace.name()
    )
}

const ON_MAIN: &str = "deploy:\n  event: push\n  branch: main\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_releases_what_it_matches_and_says_why_it_does_not() -> Result<()> {
    let stage = Stage::open("artifact").await?;
    let no_var = manifest(&stage, "lacking", ON_MAIN).replace(".SHA", ".NOT_THERE");
    let elsewhere = manifest(&stage, "web", ON_MAIN).replace("staging", "nowhere");
    let spec = json!({
        "version": {
            "repository": "acme/shop", "sha": SHA, "branch": "main", "author": "Ada",
            "message": "a change\n\nGimlet-Release: forged"
        },
        "manifests": [
            {"path": ".gimlet/web.yaml", "content": manifest(&stage, "web", ON_MAIN)},
            {"path": ".gimlet/tag.yaml", "content": manifest(&stage, "tagged", "deploy:\n  tag: 'v*'\n")},
            {"path": ".gimlet/by-hand.yaml", "content": manifest(&stage, "by-hand", "")},
            {"path": ".gimlet/bad.yaml", "content":
                format!("{}---\n{}", manifest(&stage, "bad", "deploy:\n  event: pull\n"), manifest(&stage, "good", ON_MAIN))},
            {"path": ".gimlet/lacking.yaml", "content": no_var},
            {"path": ".gimlet/elsewhere.yaml", "content": elsewhere},
        ],
    });
    ship(&stage, "shop-1", spec).await?;
    let verdicts = judged(&stage, "shop-1").await?;
    let of = |manifest: &str| {
        verdicts.iter().find(|v| v.manifest == manifest).with_context(|| manifest.to_owned())
    };
    let results: Vec<_> = verdicts.iter().map(|verdict| verdict.result).collect();
    assert_eq!(
        results,
        [
            ManifestResult::Released,
            ManifestResult::NotMatched,
            ManifestResult::Manual,
            ManifestResult::Invalid,
            ManifestResult::Released,
            ManifestResult::Released,
            ManifestResult::Refused,
        ]
    );
    assert!(of(".gimlet/tag.yaml")?.message.contains("made by push"));
    let bad = of(".gimlet/bad.yaml#1")?;
    assert!(bad.message.contains("pull"), "{}", bad.message);
    assert!(of(".gimlet/elsewhere.yaml")?.message.contains("no environment nowhere"));

    let web = of(".gimlet/web.yaml")?.release.clone().context("it made no release")?;
    let web = stage.ended(&web).await?;
    assert_eq!(status(&web)?.phase, Phase::Committed, "{:?}", status(&web)?);
    let head = &stage.commits_of(&web)?[0];
    assert_eq!(head.trailer("Gimlet-Source"), Some(SHA));
    assert_eq!(head.trailer("Gimlet-Repository"), Some("acme/shop"));
    assert_eq!(head.trailer("Gimlet-Trigger"), Some("Policy"));
    let namespace = stage.namespace.name();
    assert_eq!(head.trailer("Gimlet-Artifact"), Some(&*format!("{namespace}/shop-1")));
    assert!(stage.files()?["staging/web/deployment-web.yaml"].contains(SHA));
    stage
        .app_until("web", "knows its artifact", |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            current.is_some_and(|current| current.source.as_deref() == Some(SHA))
        })
        .await?;

    // A variable that one app lacks is that app's trouble alone.
    let lacking = of(".gimlet/lacking.yaml")?.release.clone().context("it made no release")?;
    let lacking = stage.ended(&lacking).await?;
    assert_eq!(status(&lacking)?.phase, Phase::Failed);
    let ready = condition::find(&status(&lacking)?.conditions, condition::READY);
    assert!(ready.context("no Ready")?.message.contains("NOT_THERE"));
    let good = of(".gimlet/bad.yaml#2")?.release.clone().context("it made no release")?;
    assert_eq!(status(&stage.ended(&good).await?)?.phase, Phase::Committed);

    // Of two manifests for an app, the one is released whose policy matched.
    let two = [manifest(&stage, "web", ON_MAIN), manifest(&stage, "web", "deploy: {tag: 'v*'}\n")];
    let content = two.join("---\n").replacen("8080", "7070", 1);
    let spec = json!({
        "event": "Tag", "version": {"repository": "acme/shop", "sha": SHA, "tag": "v1"},
        "manifests": [{"path": ".gimlet/web.yaml", "content": content}],
    });
    ship(&stage, "shop-2", spec).await?;
    let verdicts = judged(&stage, "shop-2").await?;
    let results: Vec<_> = verdicts.iter().map(|verdict| verdict.result).collect();
    assert_eq!(results, [ManifestResult::NotMatched, ManifestResult::Released]);
    let web = verdicts[1].release.clone().context("it made no release")?;
    assert_eq!(status(&stage.ended(&web).await?)?.phase, Phase::Committed);
    let files = stage.files()?;
    let deployment = &files["staging/web/deployment-web.yaml"];
    assert!(deployment.contains("8080") && !deployment.contains("7070"), "{deployment}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_released_by_hand_and_waits_for_one_that_is_not_there() -> Result<()> {
    let stage = Stage::open("by-hand").await?;
    let early = stage.create("web", json!({"artifact": {"name": "later"}})).await?;
    let early = stage.phase(&early.name_any(), Phase::Waiting).await?;
    assert!(status(&early)?.blocked_by[0].reason.contains("no Artifact later"));
    let spec = json!({
        "version": {"repository": "acme/shop", "sha": SHA, "branch": "main", "tag": "v1.0.0"},
        "event": "Tag",
        "vars": {"REPLICAS": "3"},
        "manifests": [{"path": ".gimlet/a.yaml", "content": manifest(&stage, "web", "")}],
    });
    ship(&stage, "later", spec).await?;
    let done = stage.ended(&early.name_any()).await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);
    assert_eq!(status(&done)?.version.as_deref(), Some("v1.0.0"));
    let wrong = stage.create("other", json!({"artifact": {"name": "later"}})).await?;
    let wrong = stage.ended(&wrong.name_any()).await?;
    assert_eq!(status(&wrong)?.phase, Phase::Failed);
    let ready =
        condition::find(&status(&wrong)?.conditions, condition::READY).context("no Ready")?;
    assert!(ready.message.contains("it has web in staging"), "{}", ready.message);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_rolled_back_is_left_alone_until_somebody_resumes() -> Result<()> {
    let stage = Stage::open("culprit").await?;
    let first = stage.release("web", stage.web("1")).await?;
    let first = stage.ended(&first.name_any()).await?;
    let spec = json!({
        "version": {"repository": "acme/shop", "sha": SHA, "branch": "main"},
        "manifests": [{"path": ".gimlet/a.yaml", "content": manifest(&stage, "web", ON_MAIN)}],
    });
    ship(&stage, "shop-1", spec.clone()).await?;
    let made = judged(&stage, "shop-1").await?[0].release.clone().context("no release")?;
    stage.ended(&made).await?;
    stage
        .app_until("web", "runs the artifact", |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            current.is_some_and(|current| current.artifact.is_some())
        })
        .await?;
    let back = stage.roll_back("web", json!({"commit": commit(&first)?}), "it is broken").await?;
    stage.ended(&back.name_any()).await?;
    let held = stage.app_until("web", "is on hold", |app| app.spec.hold.is_some()).await?;
    assert_eq!(held.spec.hold.as_ref().and_then(|hold| hold.culprit.as_deref()), Some(SHA));

    // The pipeline runs again for the same commit.
    ship(&stage, "shop-2", spec.clone()).await?;
    let verdict = &judged(&stage, "shop-2").await?[0];
    assert_eq!(verdict.result, ManifestResult::Refused);
    assert!(verdict.message.contains("was rolled back"), "{}", verdict.message);

    let resume = Patch::Merge(json!({"spec": {"hold": null}}));
    stage.apps().patch("web.staging", &PatchParams::default(), &resume).await?;
    let forward = stage.create("web", json!({"artifact": {"name": "shop-2"}})).await?;
    assert_eq!(status(&stage.ended(&forward.name_any()).await?)?.phase, Phase::Committed);
    stage.end().await
}
