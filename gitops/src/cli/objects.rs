//! Objects in the cache: read through one long-lived git, written as loose files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix_hash::ObjectId;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::sync::Mutex;

use super::command::Conversation;
use crate::error::{GitError, GitErrorKind};
use crate::id::{Object, ObjectKind};

/// The largest object that is read.
const OBJECT_CAP: u64 = 64 * 1024 * 1024;
/// How long one object may take; a cache on a dead disk must not hang everything.
const READ_TIME: Duration = Duration::from_secs(30);

/// Reads objects with `git cat-file`.
pub(crate) struct Reader {
    dir: PathBuf,
    child: Mutex<Option<Conversation>>,
}

struct Header {
    kind: ObjectKind,
    size: u64,
}

impl Reader {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, child: Mutex::new(None) }
    }

    /// Ends the child; the next question starts another.
    pub(crate) async fn restart(&self) {
        *self.child.lock().await = None;
    }

    pub(crate) async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        let answer = self.ask("contents", id).await?;
        Ok(answer.map(|(header, data)| Object { id, kind: header.kind, data: data.into() }))
    }

    pub(crate) async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        Ok(self.ask("info", id).await?.map(|(header, _)| (header.kind, header.size)))
    }

    async fn ask(&self, word: &str, id: ObjectId) -> Result<Option<(Header, Vec<u8>)>, GitError> {
        let mut slot = self.child.lock().await;
        for attempt in 0..2 {
            // Taken out for the time of the question: one that is given up half-way must not leave
            // its answer to the next.
            let kept = slot.take().and_then(|mut child| (!child.is_over()).then_some(child));
            let fresh = kept.is_none();
            let mut child = match kept {
                Some(child) => child,
                None => Conversation::start(&self.dir, &["cat-file", "--batch-command"])?,
            };
            let asked = tokio::time::timeout(READ_TIME, exchange(&mut child, word, id)).await;
            match asked {
                Ok(Ok(answer)) => {
                    // A long-lived reader may not have seen new packs.
                    if answer.is_none() && !fresh && attempt == 0 {
                        continue;
                    }
                    *slot = Some(child);
                    return Ok(answer);
                }
                Ok(Err(Failure::TooLarge(size))) => {
                    return Err(GitError::new(
                        GitErrorKind::TooLarge,
                        format!("object {id} has {size} bytes: at most {OBJECT_CAP} can be read"),
                    ));
                }
                Ok(Err(Failure::Broken)) if !fresh && attempt == 0 => {}
                Ok(Err(Failure::Broken)) | Err(_) => break,
            }
        }
        Err(GitError::cache(format!("object {id} cannot be read: the cache is fetched again")))
    }
}

enum Failure {
    TooLarge(u64),
    Broken,
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

async fn exchange(
    child: &mut Conversation,
    word: &str,
    id: ObjectId,
) -> Result<Option<(Header, Vec<u8>)>, Failure> {
    child.ask(&format!("{word} {}\n", id.to_hex())).await?;
    let mut line = String::new();
    // An answer is an id, a word and a number.
    (&mut *child.output()).take(256).read_line(&mut line).await?;
    let words: Vec<_> = line.split_whitespace().collect();
    let header = match words[..] {
        [_, "missing"] => return Ok(None),
        [_, kind, size] => {
            let kind = ObjectKind::parse(kind).ok_or(Failure::Broken)?;
            Header { kind, size: size.parse().map_err(|_| Failure::Broken)? }
        }
        _ => return Err(Failure::Broken),
    };
    if word == "info" {
        return Ok(Some((header, Vec::new())));
    }
    if header.size > OBJECT_CAP {
        return Err(Failure::TooLarge(header.size));
    }
    let mut data = vec![0; usize::try_from(header.size).map_err(|_| Failure::Broken)?];
    child.output().read_exact(&mut data).await?;
    let mut end = [0];
    child.output().read_exact(&mut end).await?;
    Ok(Some((header, data)))
}

/// Writes objects that are not there yet.
pub(crate) fn write_loose(dir: &Path, objects: &[Object]) -> std::io::Result<()> {
    for object in objects {
        let hex = object.id.to_hex().to_string();
        let folder = dir.join("objects").join(&hex[..2]);
        let file = folder.join(&hex[2..]);
        // An empty file is what a full disk or a crash leaves behind.
        if std::fs::metadata(&file).is_ok_and(|m| m.len() > 0) {
            continue;
        }
        std::fs::create_dir_all(&folder)?;
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        write!(encoder, "{} {}\0", object.kind.name(), object.data.len())?;
        encoder.write_all(&object.data)?;
        let packed = encoder.finish()?;
        let mut temporary = tempfile::Builder::new().prefix("tmp_obj_").tempfile_in(&folder)?;
        temporary.write_all(&packed)?;
        temporary.persist(&file).map_err(|e| e.error)?;
    }
    Ok(())
}

/// Counts loose objects and packs.
pub(crate) fn count(dir: &Path) -> std::io::Result<(usize, usize)> {
    let objects = dir.join("objects");
    let mut loose = 0;
    for entry in std::fs::read_dir(&objects)? {
        let entry = entry?;
        if entry.file_name().len() == 2 {
            loose += std::fs::read_dir(entry.path())?.count();
        }
    }
    let packs = std::fs::read_dir(objects.join("pack"))?
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "pack"))
        .count();
    Ok((loose, packs))
}
