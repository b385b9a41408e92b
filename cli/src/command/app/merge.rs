//! Two changes of one file made one, where they do not touch the same lines.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::CommandError;

/// What became of two changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// The text with both.
    Clean(String),
    /// The text with marks where both changed the same lines.
    Conflict(String),
}

/// Names of the three texts in the marks of a conflict.
const NAMES: [&str; 3] = ["yours", "before", "theirs"];

/// Merges two changes of a text, as git does.
pub(super) fn merge(base: &str, ours: &str, theirs: &str) -> Result<Merged, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::general(format!("the changes cannot be merged: {error}"))
    };
    let folder = Folder::new().map_err(failed)?;
    let write = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let ours = write("ours", ours).map_err(failed)?;
    let base = write("base", base).map_err(failed)?;
    let theirs = write("theirs", theirs).map_err(failed)?;
    let mut command = Command::new("git");
    command.current_dir(&folder.0).args(["merge-file", "-p", "--diff3"]);
    for name in NAMES {
        command.args(["-L", name]);
    }
    let output =
        command.args([&ours, &base, &theirs]).stdin(Stdio::null()).output().map_err(failed)?;
    let text = String::from_utf8(output.stdout)
        .map_err(|_| CommandError::general("the changes cannot be merged: they are no text"))?;
    match output.status.code() {
        Some(0) => Ok(Merged::Clean(text)),
        // The number of conflicts; errors are above.
        Some(1..=127) => Ok(Merged::Conflict(text)),
        _ => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(CommandError::general(format!("the changes cannot be merged: {why}")))
        }
    }
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path =
            std::env::temp_dir().join(format!("gimlet-merge-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing in it is needed, and nobody waits for it to go.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "app: shop\n# how many\nreplicas: 1\nport: 80\nlog: info\nname: x\n";

    #[test]
    fn changes_of_different_lines_go_together() {
        let ours = BASE.replace("replicas: 1", "replicas: 3");
        let theirs = BASE.replace("name: x", "name: y");
        let Merged::Clean(text) = merge(BASE, &ours, &theirs).unwrap() else {
            panic!("a conflict")
        };
        assert_eq!(text, ours.replace("name: x", "name: y"));
        assert_eq!(merge(BASE, &ours, &ours).unwrap(), Merged::Clean(ours));
    }

    #[test]
    fn changes_of_one_line_are_marked_with_what_was_before() {
        let change = |value: &str| BASE.replace("replicas: 1", &format!("replicas: {value}"));
        let merged = merge(BASE, &change("3"), &change("5")).unwrap();
        let Merged::Conflict(text) = merged else { panic!("no conflict") };
        for line in
            ["<<<<<<< yours", "replicas: 3", "||||||| before", "replicas: 5", ">>>>>>> theirs"]
        {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }
}
