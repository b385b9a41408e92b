//! A copy of another repository, of which only the history is kept whole.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::Mutex;

pub use content::{SourceCommit, SourceFile, SourceFolder};

use super::access::Access;
use super::command::{Finished, Invocation, run};
use super::engine::digest;
use super::verdict::failure;
use crate::error::{GitError, GitErrorKind};
use crate::id::CommitId;
use crate::options::Timeouts;
use crate::remote::{Credentials, Remote};

/// The most references that are looked at, the newest first.
const MAX_REFERENCES: usize = 2_000;

/// A branch or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its short name, such as `main` or `v1.2.0`.
    pub name: String,
    /// Whether it is a tag.
    pub tag: bool,
    /// The commit that it names.
    pub commit: CommitId,
    /// When the commit, or the annotated tag, was made.
    pub created: Timestamp,
    /// Whether it was not there at this commit at the [`Mirror::refresh`] before. Without a copy from
    /// before nothing is new.
    pub new: bool,
}

/// What the server of a repository says right now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The branch that its HEAD names, where that is there.
    pub default_branch: Option<String>,
    /// The branches.
    pub branches: BTreeSet<String>,
}

/// A copy of all branches and tags of a repository, to read.
///
/// Commits and folders are fetched; files only when they are asked for, where the host allows that.
/// The copy can be deleted at any time.
pub struct Mirror {
    url: String,
    dir: PathBuf,
    access: Access,
    timeouts: Timeouts,
    /// One fetch at a time; when the last one ended well.
    turn: Mutex<Option<Instant>>,
    /// What [`Mirror::look`] found new and no [`Mirror::refresh`] has told yet: names, and whether of
    /// tags.
    untold: std::sync::Mutex<BTreeSet<(bool, String)>>,
}

impl Mirror {
    /// Makes a copy that is filled by the first [`Self::refresh`].
    pub fn new(remote: Remote, cache: &Path, timeouts: Timeouts) -> Self {
        let dir = cache.join(format!("{}.git", digest(&[remote.url.as_str()])));
        Self {
            url: remote.url.as_str().to_owned(),
            dir,
            access: Access::new(remote, timeouts.clone()),
            timeouts,
            turn: Mutex::default(),
            untold: std::sync::Mutex::default(),
        }
    }

    /// Uses other credentials from now on.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.access.set(credentials);
    }

    /// Brings the copy up to date and lists what the repository has, newest first. What is new is told
    /// once.
    pub async fn refresh(&self) -> Result<Vec<Reference>, GitError> {
        let mut turn = self.turn.lock().await;
        let mut found = self.bring_up(&mut turn).await?;
        let untold = std::mem::take(&mut *self.untold());
        for reference in &mut found {
            reference.new |= untold.contains(&(reference.tag, reference.name.clone()));
        }
        Ok(found)
    }

    /// Lists what the repository has, newest first; asks the host if it was not asked since then.
    ///
    /// What is new is left for the next [`Self::refresh`] to tell.
    pub async fn look(&self, since: Instant) -> Result<Vec<Reference>, GitError> {
        let mut turn = self.turn.lock().await;
        let fresh = turn.is_some_and(|asked| asked >= since);
        let mut found = if fresh { self.list().await? } else { self.bring_up(&mut turn).await? };
        let mut untold = self.untold();
        for reference in found.iter_mut().filter(|reference| reference.new) {
            untold.insert((reference.tag, reference.name.clone()));
            reference.new = false;
        }
        Ok(found)
    }

    fn untold(&self) -> std::sync::MutexGuard<'_, BTreeSet<(bool, String)>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bring_up(&self, last: &mut Option<Instant>) -> Result<Vec<Reference>, GitError> {
        *last = None;
        let asked = Instant::now();
        let found = match self.fetch().await {
            Err(error) if error.kind() == GitErrorKind::Cache => {
                let damaged = |e: std::io::Error| {
                    GitError::other(format!("copy {} is damaged: {e}", self.dir.display()))
                };
                std::fs::remove_dir_all(&self.dir).map_err(damaged)?;
                self.fetch().await
            }
            result => result,
        }?;
        *last = Some(asked);
        Ok(found)
    }

    async fn fetch(&self) -> Result<Vec<Reference>, GitError> {
        let before = if self.dir.join("HEAD").exists() {
            Some(self.list().await?)
        } else {
            self.create().await?;
            None
        };
        let args = [
            "fetch",
            "--quiet",
            "--prune",
            "--no-auto-gc",
            "--no-write-fetch-head",
            "--filter=blob:none",
            "origin",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        let finished = self.remote(&args, Vec::new()).await?;
        if !finished.ok() {
            return Err(self.failed("fetch the repository", &finished));
        }
        let mut found = self.list().await?;
        if let Some(before) = before {
            let known: BTreeMap<_, _> =
                before.into_iter().map(|r| ((r.tag, r.name), r.commit)).collect();
            for reference in &mut found {
                let key = (reference.tag, reference.name.clone());
                reference.new = known.get(&key) != Some(&reference.commit);
            }
        }
        Ok(found)
    }

    /// Asks the server which branches there are, however many; the copy stays as it is.
    pub async fn ask(&self) -> Result<Answer, GitError> {
        {
            let _turn = self.turn.lock().await;
            if !self.dir.join("HEAD").exists() {
                self.create().await?;
            }
        }
        let args = ["ls-remote", "--quiet", "--symref", "origin", "HEAD", "refs/heads/*"];
        let finished = self.remote(&args, Vec::new()).await?;
        if !finished.ok() {
            return Err(self.failed("ask the repository for its branches", &finished));
        }
        Ok(answer(&String::from_utf8_lossy(&finished.stdout)))
    }

    async fn create(&self) -> Result<(), GitError> {
        std::fs::create_dir_all(&self.dir).map_err(|e| {
            GitError::other(format!("copy {} cannot be made: {e}", self.dir.display()))
        })?;
        let args = ["init", "--quiet", "--bare", "--template=", "--initial-branch=none"];
        let finished = self.local(&args).await?;
        if finished.ok() { Ok(()) } else { Err(self.damaged("make a copy", &finished)) }
    }

    async fn list(&self) -> Result<Vec<Reference>, GitError> {
        let count = format!("--count={MAX_REFERENCES}");
        let format = "--format=%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(creatordate:unix)";
        let args =
            ["for-each-ref", "--sort=-creatordate", &count, format, "refs/heads", "refs/tags"];
        let finished = self.local(&args).await?;
        if !finished.ok() {
            return Err(self.damaged("list the copy", &finished));
        }
        let text = String::from_utf8_lossy(&finished.stdout);
        Ok(text.lines().filter_map(reference).collect())
    }

    fn invocation(&self, args: &[&str]) -> Invocation {
        Invocation::new(args, self.timeouts.fetch).config("remote.origin.url", self.url.clone())
    }

    async fn local(&self, args: &[&str]) -> Result<Finished, GitError> {
        run(&self.dir, &self.invocation(args)).await
    }

    /// Runs a command that may ask the host, also for files that were not fetched yet.
    async fn remote(&self, args: &[&str], input: Vec<u8>) -> Result<Finished, GitError> {
        let invocation = self.invocation(args).input(input).env("GIT_NO_LAZY_FETCH", "0");
        let (invocation, lent) = self.access.lend(invocation).await?;
        let finished = run(&self.dir, &invocation).await;
        drop(lent);
        finished
    }

    fn failed(&self, what: &str, finished: &Finished) -> GitError {
        failure(what, finished, |text| self.access.scrub(text))
    }

    fn damaged(&self, what: &str, finished: &Finished) -> GitError {
        GitError::cache(self.failed(what, finished).to_string())
    }
}

fn reference(line: &str) -> Option<Reference> {
    let mut parts = line.split('\0');
    let mut next = || parts.next();
    let (name, kind, id, peeled_kind, peeled, created) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    let id = match (kind, peeled_kind) {
        ("commit", _) => id,
        ("tag", "commit") => peeled,
        _ => return None,
    };
    let (tag, name) = match name.strip_prefix("refs/tags/") {
        Some(name) => (true, name),
        None => (false, name.strip_prefix("refs/heads/")?),
    };
    Some(Reference {
        name: name.to_owned(),
        tag,
        commit: CommitId::parse(id).ok()?,
        created: seconds(created),
        new: false,
    })
}

fn answer(text: &str) -> Answer {
    let mut answer = Answer::default();
    let mut head = None;
    for (id, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        match (id.strip_prefix("ref: refs/heads/"), name.strip_prefix("refs/heads/")) {
            (Some(branch), None) if name == "HEAD" => head = Some(branch.to_owned()),
            (None, Some(branch)) => {
                answer.branches.insert(branch.to_owned());
            }
            _ => {}
        }
    }
    answer.default_branch = head.filter(|branch| answer.branches.contains(branch));
    answer
}

fn seconds(text: &str) -> Timestamp {
    let seconds = text.trim().parse().ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_branches_and_the_one_that_is_shown() {
        let text =
            "ref: refs/heads/main\tHEAD\n11\tHEAD\n22\trefs/heads/a/b\n11\trefs/heads/main\n";
        let told = answer(text);
        assert_eq!(told.default_branch.as_deref(), Some("main"));
        assert_eq!(told.branches.iter().map(String::as_str).collect::<Vec<_>>(), ["a/b", "main"]);
        assert_eq!(answer("ref: refs/heads/gone\tHEAD\n11\trefs/heads/x\n").default_branch, None);
        assert_eq!(answer(""), Answer::default());
    }
}
