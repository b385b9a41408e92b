//! The git program, and clones in temporary folders.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::toolbox::run;

/// Runs git in a folder, independently of how the person who runs the tests set it up.
pub fn git<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Result<String> {
    run(command(dir).args(args))
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Test")
        .env("GIT_AUTHOR_EMAIL", "test@example.com")
        .env("GIT_COMMITTER_NAME", "Test")
        .env("GIT_COMMITTER_EMAIL", "test@example.com");
    // Set where tests run inside a git hook, and then git would work on that repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command
}

/// A clone with a work tree in a temporary folder.
#[derive(Debug)]
pub struct Checkout {
    dir: TempDir,
}

impl Checkout {
    /// Clones a repository; credentials are part of `url`, or an `ssh_command` brings them.
    pub fn clone_from(url: &str, ssh_command: Option<&str>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = command(dir.path());
        command.args(["clone", "--quiet", url, "."]);
        if let Some(ssh) = ssh_command {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        run(&mut command)?;
        let checkout = Self { dir };
        if let Some(ssh) = ssh_command {
            checkout.git(["config", "core.sshCommand", ssh])?;
        }
        Ok(checkout)
    }

    /// Gives the folder of the work tree.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs git in it.
    pub fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String> {
        git(self.path(), args)
    }

    /// Writes a file, with the folders it needs.
    pub fn write(&self, path: &str, content: &str) -> Result<PathBuf> {
        let file = self.path().join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, content).with_context(|| format!("file {path}"))?;
        Ok(file)
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.path().join(path)).with_context(|| format!("file {path}"))
    }

    /// Commits all changes and pushes them to the branch they are on; gives the commit.
    pub fn commit_and_push(&self, message: &str) -> Result<String> {
        self.git(["add", "--all"])?;
        self.git(["commit", "--quiet", "--message", message])?;
        self.git(["push", "--quiet", "origin", "HEAD"])?;
        self.git(["rev-parse", "HEAD"])
    }
}
