//! Old sets go when the last of their releases has gone; git keeps the history.

use std::sync::Arc;

use gimlet_crds::{Environment, ReleaseSet};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};

use crate::context::Context;

/// Deletes the oldest ended sets of the environment beyond what it keeps of each app's releases.
pub(super) async fn prune(set: &ReleaseSet, environment: Option<&Environment>, ctx: &Context) {
    let Some(environment) = environment else { return };
    let namespace = set.namespace().unwrap_or_default();
    let kept = usize::try_from(environment.spec.retention.releases_per_app).unwrap_or(1);
    let api: Api<ReleaseSet> = Api::namespaced(ctx.client.clone(), &namespace);
    let has_release = |set: &ReleaseSet| {
        let members = set.status.iter().flat_map(|status| &status.releases);
        members.into_iter().any(|member| ctx.release(&namespace, &member.release).is_some())
    };
    for old in surplus(ctx.sets_of(&namespace, &set.spec.environment), kept, has_release) {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: old.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&old.name_any(), &params).await {
            Ok(_) => tracing::info!(set = old.name_any(), "an old set was pruned"),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => {
                tracing::warn!(error = %error, set = old.name_any(), "an old set was not pruned");
            }
        }
    }
}

/// Picks the sets that are too many: ended, oldest first. Those with releases stay, for the releases
/// would go with them.
fn surplus(
    mut sets: Vec<Arc<ReleaseSet>>,
    kept: usize,
    has_release: impl Fn(&ReleaseSet) -> bool,
) -> Vec<Arc<ReleaseSet>> {
    sets.retain(|set| set.status.as_ref().is_some_and(|status| status.timestamps.ended.is_some()));
    sets.sort_by_key(|set| (set.creation_timestamp(), set.name_any()));
    let surplus = sets.len().saturating_sub(kept.max(1));
    sets.truncate(surplus);
    sets.retain(|set| !has_release(set));
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, second: i64, ended: bool) -> Arc<ReleaseSet> {
        let time = jiff::Timestamp::from_second(second).unwrap();
        let timestamps = if ended { json!({"ended": time}) } else { json!({}) };
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
                "metadata": {"name": name, "creationTimestamp": time},
                "spec": {"environment": "e"}, "status": {"timestamps": timestamps}
            }))
            .unwrap(),
        )
    }

    #[test]
    fn the_oldest_ended_sets_without_releases_go() {
        let sets = || {
            vec![
                set("new", 9, true),
                set("open", 1, false),
                set("old", 2, true),
                set("with-releases", 3, true),
                set("mid", 4, true),
            ]
        };
        let names = |kept| -> Vec<_> {
            let gone = surplus(sets(), kept, |set| set.name_any() == "with-releases");
            gone.iter().map(|set| set.name_any()).collect()
        };
        assert_eq!(names(1), ["old", "mid"]);
        assert_eq!(names(2), ["old"]);
        assert_eq!(names(9), Vec::<String>::new());
    }
}
