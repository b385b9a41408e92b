//! Secrets: encrypted before git, decrypted by Flux.

use anyhow::{Context, Result};
use gimlet_crds::{BlockerKind, Phase, condition};
use gimlet_e2e::Stage;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use serde_json::{Value, json};

use crate::release::status;

/// A pair of keys of age, made for this test.
const IDENTITY: &str = "AGE-SECRET-KEY-1Z0NWND587WJWY2CV6LMLLCDZV9XZSJAHWJHSKWZF28XL7EWL34XSZHZKWC";
const RECIPIENT: &str = "age1a4cf3f84s8hhjqld5ckngw30nx0a9nt0n4qd64lck7nchaut89mqvjq9tu";

fn with_secret(stage: &Stage, value: &str) -> Value {
    let mut manifest = stage.web("1");
    manifest["manifests"] = json!(format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: token}}\nstringData: {{token: {value}, same: always}}\n"
    ));
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_encrypted_before_git_and_flux_decrypts_it() -> Result<()> {
    let stage = Stage::bare("secrets").await?;
    stage.cluster.apply(
        &json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "sops-age", "namespace": stage.namespace.name()},
            "stringData": {"gimlet.agekey": IDENTITY},
        })
        .to_string(),
    )?;
    let encryption =
        json!({"encryption": {"age": [RECIPIENT], "fluxSecretRef": {"name": "sops-age"}}});
    stage.environment("staging", "staging", encryption).await?;
    stage.environment_ready("staging").await?;
    stage.connect_flux().await?;
    let first = stage.release("web", with_secret(&stage, "hidden-one")).await?;
    stage.phase(&first.name_any(), Phase::Healthy).await?;
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let token = async || -> Result<String> {
        let secret = secrets.get("token").await?;
        let data = secret.data.context("the Secret is empty")?;
        Ok(String::from_utf8(data.get("token").context("no token")?.0.clone())?)
    };
    assert_eq!(token().await?, "hidden-one");
    let path = "staging/web/secret-token.yaml";
    let text = stage.files()?.get(path).context("git has no Secret")?.clone();
    assert!(text.contains("ENC[AES256_GCM,") && !text.contains("hidden-one"), "{text}");

    // The same again is no change, although every encryption could have other bytes.
    let same = stage.release("web", with_secret(&stage, "hidden-one")).await?;
    let same = stage.ended(&same.name_any()).await?;
    assert_eq!(status(&same)?.phase, Phase::Unchanged, "{:?}", status(&same)?.plan);

    let second = stage.release("web", with_secret(&stage, "hidden-two")).await?;
    stage.phase(&second.name_any(), Phase::Healthy).await?;
    assert_eq!(token().await?, "hidden-two");
    for (path, text) in stage.files()? {
        assert!(!text.contains("hidden-"), "{path}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_windows_that_make_no_sense_are_told_at_the_environment() -> Result<()> {
    let stage = Stage::bare("rules").await?;
    let wrong = [
        (
            "key",
            "InvalidRecipients",
            json!({"encryption": {"age": ["age1nonsense"], "fluxSecretRef": {"name": "x"}}}),
        ),
        (
            "window",
            "InvalidWindows",
            json!({"windows": {"allow": [{"cron": "nine", "duration": "8h"}]}}),
        ),
    ];
    for (name, reason, spec) in wrong {
        stage.environment(name, name, spec).await?;
        let told = stage
            .environment_until(name, "is told what is wrong", |environment| {
                let conditions = environment.status.iter().flat_map(|status| &status.conditions);
                conditions.clone().any(|c| c.type_ == "Stalled" && c.reason == reason)
            })
            .await?;
        assert!(told.status.is_some());
    }
    // A window that is never open holds a release, and says that.
    let never = json!({"windows": {"deny": [{"cron": "0 * * * *", "duration": "1h"}]}});
    stage.environment("closed", "closed", never).await?;
    stage.environment_ready("closed").await?;
    let release = stage.create_in("closed", "web", json!({"manifest": stage.web("1")})).await?;
    let waits = stage.phase(&release.name_any(), Phase::Waiting).await?;
    assert_eq!(status(&waits)?.blocked_by[0].kind, BlockerKind::Window);
    let ready =
        condition::find(&status(&waits)?.conditions, condition::READY).context("no Ready")?;
    assert_eq!(ready.reason, "BlockedByWindow");
    stage.end().await
}
