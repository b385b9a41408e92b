//! The engine itself: a bare cache of one branch, and git commands on it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use gix_hash::ObjectId;
use sha2::{Digest as _, Sha256};

use super::access::Access;
use super::command::{Finished, Invocation, run};
use super::history::{find_stranger, read_history};
use super::objects::{Reader, count, write_loose};
use super::verdict::{failure, push_result};
use crate::engine::{Engine, Objects, PushError, Seen};
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object, ObjectKind};
use crate::index::LogEntry;
use crate::lock::cache_lock;
use crate::options::{EngineKind, Options, Timeouts};
use crate::path::RepoPath;
use crate::remote::{BranchName, Credentials, Remote};

/// The one reference in a cache: where the branch was when last seen.
const HEAD_REF: &str = "refs/gimlet/head";
/// Tidying starts at so many loose objects, about a thousand releases, or so many packs.
const MAX_LOOSE: usize = 8_000;
const MAX_PACKS: usize = 40;

/// Runs git on a bare cache of one branch.
pub(crate) struct CliEngine {
    url: String,
    branch_ref: String,
    dir: PathBuf,
    access: Access,
    timeouts: Timeouts,
    reader: Reader,
    lock: Mutex<Option<File>>,
    /// Objects and fetches since the cache was last counted.
    growth: AtomicUsize,
}

/// Returns a short name for texts that may not be shown or may not be file names.
pub(crate) fn digest(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    let mut text = String::new();
    for byte in hasher.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl CliEngine {
    pub(crate) fn new(remote: Remote, options: &Options) -> Self {
        let dir = options.cache_dir.join(format!("{}.git", remote.cache_name()));
        Self {
            url: remote.url.as_str().to_owned(),
            branch_ref: format!("refs/heads/{}", remote.branch),
            reader: Reader::new(dir.clone()),
            dir,
            access: Access::new(remote, options.timeouts.clone()),
            timeouts: options.timeouts.clone(),
            lock: Mutex::default(),
            growth: AtomicUsize::new(MAX_LOOSE),
        }
    }

    /// Runs a command that stays on this machine.
    async fn local(&self, args: &[&str]) -> Result<Finished, GitError> {
        run(&self.dir, &Invocation::new(args, self.timeouts.fetch)).await
    }

    /// Runs a command that talks to the server.
    async fn remote(&self, args: &[&str], deadline: Duration) -> Result<Finished, GitError> {
        let (invocation, lent) = self.access.lend(Invocation::new(args, deadline)).await?;
        let finished = run(&self.dir, &invocation).await;
        drop(lent);
        finished
    }

    fn failed(&self, what: &str, finished: &Finished) -> GitError {
        failure(what, finished, |text| self.access.scrub(text))
    }

    /// A local command that fails means that the cache is damaged, whatever it says.
    fn damaged(&self, what: &str, finished: &Finished) -> GitError {
        GitError::cache(self.failed(what, finished).to_string())
    }

    /// Keeps other processes and other writers out of the cache.
    async fn take_lock(&self) -> Result<(), GitError> {
        let taken = self.lock.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !taken {
            let lock = cache_lock(&self.dir).await?;
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        Ok(())
    }

    async fn create(&self) -> Result<(), GitError> {
        let fail = |e: std::io::Error| {
            GitError::other(format!(
                "cache {} cannot be created: {e}: is there space?",
                self.dir.display()
            ))
        };
        std::fs::create_dir_all(&self.dir).map_err(fail)?;
        let args = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--object-format=sha1",
            "--initial-branch=none",
        ];
        let finished = self.local(&args).await?;
        if finished.ok() { Ok(()) } else { Err(self.damaged("create cache", &finished)) }
    }

    async fn head_ref(&self) -> Result<Option<CommitId>, GitError> {
        let stored = self.dir.join(HEAD_REF).exists() || self.dir.join("packed-refs").exists();
        let name = format!("{HEAD_REF}^{{commit}}");
        let finished = self.local(&["rev-parse", "--quiet", "--verify", &name]).await?;
        if finished.ok() {
            return CommitId::parse(String::from_utf8_lossy(&finished.stdout).trim()).map(Some);
        }
        // A reference that is there but leads nowhere is damage; none at all is a new cache.
        if stored { Err(self.damaged("read cache", &finished)) } else { Ok(None) }
    }

    fn set_head_ref(&self, commit: CommitId) -> std::io::Result<()> {
        let path = self.dir.join(HEAD_REF);
        let folder = path.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder)?;
        let temporary = tempfile::NamedTempFile::new_in(&self.dir)?;
        std::fs::write(temporary.path(), format!("{commit}\n"))?;
        temporary.persist(&path).map_err(|e| e.error)?;
        Ok(())
    }

    async fn fetch_ref(&self, refspec: &str) -> Result<(), GitError> {
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--",
            &self.url,
            refspec,
        ];
        let finished = self.remote(&args, self.timeouts.fetch).await?;
        if !finished.ok() {
            return Err(self.failed("fetch", &finished));
        }
        self.growth.fetch_add(MAX_LOOSE / MAX_PACKS, Ordering::Relaxed);
        Ok(())
    }

    /// Moves, makes or deletes a reference on the server, provided that it is at `old`.
    async fn move_ref(
        &self,
        name: &str,
        old: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), PushError> {
        let text = |id: Option<CommitId>| id.map(|id| id.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease={name}:{}", text(old));
        let refspec = format!("{}:{name}", text(new));
        let args = [
            "push",
            "--porcelain",
            "--no-progress",
            "--no-verify",
            &lease,
            "--",
            &self.url,
            &refspec,
        ];
        let finished = self.remote(&args, self.timeouts.push).await?;
        push_result(&finished, |text| self.access.scrub(text))
    }

    async fn list_remote(&self, pattern: &str) -> Result<Vec<(String, CommitId)>, GitError> {
        let deadline = self.timeouts.connect + self.timeouts.idle;
        let args = ["ls-remote", "--quiet", "--", &self.url, pattern];
        let finished = self.remote(&args, deadline).await?;
        if !finished.ok() {
            return Err(self.failed("look at the repository", &finished));
        }
        let text = String::from_utf8_lossy(&finished.stdout).into_owned();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        lines.map(|(id, name)| Ok((name.to_owned(), CommitId::parse(id)?))).collect()
    }
}

#[async_trait]
impl Objects for CliEngine {
    async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        self.reader.object(id).await
    }

    async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        self.reader.info(id).await
    }
}

#[async_trait]
impl Engine for CliEngine {
    fn kind(&self) -> Option<EngineKind> {
        Some(EngineKind::Git)
    }

    async fn open(&self) -> Result<Option<CommitId>, GitError> {
        self.access.check()?;
        self.take_lock().await?;
        if !self.dir.join("HEAD").exists() {
            self.create().await?;
        }
        // Whoever left a lock file behind is gone, for the cache is ours alone.
        for name in ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"] {
            let _ = std::fs::remove_file(self.dir.join(name));
        }
        let _ = std::fs::remove_file(self.dir.join(format!("{HEAD_REF}.lock")));
        self.head_ref().await
    }

    async fn look(&self) -> Result<Seen, GitError> {
        let found = self.list_remote(&self.branch_ref).await?;
        let branch = found.into_iter().find(|(name, _)| *name == self.branch_ref).map(|(_, id)| id);
        let empty = branch.is_none() && self.list_remote("refs/heads/*").await?.is_empty();
        Ok(Seen { branch, empty })
    }

    async fn fetch(&self) -> Result<CommitId, GitError> {
        self.fetch_ref(&format!("+{}:{HEAD_REF}", self.branch_ref)).await?;
        // Every process that is not started makes it less likely to lose the next race.
        let stored = std::fs::read_to_string(self.dir.join(HEAD_REF)).unwrap_or_default();
        if let Ok(head) = CommitId::parse(stored.trim()) {
            return Ok(head);
        }
        self.head_ref().await?.ok_or_else(|| GitError::cache("fetch brought no commit"))
    }

    async fn write(&self, objects: Vec<Object>) -> Result<(), GitError> {
        self.growth.fetch_add(objects.len(), Ordering::Relaxed);
        let dir = self.dir.clone();
        let written = tokio::task::spawn_blocking(move || write_loose(&dir, &objects)).await;
        let written =
            written.map_err(|e| GitError::other(format!("writing was broken off: {e}")))?;
        written
            .map_err(|e| GitError::other(format!("cache cannot be written: {e}: is there space?")))
    }

    async fn push(&self, old: Option<CommitId>, new: CommitId) -> Result<(), PushError> {
        self.move_ref(&self.branch_ref, old, Some(new)).await?;
        // The push counts even if this fails: the next fetch sets it.
        if let Err(error) = self.set_head_ref(new) {
            tracing::warn!(%error, "cache does not remember the pushed commit");
        }
        Ok(())
    }

    async fn look_at(&self, branch: &BranchName) -> Result<Option<CommitId>, GitError> {
        let name = reference(branch);
        let found = self.list_remote(&name).await?;
        Ok(found.into_iter().find(|(found, _)| *found == name).map(|(_, id)| id))
    }

    async fn send(
        &self,
        branch: &BranchName,
        old: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), PushError> {
        self.move_ref(&reference(branch), old, new).await
    }

    async fn stranger(
        &self,
        branch: &BranchName,
        base: CommitId,
        at: CommitId,
    ) -> Result<Option<(CommitId, String)>, GitError> {
        if self.info(at.0).await?.is_none() {
            self.fetch_ref(&reference(branch)).await?;
        }
        find_stranger(&self.dir, base, at, self.timeouts.fetch).await
    }

    async fn log(&self, new: CommitId, not: Option<CommitId>) -> Result<Vec<LogEntry>, GitError> {
        read_history(&self.dir, new, not, self.timeouts.fetch).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, of: CommitId) -> Result<bool, GitError> {
        let (ancestor, of) = (ancestor.to_string(), of.to_string());
        let finished = self.local(&["merge-base", "--is-ancestor", &ancestor, &of]).await?;
        match finished.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            // A commit that is not here any more was taken off the branch.
            _ if self.info(CommitId::parse(&ancestor)?.0).await?.is_none() => Ok(false),
            _ => Err(self.damaged("compare commits", &finished)),
        }
    }

    async fn last_touch(
        &self,
        head: CommitId,
        path: &RepoPath,
    ) -> Result<Option<CommitId>, GitError> {
        let head = head.to_string();
        let args = ["log", "-1", "--no-show-signature", "--format=%H", &head, "--", path.as_str()];
        let finished = self.local(&args).await?;
        if !finished.ok() {
            return Err(self.damaged("read history", &finished));
        }
        let text = String::from_utf8_lossy(&finished.stdout);
        let hex = text.trim();
        if hex.is_empty() { Ok(None) } else { CommitId::parse(hex).map(Some) }
    }

    fn log_file(&self) -> Option<PathBuf> {
        Some(self.dir.join("gimlet-log"))
    }

    async fn maintain(&self) -> Result<(), GitError> {
        if self.growth.load(Ordering::Relaxed) < MAX_LOOSE || !self.dir.join("objects").exists() {
            return Ok(());
        }
        self.growth.store(0, Ordering::Relaxed);
        let (loose, packs) = count(&self.dir)
            .map_err(|e| GitError::other(format!("cache cannot be counted: {e}")))?;
        self.growth.store(loose, Ordering::Relaxed);
        if loose < MAX_LOOSE && packs < MAX_PACKS {
            return Ok(());
        }
        let finished = self.local(&["repack", "-a", "-d", "--quiet"]).await?;
        if !finished.ok() {
            return Err(self.failed("repack", &finished));
        }
        // What only refused pushes needed is dropped as well.
        let finished = self.local(&["prune", "--expire=1.hour.ago"]).await?;
        self.reader.restart().await;
        self.growth.store(0, Ordering::Relaxed);
        if !finished.ok() {
            return Err(self.failed("prune", &finished));
        }
        let graph = ["commit-graph", "write", "--reachable", "--changed-paths"];
        let finished = self.local(&graph).await?;
        if finished.ok() { Ok(()) } else { Err(self.failed("commit graph", &finished)) }
    }

    async fn wipe(&self) -> Result<(), GitError> {
        self.reader.restart().await;
        remove(&self.dir)
    }

    fn set_credentials(&self, credentials: Credentials) {
        self.access.set(credentials);
    }
}

fn reference(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}

fn remove(dir: &Path) -> Result<(), GitError> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(GitError::new(
            GitErrorKind::Other,
            format!("damaged cache {} cannot be removed: {e}: remove it by hand", dir.display()),
        )),
        _ => Ok(()),
    }
}
