//! The file that saves walking through the history again. It may be deleted at any time.
//!
//! A header, then sections. Each section has the entries of new commits and the commit up to which
//! the file is complete with it; it is written in one go, and one that did not get to its end is
//! seen by its checksum and left out. A file that is damaged before, or is of another version, is
//! left out as a whole.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use flate2::Crc;
use gix_hash::ObjectId;

use super::Index;
use super::codec::Decoder;
use crate::id::CommitId;

const MAGIC: &[u8; 8] = b"gimletlg";
/// Raised whenever what entries are made of, or which commits have one, changes.
const VERSION: u32 = 2;
const HEADER: usize = MAGIC.len() + 4;
/// The most bytes that are read; a million releases are about half of it.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
/// So many entries are worth a write; fewer are read from the repository again.
const WORTH: usize = 256;

/// The file of one index, and how much of the index is in it.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    /// Bytes and entries of the index that the file has.
    saved: (usize, usize),
    /// The size of the file as it was last written or read; none if it is to be written anew.
    size: Option<u64>,
}

impl Cache {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, saved: (0, 0), size: None }
    }

    /// Forgets what is in the file: it is written anew when next saved.
    pub(crate) fn reset(&mut self) {
        (self.saved, self.size) = ((0, 0), None);
    }

    /// Reads the file; an index without a head if there is nothing in it that can be used.
    pub(crate) fn load(&mut self) -> Index {
        self.reset();
        let mut index = Index::default();
        let Some(data) = self.read() else { return index };
        let mut rest = &data[HEADER..];
        while let Some((head, entries, next)) = section(rest) {
            let mut decoder = Decoder(entries);
            let entries: Vec<_> = std::iter::from_fn(|| decoder.entry()).collect();
            index.extend(&entries);
            if !decoder.0.is_empty() {
                // The checksum is right, so whoever wrote this was wrong.
                return Index::default();
            }
            index.set_head(head);
            rest = next;
        }
        self.saved = (index.bytes().len(), index.len());
        // What is behind the last good section must not be appended to.
        self.size = rest.is_empty().then_some(data.len() as u64);
        index
    }

    fn read(&self) -> Option<Vec<u8>> {
        let file = File::open(&self.path).ok()?;
        let size = file.metadata().ok()?.len();
        if size > MAX_FILE {
            return None;
        }
        let mut data = Vec::with_capacity(usize::try_from(size).ok()?);
        file.take(MAX_FILE).read_to_end(&mut data).ok()?;
        let ours =
            data.starts_with(MAGIC) && data.get(MAGIC.len()..HEADER)? == VERSION.to_le_bytes();
        ours.then_some(data)
    }

    /// Says whether the file should be written.
    pub(crate) fn is_due(&self, index: &Index) -> bool {
        let new = index.len().saturating_sub(self.saved.1);
        index.head().is_some() && new > 0 && (self.size.is_none() || new >= WORTH)
    }

    /// Writes what is new in the index, or everything if the file is not what it was.
    pub(crate) fn save(&mut self, index: &Index) -> std::io::Result<()> {
        let Some(head) = index.head() else { return Ok(()) };
        let untouched =
            self.size.is_some() && self.size == std::fs::metadata(&self.path).ok().map(|m| m.len());
        if let (true, Some(new)) = (untouched, index.bytes().get(self.saved.0..)) {
            let mut data = Vec::with_capacity(new.len() + 64);
            write_section(head, new, &mut data)?;
            // If this fails half-way, the size is not what it was, and all is written next time.
            OpenOptions::new().append(true).open(&self.path)?.write_all(&data)?;
            self.size = self.size.map(|size| size + data.len() as u64);
        } else {
            let mut data = Vec::with_capacity(index.bytes().len() + 64);
            data.extend_from_slice(MAGIC);
            data.extend_from_slice(&VERSION.to_le_bytes());
            write_section(head, index.bytes(), &mut data)?;
            self.replace(&data)?;
            self.size = Some(data.len() as u64);
        }
        self.saved = (index.bytes().len(), index.len());
        Ok(())
    }

    fn replace(&self, data: &[u8]) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let mut temporary = tempfile::Builder::new().prefix("tmp_log_").tempfile_in(folder)?;
        temporary.write_all(data)?;
        temporary.persist(&self.path).map_err(|e| e.error)?;
        Ok(())
    }
}

/// Length and checksum, then the commit and the entries.
fn write_section(head: CommitId, entries: &[u8], to: &mut Vec<u8>) -> std::io::Result<()> {
    let length = u32::try_from(entries.len() + 20)
        .map_err(|_| std::io::Error::other("the release log is too large"))?;
    let mut crc = Crc::new();
    crc.update(head.0.as_slice());
    crc.update(entries);
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&crc.sum().to_le_bytes());
    to.extend_from_slice(head.0.as_slice());
    to.extend_from_slice(entries);
    Ok(())
}

/// Returns the first section's commit and entries, and what follows it.
fn section(data: &[u8]) -> Option<(CommitId, &[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let mut crc = Crc::new();
    crc.update(body);
    let (head, entries) = body.split_at_checked(20)?;
    (crc.sum() == u32::from_le_bytes(*sum)).then_some((
        CommitId(ObjectId::try_from(head).ok()?),
        entries,
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;
    use crate::index::HistoryFilter;

    fn all(index: &Index) -> Vec<crate::index::LogEntry> {
        index.history(&HistoryFilter { others: true, ..HistoryFilter::default() }).unwrap()
    }

    fn grow(index: &mut Index, numbers: std::ops::RangeInclusive<u8>) {
        for n in numbers {
            let entry = entry(n, "web", Some(&format!("web {n} x")));
            index.extend(std::slice::from_ref(&entry));
            index.set_head(entry.commit);
        }
    }

    #[test]
    fn an_index_is_read_back_and_its_file_grows_by_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut cache = Cache::new(path.clone());
        assert!(cache.load().head().is_none());
        let mut index = Index::default();
        grow(&mut index, 1..=100);
        assert!(cache.is_due(&index));
        cache.save(&index).unwrap();
        let first = std::fs::read(&path).unwrap();
        grow(&mut index, 101..=102);
        assert!(!cache.is_due(&index));
        cache.save(&index).unwrap();
        let second = std::fs::read(&path).unwrap();
        assert!(second.starts_with(&first) && second.len() < first.len() * 11 / 10);
        let read = Cache::new(path).load();
        assert_eq!((all(&read), read.head()), (all(&index), index.head()));
        assert_eq!(read.newest("web"), index.newest("web"));
        assert_eq!(read.find("r7"), index.find("r7"));
    }

    #[test]
    fn the_members_of_a_commit_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = Index::default();
        let mut members = ["web", "api"].map(|app| entry(1, app, Some(&format!("{app} 1 x"))));
        members[1].trailers.insert("Gimlet-Release".into(), "r2".into());
        index.extend(&members);
        index.set_head(members[0].commit);
        let mut cache = Cache::new(dir.path().join("log"));
        cache.save(&index).unwrap();
        grow(&mut index, 3..=3);
        cache.save(&index).unwrap();
        let read = Cache::new(dir.path().join("log")).load();
        assert_eq!(all(&read), all(&index));
        assert_eq!(read.len(), 3);
        assert_eq!(read.find("r2"), Some(members[0].commit));
        assert_eq!(read.newest("api"), index.newest("api"));
    }

    #[test]
    fn what_was_not_written_to_its_end_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut cache = Cache::new(path.clone());
        let mut index = Index::default();
        grow(&mut index, 1..=3);
        cache.save(&index).unwrap();
        let whole = (all(&index), index.head());
        let before = std::fs::read(&path).unwrap().len();
        grow(&mut index, 4..=5);
        cache.save(&index).unwrap();
        let data = std::fs::read(&path).unwrap();
        for end in before + 1..data.len() {
            std::fs::write(&path, &data[..end]).unwrap();
            let read = Cache::new(path.clone()).load();
            assert_eq!((all(&read), read.head()), whole, "{end}");
        }
        // What is written next makes it whole again.
        let mut cache = Cache::new(path.clone());
        let mut read = cache.load();
        grow(&mut read, 4..=6);
        cache.save(&read).unwrap();
        assert_eq!(all(&Cache::new(path).load()), all(&read));
    }

    #[test]
    fn a_file_that_is_damaged_or_of_another_version_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut index = Index::default();
        grow(&mut index, 1..=3);
        Cache::new(path.clone()).save(&index).unwrap();
        let data = std::fs::read(&path).unwrap();
        for at in 0..data.len() {
            let mut broken = data.clone();
            broken[at] ^= 0x10;
            std::fs::write(&path, &broken).unwrap();
            assert_eq!(Cache::new(path.clone()).load().head(), None, "{at}");
        }
        for text in ["", "gimletlg", "something else"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Cache::new(path.clone()).load().head(), None);
        }
    }
}
