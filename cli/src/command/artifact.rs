//! `artifact`: versions that can be released.

mod detail;
mod following;
mod push;

pub(super) use self::following::{Following, follow};

use clap::{Args, Subcommand};
use gimlet_crds::Artifact;

use super::get::{ListArgs, Query, get};
use super::write::fetch;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output::{self, Format};

/// Ship versions from CI, and look at what became of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # in CI, after the build: ship the commit, and be green only when it runs
  gimlet artifact push --var IMAGE=ghcr.io/acme/shop --wait
  gimlet artifact list --branch main
  gimlet artifact get shop-1f0c2a9b3d")]
pub(crate) struct ArtifactCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(ArtifactListArgs),
    Get(ArtifactGetArgs),
    Push(Box<push::PushArgs>),
}

/// List artifacts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet artifact list --sort-by age
  gimlet artifact list --repository acme/shop --branch main -o wide")]
struct ArtifactListArgs {
    /// Only those of a repository
    #[arg(long = "repository", visible_alias = "repo", value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Only those of a branch
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Show an artifact, and what became of each of its manifests
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet artifact get shop-1f0c2a9b3d
  gimlet artifact get shop-1f0c2a9b3d -o yaml")]
struct ArtifactGetArgs {
    /// Name of the artifact
    #[arg(value_name = "NAME", add = complete::artifacts())]
    name: String,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(
    command: &ArtifactCommand,
    global: &Global,
) -> Result<Finish, CommandError> {
    match &command.what {
        What::List(ArtifactListArgs { repository, branch, list }) => {
            let fields = [("repository", repository), ("branch", branch)]
                .into_iter()
                .filter_map(|(field, wanted)| {
                    Some(format!("spec.version.{field}={}", wanted.as_ref()?))
                })
                .collect::<Vec<_>>();
            let fields = (!fields.is_empty()).then(|| fields.join(","));
            let cluster = Cluster::connect(global).await?;
            get::<Artifact>(&Query { names: &[], fields, list }, &cluster).await?;
        }
        What::Get(ArtifactGetArgs { name, output: Format::Table }) => {
            let cluster = Cluster::connect(global).await?;
            let artifact = fetch::<Artifact>(&cluster, name).await?;
            output::print(&detail::details(&artifact, jiff::Timestamp::now()))?;
        }
        What::Get(ArtifactGetArgs { name, output }) => {
            let list = ListArgs::of(*output);
            let cluster = Cluster::connect(global).await?;
            let names = std::slice::from_ref(name);
            get::<Artifact>(&Query { names, fields: None, list: &list }, &cluster).await?;
        }
        What::Push(args) => return push::run(args, global).await,
    }
    Ok(Finish::Done)
}
