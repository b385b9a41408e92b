//! Which apps a set is for.

use gimlet_crds::{ArtifactRef, Environment, Release, ReleaseSet};
use gimlet_gitops::MAX_MEMBERS;
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use super::member;
use crate::context::Context;
use crate::error::ApiError;
use crate::release::{ReleaseError, apps_of_artifact, find_artifact, was_there};

/// The apps of a set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Apps {
    pub(super) chosen: Vec<String>,
    /// Those that a rollback leaves as they are.
    pub(super) left_out: Vec<String>,
}

/// Finds out which apps a set is for.
pub(super) async fn apps(
    set: &ReleaseSet,
    environment: &Environment,
    ctx: &Context,
) -> Result<Apps, ReleaseError> {
    let spec = &set.spec;
    let mut apps = match &spec.artifact {
        _ if !spec.apps.is_empty() => Apps { chosen: spec.apps.clone(), left_out: Vec::new() },
        Some(artifact) => of_artifact(set, artifact, environment, ctx).await?,
        None => of_environment(set, environment, ctx).await?,
    };
    if apps.chosen.len() > MAX_MEMBERS {
        return Err(ReleaseError::Set {
            reason: "TooManyApps",
            message: format!(
                "the set is for {} apps, and a commit has at most {MAX_MEMBERS}: name fewer in apps",
                apps.chosen.len()
            ),
        });
    }
    apps.chosen.sort();
    apps.left_out.sort();
    Ok(apps)
}

async fn of_artifact(
    set: &ReleaseSet,
    reference: &ArtifactRef,
    environment: &Environment,
    ctx: &Context,
) -> Result<Apps, ReleaseError> {
    let namespace = set.namespace().unwrap_or_default();
    let artifact = find_artifact(reference, &namespace, environment, ctx)?;
    let chosen = apps_of_artifact(&artifact, environment, ctx).await;
    if chosen.is_empty() {
        return Err(ReleaseError::Set {
            reason: "ManifestNotFound",
            message: format!(
                "the artifact {} has no manifest for the environment {} that is valid",
                reference.name, set.spec.environment
            ),
        });
    }
    Ok(Apps { chosen, left_out: Vec::new() })
}

/// Takes all apps of the environment that were there then; what came later stays.
async fn of_environment(
    set: &ReleaseSet,
    environment: &Environment,
    ctx: &Context,
) -> Result<Apps, ReleaseError> {
    let namespace = set.namespace().unwrap_or_default();
    let mut apps = Apps::default();
    let mut why = "it has no apps".to_owned();
    for app in ctx.apps_of(&namespace, &set.spec.environment) {
        let app = app.spec.app.clone();
        match was_there(&member::make(set, &app), environment, ctx).await? {
            Ok(()) => apps.chosen.push(app),
            Err(message) => {
                why = format!("{app}: {message}");
                apps.left_out.push(app);
            }
        }
    }
    if apps.chosen.is_empty() {
        return Err(ReleaseError::Set {
            reason: "NothingToRollBackTo",
            message: format!("no app of the environment can be rolled back: {why}"),
        });
    }
    Ok(apps)
}

/// Creates the releases of apps; those that are there are left alone.
pub(super) async fn create(
    set: &ReleaseSet,
    apps: &[String],
    ctx: &Context,
) -> Result<(), ReleaseError> {
    let namespace = set.namespace().unwrap_or_default();
    let api: Api<Release> = Api::namespaced(ctx.client.clone(), &namespace);
    for app in apps {
        let release = member::make(set, app);
        let name = release.name_any();
        match api.create(&PostParams::default(), &release).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                // Else it is only not in the cache yet.
                let found = ctx.release(&namespace, &name);
                if found.is_some_and(|found| !member::has_made(set, &found)) {
                    return Err(ReleaseError::Set {
                        reason: "NameTaken",
                        message: format!(
                            "there is a Release {name} that the set has not made: delete it, and \
                             create the set anew"
                        ),
                    });
                }
            }
            Err(error) => {
                return Err(ApiError::new(format!("create the Release {name}"), error).into());
            }
        }
    }
    Ok(())
}
