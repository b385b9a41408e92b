//! A git host of one test, which may be killed.

use std::fs::read_to_string;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::toolbox::{script, state_root};
use crate::{Gitea, keep};

/// A Gitea of one test, destroyed when it is dropped.
#[derive(Debug)]
pub struct OwnGitea {
    gitea: Gitea,
    dir: PathBuf,
}

impl OwnGitea {
    /// Starts a Gitea for one test: `name` says which test, and no other uses it.
    ///
    /// State that an interrupted run left under this name is deleted first.
    pub fn start(name: &str) -> Result<Self> {
        let dir = state_root()?.join(format!("own-{name}-gitea"));
        script("gitea.sh", &["destroy", text(&dir)?], &[])?;
        script("gitea.sh", &["up", text(&dir)?], &[])?;
        Ok(Self { gitea: Gitea::of(&dir)?, dir })
    }

    /// Kills it as a crash would, with the git programs that it has started.
    pub fn kill(&self) -> Result<()> {
        let file = read_to_string(self.dir.join("pid/gitea")).context("gitea does not run")?;
        let number = file.split_whitespace().next().and_then(|pid| pid.parse().ok());
        let pid = number.and_then(Pid::from_raw).context("gitea has no process id")?;
        // It was started in a session of its own. One that has ended already is what is wanted.
        let _ = kill_process_group(pid, Signal::KILL);
        Ok(())
    }

    /// Starts it again, unless it runs, and waits until it answers.
    pub fn up(&self) -> Result<()> {
        script("gitea.sh", &["up", text(&self.dir)?], &[]).map(drop)
    }

    /// Gives the folder of a repository on the server's disk, a bare one.
    pub fn folder(&self, owner: &str, name: &str) -> PathBuf {
        // Gitea's own names are in small letters.
        let name = format!("{}.git", name.to_lowercase());
        self.dir.join("data/gitea-repositories").join(owner.to_lowercase()).join(name)
    }

    /// Gives its log.
    pub fn log(&self) -> Result<String> {
        let path = self.dir.join("log/gitea.log");
        read_to_string(&path).with_context(|| format!("log {}", path.display()))
    }
}

impl Deref for OwnGitea {
    type Target = Gitea;

    fn deref(&self) -> &Gitea {
        &self.gitea
    }
}

impl Drop for OwnGitea {
    fn drop(&mut self) {
        if keep() {
            eprintln!("kept: {}", self.gitea.url);
            return;
        }
        let destroyed = text(&self.dir).and_then(|dir| script("gitea.sh", &["destroy", dir], &[]));
        if let Err(error) = destroyed {
            eprintln!("gitea in {} is left over: {error:#}", self.dir.display());
        }
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path is not UTF-8: set E2E_STATE to another folder")
}
