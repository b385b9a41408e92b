//! What the pull request of a release says: for those who decide whether to merge it.

use std::fmt::Write as _;

use gimlet_crds::{Environment, Release};
use kube::ResourceExt;

use super::outcome::Prepared;
use crate::pull_request::Text;
use crate::pull_request::markdown::{block, code, link, title};

/// Writes title and text. Everything in them that others wrote is shown as code, and has an end.
pub(super) fn of_release(
    release: &Release,
    environment: &Environment,
    prepared: &Prepared,
    subject: &str,
) -> Text {
    let (spec, plan) = (&release.spec, &prepared.plan);
    let mut body = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(body, "- {name}: {value}");
    };
    line("App", format!("{} in {}", code(&spec.app), code(&environment.name_any())));
    line("Release", code(&release.name_any()));
    if let Some(version) = &prepared.version {
        line("Version", code(version));
    }
    if let Some(source) = &prepared.source {
        if let Some(sha) = &source.sha {
            line("Source commit", code(sha));
        }
        if let Some(url) = &source.url {
            line("Source", link(url));
        }
    }
    if let Some(commit) = &prepared.restores {
        line("Goes back to", code(&commit.to_string()));
    }
    for (name, value) in [("Requested by", &spec.requested_by), ("Reason", &spec.reason)] {
        if let Some(value) = value {
            line(name, code(value));
        }
    }
    if !prepared.approved_by.is_empty() {
        line("Approved by", code(&prepared.approved_by.join(", ")));
    }
    line(
        "Plan",
        format!("{} added, {} changed, {} removed", plan.added, plan.changed, plan.removed),
    );
    if !plan.objects.is_empty() {
        let _ = write!(body, "\n{}", block(plan.objects.iter().map(String::as_str)));
    }
    if !plan.warnings.is_empty() {
        let _ = write!(body, "\nLook at this first:\n\n");
        let _ = write!(body, "{}", block(plan.warnings.iter().map(String::as_str)));
    }
    body.push_str(
        "\nTo merge this releases it; to close it rejects the release. A merge commit keeps the \
         release's own commit with its record and signature. A newer release of the app takes this \
         pull request over.\n",
    );
    Text { title: title(subject), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::PlanStatus;
    use serde_json::json;

    #[test]
    fn a_text_tells_what_changes_and_mentions_nobody() {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "shop.staging-x"},
            "spec": {"app": "shop", "environment": "staging", "requestedBy": "@ada` /merge",
                "reason": "x\n/close\n`@everyone`"}
        }))
        .unwrap();
        let environment: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"},
            "spec": {"gitops": {"url": "https://x/y"}}
        }))
        .unwrap();
        let prepared = Prepared {
            edits: Vec::new(),
            plan: PlanStatus {
                added: 1,
                objects: vec!["+ Deployment/shop".into()],
                warnings: vec!["```\n@everyone".into()],
                ..PlanStatus::default()
            },
            chart: None,
            version: Some("v1".into()),
            artifact: None,
            source: None,
            binding: crate::preview::Binding::Keep,
            unchanged: false,
            last_touch: None,
            approved_by: vec!["bob".into()],
            restores: None,
            holds: false,
            head: None,
        };
        let text = of_release(&release, &environment, &prepared, "shop: release @v1");
        assert_eq!(text.title, "shop: release (at)v1");
        let body = text.body;
        assert!(body.contains("- Reason: `x /close '@everyone'`\n"), "{body}");
        assert!(body.contains("- Plan: 1 added, 0 changed, 0 removed\n"), "{body}");
        assert!(body.contains("```text\n+ Deployment/shop\n```\n"), "{body}");
        assert!(body.lines().all(|line| !line.starts_with('/') && !line.starts_with('@')));
        assert_eq!(body.matches("```").count(), 4, "{body}");
    }
}
