//! Paths in the gitops repository.

use gimlet_crds::Environment;
use gimlet_crds::name::{AppName, EnvName, InvalidName};
use gimlet_gitops::{PathError, RepoPath};
use gimlet_manifest::flux::FluxEnv;
use kube::ResourceExt;

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

/// Returns what Flux' objects are made from.
pub(crate) fn flux_env(environment: &Environment) -> Result<FluxEnv, InvalidName> {
    let gitops = &environment.spec.gitops;
    let flux = &environment.spec.flux;
    Ok(FluxEnv {
        environment: EnvName::parse(&environment.name_any())?,
        namespace: flux.namespace.clone(),
        url: gitops.url.clone(),
        branch: gitops.branch.clone(),
        path: gitops.path.clone(),
        interval: flux.interval.clone(),
        timeout: flux.timeout.clone(),
        wait: flux.wait,
        service_account: flux.service_account_name.clone(),
        secret_name: flux.secret_ref.as_ref().map(|secret| secret.name.clone()),
        decryption_secret: environment
            .spec
            .encryption
            .as_ref()
            .map(|encryption| encryption.flux_secret_ref.name.clone()),
        kustomization_per_app: flux.kustomization_per_app,
    })
}

fn inside(environment: &Environment, rest: &str) -> Result<RepoPath, PathError> {
    match environment.spec.gitops.path.as_str() {
        "" => RepoPath::parse(rest),
        path => RepoPath::parse(&format!("{path}/{rest}")),
    }
}
