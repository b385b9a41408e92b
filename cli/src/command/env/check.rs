//! `env check`: every link of the chain from an environment to what runs, with a tick or a cause.

mod chain;

use clap::Args;
use gimlet_crds::{App, Environment};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};

use self::chain::{Links, Seen};
use super::credentials;
use super::flux::{self, Found, Readiness};
use super::workload::WorkloadArgs;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::check::{self, Check};
use crate::command::write::fetch;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::live::refused;
use crate::output::Format;

/// Check every link of an environment's chain, and say what to do about the first that is broken
///
/// Looks at the Environment, its credentials, the repository with its branch and its flux/ folder, Flux in
/// the workload cluster with its Secret, its GitRepository and its Kustomizations, the agent if there is to be
/// one, and the apps. Nothing is changed. What you may not see is marked with ?. Exits with 1 if something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env check staging
  gimlet env check staging --cluster-context eu-1 -o json")]
pub(super) struct CheckArgs {
    /// Name of the environment
    #[arg(value_name = "ENV", add = complete::environments())]
    name: String,
    #[command(flatten)]
    workload: WorkloadArgs,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(args: &CheckArgs, global: &Global) -> Result<Finish, CommandError> {
    let management = Cluster::connect(global).await?;
    let environment = fetch::<Environment>(&management, &args.name).await?;
    let apps = apps(&management, &args.name).await?;
    let secret = match &environment.spec.gitops.secret_ref {
        Some(secret) => {
            let namespace = &management.namespace;
            let there = credentials::is_there(&management, namespace, &secret.name).await?;
            Some((secret.name.clone(), there))
        }
        None => None,
    };
    let seen = Seen { environment: &environment, secret };
    let mut checks = chain::of_environment(&seen, jiff::Timestamp::now());
    let connect = format!(
        "gimlet env connect {} -n {}{}",
        args.name,
        management.namespace,
        args.workload.words()
    );
    match args.workload.connect(global, &management, &environment).await {
        Ok(cluster) => match look(&cluster, &environment, &apps).await {
            Ok(links) => checks.extend(chain::of_cluster(&seen, &links, &connect)),
            Err(error) => checks.push(failed(&error)),
        },
        Err(error) => checks.push(failed(&error)),
    }
    checks.extend(chain::of_agent(&environment, &connect));
    checks.extend(chain::of_apps(&apps));
    check::report(&checks, args.output)
}

fn failed(error: &CommandError) -> Check {
    let next = error.next().unwrap_or("name the workload cluster with --cluster-context");
    Check::wrong("workload cluster", error.message(), next)
}

/// Returns the apps of an environment, in the order of their names.
pub(super) async fn apps(cluster: &Cluster, environment: &str) -> Result<Vec<App>, CommandError> {
    let params = ListParams::default().fields(&format!("spec.environment={environment}"));
    let found = cluster
        .api::<App>()
        .list(&params)
        .await
        .map_err(|error| cluster.request("list", "apps", None).failed(&error))?;
    let mut apps = found.items;
    apps.sort_by_key(ResourceExt::name_any);
    Ok(apps)
}

/// Looks at Flux and its objects in the workload cluster.
async fn look(
    cluster: &Cluster,
    environment: &Environment,
    apps: &[App],
) -> Result<Links, CommandError> {
    let flux = flux::detect(cluster, &cluster.namespace).await?;
    let mut links = Links { flux, secret: None, source: None, root: None, apps: Vec::new() };
    if matches!(links.flux, Found::Lacking { .. }) {
        return Ok(links);
    }
    if let Some(secret) = &environment.spec.flux.secret_ref {
        links.secret = credentials::is_there(cluster, &cluster.namespace, &secret.name).await?;
    }
    let name = flux::env_of(environment)?.name();
    let sources = flux::git_repositories();
    let api = Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &sources);
    links.source = readiness(cluster, &api, &sources.plural, &name).await?;
    let kustomizations = flux::kustomizations();
    let api = Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &kustomizations);
    links.root = readiness(cluster, &api, &kustomizations.plural, &name).await?;
    if environment.spec.flux.kustomization_per_app {
        for app in apps.iter().filter(|app| in_git(app)) {
            let name = format!("{}-{}", environment.name_any(), app.spec.app);
            let found = readiness(cluster, &api, &kustomizations.plural, &name).await?;
            links.apps.push((name, found));
        }
    }
    Ok(links)
}

/// Tells whether an app was released.
fn in_git(app: &App) -> bool {
    app.status.as_ref().is_some_and(|status| status.current.is_some())
}

async fn readiness(
    cluster: &Cluster,
    api: &Api<DynamicObject>,
    plural: &str,
    name: &str,
) -> Result<Option<Readiness>, CommandError> {
    let found = api
        .get_opt(name)
        .await
        .map_err(|error| refused(cluster, "get", plural, &cluster.namespace, &error))?;
    Ok(found.map(|object| Readiness::of(&object.data, object.metadata.generation)))
}
