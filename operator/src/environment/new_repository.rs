//! A gitops repository that is not there yet, and is made at its host.

use std::sync::Arc;

use gimlet_crds::{Environment, Visibility};
use gimlet_gitops::{GitErrorKind, RemoteUrl};
use gimlet_hosts::{HostError, NewRepository};
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::EnvironmentError;
use crate::context::Context;
use crate::flux;
use crate::remotes::Access;

/// What tells that a repository was there, beside the status of its environment, which does not come
/// back from every backup.
struct Traces {
    /// All environments.
    environments: Vec<Arc<Environment>>,
    has_apps: bool,
    /// Flux follows it.
    is_followed: bool,
}

/// Tells whether the repository of an environment has to be made, after git has said that there is none.
/// Where there was one, it has not: it would come back empty, and Flux would remove what runs.
pub(super) fn is_to_be_made(environment: &Environment, error: GitErrorKind, ctx: &Context) -> bool {
    let is_asked_for = environment.spec.gitops.create_repository.is_some();
    // Of what may not be seen, hosts say the one or the other.
    if !is_asked_for || !matches!(error, GitErrorKind::NotFound | GitErrorKind::Unauthorized) {
        return false;
    }
    let namespace = environment.namespace().unwrap_or_default();
    let source = flux::environment_object(&environment.name_any());
    let traces = Traces {
        environments: ctx.all_environments(),
        has_apps: !ctx.apps_of(&namespace, &environment.name_any()).is_empty(),
        is_followed: ctx.flux.source(&environment.spec.flux.namespace, &source).is_some(),
    };
    !traces.tell_of(environment)
}

impl Traces {
    fn tell_of(&self, environment: &Environment) -> bool {
        let place = |of: &Environment| {
            RemoteUrl::parse(&of.spec.gitops.url, false).ok().map(|url| url.key().to_owned())
        };
        let had_commits =
            |of: &Environment| of.status.as_ref().is_some_and(|status| status.head.is_some());
        let own = place(environment);
        self.has_apps
            || self.is_followed
            || had_commits(environment)
            || self.environments.iter().any(|other| had_commits(other) && place(other) == own)
    }
}

/// Makes the repository of an environment. That it is there is no fault: another environment may have
/// asked for the same one.
pub(super) async fn make(
    environment: &Environment,
    access: &Access,
    ctx: &Context,
) -> Result<(), EnvironmentError> {
    let gitops = &environment.spec.gitops;
    let (Some(visibility), Some(host)) = (gitops.create_repository, &access.host) else {
        return Ok(());
    };
    let new = NewRepository {
        private: visibility == Visibility::Private,
        description: "What runs: rendered manifests, written by Gimlet and applied by Flux".into(),
        branch: gitops.branch.clone(),
    };
    match host.create(&new).await {
        Ok(_) => {
            let note = format!("made the repository {}", gitops.url);
            ctx.event(environment, EventType::Normal, "RepositoryCreated", &note);
            Ok(())
        }
        Err(HostError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(name: &str, url: &str, head: bool) -> Environment {
        let commit = "0".repeat(40);
        let head = json!({
            "commit": commit, "short": &commit[..7], "time": "2026-01-02T03:04:05Z",
        })
        .as_object()
        .filter(|_| head)
        .cloned();
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": name},
            "spec": {"gitops": {"url": url}}, "status": {"head": head},
        }))
        .unwrap()
    }

    #[test]
    fn a_repository_that_left_any_trace_was_there() {
        let url = "https://git.example.com/a/b.git";
        let new = environment("staging", url, false);
        let none = || Traces { environments: Vec::new(), has_apps: false, is_followed: false };
        assert!(!none().tell_of(&new));
        assert!(none().tell_of(&environment("staging", url, true)));
        assert!(Traces { has_apps: true, ..none() }.tell_of(&new));
        assert!(Traces { is_followed: true, ..none() }.tell_of(&new));
        let beside = |url: &str, head: bool| Traces {
            environments: vec![Arc::new(environment("production", url, head))],
            ..none()
        };
        assert!(beside("https://git.example.com/a/b", true).tell_of(&new), "the same repository");
        assert!(!beside("https://git.example.com/a/b", false).tell_of(&new));
        assert!(!beside("https://git.example.com/a/other", true).tell_of(&new));
    }
}
