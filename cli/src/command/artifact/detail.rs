//! The details of an artifact.

use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::{Artifact, ManifestResult, ManifestVerdict};
use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};

use crate::output::{Cell, age, table};

/// Returns what there is to know of an artifact.
pub(super) fn details(artifact: &Artifact, now: Timestamp) -> String {
    let version = &artifact.spec.version;
    let status = artifact.status.clone().unwrap_or_default();
    let mut text = format!("{}\n", artifact.name_any());
    let mut line = |title: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let value: String =
                value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {title:<12} {value}");
        }
    };
    line("version", version.label());
    line("repository", version.repository.clone());
    line("commit", version.sha.clone());
    line("branch", version.branch.clone());
    line("tag", version.tag.clone());
    let target = artifact.spec.target_branch.as_ref().map(|branch| format!(" to {branch}"));
    let number = artifact.spec.pull_request.map(|number| number.to_string());
    line("pull request", number.map(|number| number + &target.unwrap_or_default()));
    line("author", version.author.clone());
    line("message", version.message.as_deref().and_then(|m| m.lines().next()).map(Into::into));
    line("page", version.url.clone());
    line("shipped", Some(age(artifact.meta(), now)).map(|age| format!("{age} ago")));
    let ready = condition::find(&status.conditions, READY).map(|ready| ready.message.clone());
    line("status", ready.or_else(|| Some("the operator has not looked at it yet".to_owned())));
    match verdicts(&status.releases) {
        table if table.is_empty() => text,
        table => text + "\n" + &table,
    }
}

/// Returns what became of each manifest, as a table.
fn verdicts(verdicts: &[ManifestVerdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = verdicts
        .iter()
        .map(|verdict| {
            vec![
                verdict.manifest.as_str().into(),
                verdict.app.clone().unwrap_or_default().into(),
                verdict.environment.clone().unwrap_or_default().into(),
                result(verdict.result),
                verdict.release.clone().unwrap_or_default().into(),
                verdict.message.as_str().into(),
            ]
        })
        .collect();
    table(Some(&["MANIFEST", "APP", "ENVIRONMENT", "RESULT", "RELEASE", "WHY"]), &rows)
}

fn result(result: ManifestResult) -> Cell {
    match result {
        ManifestResult::Released => Cell::colored("Released", AnsiColor::Green),
        ManifestResult::Manual => Cell::from("Manual"),
        ManifestResult::NotMatched => Cell::from("NotMatched"),
        ManifestResult::Refused => Cell::colored("Refused", AnsiColor::Red),
        ManifestResult::Invalid => Cell::colored("Invalid", AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[test]
    fn an_artifact_tells_what_became_of_each_manifest() {
        let artifact: Artifact = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
            "metadata": {"name": "shop-x7k2p", "creationTimestamp": "2026-01-01T11:55:00Z"},
            "spec": {"event": "PullRequest", "pullRequest": 7, "targetBranch": "main", "manifests": [],
                "version": {"repository": "acme/shop", "sha": "9f3c1a2bb", "branch": "cart", "author": "Ada",
                    "message": "Take the cart along\n\nLong story", "url": "https://git.example.com/c/9f3c1a2bb"}},
            "status": {"released": 1, "releases": [
                {"manifest": ".gimlet/a.yaml", "app": "shop", "environment": "staging", "result": "Released",
                 "release": "shop.staging-1", "message": "event pr matched"},
                {"manifest": ".gimlet/b.yaml", "result": "Invalid", "message": "line 3: no such key"}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "Judged", "message": "releases shop to staging",
                    "lastTransitionTime": "2026-01-01T10:00:00Z"}]},
        }))
        .unwrap();
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        assert_snapshot!(anstream::adapter::strip_str(&details(&artifact, now)).to_string());
    }
}
