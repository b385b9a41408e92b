//! `completion`: scripts for shells.

use clap::Args;
use clap_complete::Shell;

use crate::args;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output;

/// Print the completion script of a shell
///
/// The script asks gimlet for the names of apps, environments and releases, in the cluster and namespace
/// that are meant. With --static it only knows commands and flags, and asks nobody.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet completion bash > /etc/bash_completion.d/gimlet
  gimlet completion zsh > \"${fpath[1]}/_gimlet\"
  gimlet completion fish > ~/.config/fish/completions/gimlet.fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
    /// Complete commands and flags only
    #[arg(long = "static")]
    fixed: bool,
}

pub(super) fn run(args: &CompletionArgs) -> Result<Finish, CommandError> {
    if !args.fixed {
        output::print(&complete::script(&args.shell.to_string(), "gimlet")?)?;
        return Ok(Finish::Done);
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command("gimlet"), "gimlet", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Finish::Done)
}
