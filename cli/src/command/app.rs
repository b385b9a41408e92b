//! `app`: the apps of a namespace, and their manifests.

mod change;
mod edit;
mod editor;
mod merge;
mod origin;
mod set;

use clap::{Args, Subcommand};
use gimlet_crds::App;

use super::get::{ListArgs, Query, get};
use super::status::{self, StatusArgs};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output::Format;

/// List apps, look at one, and configure it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet app list -e production
  gimlet app get shop
  gimlet app set shop -e production replicas=3 --pull-request
  gimlet app edit shop -e production")]
pub(crate) struct AppCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(AppListArgs),
    Get(AppGetArgs),
    Set(Box<set::SetArgs>),
    Edit(Box<edit::EditArgs>),
}

/// List the apps, one line for each environment that an app is in
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet app list
  gimlet app list -e production -o wide")]
struct AppListArgs {
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

/// Show an app in each of its environments
///
/// It is what gimlet status APP shows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet app get shop
  gimlet app get shop -e production -o yaml")]
struct AppGetArgs {
    /// Name of the app
    #[arg(value_name = "APP", add = complete::apps())]
    app: String,
    /// Only one environment
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
    /// Form of the output; wide lists one environment a line
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(command: &AppCommand, global: &Global) -> Result<Finish, CommandError> {
    match &command.what {
        What::List(AppListArgs { environment, list }) => {
            let fields = environment.as_ref().map(|name| format!("spec.environment={name}"));
            let cluster = Cluster::connect(global).await?;
            get::<App>(&Query { names: &[], fields, list }, &cluster).await?;
            Ok(Finish::Done)
        }
        What::Get(AppGetArgs { app, environment, output }) => {
            let args = StatusArgs::of(app.clone(), environment.clone(), *output);
            status::run(&args, global).await
        }
        What::Set(args) => set::run(args, global).await,
        What::Edit(args) => edit::run(args, global).await,
    }
}
