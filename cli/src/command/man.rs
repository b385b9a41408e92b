//! `man`: pages for the program man.

use std::path::PathBuf;

use clap::Args;

use crate::args;
use crate::error::{CommandError, Finish};
use crate::output;

/// Write the man pages into a folder, one for each command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet man /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &ManArgs) -> Result<Finish, CommandError> {
    let folder = &args.folder;
    let failed = |error: std::io::Error| {
        CommandError::general(format!("{} cannot be written: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let pages = pages().map_err(failed)?;
    for (name, page) in &pages {
        std::fs::write(folder.join(name), page).map_err(failed)?;
    }
    output::print(&format!("{} pages written to {}\n", pages.len(), folder.display()))?;
    Ok(Finish::Done)
}

/// Returns the pages by the names of their files.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = args::command("gimlet").disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    page(&command, "gimlet", &mut pages)?;
    Ok(pages)
}

fn page(
    command: &clap::Command,
    name: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> std::io::Result<()> {
    let mut text = Vec::new();
    let titled = command.clone().display_name(name.to_owned());
    clap_mangen::Man::new(titled).render(&mut text)?;
    pages.push((format!("{name}.1"), text));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        page(sub, &format!("{name}-{}", sub.get_name()), pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let pages = pages().unwrap();
        let find = |name: &str| {
            let found = pages.iter().find(|(file, _)| file == name);
            String::from_utf8(found.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap()
        };
        assert!(find("gimlet.1").contains(".TH gimlet 1"));
        let rollback = find("gimlet-rollback.1");
        assert!(rollback.contains("Put back what an app was before"), "{rollback}");
        assert!(find("gimlet-artifact-push.1").contains("gimlet"));
        assert!(!pages.iter().any(|(name, _)| name == "gimlet-man.1"), "it is hidden");
    }
}
