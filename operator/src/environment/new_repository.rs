//! A gitops repository that is not there yet, and is made at its host.

use gimlet_crds::{Environment, Visibility};
use gimlet_gitops::GitErrorKind;
use gimlet_hosts::{HostError, NewRepository};
use kube::runtime::events::EventType;

use super::EnvironmentError;
use crate::context::Context;
use crate::remotes::Access;

/// Tells whether an environment asks for its repository to be made, after git has said that there is
/// none. Where there was one, it is not: it would come back empty, and Flux would remove what runs.
pub(super) fn is_to_be_made(environment: &Environment, error: GitErrorKind) -> bool {
    let was_there = environment.status.as_ref().is_some_and(|status| status.head.is_some());
    environment.spec.gitops.create_repository.is_some()
        && !was_there
        // Of what may not be seen, hosts say the one or the other.
        && matches!(error, GitErrorKind::NotFound | GitErrorKind::Unauthorized)
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

    #[test]
    fn only_a_repository_that_never_was_there_is_made() {
        let environment = |spec: serde_json::Value, head: bool| -> Environment {
            let mut object = json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "staging"},
                "spec": {"gitops": {"url": "https://git.example.com/a/b"}}, "status": {},
            });
            for (key, value) in spec.as_object().unwrap() {
                object["spec"]["gitops"][key] = value.clone();
            }
            if head {
                let commit = "0".repeat(40);
                object["status"]["head"] = json!({
                    "commit": commit, "short": &commit[..7], "time": "2026-01-02T03:04:05Z",
                });
            }
            serde_json::from_value(object).unwrap()
        };
        let wanted = || json!({"provider": "Gitea", "createRepository": "Private"});
        for (spec, head, kind, is) in [
            (wanted(), false, GitErrorKind::NotFound, true),
            (wanted(), false, GitErrorKind::Unauthorized, true),
            (wanted(), false, GitErrorKind::Unreachable, false),
            (wanted(), true, GitErrorKind::NotFound, false),
            (json!({}), false, GitErrorKind::NotFound, false),
        ] {
            assert_eq!(is_to_be_made(&environment(spec, head), kind), is, "{kind} {head}");
        }
    }
}
