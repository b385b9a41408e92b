//! Old artifacts go; what was released of them stays in git.

use std::collections::HashSet;
use std::sync::Arc;

use gimlet_crds::{Artifact, ArtifactEvent, ArtifactRef};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};

use crate::context::Context;

/// Deletes the oldest artifacts of a repository's branch, or of its tags, beyond what is kept.
pub(super) async fn prune(artifact: &Artifact, ctx: &Context) {
    let namespace = artifact.namespace().unwrap_or_default();
    let kin = ctx.artifacts_like(artifact);
    let old = surplus(kin, &used(&namespace, ctx), ctx.artifacts_per_branch);
    delete(old, &namespace, ctx).await;
}

async fn delete(old: Vec<Arc<Artifact>>, namespace: &str, ctx: &Context) {
    let api: Api<Artifact> = Api::namespaced(ctx.client.clone(), namespace);
    for old in old {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: old.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&old.name_any(), &params).await {
            Ok(_) => tracing::info!(artifact = old.name_any(), "an old artifact was pruned"),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => {
                tracing::warn!(error = %error, artifact = old.name_any(), "an old artifact was not pruned");
            }
        }
    }
}

/// Deletes the artifacts of a branch that is gone.
pub(crate) async fn forget_branch(namespace: &str, repository: &str, branch: &str, ctx: &Context) {
    let used = used(namespace, ctx);
    let of_branch = ctx.artifacts_of(namespace, repository, branch);
    let gone = of_branch
        .into_iter()
        .filter(|found| super::is_judged(found) && !used.contains(&found.name_any()));
    delete(gone.collect(), namespace, ctx).await;
}

/// Names the artifacts of a namespace that somebody still needs: those of the releases that are
/// there, and those that apps run or ran before.
fn used(namespace: &str, ctx: &Context) -> HashSet<String> {
    let here = |reference: &ArtifactRef, own: &str| {
        let of = reference.namespace.as_deref().unwrap_or(own);
        (of == namespace).then(|| reference.name.clone())
    };
    let mut used = HashSet::new();
    for release in ctx.releases.state() {
        let Ok(release) = &release.0 else { continue };
        let own = release.namespace().unwrap_or_default();
        let pinned = release.status.as_ref().and_then(|status| status.artifact.as_ref());
        let open = release.status.as_ref().is_none_or(|status| status.timestamps.ended.is_none());
        let references = [release.spec.artifact.as_ref(), pinned].into_iter().flatten();
        if open {
            used.extend(references.filter_map(|reference| here(reference, &own)));
        }
    }
    for app in ctx.apps.state() {
        let Ok(app) = &app.0 else { continue };
        if app.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let own = app.namespace().unwrap_or_default();
        let releases = app.status.iter().flat_map(|status| [&status.current, &status.previous]);
        let references = releases.flatten().filter_map(|release| release.artifact.as_ref());
        used.extend(references.filter_map(|reference| here(reference, &own)));
    }
    used
}

/// Tells the age that retention goes by. Of tags it is that of the tag itself: an artifact that was made
/// of a commit would be made again once it is pruned, and would release what is long over.
fn age(artifact: &Artifact) -> Option<Time> {
    let tagged = artifact.spec.created.clone();
    let tagged = tagged.filter(|_| artifact.spec.event == ArtifactEvent::Tag);
    tagged.or_else(|| artifact.creation_timestamp())
}

/// Tells when the oldest of the tags was made that retention keeps, where there are so many: those
/// before it are not missing, but pruned.
pub(crate) fn oldest_kept(namespace: &str, repository: &str, ctx: &Context) -> Option<Timestamp> {
    oldest_of(&ctx.artifacts_of_tags(namespace, repository), ctx.artifacts_per_branch)
}

fn oldest_of(kin: &[Arc<Artifact>], kept: usize) -> Option<Timestamp> {
    let mut ages: Vec<_> = kin.iter().map(|artifact| age(artifact)).collect();
    ages.sort_by(|one, other| other.cmp(one));
    ages.get(kept.max(1) - 1)?.as_ref().map(|time| time.0)
}

/// Picks the artifacts that are too many: judged, not in use, oldest first.
fn surplus(mut kin: Vec<Arc<Artifact>>, used: &HashSet<String>, kept: usize) -> Vec<Arc<Artifact>> {
    kin.sort_by_key(|artifact| (age(artifact), artifact.creation_timestamp(), artifact.name_any()));
    let count = kin.len().saturating_sub(kept.max(1));
    kin.truncate(count);
    kin.retain(|artifact| super::is_judged(artifact) && !used.contains(&artifact.name_any()));
    kin
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn artifact(name: &str, second: i64, ready: &str) -> Arc<Artifact> {
        let created = jiff::Timestamp::from_second(second).unwrap();
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
                "metadata": {"name": name, "uid": name, "creationTimestamp": created},
                "spec": {"version": {"repository": "acme/shop", "sha": "abcdef0", "branch": "main"}, "manifests": []},
                "status": {"conditions": [{
                    "type": "Ready", "status": ready, "reason": "Judged", "message": "",
                    "lastTransitionTime": created
                }]}
            }))
            .unwrap(),
        )
    }

    #[test]
    fn the_oldest_that_nobody_uses_go() {
        let kin = || {
            vec![
                artifact("new", 9, "True"),
                artifact("unjudged", 1, "False"),
                artifact("used", 2, "True"),
                artifact("old", 3, "True"),
                artifact("mid", 4, "True"),
            ]
        };
        let used = HashSet::from(["used".to_owned()]);
        let names = |kept| -> Vec<_> {
            surplus(kin(), &used, kept).iter().map(|artifact| artifact.name_any()).collect()
        };
        assert_eq!(names(1), ["old", "mid"]);
        assert_eq!(names(2), ["old"]);
        assert_eq!(names(9), Vec::<String>::new());
        assert_eq!(names(0), ["old", "mid"], "one is always kept");
    }

    #[test]
    fn a_tag_is_as_old_as_itself_and_what_was_pruned_is_not_missing() {
        let tag = |name: &str, tagged: i64, made: i64| {
            let mut tag = Arc::unwrap_or_clone(artifact(name, made, "True"));
            tag.spec.event = ArtifactEvent::Tag;
            tag.spec.created = Some(Time(Timestamp::from_second(tagged).unwrap()));
            Arc::new(tag)
        };
        // The first was made again after it had been pruned.
        let kin = || vec![tag("v1", 1, 9), tag("v2", 2, 4), tag("v3", 3, 5)];
        let pruned = surplus(kin(), &HashSet::new(), 2);
        assert_eq!(pruned.iter().map(|tag| tag.name_any()).collect::<Vec<_>>(), ["v1"]);
        assert_eq!(oldest_of(&kin(), 2), Timestamp::from_second(2).ok());
        assert_eq!(oldest_of(&kin(), 3), Timestamp::from_second(1).ok());
        assert_eq!(oldest_of(&kin(), 4), None, "nothing was pruned yet");
    }
}
