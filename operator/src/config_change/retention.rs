//! Old records go; git keeps the history.

use std::sync::Arc;

use gimlet_crds::ConfigChange;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};

use crate::context::Context;

/// Ended changes that are kept of each repository.
const KEPT: usize = 20;

/// Deletes the oldest ended changes of the repository beyond those that are kept.
pub(super) async fn prune(change: &ConfigChange, ctx: &Context) {
    let namespace = change.namespace().unwrap_or_default();
    let api: Api<ConfigChange> = Api::namespaced(ctx.client.clone(), &namespace);
    for old in surplus(ctx.config_changes_of(&namespace, &change.spec.repository)) {
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

fn surplus(mut changes: Vec<Arc<ConfigChange>>) -> Vec<Arc<ConfigChange>> {
    changes.retain(|change| change.status.as_ref().is_some_and(|status| status.ended.is_some()));
    changes.sort_by_key(|change| (change.creation_timestamp(), change.name_any()));
    changes.truncate(changes.len().saturating_sub(KEPT));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_oldest_ended_changes_go() {
        let change = |second: i64, ended: bool| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            let status = if ended { json!({"ended": time}) } else { json!({}) };
            Arc::new(
                serde_json::from_value(json!({
                    "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
                    "metadata": {"name": format!("c{second}"), "creationTimestamp": time},
                    "spec": {"repository": "r", "branch": "b", "path": "p", "message": "m"},
                    "status": status
                }))
                .unwrap(),
            )
        };
        let all = (0..30).map(|n| change(n, n != 0)).collect();
        let gone: Vec<_> = surplus(all).iter().map(|change| change.name_any()).collect();
        assert_eq!(gone, (1..10).map(|n| format!("c{n}")).collect::<Vec<_>>());
    }
}
