//! The ways of others to make a release, each as small as it can be and stay what it is.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_e2e::git;
use serde_json::{Value, json};

use crate::history::{ENVIRONMENT, app};
use crate::memory;

/// Does a release by the git program without anything kept: a bare clone, a work tree, add, commit,
/// pull, push.
pub fn fresh_clone(
    dir: &Path,
    url: &str,
    of: usize,
    files: &[(String, String)],
) -> Result<Duration> {
    let work = tempfile::tempdir_in(dir)?;
    let (bare, tree) = (work.path().join("bare"), work.path().join("tree"));
    let path = |path: &Path| path.to_str().context("a path is not UTF-8").map(str::to_owned);
    let (bare_path, tree_path) = (path(&bare)?, path(&tree)?);
    let began = Instant::now();
    git(work.path(), ["clone", "--quiet", "--bare", url, &bare_path])?;
    git(&bare, ["worktree", "add", "--quiet", "-B", "work", &tree_path, "main"])?;
    for (name, text) in files {
        std::fs::write(tree.join(ENVIRONMENT).join(app(of)).join(name), text)?;
    }
    git(&tree, ["add", "."])?;
    git(&tree, ["commit", "--quiet", "--message", "release"])?;
    git(&tree, ["ls-remote", "--heads", "origin", "main"])?;
    git(&tree, ["pull", "--quiet", "--rebase", "origin", "main"])?;
    git(&tree, ["push", "--quiet", "origin", "HEAD:main"])?;
    Ok(began.elapsed())
}

/// A program that keeps a clone and works with go-git on a copy of it; it ends with this value.
#[derive(Debug)]
pub struct Copying {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Copying {
    /// Builds the program into a folder; its module is beside the harness.
    pub fn build(dir: &Path) -> Result<PathBuf> {
        let program = dir.join("peer");
        let built = Command::new("go")
            .args(["build", "-trimpath", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer"))
            .status()
            .context("Go is not installed: it builds a peer")?;
        ensure!(built.success(), "the peer was not built");
        Ok(program)
    }

    /// Starts it, and waits for its clone.
    pub fn start(program: &Path, url: &str, folder: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg(url)
            .arg(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_COMMITTER_NAME", "Peer")
            .env("GIT_COMMITTER_EMAIL", "peer@example.com")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().context("the peer takes no input")?;
        let answers = BufReader::new(child.stdout.take().context("the peer gives no output")?);
        let mut peer = Self { child, requests, answers };
        peer.answer()?;
        Ok(peer)
    }

    /// Does a release.
    pub fn release(&mut self, of: usize, files: &[(String, String)]) -> Result<Duration> {
        let named =
            files.iter().map(|(name, text)| (format!("{ENVIRONMENT}/{}/{name}", app(of)), text));
        let files: serde_json::Map<_, _> =
            named.map(|(name, text)| (name, Value::String(text.clone()))).collect();
        writeln!(self.requests, "{}", json!({"files": files}))?;
        self.answer()
    }

    /// Gives the most memory that it has had, in bytes.
    pub fn peak(&self) -> Result<u64> {
        memory::peak(self.child.id())
    }

    fn answer(&mut self) -> Result<Duration> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("the peer has ended")?;
        Ok(Duration::from_nanos(answer["nanos"].as_u64().context("no time")?))
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
