//! What is read of a copy: commits, folders, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Mirror, seconds};
use crate::error::GitError;
use crate::id::{BlobId, CommitId};

/// The most files that are listed of a folder.
const MAX_FOLDER_FILES: usize = 64;
/// The most bytes that are read of them.
const MAX_BYTES: usize = 1 << 20;
/// The longest message that is kept, in bytes.
const MAX_MESSAGE: usize = 4096;
/// The longest name of a person that is kept, in bytes.
const MAX_NAME: usize = 256;
/// The most commits that are listed at once.
const MAX_COMMITS: usize = 200;
/// Id, name and time of a commit, and its message up to the next zero.
const FORMAT: &str = "--format=tformat:%H%n%an%n%ct%n%B";

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

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path in the repository.
    pub path: String,
    /// Names its content, so that whoever changes it can tell what was changed.
    pub blob: BlobId,
    /// Its size in bytes.
    pub size: u64,
    /// Its content; none where it is not text, or too large.
    pub text: Option<String>,
}

/// What is directly in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFolder {
    /// The files, sorted by name; links and folders are left out.
    pub files: Vec<SourceFile>,
    /// Whether there are more files, or texts that were too large.
    pub cut: bool,
}

impl Mirror {
    /// Reads facts of a commit; none where the repository has no such commit.
    pub async fn commit(&self, id: &CommitId) -> Result<Option<SourceCommit>, GitError> {
        Ok(self.commits(id, 0, 1).await?.and_then(|commits| commits.into_iter().next()))
    }

    /// Lists a commit and those before it, the newest first, at most 200; some may be left out in
    /// front. None where the repository has no such commit.
    pub async fn commits(
        &self,
        from: &CommitId,
        skip: usize,
        count: usize,
    ) -> Result<Option<Vec<SourceCommit>>, GitError> {
        let from = format!("{from}^{{commit}}");
        let skip = format!("--skip={skip}");
        let count = format!("--max-count={}", count.min(MAX_COMMITS));
        let args = [
            "log",
            "-z",
            "--no-color",
            "--no-notes",
            "--no-show-signature",
            "--encoding=UTF-8",
            FORMAT,
            &skip,
            &count,
            &from,
            "--",
        ];
        let finished = self.local(&args).await?;
        if !finished.ok() {
            return Ok(None);
        }
        let texts = finished.stdout.split(|byte| *byte == 0);
        Ok(Some(texts.filter_map(|text| commit(&String::from_utf8_lossy(text))).collect()))
    }

    /// Reads what is directly in a folder: at most 64 files and 1 MiB of text, the first. Links and
    /// folders are left out. Where there is no such folder, nothing is.
    pub async fn folder(&self, commit: &CommitId, folder: &str) -> Result<SourceFolder, GitError> {
        let tree = format!("{commit}:{folder}");
        let listed = self.local(&["ls-tree", "-z", "--full-tree", &tree]).await?;
        if !listed.ok() {
            // There is no such folder.
            return Ok(SourceFolder::default());
        }
        let text = String::from_utf8_lossy(&listed.stdout);
        let mut blobs: Vec<(BlobId, &str)> = text.split('\0').filter_map(blob).collect();
        let mut cut = blobs.len() > MAX_FOLDER_FILES;
        blobs.truncate(MAX_FOLDER_FILES);
        if blobs.is_empty() {
            return Ok(SourceFolder { files: Vec::new(), cut });
        }
        // The sizes first: nobody can make more be read than what is kept.
        let sizes = self.cat(&["cat-file", "--batch-check=%(objectsize)"], &blobs).await?;
        let sizes = String::from_utf8_lossy(&sizes).into_owned();
        let mut left = MAX_BYTES as u64;
        let mut files = Vec::new();
        let mut wanted = Vec::new();
        for ((blob, name), size) in blobs.into_iter().zip(sizes.lines()) {
            let Ok(size) = size.trim().parse::<u64>() else {
                // The host does not give it.
                cut = true;
                continue;
            };
            if let Some(remaining) = left.checked_sub(size) {
                left = remaining;
                wanted.push((blob, name));
            } else {
                cut = true;
            }
            files.push(SourceFile { path: format!("{folder}/{name}"), blob, size, text: None });
        }
        let read = self.cat(&["cat-file", "--batch"], &wanted).await?;
        let mut rest = read.as_slice();
        let mut texts = BTreeMap::new();
        for (blob, _) in wanted {
            let Some((content, after)) = next_blob(rest) else { break };
            rest = after;
            texts.extend(std::str::from_utf8(content).ok().map(|text| (blob, text.to_owned())));
        }
        for file in &mut files {
            file.text = texts.get(&file.blob).cloned();
        }
        Ok(SourceFolder { files, cut })
    }

    /// Asks a command about blobs, which are fetched if they are not here yet.
    async fn cat(&self, args: &[&str], blobs: &[(BlobId, &str)]) -> Result<Vec<u8>, GitError> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = blobs.iter().map(|(blob, _)| blob.to_string()).collect();
        let input = format!("{}\n", ids.join("\n"));
        let finished = self.remote(args, input.into_bytes()).await?;
        if finished.ok() {
            Ok(finished.stdout)
        } else {
            Err(self.failed("read files of the repository", &finished))
        }
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
}

fn commit(text: &str) -> Option<SourceCommit> {
    let mut parts = text.splitn(4, '\n');
    let mut next = || parts.next().map(str::trim);
    Some(SourceCommit {
        id: CommitId::parse(next()?).ok()?,
        author: cut(next()?, MAX_NAME),
        time: seconds(next()?),
        message: cut(next()?, MAX_MESSAGE),
    })
}

/// Reads a line of `git ls-tree`; none where it is no ordinary file.
fn blob(line: &str) -> Option<(BlobId, &str)> {
    let (meta, name) = line.split_once('\t')?;
    let mut meta = meta.split(' ');
    let (mode, kind, id) = (meta.next()?, meta.next()?, meta.next()?);
    let ordinary = kind == "blob" && mode.starts_with("100");
    Some((BlobId::parse(id).ok().filter(|_| ordinary)?, name))
}

/// Reads one answer of `git cat-file --batch`.
fn next_blob(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&text[..end]).ok()?;
    let size: usize = header.rsplit(' ').next()?.parse().ok()?;
    let body = text.get(end + 1..end + 1 + size)?;
    Some((body, text.get(end + 2 + size..).unwrap_or_default()))
}

fn cut(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
