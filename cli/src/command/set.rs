//! `set`: several apps of an environment in one commit, all of them or none.

mod create;

use clap::{Args, Subcommand};
use gimlet_crds::ReleaseSet;

use super::get::{ListArgs, Query, get};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output::Format;

/// Release several apps in one commit, all of them or none
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet set create cart web -e production --from staging --wait
  gimlet set list -e production
  gimlet set get production-4m2qd
  gimlet cancel --set production-4m2qd")]
pub(crate) struct SetCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(SetListArgs),
    Get(SetGetArgs),
    Create(Box<create::CreateArgs>),
}

/// List sets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet set list --sort-by age
  gimlet set list -e production -o wide")]
struct SetListArgs {
    /// Only those of an environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    environment: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Show a set
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet set get production-4m2qd
  gimlet set get production-4m2qd -o yaml")]
struct SetGetArgs {
    /// Name of the set
    #[arg(value_name = "SET", add = complete::sets())]
    name: String,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(command: &SetCommand, global: &Global) -> Result<Finish, CommandError> {
    match &command.what {
        What::List(SetListArgs { environment, list }) => {
            let fields = environment.as_ref().map(|name| format!("spec.environment={name}"));
            let cluster = Cluster::connect(global).await?;
            get::<ReleaseSet>(&Query { names: &[], fields, list }, &cluster).await?;
        }
        What::Get(SetGetArgs { name, output }) => {
            let list = ListArgs::of(*output);
            let cluster = Cluster::connect(global).await?;
            let names = std::slice::from_ref(name);
            get::<ReleaseSet>(&Query { names, fields: None, list: &list }, &cluster).await?;
        }
        What::Create(args) => return create::run(args, global).await,
    }
    Ok(Finish::Done)
}
