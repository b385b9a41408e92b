//! A copy of another repository, of which only the history is kept whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::Mutex;

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
/// The most files that are read of a folder.
const MAX_FOLDER_FILES: usize = 64;
/// The most bytes that are read of them.
const MAX_BYTES: usize = 1 << 20;
/// The longest message that is kept, in bytes.
const MAX_MESSAGE: usize = 4096;

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
    /// Whether it was not there at this commit when the copy was brought up to date before. Without
    /// a copy from before nothing is new.
    pub new: bool,
}

/// Facts of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCommit {
    /// The commit.
    pub id: CommitId,
    /// Name of the author.
    pub author: String,
    /// The message, at most 4 KiB.
    pub message: String,
    /// When it was committed.
    pub time: Timestamp,
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
    /// One fetch at a time.
    turn: Mutex<()>,
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
        }
    }

    /// Uses other credentials from now on.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.access.set(credentials);
    }

    /// Brings the copy up to date and lists what the repository has, newest first.
    pub async fn refresh(&self) -> Result<Vec<Reference>, GitError> {
        let _turn = self.turn.lock().await;
        match self.fetch().await {
            Err(error) if error.kind() == GitErrorKind::Cache => {
                let lost = |e: std::io::Error| {
                    GitError::other(format!("copy {} is damaged: {e}", self.dir.display()))
                };
                std::fs::remove_dir_all(&self.dir).map_err(lost)?;
                self.fetch().await
            }
            result => result,
        }
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

    /// Reads facts of a commit; none where the repository has no such commit.
    pub async fn commit(&self, id: &CommitId) -> Result<Option<SourceCommit>, GitError> {
        let id = format!("{id}^{{commit}}");
        let args =
            ["log", "-1", "--no-show-signature", "--format=%H%x00%an%x00%ct%x00%B", &id, "--"];
        let finished = self.local(&args).await?;
        if !finished.ok() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&finished.stdout);
        let mut parts = text.splitn(4, '\0');
        let mut next = || parts.next().map(str::trim);
        let (Some(id), Some(author), Some(time), Some(message)) = (next(), next(), next(), next())
        else {
            return Ok(None);
        };
        Ok(Some(SourceCommit {
            id: CommitId::parse(id)?,
            author: cut(author, 256),
            time: seconds(time),
            message: cut(message, MAX_MESSAGE),
        }))
    }

    /// Reads the files directly in a folder, by their paths. Links and folders are left out, and so
    /// is what is not text; of too many, or too large ones, the first.
    pub async fn files(
        &self,
        commit: &CommitId,
        folder: &str,
    ) -> Result<BTreeMap<String, String>, GitError> {
        let tree = format!("{commit}:{folder}");
        let listed = self.local(&["ls-tree", "-z", "--full-tree", &tree]).await?;
        if !listed.ok() {
            // There is no such folder.
            return Ok(BTreeMap::new());
        }
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let files: Vec<(&str, &str)> = text
            .split('\0')
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(meta, name)| {
                let mut meta = meta.split(' ');
                let (mode, kind, id) = (meta.next()?, meta.next()?, meta.next()?);
                (kind == "blob" && mode.starts_with("100")).then_some((id, name))
            })
            .take(MAX_FOLDER_FILES)
            .collect();
        if files.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<&str> = files.iter().flat_map(|(id, _)| [*id, "\n"]).collect();
        let finished = self.remote(&["cat-file", "--batch"], ids.concat().into_bytes()).await?;
        if !finished.ok() {
            return Err(self.failed("read files of the repository", &finished));
        }
        let mut rest = finished.stdout.as_slice();
        let mut left = MAX_BYTES;
        let mut read = BTreeMap::new();
        for (_, name) in files {
            let Some((blob, after)) = next_blob(rest) else { break };
            rest = after;
            let Some(remaining) = left.checked_sub(blob.len()) else { break };
            left = remaining;
            if let Ok(text) = std::str::from_utf8(blob) {
                read.insert(format!("{folder}/{name}"), text.to_owned());
            }
        }
        Ok(read)
    }

    /// Lists the paths that differ between two commits; none where one of them is not known.
    pub async fn changed_paths(
        &self,
        from: &CommitId,
        to: &CommitId,
    ) -> Result<Option<BTreeSet<String>>, GitError> {
        let (from, to) = (from.to_string(), to.to_string());
        let args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", &from, &to];
        let finished = self.local(&args).await?;
        if !finished.ok() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&finished.stdout);
        Ok(Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()))
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
        let (invocation, lent) = self.access.lend(invocation)?;
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

/// Reads one answer of `git cat-file --batch`.
fn next_blob(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&text[..end]).ok()?;
    let size: usize = header.rsplit(' ').next()?.parse().ok()?;
    let body = text.get(end + 1..end + 1 + size)?;
    Some((body, text.get(end + 2 + size..).unwrap_or_default()))
}

fn seconds(text: &str) -> Timestamp {
    let seconds = text.trim().parse().ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

fn cut(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
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
