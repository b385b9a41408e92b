//! `app edit`: changes an app's manifest in an editor.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::change::ChangeArgs;
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish, Kind};
use crate::manifest_source;

/// Change an app's manifest in an editor, by a commit or a pull request
///
/// It is gimlet app set for whatever that cannot do: the whole file is opened in $VISUAL or $EDITOR, or is
/// taken from --file. What is not a deploy manifest is refused, and nothing is lost.
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
        None => in_editor(&origin.path, &origin.content)?,
    };
    change.send(&cluster, place, &origin, &content, "edited by hand").await
}

/// Lets the person edit a text; what they made of it is kept where it is refused later.
fn in_editor(path: &str, content: &str) -> Result<String, CommandError> {
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::usage("nobody is here to edit the file")
            .hint("pass the whole new file with --file FILE, or use gimlet app set"));
    }
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let failed = |error: std::io::Error| CommandError::general(format!("{editor}: {error}"));
    let name = path.rsplit('/').next().unwrap_or("manifest.yaml");
    let folder = std::env::temp_dir().join(format!("gimlet-{:016x}", rand::random::<u64>()));
    std::fs::create_dir(&folder).map_err(failed)?;
    let file = folder.join(name);
    std::fs::write(&file, content).map_err(failed)?;
    // An editor can have flags, such as `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program).args(words).arg(&file).status().map_err(failed)?;
    if !status.success() {
        return Err(CommandError::new(Kind::Interrupted, format!("{program} ended with an error"))
            .hint(format!("your text is in {}", file.display())));
    }
    let edited = std::fs::read_to_string(&file).map_err(failed)?;
    if let Err(error) = gimlet_manifest::file::parse_files(&edited) {
        return Err(CommandError::usage(format!("{name}: {error}")).hint(format!(
            "your text is kept: mend {0}, and pass it with --file {0}",
            file.display()
        )));
    }
    // Only what was refused is worth keeping.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(edited)
}
