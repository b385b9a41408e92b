//! `manifest migrate`: reads what the original Gimlet left in a repository, and brings it over.

mod application;
mod gitops;
mod infrastructure;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use gimlet_manifest::plan::{DiffOptions, Files, diff};

use crate::error::{CommandError, Finish, Kind};
use crate::output;

/// Deepest folder of a gitops repository that is looked at: the environment, the app.
const MAX_DEPTH: usize = 3;
/// Largest file that is read, in bytes; what is larger is nobody's manifest.
const MAX_FILE: u64 = 1 << 20;

/// Bring files of the original Gimlet over
///
/// FOLDER is a checkout: of an application, whose .gimlet/ files are brought to what they mean here, of a gitops
/// repository, of which it is told what each environment needs, step by step, so that nothing that runs is removed,
/// or of one with the components of a cluster, which goes on without Gimlet.
/// Nothing is written without --write, and nothing is committed. What has to be done by hand is listed. Exits
/// with 1 while there is something left to do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet manifest migrate
  gimlet manifest migrate ../shop --write
  gimlet manifest migrate ../gitops-apps")]
pub(super) struct MigrateArgs {
    /// Checkout of an application or of a gitops repository
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Write the changes
    #[arg(long)]
    write: bool,
}

/// What there is to do about a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Todo {
    /// The files that change with their new content; none removes one.
    changes: BTreeMap<String, Option<String>>,
    /// Why, a line each.
    reasons: Vec<String>,
    /// What a person has to do.
    by_hand: Vec<String>,
    /// What was found, for people.
    found: Vec<String>,
    /// What comes next.
    next: Vec<String>,
}

pub(super) fn run(args: &MigrateArgs) -> Result<Finish, CommandError> {
    let files = read(&args.folder)?;
    // A gitops repository may have a folder .gimlet/ too, with the variables of the environment.
    let todo = if gitops::is_one(&files) {
        gitops::examine(&files)
    } else if infrastructure::is_one(&files) {
        infrastructure::examine(&files)
    } else if files.keys().any(|path| path.starts_with(".gimlet/")) {
        application::examine(&files)
    } else {
        let message = format!("{} is nothing of the original Gimlet", args.folder.display());
        return Err(CommandError::new(Kind::NotFound, message).hint(
            "name a checkout with a folder .gimlet/, or of a gitops repository with release.json files or a stack.yaml",
        ));
    };
    output::print(&text(&files, &todo))?;
    if args.write {
        write(&args.folder, &todo.changes)?;
        output::note(&format!("{} files written; nothing is committed", todo.changes.len()));
    } else if !todo.changes.is_empty() {
        output::note("hint: --write changes the files");
    }
    let left = !todo.by_hand.is_empty() || !(args.write || todo.changes.is_empty());
    Ok(if left { Finish::Findings } else { Finish::Done })
}

fn text(files: &BTreeMap<String, String>, todo: &Todo) -> String {
    let Todo { changes, reasons, by_hand, found, next } = todo;
    let mut text = output::lines(found.iter().cloned());
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let lines = lines.iter().map(|line| format!("  {line}"));
            text += &output::lines([format!("{title}:")].into_iter().chain(lines));
        }
    };
    section("to change", reasons);
    section("by hand", by_hand);
    section("next", next);
    let old: Files = changes
        .keys()
        .filter_map(|path| Some((path.clone(), files.get(path)?.clone().into_bytes())))
        .collect();
    let new: Files = changes
        .iter()
        .filter_map(|(path, content)| Some((path.clone(), content.clone()?.into_bytes())))
        .collect();
    text + &diff(&old, &new, DiffOptions::default())
}

/// Reads the text files that matter: those of `.gimlet/`, and those of folders that are not deep.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, CommandError> {
    let mut files = BTreeMap::new();
    let mut left = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, name, depth)) = left.pop() {
        let broken = |error: std::io::Error| {
            CommandError::new(Kind::NotFound, format!("{} cannot be read: {error}", path.display()))
        };
        for entry in std::fs::read_dir(&path).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let Ok(own) = entry.file_name().into_string() else { continue };
            let inner = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
            let kind = entry.file_type().map_err(broken)?;
            if kind.is_dir() && depth < MAX_DEPTH && (!own.starts_with('.') || own == ".gimlet") {
                left.push((entry.path(), inner, depth + 1));
            } else if kind.is_file()
                && entry.metadata().is_ok_and(|data| data.len() <= MAX_FILE)
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                files.insert(inner, text);
            }
        }
    }
    Ok(files)
}

fn write(folder: &Path, changes: &BTreeMap<String, Option<String>>) -> Result<(), CommandError> {
    for (name, content) in changes {
        let path = folder.join(name);
        let done = match content {
            Some(content) => std::fs::write(&path, content),
            None => std::fs::remove_file(&path),
        };
        done.map_err(|error| {
            CommandError::general(format!("{} cannot be written: {error}", path.display()))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn nothing_is_written_unless_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gimlet/shop.yaml");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let old = "app: shop\nenv: staging\nnamespace: shop\nchart: {name: app}\ncleanup:\n  event: branchDeleted\n";
        std::fs::write(&path, old).unwrap();
        let args = |write| MigrateArgs { folder: folder.path().to_owned(), write };
        assert_eq!(run(&args(false)), Ok(Finish::Findings));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
        assert_eq!(run(&args(true)), Ok(Finish::Done));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("cleanup"));
        assert_eq!(run(&args(false)), Ok(Finish::Done), "and then it is done");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert_eq!(run(&args(false)).unwrap_err().exit_code(), 6);
    }

    #[test]
    fn what_is_to_be_done_is_told_with_the_difference() {
        let files = BTreeMap::from([("a".to_owned(), "one\n".to_owned())]);
        let todo = Todo {
            changes: BTreeMap::from([("a".to_owned(), Some("two\n".to_owned()))]),
            reasons: vec!["a: two is more".into()],
            by_hand: vec!["b: think".into()],
            found: vec!["environment staging".into()],
            next: vec!["rest".into()],
        };
        assert_snapshot!(text(&files, &todo));
    }
}
