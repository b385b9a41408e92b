//! How a release stands, in the words of git hosts. Pure.

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{Phase, Release};
use gimlet_hosts::{DeploymentState, StatusState};

/// Longest description that all hosts take, in characters.
const MAX_DESCRIPTION: usize = 140;

/// Tells how the check of a release's commit stands; only what runs is a success.
///
/// `runs` says whether the app is healthy, which a release that changed nothing does not know.
pub(super) fn check(release: &Release, runs: bool) -> Option<StatusState> {
    // A rollback says nothing of the commit that it puts back.
    if release.spec.plan_only || release.spec.rollback_to.is_some() {
        return None;
    }
    Some(match release.status.as_ref()?.phase {
        Phase::Pending | Phase::Planned => return None,
        Phase::Unchanged if !runs => return None,
        Phase::Waiting | Phase::Queued | Phase::Committed | Phase::Applied => StatusState::Pending,
        Phase::Healthy | Phase::Unchanged => StatusState::Success,
        Phase::Failed | Phase::Rejected => StatusState::Failure,
        Phase::Superseded | Phase::Cancelled => StatusState::Error,
    })
}

/// Tells how the deployment that a release is stands; only what runs is a success.
pub(super) fn deployment(release: &Release) -> Option<DeploymentState> {
    if release.spec.plan_only {
        return None;
    }
    Some(match release.status.as_ref()?.phase {
        Phase::Pending | Phase::Planned => return None,
        Phase::Waiting | Phase::Queued => DeploymentState::Pending,
        Phase::Committed | Phase::Applied => DeploymentState::Running,
        Phase::Healthy => DeploymentState::Success,
        Phase::Failed | Phase::Rejected => DeploymentState::Failure,
        Phase::Superseded | Phase::Cancelled | Phase::Unchanged => DeploymentState::Cancelled,
    })
}

/// Says in a line how a release stands.
pub(super) fn description(release: &Release) -> String {
    let Some(status) = &release.status else { return String::new() };
    let ready = condition::find(&status.conditions, READY);
    let message = ready.map_or("", |ready| ready.message.as_str());
    format!("{}: {message}", status.phase.as_str()).chars().take(MAX_DESCRIPTION).collect()
}

/// Tells whether users work with an environment, as far as its name says so.
pub(super) fn is_production(environment: &str) -> bool {
    matches!(environment.split('-').next(), Some("prod" | "production"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(phase: &str, spec: &serde_json::Value) -> Release {
        let mut all = json!({"app": "shop", "environment": "staging"});
        for (field, value) in spec.as_object().unwrap() {
            all[field] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
            "spec": all, "status": {"phase": phase}
        }))
        .unwrap()
    }

    #[test]
    fn only_what_runs_is_a_success() {
        let of = |phase| check(&release(phase, &json!({})), false);
        assert_eq!(of("Healthy"), Some(StatusState::Success));
        assert_eq!(of("Committed"), Some(StatusState::Pending));
        assert_eq!(of("Applied"), Some(StatusState::Pending));
        assert_eq!(of("Failed"), Some(StatusState::Failure));
        assert_eq!(of("Superseded"), Some(StatusState::Error));
        assert_eq!(of("Pending"), None);
        let of = |phase| deployment(&release(phase, &json!({})));
        assert_eq!(of("Waiting"), Some(DeploymentState::Pending));
        assert_eq!(of("Committed"), Some(DeploymentState::Running));
        assert_eq!(of("Applied"), Some(DeploymentState::Running));
        assert_eq!(of("Healthy"), Some(DeploymentState::Success));
        assert_eq!(of("Rejected"), Some(DeploymentState::Failure));
        assert_eq!(of("Cancelled"), Some(DeploymentState::Cancelled));
        assert_eq!(of("Planned"), None);
    }

    #[test]
    fn a_release_that_changes_nothing_succeeds_with_what_is_there() {
        let unchanged = release("Unchanged", &json!({}));
        assert_eq!(check(&unchanged, true), Some(StatusState::Success));
        assert_eq!(check(&unchanged, false), None);
        assert_eq!(deployment(&unchanged), Some(DeploymentState::Cancelled), "nothing is deployed");
    }

    #[test]
    fn a_rollback_is_a_deployment_and_says_nothing_of_the_commit() {
        let back = json!({"rollbackTo": {"commit": "abcdef0"}, "reason": "x"});
        assert_eq!(check(&release("Healthy", &back), true), None);
        assert_eq!(deployment(&release("Healthy", &back)), Some(DeploymentState::Success));
        let plan = json!({"planOnly": true});
        assert_eq!(deployment(&release("Healthy", &plan)), None);
    }

    #[test]
    fn production_is_told_by_its_name() {
        for (name, is) in [
            ("production", true),
            ("prod", true),
            ("prod-eu", true),
            ("staging", false),
            ("preprod", false),
            ("products", false),
        ] {
            assert_eq!(is_production(name), is, "{name}");
        }
    }
}
