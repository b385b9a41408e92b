//! What a release has to pass: approval, confirmation, the environment before it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::labels::CREATED_BY;
use gimlet_crds::{Approval, Artifact, BlockerKind, Phase, Release, Trigger, condition};
use gimlet_e2e::{ControlPlane, Stage, install_in, wait_until};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::release::status;

async fn approve(stage: &Stage, who: &str, release: &Release, spec: Value) -> Result<Approval> {
    let api: Api<Approval> = Api::namespaced(stage.cluster.client_as(who).await?, &stage.namespace);
    let digest = &status(release)?.plan.as_ref().context("it has no plan")?.digest;
    let mut object = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Approval",
        "metadata": {"generateName": "approval-", "annotations": {CREATED_BY: "somebody else"}},
        "spec": {"release": release.name_any(), "digest": digest},
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        object["spec"][field] = value.clone();
    }
    Ok(api.create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}

async fn release_as(stage: &Stage, who: &str, name: &str, tag: &str) -> Result<Release> {
    let api: Api<Release> = Api::namespaced(stage.cluster.client_as(who).await?, &stage.namespace);
    let object = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": name},
        "spec": {"app": "web", "environment": "staging", "manifest": stage.web(tag)},
    }))?;
    Ok(api.create(&PostParams::default(), &object).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_approved_by_somebody_else_for_its_plan() -> Result<()> {
    let stage = Stage::open_with("approval", json!({"approval": {}})).await?;
    let release = release_as(&stage, "ada", "web.staging-1", "1").await?;
    assert_eq!(release.annotations().get(CREATED_BY).map(String::as_str), Some("ada"));
    let waits = stage.phase("web.staging-1", Phase::Waiting).await?;
    assert_eq!(status(&waits)?.blocked_by[0].kind, BlockerKind::Approval);

    let own = approve(&stage, "ada", &waits, json!({})).await?;
    assert_eq!(own.annotations().get(CREATED_BY).map(String::as_str), Some("ada"));
    stage
        .until("web.staging-1", "says that its maker does not count", |release| {
            let blockers = release.status.as_ref().map(|status| status.blocked_by.as_slice());
            blockers.is_some_and(|b| b.iter().any(|b| b.reason.contains("ada made the release")))
        })
        .await?;
    approve(&stage, "bob", &waits, json!({"digest": "sha256:another"})).await?;
    approve(&stage, "bob", &waits, json!({"comment": "fine"})).await?;
    let done = stage.ended("web.staging-1").await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);
    assert_eq!(status(&done)?.approved_by, ["bob"]);
    assert_eq!(stage.commits_of(&done)?[0].trailer("Gimlet-Approved-By"), Some("bob"));

    let forged = Patch::Merge(json!({"metadata": {"annotations": {CREATED_BY: "eve"}}}));
    let told = stage.releases().patch("web.staging-1", &PatchParams::default(), &forged).await;
    assert!(told.is_err_and(|error| error.to_string().contains("leave it as it is")));

    release_as(&stage, "ada", "web.staging-2", "2").await?;
    let waits = stage.phase("web.staging-2", Phase::Waiting).await?;
    approve(&stage, "eve", &waits, json!({"decision": "Reject", "comment": "not today"})).await?;
    let ended = stage.ended("web.staging-2").await?;
    assert_eq!(status(&ended)?.phase, Phase::Rejected);
    let ready = condition::find(&status(&ended)?.conditions, condition::READY);
    assert_eq!(ready.context("no Ready")?.message, "eve rejected it: not today");
    stage.end().await
}

/// Waits until the release waits for an approval, for this reason.
async fn waits_because(stage: &Stage, name: &str, why: &str) -> Result<Release> {
    stage
        .until(name, &format!("waits because {why}"), |release| {
            let blockers = release.status.as_ref().map(|status| status.blocked_by.as_slice());
            blockers.is_some_and(|b| b.iter().any(|b| b.reason.contains(why)))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_count_while_anybody_could_have_forged_it() -> Result<()> {
    // The policies are those of a whole cluster, so this one is of its own.
    let cluster = ControlPlane::own("forged", false)?;
    let (policy, binding) = ("validatingadmissionpolicy", "validatingadmissionpolicybinding");
    let stage = Stage::bare_in(ControlPlane::clone(&cluster), "forged").await?;
    stage.environment("staging", "staging", json!({"approval": {}})).await?;
    let name = "web.staging-1";
    release_as(&stage, "ada", name, "1").await?;
    waits_because(&stage, name, "somebody has to approve the plan").await?;

    cluster.kubectl(["delete", binding, "gimlet-created-by"])?;
    let waits = waits_because(&stage, name, "approvals do not count").await?;
    let why = &status(&waits)?.blocked_by[0].reason;
    assert!(why.contains("there is no ValidatingAdmissionPolicyBinding gimlet-created-by"));
    assert!(why.contains("apply config/admission"), "{why}");
    // The other policy may still replace what is written at the creation; afterwards nothing keeps eve from being bob.
    let forged = approve(&stage, "eve", &waits, json!({})).await?;
    let api: Api<Approval> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let bob = json!({"metadata": {"annotations": {CREATED_BY: "bob"}}});
    wait_until("the policy to be gone", Duration::from_mins(1), async || {
        Ok(api.patch(&forged.name_any(), &PatchParams::default(), &Patch::Merge(&bob)).await?)
    })
    .await?;

    // It is installed again, and weaker, and then as it was.
    install_in(&cluster)?;
    let ignore = r#"{"spec":{"failurePolicy":"Ignore"}}"#;
    cluster.kubectl(["patch", policy, "gimlet-created-by", "--type=merge", "-p", ignore])?;
    waits_because(&stage, name, "failurePolicy of the ValidatingAdmissionPolicy").await?;
    install_in(&cluster)?;
    let installed = Timestamp::now();
    let waits = waits_because(&stage, name, "was made before the policies").await?;
    assert_eq!(status(&waits)?.phase, Phase::Waiting);

    let name = "web.staging-2";
    wait_until("the policies to count", Duration::from_mins(1), async || {
        ensure!(Timestamp::now() > installed + SignedDuration::from_secs(4), "not yet");
        Ok(())
    })
    .await?;
    release_as(&stage, "ada", name, "2").await?;
    let waits = waits_because(&stage, name, "somebody has to approve the plan").await?;
    approve(&stage, "bob", &waits, json!({})).await?;
    assert_eq!(status(&stage.ended(name).await?)?.approved_by, ["bob"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_removes_much_waits_until_it_is_confirmed() -> Result<()> {
    let stage = Stage::open("confirm").await?;
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    let namespace = stage.namespace.name();
    let both = json!({"namespace": namespace, "manifests": format!("{claim}---\n{map}")});
    let first = stage.release("web", both).await?;
    stage.ended(&first.name_any()).await?;
    let second = stage.release("web", json!({"namespace": namespace, "manifests": map})).await?;
    let waits = stage.phase(&second.name_any(), Phase::Waiting).await?;
    let blocker = &status(&waits)?.blocked_by[0];
    assert_eq!(blocker.kind, BlockerKind::Confirm);
    assert!(blocker.reason.starts_with("it removes PersistentVolumeClaim data"));
    assert!(stage.files()?.contains_key("staging/web/persistentvolumeclaim-data.yaml"));
    let confirm = Patch::Merge(json!({"spec": {"confirm": true}}));
    stage.releases().patch(&second.name_any(), &PatchParams::default(), &confirm).await?;
    let done = stage.ended(&second.name_any()).await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);
    assert!(!stage.files()?.contains_key("staging/web/persistentvolumeclaim-data.yaml"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_an_app_ends_at_its_time() -> Result<()> {
    let stage = Stage::open("app-lock").await?;
    let first = stage.release("web", stage.web("1")).await?;
    stage.ended(&first.name_any()).await?;
    let until = Timestamp::now().checked_add(SignedDuration::from_secs(8))?;
    let lock = Patch::Merge(json!({"spec": {"lock": {"reason": "migration", "until": until}}}));
    stage.apps().patch("web.staging", &PatchParams::default(), &lock).await?;
    stage.app_until("web", "is locked", |app| app.spec.lock.is_some()).await?;
    let second = stage.release("web", stage.web("2")).await?;
    let waits = stage.phase(&second.name_any(), Phase::Waiting).await?;
    let blocker = &status(&waits)?.blocked_by[0];
    assert_eq!((blocker.kind, blocker.reason.as_str()), (BlockerKind::Lock, "migration"));
    assert!(blocker.until.is_some());
    let done = stage.ended(&second.name_any()).await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);
    assert!(Timestamp::now() >= until);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_goes_on_by_itself_once_it_was_healthy() -> Result<()> {
    let stage = Stage::open("promotion").await?;
    stage.connect_flux().await?;
    let rule = json!({"promotion": {"from": "staging", "soak": "3s", "mode": "Automatic"}});
    stage.environment("production", "production", rule).await?;
    stage.environment_ready("production").await?;
    let manifest = |env: &str| {
        format!(
            "app: web\nenv: {env}\nnamespace: {}\nchart: {{name: app}}\nvalues: {{port: 8080, image: \
             {{repository: example/web, tag: v1}}}}\n",
            stage.namespace.name()
        )
    };
    let both = format!("{}---\n{}", manifest("staging"), manifest("production"));
    let artifact: Artifact = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "web-1"},
        "spec": {
            "version": {"repository": "acme/web", "sha": "abcdef0", "branch": "main"},
            "manifests": [{"path": ".gimlet/web.yaml", "content": both}],
        },
    }))?;
    let artifacts: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    artifacts.create(&PostParams::default(), &artifact).await?;
    let from_artifact = json!({"artifact": {"name": "web-1"}});

    // Too early, and by hand: it waits for the environment before it.
    let early = stage.create_in("production", "web", from_artifact.clone()).await?;
    let early = stage.phase(&early.name_any(), Phase::Waiting).await?;
    assert_eq!(status(&early)?.blocked_by[0].kind, BlockerKind::Promotion);

    let staged = stage.create("web", from_artifact).await?;
    let staged = stage.phase(&staged.name_any(), Phase::Healthy).await?;
    let staged = stage
        .until(&staged.name_any(), "is promoted", |release| {
            release.status.as_ref().is_some_and(|status| !status.sets_off.is_empty())
        })
        .await?;
    let promoted = stage.get(&status(&staged)?.sets_off[0]).await?;
    assert_eq!(promoted.spec.trigger, Trigger::Promotion);
    let promoted = stage.ended(&promoted.name_any()).await?;
    let phases = [Phase::Committed, Phase::Unchanged];
    assert!(phases.contains(&status(&promoted)?.phase), "{:?}", status(&promoted)?);
    assert!(stage.files()?.contains_key("production/web/deployment-web.yaml"));

    // By hand, from what runs in staging.
    let again = json!({"promoteFrom": {"environment": "staging"}});
    let again = stage.create_in("production", "web", again).await?;
    let again = stage.ended(&again.name_any()).await?;
    assert_eq!(status(&again)?.phase, Phase::Unchanged);
    assert_eq!(status(&again)?.artifact.as_ref().map(|a| a.name.as_str()), Some("web-1"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_become_healthy_is_rolled_back_by_itself() -> Result<()> {
    let stage = Stage::open_with("way-back", json!({"automaticRollback": {"after": "1m"}})).await?;
    stage.connect_flux().await?;
    let good = stage.release("web", stage.web("1")).await?;
    let good = stage.phase(&good.name_any(), Phase::Healthy).await?;
    let bad = stage.release("web", stage.web("broken-2")).await?;
    let bad = stage
        .until(&bad.name_any(), "is rolled back", |release| {
            release.status.as_ref().is_some_and(|status| !status.sets_off.is_empty())
        })
        .await?;
    let back = stage.phase(&status(&bad)?.sets_off[0], Phase::Healthy).await?;
    assert_eq!(back.spec.trigger, Trigger::Rollback);
    let to = back.spec.rollback_to.as_ref().and_then(|to| to.commit.clone());
    assert_eq!(to, status(&good)?.commit.as_ref().map(|commit| commit.sha.clone()));
    let reason = back.spec.reason.clone().unwrap_or_default();
    assert!(reason.contains(&bad.name_any()), "{reason}");
    let all = stage.releases().list(&ListParams::default()).await?;
    assert_eq!(all.items.len(), 3, "it is rolled back once");
    stage.end().await
}
