//! A repository as it is on the git server's disk: what people do to it, and what is in it.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use gimlet_e2e::{Repository, git};
use serde_json::Value;

use super::model::{Entry, Folder};

/// The branch that everybody works on.
const BRANCH: &str = "refs/heads/main";
/// A hook that lets nothing in, as a rule of a company may.
const REFUSAL: &str = "#!/bin/sh\necho 'the branch is frozen' >&2\nexit 1\n";
/// What a commit is printed as.
const FORMAT: &str = "--format=%H%x00%P%x00%s%x00%(trailers:only,unfold)%x01";

/// A repository, and what people did to it.
#[derive(Debug)]
pub struct Host {
    /// Deleted when it is dropped.
    _repository: Repository,
    folder: PathBuf,
    done: Mutex<Done>,
}

/// What people did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What they took off the branch.
    pub removed: Vec<Entry>,
    /// The subjects of their commits.
    pub others: Vec<String>,
    /// A hook refused pushes for a while.
    pub refusing: bool,
}

impl Host {
    /// Looks after a repository whose folder on the server is this one.
    pub fn new(repository: Repository, folder: PathBuf) -> Self {
        Self { _repository: repository, folder, done: Mutex::default() }
    }

    /// Gives the folder of the repository on the server's disk.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells what people did.
    pub fn done(&self) -> Done {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<String> {
        git(&self.folder, args)
    }

    fn head(&self) -> Result<Option<String>> {
        let refs = self.git(["for-each-ref", "--format=%(objectname)", BRANCH])?;
        Ok(Some(refs).filter(|head| !head.is_empty()))
    }

    /// Commits a file beside Gimlet's as a person does; somebody else may be faster.
    pub fn push(&self) -> Result<()> {
        let mut done = self.lock();
        let Some(head) = self.head()? else { return Ok(()) };
        let subject = format!("people {}", done.others.len() + 1);
        let stream = format!(
            "commit {BRANCH}\ncommitter Mia <mia@example.com> 1700000000 +0000\ndata {}\n{subject}\n\
             from {head}\nM 100644 inline people/{}.txt\ndata 8\nby hand\n\n",
            subject.len(),
            done.others.len() + 1,
        );
        let mut import = Command::new("git")
            .current_dir(&self.folder)
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut stdin = import.stdin.take().context("git reads nothing")?;
        let written = stdin.write_all(stream.as_bytes());
        drop(stdin);
        // It moves the branch only from where it was when it was read.
        let moved = import.wait()?.success();
        written?;
        if moved {
            done.others.push(subject);
        }
        Ok(())
    }

    /// Takes the last commits off the branch, but never the first ones.
    pub fn rewind(&self, count: usize) -> Result<()> {
        let mut done = self.lock();
        // Somebody who pushes meanwhile is faster; a person would look again.
        for _ in 0..20 {
            let branch = self.entries(BRANCH)?;
            let Some(kept) = branch.len().checked_sub(count).filter(|kept| *kept >= FIRST) else {
                return Ok(());
            };
            let (head, new) = (&branch[branch.len() - 1].id, &branch[kept - 1].id);
            if self.git(["update-ref", BRANCH, new, head]).is_ok() {
                done.removed.extend_from_slice(&branch[kept..]);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes the branch, and gives the commit that it was at.
    pub fn delete_branch(&self) -> Result<Option<String>> {
        let _done = self.lock();
        for _ in 0..20 {
            let Some(head) = self.head()? else { return Ok(None) };
            if self.git(["update-ref", "-d", BRANCH, &head]).is_ok() {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Puts a deleted branch back; fails where somebody else has made one.
    pub fn restore_branch(&self, commit: &str) -> Result<()> {
        self.git(["update-ref", BRANCH, commit, ""])
            .map(drop)
            .context("a branch that people deleted was made by somebody else")
    }

    /// Lets a hook refuse every push, or no more.
    pub fn refuse(&self, refuses: bool) -> Result<()> {
        let mut done = self.lock();
        let hook = self.folder.join("hooks/pre-receive.d/frozen");
        if !refuses {
            return Ok(std::fs::remove_file(hook)?);
        }
        done.refusing = true;
        std::fs::write(&hook, REFUSAL)?;
        Ok(std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755))?)
    }

    /// Removes the locks that git programs left which were killed, as whoever runs the server does.
    pub fn unlock(&self) -> Result<()> {
        let _done = self.lock();
        for name in ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"] {
            match std::fs::remove_file(self.folder.join(name)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).context(name),
            }
        }
        Ok(())
    }

    /// Lists the commits of the branch, oldest first.
    pub fn branch(&self) -> Result<Vec<Entry>> {
        let _done = self.lock();
        self.entries(BRANCH)
    }

    fn entries(&self, revision: &str) -> Result<Vec<Entry>> {
        let text = self.git(["log", "--topo-order", "--reverse", FORMAT, revision])?;
        let commits = text.split('\x01').map(str::trim).filter(|commit| !commit.is_empty());
        commits.map(parse).collect()
    }

    /// Reads the folders of apps at the head.
    pub fn folders<'a>(
        &self,
        apps: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Folder>> {
        let mut folders = BTreeMap::new();
        for app in apps {
            let files = self.git(["ls-tree", "-r", "--name-only", BRANCH, &format!("{app}/")])?;
            if files.is_empty() {
                continue;
            }
            let mut folder = Folder { value: None, recorded: None };
            for path in files.lines() {
                let text = self.git(["cat-file", "blob", &format!("{BRANCH}:{path}")])?;
                if path.ends_with("/release.json") {
                    let record: Value = serde_json::from_str(&text)?;
                    folder.recorded = record["uid"].as_str().map(str::to_owned);
                } else {
                    let value = text.lines().find_map(|line| line.trim().strip_prefix("value: "));
                    folder.value = value.map(|value| value.trim_matches('"').to_owned());
                }
            }
            folders.insert(app.to_owned(), folder);
        }
        Ok(folders)
    }

    /// Fails where an object of the repository is missing or damaged.
    pub fn verify(&self) -> Result<()> {
        self.git(["fsck", "--strict", "--no-dangling", "--no-progress"]).map(drop)
    }

    /// Prints the history with its trailers.
    pub fn log(&self) -> Result<String> {
        self.git(["log", "--stat", "--reverse", BRANCH])
    }
}

/// The commits of the environment's start, which people leave alone.
const FIRST: usize = 2;

fn parse(text: &str) -> Result<Entry> {
    let parts: Vec<_> = text.splitn(4, '\0').collect();
    let [id, parents, subject, trailers] = parts[..] else {
        bail!("git log has another form than asked for: {text:?}")
    };
    let value = |name: &str| {
        let lines = trailers.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    // Gimlet's commits to Flux' folder name the environment alone.
    let release =
        (|| Some((value("Gimlet-Release")?, value("Gimlet-Env")?, value("Gimlet-App")?)))();
    ensure!(!id.is_empty(), "a commit has no id");
    Ok(Entry {
        id: id.to_owned(),
        parents: parents.split_whitespace().count(),
        subject: subject.to_owned(),
        release,
    })
}
