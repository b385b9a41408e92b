//! `env upgrade`: brings what an earlier version put into a workload cluster to what this one would.

use clap::Args;
use gimlet_crds::Environment;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use super::flux::{self, Found};
use super::plan::{Plan, PlanArgs, show};
use super::workload::WorkloadArgs;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::write::{DryRun, fetch};
use crate::error::{CommandError, Finish};
use crate::live::refused;
use crate::{complete, output};

/// Bring Flux' objects of environments to what this version writes
///
/// The objects that gimlet env connect has put into the workload cluster are compared with what this version
/// would put there, and changed after you agreed; fields that others have set stay. The repository needs
/// nothing: the operator keeps its own files in flux/ as they should be, and leaves those of people alone.
/// Secrets are not touched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env upgrade staging --cluster-context eu-1
  # all environments of the namespace that the cluster follows
  gimlet env upgrade --cluster-context eu-1 --dry-run=server")]
pub(super) struct UpgradeArgs {
    /// Names of the environments; all of the namespace otherwise
    #[arg(value_name = "ENV", add = complete::environments())]
    names: Vec<String>,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) async fn run(args: &UpgradeArgs, global: &Global) -> Result<Finish, CommandError> {
    let management = Cluster::connect(global).await?;
    for environment in environments(&management, &args.names).await? {
        let name = environment.name_any();
        if args.plan.dry_run == DryRun::Client {
            show(&flux::objects(&environment)?)?;
            continue;
        }
        let cluster = args.workload.connect(global, &management, &environment).await?;
        let found = flux::detect(&cluster, &cluster.namespace).await?;
        let connected = match &found {
            Found::Lacking { .. } => false,
            Found::Installed { .. } => is_connected(&cluster, &environment).await?,
        };
        if !connected {
            output::note(&format!(
                "environment {name} is not connected to the cluster at {}",
                cluster.server()
            ));
            continue;
        }
        let title = format!("environment {name} ({}):", found.words());
        let plan = Plan::look(&cluster, title, flux::objects(&environment)?).await?;
        if plan.agree(&args.plan)? {
            plan.apply(&cluster, args.plan.dry_run == DryRun::Server).await?;
        }
    }
    Ok(Finish::Done)
}

async fn environments(
    cluster: &Cluster,
    names: &[String],
) -> Result<Vec<Environment>, CommandError> {
    if names.is_empty() {
        let found = cluster.api::<Environment>().list(&ListParams::default()).await;
        let found =
            found.map_err(|error| cluster.request("list", "environments", None).failed(&error))?;
        return Ok(found.items);
    }
    let mut found = Vec::new();
    for name in names {
        found.push(fetch::<Environment>(cluster, name).await?);
    }
    Ok(found)
}

/// Tells whether the cluster follows an environment.
pub(super) async fn is_connected(
    cluster: &Cluster,
    environment: &Environment,
) -> Result<bool, CommandError> {
    let resource = flux::git_repositories();
    let client: Client = cluster.client.clone();
    let api: Api<kube::api::DynamicObject> =
        Api::namespaced_with(client, &cluster.namespace, &resource);
    let name = flux::env_of(environment)?.name();
    let found = api
        .get_metadata_opt(&name)
        .await
        .map_err(|error| refused(cluster, "get", &resource.plural, &cluster.namespace, &error))?;
    Ok(found.is_some())
}
