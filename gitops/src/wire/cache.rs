//! Objects that were read or written before: some in memory, more on disk, both of limited size.
//!
//! Both keep two generations. What is used moves to the younger one; when that is full, it becomes
//! the older, and what was not used meanwhile is gone. On disk a generation is a file to which objects
//! are appended. Nothing here is needed: what is missing or damaged is asked of the server again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use gix_hash::ObjectId;

use super::delta::OBJECT_CAP;
use super::pack::is_sound;
use crate::id::{Object, ObjectKind};

/// What a generation in memory may take.
const MEMORY: usize = 8 * 1024 * 1024;
/// What an object takes in memory besides its content.
const OVERHEAD: usize = 128;
/// Trees of more bytes are written to disk as they are.
const STORED: usize = 32 * 1024;
/// In front of each object on disk: the size of what follows, a letter for the kind, and the id.
const HEADER: usize = 4 + 1 + 20;
/// The letter of a tree that is not deflated.
const STORED_TREE: u8 = b'T';

/// Keeps objects by their ids.
pub(super) struct Cache {
    memory: Mutex<Generations>,
    disk: Mutex<Disk>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<ObjectId, Object>,
    old: HashMap<ObjectId, Object>,
    /// What is in the younger one takes.
    size: usize,
}

impl Generations {
    fn get(&mut self, id: ObjectId) -> Option<Object> {
        if let Some(object) = self.young.get(&id) {
            return Some(object.clone());
        }
        let object = self.old.remove(&id)?;
        self.put(object.clone());
        Some(object)
    }

    fn put(&mut self, object: Object) {
        self.size += object.data.len() + OVERHEAD;
        if let Some(before) = self.young.insert(object.id, object) {
            self.size -= before.data.len() + OVERHEAD;
        }
        if self.size > MEMORY {
            self.old = std::mem::take(&mut self.young);
            self.size = 0;
        }
    }
}

/// The files, if there are any.
struct Disk {
    dir: PathBuf,
    /// What one file may take.
    limit: u64,
    young: Option<Segment>,
    old: Option<Segment>,
}

struct Segment {
    file: File,
    size: u64,
    places: HashMap<ObjectId, (u64, u32)>,
}

impl Cache {
    /// Makes a cache that keeps files of at most `limit` bytes together in a folder, once opened.
    pub(super) fn new(dir: PathBuf, limit: u64) -> Self {
        let disk = Disk { dir, limit: limit / 2, young: None, old: None };
        Self { memory: Mutex::default(), disk: Mutex::new(disk) }
    }

    fn memory(&self) -> MutexGuard<'_, Generations> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the files, of which nobody else may write.
    pub(super) fn open(&self) -> std::io::Result<()> {
        let mut disk = self.disk();
        if disk.young.is_none() {
            std::fs::create_dir_all(&disk.dir)?;
            disk.old = Segment::open(&disk.path("old")).ok();
            disk.young = Some(Segment::open(&disk.path("young"))?);
        }
        Ok(())
    }

    /// Forgets everything, and closes the files.
    pub(super) fn clear(&self) {
        *self.memory() = Generations::default();
        let mut disk = self.disk();
        (disk.young, disk.old) = (None, None);
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<Object> {
        if let Some(object) = self.memory().get(id) {
            return Some(object);
        }
        let object = self.disk().get(id)?;
        self.memory().put(object.clone());
        Some(object)
    }

    pub(super) fn has(&self, id: ObjectId) -> bool {
        let memory = self.memory();
        if memory.young.contains_key(&id) || memory.old.contains_key(&id) {
            return true;
        }
        drop(memory);
        self.disk().has(id)
    }

    /// Keeps objects.
    pub(super) fn put(&self, objects: &[Object]) {
        if let Err(error) = self.disk().put(objects) {
            // A full disk only means that more is asked of the server.
            tracing::debug!(%error, "objects could not be kept on disk");
        }
        let mut memory = self.memory();
        for object in objects {
            memory.put(object.clone());
        }
    }
}

impl Disk {
    fn path(&self, generation: &str) -> PathBuf {
        self.dir.join(format!("objects-{generation}"))
    }

    fn has(&self, id: ObjectId) -> bool {
        let segments = self.young.iter().chain(&self.old);
        segments.into_iter().any(|segment| segment.places.contains_key(&id))
    }

    fn get(&mut self, id: ObjectId) -> Option<Object> {
        if let Some(object) = self.young.as_mut().and_then(|segment| segment.get(id)) {
            return Some(object);
        }
        let object = self.old.as_mut().and_then(|segment| segment.get(id))?;
        let _ = self.put(std::slice::from_ref(&object));
        Some(object)
    }

    fn put(&mut self, objects: &[Object]) -> std::io::Result<()> {
        let limit = self.limit;
        let Some(young) = &mut self.young else { return Ok(()) };
        if young.size >= limit {
            std::fs::rename(self.path("young"), self.path("old"))?;
            self.old = self.young.take();
            self.young = Some(Segment::open(&self.path("young"))?);
        }
        let Some(young) = &mut self.young else { return Ok(()) };
        young.append(objects)
    }
}

impl Segment {
    /// Opens a file and finds what is in it; the rest behind the last whole object is cut off.
    fn open(path: &Path) -> std::io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let end = file.metadata()?.len();
        let mut places = HashMap::new();
        let mut at = 0;
        let mut header = [0; HEADER];
        while at + HEADER as u64 <= end {
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut header)?;
            let Some((size, _, id)) = parse(&header) else { break };
            let next = at + HEADER as u64 + u64::from(size);
            if next > end {
                break;
            }
            places.insert(id, (at, size));
            at = next;
        }
        file.set_len(at)?;
        Ok(Self { file, size: at, places })
    }

    fn get(&mut self, id: ObjectId) -> Option<Object> {
        let (at, size) = *self.places.get(&id)?;
        let object = self.read(id, at, size);
        if object.is_none() {
            self.places.remove(&id);
        }
        object
    }

    fn read(&self, id: ObjectId, at: u64, size: u32) -> Option<Object> {
        let mut bytes = vec![0; HEADER + size as usize];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        let (header, content) = bytes.split_first_chunk::<HEADER>()?;
        let (_, letter, _) = parse(header)?;
        let data = if letter == STORED_TREE { content.to_vec() } else { inflate(content)? };
        let object = Object { id, kind: kind(letter)?, data: data.into() };
        is_sound(&object).then_some(object)
    }

    fn append(&mut self, objects: &[Object]) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        for object in objects {
            if self.places.contains_key(&object.id) {
                continue;
            }
            // Much of a large tree is ids, which do not get smaller, and it comes with each release.
            let large_tree = object.kind == ObjectKind::Tree && object.data.len() > STORED;
            let (letter, content) = if large_tree {
                (STORED_TREE, object.data.clone())
            } else {
                encoder.write_all(&object.data)?;
                (letter(object.kind), encoder.reset(Vec::new())?.into())
            };
            let Ok(size) = u32::try_from(content.len()) else { continue };
            places.push((object.id, (self.size + bytes.len() as u64, size)));
            bytes.reserve(HEADER + content.len());
            bytes.extend_from_slice(&size.to_le_bytes());
            bytes.push(letter);
            bytes.extend_from_slice(object.id.as_slice());
            bytes.extend_from_slice(&content);
        }
        if let Err(error) = self.file.write_all_at(&bytes, self.size) {
            // What was written in part must not be taken for an object.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += bytes.len() as u64;
        self.places.extend(places);
        Ok(())
    }
}

/// Reads what is in front of an object: its size, letter and id.
fn parse(header: &[u8; HEADER]) -> Option<(u32, u8, ObjectId)> {
    let (size, rest) = header.split_first_chunk()?;
    let (letter, id) = rest.split_first()?;
    kind(*letter)?;
    Some((u32::from_le_bytes(*size), *letter, ObjectId::try_from(id).ok()?))
}

fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    ZlibDecoder::new(packed).take(OBJECT_CAP as u64 + 1).read_to_end(&mut data).ok()?;
    Some(data)
}

fn kind(letter: u8) -> Option<ObjectKind> {
    match letter {
        b'b' => Some(ObjectKind::Blob),
        b't' | STORED_TREE => Some(ObjectKind::Tree),
        b'c' => Some(ObjectKind::Commit),
        b'g' => Some(ObjectKind::Tag),
        _ => None,
    }
}

fn letter(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Blob => b'b',
        ObjectKind::Tree => b't',
        ObjectKind::Commit => b'c',
        ObjectKind::Tag => b'g',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        Object::new(ObjectKind::Blob, text.as_bytes().to_vec())
    }

    fn opened(dir: &Path, limit: u64) -> Cache {
        let cache = Cache::new(dir.to_owned(), limit);
        cache.open().unwrap();
        cache
    }

    #[test]
    fn objects_are_there_in_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (object("a"), object("b"));
        opened(dir.path(), 1 << 20).put(&[a.clone(), b.clone(), a.clone()]);
        let cache = opened(dir.path(), 1 << 20);
        assert_eq!(cache.get(a.id).unwrap().data, "a");
        assert!(cache.has(b.id));
        assert!(cache.get(object("c").id).is_none());
    }

    #[test]
    fn a_file_that_was_cut_or_damaged_loses_only_what_was_hit() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (object("first"), object("second"));
        opened(dir.path(), 1 << 20).put(&[a.clone(), b.clone()]);
        let path = dir.path().join("objects-young");
        let whole = std::fs::read(&path).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let cache = opened(dir.path(), 1 << 20);
            assert!(cache.get(b.id).is_none());
            cache.put(std::slice::from_ref(&b));
            assert!(opened(dir.path(), 1 << 20).get(b.id).is_some(), "{end}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            std::fs::write(&path, &bytes).unwrap();
            let cache = opened(dir.path(), 1 << 20);
            for object in [&a, &b] {
                let found = cache.get(object.id);
                assert!(found.is_none_or(|found| found.data == object.data), "{at}");
            }
        }
    }

    #[test]
    fn what_is_not_used_goes_when_the_files_are_full() {
        let dir = tempfile::tempdir().unwrap();
        let cache = opened(dir.path(), 2_000);
        let used = object("used");
        let first = object("first");
        cache.put(&[used.clone(), first.clone()]);
        for n in 0..200 {
            cache.put(&[object(&format!("{n}"))]);
            *cache.memory() = Generations::default();
            assert!(cache.get(used.id).is_some(), "{n}");
        }
        assert!(cache.get(first.id).is_none());
        let size: u64 = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size < 2_500, "{size}");
    }
}
