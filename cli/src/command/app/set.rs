//! `app set`: changes values of an app's manifest.

use clap::Args;

use super::change::{ChangeArgs, Wish};
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::manifest_edit::{self, Edit};

/// Change values of an app's manifest, by a commit or a pull request
///
/// The manifest is the file in .gimlet/ of the application's repository: as the checkout that you are
/// in knows its branch, or as the newest artifact has it. Comments and order stay. How the file and
/// what is rendered of it change is shown before anything is sent. The operator makes the commit, with a
/// ConfigChange. Where somebody else changed the file meanwhile, nothing is written: both changes are shown,
/// and the merge is offered (--merge; exit code 7 without it).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet app set shop -e production replicas=3
  gimlet app set shop -e production image.tag=v2 env.LOG=debug -m \"for the sale\" --pull-request
  # a value of the manifest itself, and one that is taken out
  gimlet app set shop -e staging .chart.version=0.78 resources.limits-
  gimlet app set shop -e staging replicas=3 --dry-run=client -o yaml")]
pub(super) struct SetArgs {
    #[command(flatten)]
    place: Place,
    /// Values for the chart: a.b=c, or a.b- to take one out; with a dot before it of the manifest itself
    #[arg(value_name = "KEY=VALUE", required = true)]
    values: Vec<String>,
    /// Values are text, also where they look like numbers
    #[arg(long)]
    string: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(args: &SetArgs, global: &Global) -> Result<Finish, CommandError> {
    let SetArgs { place, values, string, change } = args;
    let edits =
        values.iter().map(|text| Edit::parse(text, !string)).collect::<Result<Vec<_>, _>>()?;
    let cluster = Cluster::connect(global).await?;
    let origin = change.origin(&cluster, place).await?;
    let content = manifest_edit::apply(&origin.content, &place.app, &place.environment, &edits)?;
    let summary = values.join(", ");
    let wish = Wish { place, content: &content, summary: &summary, typed: false };
    change.send(&cluster, &origin, wish).await
}
