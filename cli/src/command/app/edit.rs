//! `app edit`: changes an app's manifest in an editor.

use std::path::PathBuf;

use clap::Args;

use super::change::{ChangeArgs, Wish};
use super::editor;
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::manifest_source;

/// Change an app's manifest in an editor, by a commit or a pull request
///
/// It is gimlet app set for whatever that cannot do: the whole file is opened in $VISUAL or $EDITOR, or is
/// taken from --file. What is not a deploy manifest is refused, and nothing is lost: where somebody else
/// changed the file meanwhile, both changes are shown, and the merge is offered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet app edit shop -e production
  gimlet app edit shop -e production --file new.yaml --yes --pull-request")]
pub(super) struct EditArgs {
    #[command(flatten)]
    place: Place,
    /// Take the whole new file from here instead of an editor; - reads stdin
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(args: &EditArgs, global: &Global) -> Result<Finish, CommandError> {
    let EditArgs { place, file, change } = args;
    let cluster = Cluster::connect(global).await?;
    let origin = change.origin(&cluster, place).await?;
    let content = match file {
        Some(path) => manifest_source::read(path)?,
        None => editor::edit(&origin.path, &origin.content)?,
    };
    let wish = Wish { place, content: &content, summary: "edited by hand", typed: file.is_none() };
    change.send(&cluster, &origin, wish).await
}
