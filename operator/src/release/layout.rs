//! Paths in the gitops repository.

use gimlet_crds::Environment;
use gimlet_crds::name::AppName;
use gimlet_gitops::{PathError, RepoPath};
use gimlet_manifest::component::COMPONENT_FOLDER;

/// Returns the folder of an app.
pub(crate) fn app_folder(environment: &Environment, app: &AppName) -> Result<RepoPath, PathError> {
    inside(environment, app.as_str())
}

/// Returns the folder of Flux' objects.
pub(crate) fn flux_folder(environment: &Environment) -> Result<RepoPath, PathError> {
    inside(environment, "flux")
}

/// Returns a file in the folder of Flux' objects.
pub(crate) fn flux_file(environment: &Environment, file: &str) -> Result<RepoPath, PathError> {
    inside(environment, &format!("flux/{file}"))
}

/// Returns the folder of the platform's components.
pub(crate) fn component_folder(environment: &Environment) -> Result<RepoPath, PathError> {
    inside(environment, COMPONENT_FOLDER)
}

/// Returns a file in the folder of the platform's components.
pub(crate) fn component_file(environment: &Environment, file: &str) -> Result<RepoPath, PathError> {
    inside(environment, &format!("{COMPONENT_FOLDER}/{file}"))
}

fn inside(environment: &Environment, rest: &str) -> Result<RepoPath, PathError> {
    match environment.spec.gitops.path.as_str() {
        "" => RepoPath::parse(rest),
        path => RepoPath::parse(&format!("{path}/{rest}")),
    }
}
