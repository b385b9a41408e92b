//! Commits that are signed with the environment's key.

use anyhow::{Context, Result};
use gimlet_crds::Phase;
use gimlet_e2e::{SshKey, Stage};
use kube::ResourceExt;
use serde_json::json;

use crate::release::{commit, status};

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_is_signed_and_git_says_by_whom() -> Result<()> {
    let stage = Stage::bare("signing").await?;
    let key = SshKey::generate()?;
    let signing = json!({"gitops": {"signing": {"secretRef": {"name": "signing"}}}});
    stage.environment("staging", "staging", signing).await?;
    let waits = stage
        .environment_until("staging", "misses its key", |environment| {
            let conditions = environment.status.iter().flat_map(|status| &status.conditions);
            conditions.clone().any(|c| c.type_ == "Ready" && c.reason == "SecretNotFound")
        })
        .await?;
    assert!(waits.status.is_some());
    stage.cluster.apply(
        &json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "signing", "namespace": stage.namespace.name()},
            "stringData": {"identity": key.private()},
        })
        .to_string(),
    )?;
    stage.environment_ready("staging").await?;
    let release = stage.release("web", stage.web("1")).await?;
    let done = stage.ended(&release.name_any()).await?;
    assert_eq!(status(&done)?.phase, Phase::Committed);

    let checkout = stage.repository.checkout()?;
    let signers = tempfile::NamedTempFile::new()?;
    let public = key.public().split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    std::fs::write(signers.path(), format!("operator@example.com {public}\n"))?;
    let file = format!("gpg.ssh.allowedSignersFile={}", signers.path().display());
    let log = checkout.git(["-c", &file, "log", "--format=%H %G? %GS"])?;
    assert!(log.lines().count() >= 2, "{log}");
    for line in log.lines() {
        assert!(line.ends_with(" G operator@example.com"), "{line}");
    }
    assert!(log.contains(commit(&done)?));
    let other = std::fs::read_to_string(signers.path()).context("no signers")?;
    assert!(!other.contains("PRIVATE"));
    stage.end().await
}
