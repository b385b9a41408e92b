//! Old Release objects go; git keeps the history.

use std::sync::Arc;

use gimlet_crds::{Phase, Release};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};
use kube::runtime::controller::Action;

use super::decide::order;
use super::gather::Around;
use crate::context::Context;

/// Deletes the oldest ended releases of the app beyond what the environment keeps.
pub(super) async fn prune(release: &Release, around: &Around, ctx: &Context) -> Action {
    let namespace = release.namespace().unwrap_or_default();
    let api: Api<Release> = Api::namespaced(ctx.client.clone(), &namespace);
    for old in surplus(around) {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: old.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&old.name_any(), &params).await {
            Ok(_) => tracing::info!(release = old.name_any(), "an old release was pruned"),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => {
                tracing::warn!(error = %error, release = old.name_any(), "an old release was not pruned");
            }
        }
    }
    Action::await_change()
}

/// Picks the releases that are too many: ended, oldest first, never the newest one in git.
fn surplus(around: &Around) -> Vec<Arc<Release>> {
    let Some(environment) = &around.environment else {
        return Vec::new();
    };
    let kept = usize::try_from(environment.spec.retention.releases_per_app).unwrap_or(1).max(1);
    let in_git = |r: &&Arc<Release>| r.status.as_ref().is_some_and(|s| s.commit.is_some());
    let current = around.releases.iter().filter(in_git).max_by_key(|r| order(r)).map(|r| r.uid());
    let mut ended: Vec<_> = around
        .releases
        .iter()
        .filter(|r| has_ended(r) && Some(r.uid()) != current)
        .cloned()
        .collect();
    ended.sort_by_key(|r| order(r));
    let others = kept.saturating_sub(usize::from(current.is_some()));
    let surplus = ended.len().saturating_sub(others);
    ended.truncate(surplus);
    ended
}

fn has_ended(release: &Release) -> bool {
    let Some(status) = &release.status else {
        return false;
    };
    match status.phase {
        Phase::Healthy | Phase::Failed | Phase::Unchanged => true,
        Phase::Planned => release.spec.plan_only,
        // Nothing reports of it, and a newer one is in git: `surplus` spares the newest.
        Phase::Committed => gimlet_crds::condition::is_true(&status.conditions, "Ready"),
        phase => phase.ended_before_git(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(name: &str, second: i64, phase: &str, commit: bool) -> Arc<Release> {
        let mut status = json!({"phase": phase});
        if commit {
            status["commit"] = json!({"sha": "a", "short": "a", "branch": "main", "path": "x"});
        }
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
                "metadata": {"name": name, "uid": name, "creationTimestamp": jiff::Timestamp::from_second(second).unwrap()},
                "spec": {"app": "a", "environment": "e"},
                "status": status
            }))
            .unwrap(),
        )
    }

    fn names(kept: i32, releases: Vec<Arc<Release>>) -> Vec<String> {
        let environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": "e"},
            "spec": {"gitops": {"url": "https://x/y"}, "retention": {"releasesPerApp": kept}}
        }))
        .unwrap();
        let around = Around {
            word: crate::witness::Word::Nobody(String::new()),
            environment: Some(Arc::new(environment)),
            app: None,
            releases,
            before: Vec::new(),
            approvals: Vec::new(),
            set: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        surplus(&around).iter().map(|r| r.name_any()).collect()
    }

    #[test]
    fn the_oldest_ended_releases_go_and_the_current_one_stays() {
        let releases = vec![
            release("current", 1, "Healthy", true),
            release("old", 2, "Failed", false),
            release("mid", 3, "Superseded", false),
            release("new", 4, "Cancelled", false),
            release("open", 5, "Waiting", false),
        ];
        assert_eq!(names(2, releases.clone()), ["old", "mid"]);
        assert_eq!(names(10, releases), Vec::<String>::new());
    }
}
