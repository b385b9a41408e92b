//! `env`: the environments of a namespace.

mod agent;
mod check;
mod component;
mod connect;
mod create;
mod credentials;
mod delete;
mod deploy_key;
mod detail;
mod flux;
mod host;
mod plan;
mod upgrade;
mod workload;

use clap::{Args, Subcommand};
use gimlet_crds::Environment;

use super::get::{ListArgs, Query, get};
use super::write::fetch;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output::{self, Format};

/// Create environments, connect them to clusters, and look at them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env create staging --repository https://github.com/acme/gitops.git --create-repository
  gimlet env connect staging --cluster-context eu-1
  gimlet env check staging
  gimlet env list")]
pub(crate) struct EnvCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(Box<create::CreateArgs>),
    Connect(Box<connect::ConnectArgs>),
    Check(check::CheckArgs),
    Upgrade(upgrade::UpgradeArgs),
    Component(component::ComponentCommand),
    List(EnvListArgs),
    Get(EnvGetArgs),
    Delete(delete::DeleteArgs),
}

/// List the environments
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env list
  gimlet env list -o wide --watch")]
struct EnvListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Show an environment: where it is, whether it works, and what a release has to pass
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env get production
  gimlet env get production -o yaml")]
struct EnvGetArgs {
    /// Name of the environment
    #[arg(value_name = "ENV", add = complete::environments())]
    name: String,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(command: &EnvCommand, global: &Global) -> Result<Finish, CommandError> {
    match &command.what {
        What::Create(args) => create::run(args, global).await,
        What::Connect(args) => connect::run(args, global).await,
        What::Check(args) => check::run(args, global).await,
        What::Upgrade(args) => upgrade::run(args, global).await,
        What::Component(command) => component::run(command, global).await,
        What::Delete(args) => delete::run(args, global).await,
        What::List(EnvListArgs { list }) => {
            let cluster = Cluster::connect(global).await?;
            get::<Environment>(&Query { names: &[], fields: None, list }, &cluster).await?;
            Ok(Finish::Done)
        }
        What::Get(args) => show(args, &Cluster::connect(global).await?).await,
    }
}

async fn show(args: &EnvGetArgs, cluster: &Cluster) -> Result<Finish, CommandError> {
    let EnvGetArgs { name, output } = args;
    if *output == Format::Table {
        let environment = fetch::<Environment>(cluster, name).await?;
        output::print(&detail::details(&environment))?;
        return Ok(Finish::Done);
    }
    let list = ListArgs::of(*output);
    let names = std::slice::from_ref(name);
    get::<Environment>(&Query { names, fields: None, list: &list }, cluster).await?;
    Ok(Finish::Done)
}
