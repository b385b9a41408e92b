//! A clone on this machine, which is only read and never asks its server for anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use gix_hash::ObjectId;

use crate::cli::{Invocation, Reader, changed_paths, read_messages, run};
use crate::engine::Objects;
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object, ObjectKind, hash};
use crate::index::LogEntry;
use crate::path::RepoPath;

/// Long histories take minutes.
const DEADLINE: Duration = Duration::from_hours(1);

/// The objects of a clone.
pub(super) struct Clone {
    dir: PathBuf,
    reader: Reader,
}

impl Clone {
    /// Opens a clone, with files or bare.
    pub(super) fn open(path: &Path) -> Result<Self, GitError> {
        let dir = git_dir(path).ok_or_else(|| {
            GitError::new(
                GitErrorKind::NotFound,
                format!("{} is no git repository: give the path of a clone", path.display()),
            )
        })?;
        if dir.join("shallow").exists() {
            return Err(GitError::new(
                GitErrorKind::Invalid,
                format!(
                    "{} has only a part of the history: run `git fetch --unshallow` in it",
                    path.display()
                ),
            ));
        }
        Ok(Self { reader: Reader::new(dir.clone()), dir })
    }

    /// Returns the commits that a text names: a revision, or `from..to`.
    pub(super) async fn resolve(
        &self,
        revision: &str,
    ) -> Result<(CommitId, Option<CommitId>), GitError> {
        match revision.split_once("..") {
            Some((from, to)) => Ok((self.commit(to).await?, Some(self.commit(from).await?))),
            None => Ok((self.commit(revision).await?, None)),
        }
    }

    async fn commit(&self, revision: &str) -> Result<CommitId, GitError> {
        let name = format!("{revision}^{{commit}}");
        let args = ["rev-parse", "--quiet", "--verify", "--end-of-options", &name];
        let finished = run(&self.dir, &Invocation::new(&args, DEADLINE)).await?;
        let text = String::from_utf8_lossy(&finished.stdout);
        CommitId::parse(text.trim()).ok().filter(|_| finished.ok()).ok_or_else(|| {
            let shown: String = revision.chars().take(200).collect();
            GitError::new(
                GitErrorKind::NotFound,
                format!("the clone has no commit {shown:?}: give a branch, a tag or a commit"),
            )
        })
    }

    /// Returns all commits of a range, oldest first: the entries of each, of which there is at least
    /// one, and the paths that it changed.
    pub(super) async fn history(
        &self,
        head: CommitId,
        from: Option<CommitId>,
        below: Option<&RepoPath>,
    ) -> Result<Vec<(Vec<LogEntry>, Vec<String>)>, GitError> {
        let entries = read_messages(&self.dir, head, from, DEADLINE).await?;
        let entries: Vec<_> = entries
            .chunk_by(|one, next| one.commit == next.commit)
            .map(<[LogEntry]>::to_vec)
            .collect();
        let commits: Vec<_> = entries.iter().map(|members| members[0].commit).collect();
        let changed = changed_paths(&self.dir, &commits, below, DEADLINE, |paths| paths).await?;
        Ok(entries.into_iter().zip(changed).collect())
    }
}

#[async_trait]
impl Objects for Clone {
    async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        let found = self.reader.object(id).await?;
        // Git believes what is stored here; whoever checks must not.
        match found {
            Some(object) if hash(object.kind, &object.data) != id => {
                Err(GitError::cache(format!("object {id} has another content than its name says")))
            }
            found => Ok(found),
        }
    }

    async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        self.reader.info(id).await
    }
}

/// Finds where a clone keeps what git knows; none if it is no clone.
fn git_dir(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let inside = path.join(".git");
    if inside.is_dir() {
        return Some(inside);
    }
    // Further work trees and submodules have a file that names the place.
    if let Ok(text) = std::fs::read_to_string(&inside) {
        return path.join(text.strip_prefix("gitdir:")?.trim()).canonicalize().ok();
    }
    (path.join("HEAD").is_file() && path.join("objects").is_dir()).then_some(path)
}
