//! Where the commits of an application run, as Apps and Artifacts record it.

use std::sync::Arc;

use gimlet_crds::{App, AppRelease, Artifact};
use kube::ResourceExt;

use super::source_model::{CommitArtifact, Deployment};
use crate::context::Context;

/// The fewest digits of an abbreviated commit that count.
const SHORTEST: usize = 7;
/// With so many digits no two commits are confused, whatever their repositories.
const WHOLE: usize = 40;

/// Tells whether a recorded commit, perhaps abbreviated, is this one.
fn is(recorded: &str, sha: &str) -> bool {
    recorded.len() >= SHORTEST
        && sha.get(..recorded.len()).is_some_and(|start| start.eq_ignore_ascii_case(recorded))
}

/// Lists where the commit of a repository is what was released last.
///
/// `apps` are those that the caller may see, each with the name of the repository that its current
/// release came from, where that is known.
pub(super) fn deployments(
    apps: &[(Arc<App>, Option<String>)],
    repository: &str,
    sha: &str,
) -> Vec<Deployment> {
    let mut found: Vec<Deployment> = apps
        .iter()
        .filter_map(|(app, from)| {
            let status = app.status.as_ref()?;
            let current = status.current.as_ref()?;
            let recorded = current.source.as_deref()?;
            let here = match from {
                Some(from) => from.eq_ignore_ascii_case(repository),
                None => recorded.len() >= WHOLE,
            };
            (here && is(recorded, sha)).then(|| Deployment {
                namespace: app.namespace().unwrap_or_default(),
                environment: app.spec.environment.clone(),
                app: app.spec.app.clone(),
                release: current.name.clone(),
                version: current.version.clone(),
                time: current.time.0.to_string(),
                commit: current.commit.clone(),
                state: status.live.as_ref().map(|live| live.state),
            })
        })
        .collect();
    found.sort_by(|a, b| {
        (&a.namespace, &a.environment, &a.app).cmp(&(&b.namespace, &b.environment, &b.app))
    });
    found
}

/// Lists the artifacts that were made of a commit.
pub(super) fn artifacts(
    artifacts: &[Arc<Artifact>],
    repository: &str,
    sha: &str,
) -> Vec<CommitArtifact> {
    let mut found: Vec<CommitArtifact> = artifacts
        .iter()
        .filter(|artifact| {
            let version = &artifact.spec.version;
            version.repository.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(repository))
                && version.sha.as_deref().is_some_and(|recorded| is(recorded, sha))
        })
        .map(|artifact| CommitArtifact {
            name: artifact.name_any(),
            event: artifact.spec.event,
            branch: artifact.spec.version.branch.clone(),
            tag: artifact.spec.version.tag.clone(),
            pull_request: artifact.spec.pull_request,
            released: artifact.status.as_ref().map(|status| status.released),
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Finds the repository that an app's current release came from.
pub(super) fn origin(app: &App, ctx: &Context) -> Option<String> {
    let namespace = app.namespace().unwrap_or_default();
    let AppRelease { name, artifact, .. } = app.status.as_ref()?.current.as_ref()?;
    let of_artifact = artifact.as_ref().and_then(|reference| {
        let place = reference.namespace.as_deref().unwrap_or(&namespace);
        ctx.artifact(place, &reference.name)?.spec.version.repository.clone()
    });
    of_artifact.or_else(|| {
        let release = ctx.release(&namespace, name)?;
        release.spec.version.as_ref()?.repository.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::{ArtifactEvent, LiveState};
    use serde_json::json;

    fn app(name: &str, source: &str) -> Arc<App> {
        let object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": format!("{name}.staging"), "namespace": "team"},
            "spec": {"app": name, "environment": "staging"},
            "status": {
                "current": {"name": "r1", "uid": "u", "source": source, "commit": "c", "tree": "t",
                            "version": "v1", "time": "2026-01-01T00:00:00Z"},
                "live": {"state": "Healthy"},
            },
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_commit_is_deployed_where_an_app_of_its_repository_says_so() {
        let sha = "abcdef0123".repeat(4);
        let other = "1234567890".repeat(4);
        let apps = [
            (app("web", &sha), Some("Acme/Shop".to_owned())),
            (app("short", &sha[..7]), Some("acme/shop".to_owned())),
            (app("elsewhere", &sha[..7]), Some("acme/blog".to_owned())),
            (app("whole", &sha), None),
            (app("unsure", &sha[..9]), None),
            (app("other", &other), Some("acme/shop".to_owned())),
            (app("nothing", ""), Some("acme/shop".to_owned())),
        ];
        let found = deployments(&apps, "acme/shop", &sha);
        let names: Vec<_> = found.iter().map(|found| found.app.as_str()).collect();
        assert_eq!(names, ["short", "web", "whole"]);
        let web = &found[1];
        assert_eq!((web.environment.as_str(), web.state), ("staging", Some(LiveState::Healthy)));
        assert!(deployments(&apps, "acme/shop", &"f".repeat(40)).is_empty());
    }

    #[test]
    fn artifacts_of_a_commit_are_those_of_its_repository() {
        let artifact = |name: &str, repository: &str, sha: &str| -> Arc<Artifact> {
            let object = json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": name},
                "spec": {"event": "Tag", "manifests": [],
                         "version": {"repository": repository, "sha": sha, "tag": "v1"}},
            });
            Arc::new(serde_json::from_value(object).unwrap())
        };
        let sha = "abcdef0123".repeat(4);
        let all = [
            artifact("b", "acme/shop", &sha[..8]),
            artifact("a", "acme/shop", &sha),
            artifact("c", "acme/blog", &sha),
            artifact("d", "acme/shop", &"1".repeat(40)),
        ];
        let found = artifacts(&all, "acme/shop", &sha);
        let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((found[0].event, found[0].tag.as_deref()), (ArtifactEvent::Tag, Some("v1")));
    }
}
