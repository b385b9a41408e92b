//! Old changes go; the repository keeps the history.

use std::sync::Arc;

use gimlet_crds::ConfigChange;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};

use crate::context::Context;

/// Ended changes that are kept of each repository.
const KEPT: usize = 50;

/// Deletes the oldest ended changes of the same repository beyond those that are kept.
pub(super) async fn prune(change: &ConfigChange, ctx: &Context) {
    let namespace = change.namespace().unwrap_or_default();
    let api: Api<ConfigChange> = Api::namespaced(ctx.client.clone(), &namespace);
    for old in surplus(ctx.changes_of(&namespace, &change.spec.repository), KEPT) {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: old.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&old.name_any(), &params).await {
            Ok(_) => tracing::info!(change = old.name_any(), "an old change was pruned"),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => {
                tracing::warn!(error = %error, change = old.name_any(), "an old change was not pruned");
            }
        }
    }
}

/// Picks the changes that are too many: ended, oldest first.
fn surplus(mut changes: Vec<Arc<ConfigChange>>, kept: usize) -> Vec<Arc<ConfigChange>> {
    changes.retain(|change| change.status.as_ref().is_some_and(|status| status.phase.is_end()));
    changes.sort_by_key(|change| (change.creation_timestamp(), change.name_any()));
    changes.truncate(changes.len().saturating_sub(kept));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_oldest_ended_changes_go() {
        let change = |name: &str, second: i64, phase: &str| -> Arc<ConfigChange> {
            let time = jiff::Timestamp::from_second(second).unwrap();
            Arc::new(
                serde_json::from_value(json!({
                    "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
                    "metadata": {"name": name, "creationTimestamp": time},
                    "spec": {"repository": "r", "path": ".gimlet/a.yaml", "message": "m"},
                    "status": {"phase": phase},
                }))
                .unwrap(),
            )
        };
        let all = vec![
            change("new", 9, "Committed"),
            change("open", 1, "Proposed"),
            change("old", 2, "Conflict"),
            change("mid", 4, "Failed"),
        ];
        let gone: Vec<_> = surplus(all, 1).iter().map(|change| change.name_any()).collect();
        assert_eq!(gone, ["old", "mid"]);
    }
}
