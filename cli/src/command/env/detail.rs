//! What there is to know of an environment, for people.

use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use gimlet_crds::condition::{FLUX_READY, GIT_READY, READY};
use gimlet_crds::{Environment, EnvironmentSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use crate::output::Cell;

/// Returns what there is to know of an environment.
pub(super) fn details(environment: &Environment) -> String {
    let spec = &environment.spec;
    let status = environment.status.clone().unwrap_or_default();
    let mut text = format!("{}\n", environment.name_any());
    let mut line = |title: &str, value: String| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {title:<10} {value}");
        }
    };
    for (title, kind) in [("ready", READY), ("git", GIT_READY), ("flux", FLUX_READY)] {
        let found = status.conditions.iter().find(|condition| condition.type_ == kind);
        line(title, found.map(judged).unwrap_or_default());
    }
    let gitops = &spec.gitops;
    line("repository", gitops.url.clone());
    line("branch", gitops.branch.clone());
    line("path", gitops.path.clone());
    line("engine", status.engine.unwrap_or_default());
    let head = status.head.map(|head| format!("{}, since {}", head.short, head.time.0));
    line("head", head.unwrap_or_default());
    line("apps", status.apps.map(|apps| apps.to_string()).unwrap_or_default());
    for component in &spec.components {
        let chart = &component.chart;
        line("component", format!("{} ({} {})", component.name, chart.name, chart.version));
    }
    for gate in gates(spec) {
        line("gate", gate);
    }
    for notification in &spec.notifications {
        line("tells", format!("{} ({:?})", notification.name, notification.provider));
    }
    text
}

fn judged(condition: &Condition) -> String {
    let sign = match condition.status.as_str() {
        "True" => Cell::colored("✓", AnsiColor::Green),
        "False" => Cell::colored("✕", AnsiColor::Red),
        _ => Cell::colored("?", AnsiColor::Yellow),
    };
    let message = Cell::from(condition.message.as_str());
    format!("{} {}", sign.styled(), message.styled())
}

/// Says what a release has to pass, one gate each.
fn gates(spec: &EnvironmentSpec) -> Vec<String> {
    let mut gates = Vec::new();
    if spec.suspend {
        gates.push("suspended: the operator does nothing".to_owned());
    }
    if let Some(lock) = &spec.lock {
        let until = lock.until.as_ref().map(|until| format!(" until {}", until.0));
        gates.push(format!("locked{}: {}", until.unwrap_or_default(), lock.reason));
    }
    if !spec.windows.is_empty() {
        let (allow, deny) = (spec.windows.allow.len(), spec.windows.deny.len());
        gates.push(format!("deploy windows: {allow} allowed, {deny} denied"));
    }
    if let Some(promotion) = &spec.promotion {
        let soak = promotion.soak.as_ref().map(|soak| format!(" for {soak}"));
        gates.push(format!(
            "promotion: healthy in {}{} ({:?})",
            promotion.from,
            soak.unwrap_or_default(),
            promotion.mode
        ));
    }
    if let Some(approval) = &spec.approval {
        gates.push(format!("approval: by {}", approval.count));
    }
    if !spec.deletion_guard.is_default() {
        gates.push("deletion guard: off".to_owned());
    }
    if let Some(rollback) = &spec.automatic_rollback {
        gates.push(format!("automatic rollback: after {}", rollback.after));
    }
    gates
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[test]
    fn an_environment_tells_where_it_is_and_what_a_release_has_to_pass() {
        let condition = |kind: &str, status: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": "Why", "message": message,
                   "lastTransitionTime": "2026-01-01T10:00:00Z"})
        };
        let environment: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": "production"},
            "spec": {
                "gitops": {"url": "https://git.example.com/acme/gitops.git", "path": "production"},
                "lock": {"reason": "code freeze", "until": "2027-01-02T08:00:00Z"},
                "approval": {"count": 2}, "promotion": {"from": "staging", "soak": "30m"},
                "automaticRollback": {"after": "10m"}, "deletionGuard": "Off",
                "windows": {"allow": [{"cron": "0 9 * * mon-fri", "duration": "8h"}]},
            },
            "status": {"apps": 3, "engine": "Wire", "head": {"commit": "4e1f09c0", "short": "4e1f09c", "time": "2026-01-01T10:00:00Z"},
                "conditions": [condition("Ready", "False", "the repository cannot be read"),
                    condition("GitReady", "False", "no such host"), condition("FluxReady", "Unknown", "nothing reports")]},
        }))
        .unwrap();
        assert_snapshot!(anstream::adapter::strip_str(&details(&environment)).to_string());
    }
}
