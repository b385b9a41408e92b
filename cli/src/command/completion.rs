//! `completion`: scripts for shells.

use clap::Args;
use clap_complete::Shell;

use crate::args;
use crate::error::{CommandError, Finish};
use crate::output;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet completion bash > /etc/bash_completion.d/gimlet
  gimlet completion zsh > \"${fpath[1]}/_gimlet\"
  gimlet completion fish > ~/.config/fish/completions/gimlet.fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionArgs) -> Result<Finish, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command("gimlet"), "gimlet", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Finish::Done)
}
