//! Pack files: many objects in one stream, some of them as deltas.
//!
//! The form is git's (`gitformat-pack`, version 2).

use std::collections::HashMap;
use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, Decompress, FlushDecompress, Status, write::ZlibEncoder};
use gix_hash::ObjectId;

use super::delta::{self, BadDelta, OBJECT_CAP};
use super::packet::garbage;
use crate::error::{GitError, GitErrorKind};
use crate::id::{Object, ObjectKind, hash};

const SIGNATURE: &[u8] = b"PACK\0\0\0\x02";
const HEADER: usize = SIGNATURE.len() + 4;
const ID: usize = 20;
/// All objects of one pack together, inflated. The commits of a million releases are less.
const TOTAL_CAP: usize = 1024 * 1024 * 1024;
/// Rounds in which bases are looked for that come after their deltas. Servers write bases first.
const ROUNDS: usize = 64;
const OFFSET_DELTA: u8 = 6;
const ID_DELTA: u8 = 7;
/// Beyond this size the gain of trying harder is small, and the time is not.
const BIG: usize = 32 * 1024;

fn code(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Commit => 1,
        ObjectKind::Tree => 2,
        ObjectKind::Blob => 3,
        ObjectKind::Tag => 4,
    }
}

fn kind(code: u8) -> Option<ObjectKind> {
    match code {
        1 => Some(ObjectKind::Commit),
        2 => Some(ObjectKind::Tree),
        3 => Some(ObjectKind::Blob),
        4 => Some(ObjectKind::Tag),
        _ => None,
    }
}

/// Where a delta's base is.
#[derive(Clone, Copy)]
enum Base {
    Offset(usize),
    Id(ObjectId),
}

struct Waiting {
    offset: usize,
    base: Base,
    delta: Vec<u8>,
}

/// Reads all objects of a pack that was received whole.
///
/// A base that is not in the pack is asked for by its id. Deltas whose bases come later, or
/// nowhere, or lead in a circle are no danger: each is tried only when its base is there.
pub(super) fn read(
    pack: &[u8],
    outside: impl Fn(ObjectId) -> Option<Object>,
) -> Result<Vec<Object>, GitError> {
    let bad = |what: &str| garbage(&format!("pack: {what}"));
    let (body, trailer) =
        pack.split_at_checked(pack.len().wrapping_sub(ID)).ok_or_else(|| bad("too short"))?;
    let count = body.strip_prefix(SIGNATURE).and_then(|rest| rest.first_chunk());
    let count = u32::from_be_bytes(*count.ok_or_else(|| bad("no header"))?) as usize;
    if checksum(body).as_slice() != trailer {
        return Err(bad("wrong checksum"));
    }
    let mut reader =
        Reader { body, at: HEADER, total: 0, excess: None, inflater: Decompress::new(true) };
    let mut found = Found { objects: Vec::new(), offsets: HashMap::new(), ids: HashMap::new() };
    let mut waiting = Vec::new();
    for _ in 0..count {
        let offset = reader.at;
        match (reader.entry(), reader.excess) {
            (Some(Entry::Whole(kind, data)), _) => found.add(offset, Object::new(kind, data)),
            (Some(Entry::Delta(base, delta)), _) => waiting.push(Waiting { offset, base, delta }),
            (None, Some(excess)) => return Err(too_large(excess)),
            (None, None) => return Err(bad("an entry is broken")),
        }
    }
    if reader.at != body.len() {
        return Err(bad("more than its entries"));
    }
    for _ in 0..ROUNDS {
        let before = waiting.len();
        let mut left = Vec::new();
        for entry in waiting {
            let Some((kind, base)) = found.base(entry.base, &outside) else {
                left.push(entry);
                continue;
            };
            let data = delta::apply(&base, &entry.delta).map_err(|error| match error {
                BadDelta::Broken => bad("a delta is broken"),
                BadDelta::TooLarge => too_large(Excess::Object),
            })?;
            reader.spend(data.len()).ok_or_else(|| too_large(Excess::Pack))?;
            found.add(entry.offset, Object::new(kind, data));
        }
        waiting = left;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    if waiting.is_empty() { Ok(found.objects) } else { Err(bad("the base of a delta is missing")) }
}

/// What of a pack is more than is read.
#[derive(Clone, Copy)]
enum Excess {
    /// One object.
    Object,
    /// All of them together.
    Pack,
}

fn too_large(excess: Excess) -> GitError {
    let message = match excess {
        Excess::Object => format!(
            "the repository has an object of more than {OBJECT_CAP} bytes, which is not read: take \
             that file off the branch"
        ),
        Excess::Pack => format!("the server sent more than {TOTAL_CAP} bytes of objects at once"),
    };
    GitError::new(GitErrorKind::TooLarge, message)
}

struct Found {
    objects: Vec<Object>,
    offsets: HashMap<usize, usize>,
    ids: HashMap<ObjectId, usize>,
}

impl Found {
    fn add(&mut self, offset: usize, object: Object) {
        self.offsets.insert(offset, self.objects.len());
        self.ids.insert(object.id, self.objects.len());
        self.objects.push(object);
    }

    fn base(
        &self,
        base: Base,
        outside: &impl Fn(ObjectId) -> Option<Object>,
    ) -> Option<(ObjectKind, Bytes)> {
        let at = match base {
            Base::Offset(offset) => self.offsets.get(&offset),
            Base::Id(id) => self.ids.get(&id),
        };
        match (at.and_then(|at| self.objects.get(*at)), base) {
            (Some(object), _) => Some((object.kind, object.data.clone())),
            (None, Base::Id(id)) => outside(id).map(|object| (object.kind, object.data)),
            (None, Base::Offset(_)) => None,
        }
    }
}

enum Entry {
    Whole(ObjectKind, Vec<u8>),
    Delta(Base, Vec<u8>),
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    total: usize,
    /// Why the last entry was not read, if it is too large.
    excess: Option<Excess>,
    inflater: Decompress,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.body.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn spend(&mut self, bytes: usize) -> Option<()> {
        let total = self.total.checked_add(bytes).filter(|total| *total <= TOTAL_CAP);
        match total {
            Some(total) => self.total = total,
            None => self.excess = Some(Excess::Pack),
        }
        total.map(drop)
    }

    fn entry(&mut self) -> Option<Entry> {
        let start = self.at;
        let first = self.byte()?;
        let code = first >> 4 & 7;
        let mut size = usize::from(first & 0x0f);
        let mut more = first & 0x80 != 0;
        let mut shift = 4;
        while more {
            let byte = self.byte()?;
            size |= usize::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 40)?;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        if size > OBJECT_CAP {
            self.excess = Some(Excess::Object);
            return None;
        }
        match code {
            OFFSET_DELTA => {
                let base = Base::Offset(start.checked_sub(self.distance()?)?);
                Some(Entry::Delta(base, self.inflate(size)?))
            }
            ID_DELTA => {
                let id = self.body.get(self.at..self.at + ID)?;
                self.at += ID;
                let base = Base::Id(ObjectId::from_bytes_or_panic(id));
                Some(Entry::Delta(base, self.inflate(size)?))
            }
            code => Some(Entry::Whole(kind(code)?, self.inflate(size)?)),
        }
    }

    /// Reads how far before an entry its base begins.
    fn distance(&mut self) -> Option<usize> {
        let mut byte = self.byte()?;
        let mut distance = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            distance = distance.checked_add(1)?.checked_mul(0x80)? | usize::from(byte & 0x7f);
        }
        Some(distance).filter(|distance| *distance > 0)
    }

    fn inflate(&mut self, size: usize) -> Option<Vec<u8>> {
        self.spend(size)?;
        let mut out = Vec::with_capacity(size);
        let (rest, inflater) = (self.body.get(self.at..)?, &mut self.inflater);
        inflater.reset(true);
        let mut status = inflater.decompress_vec(rest, &mut out, FlushDecompress::Finish).ok()?;
        if status != Status::StreamEnd && out.len() == size {
            // All is there but the end of the stream, which needs room to be seen.
            out.reserve(1);
            let read = usize::try_from(inflater.total_in()).ok()?;
            status = inflater
                .decompress_vec(rest.get(read..)?, &mut out, FlushDecompress::Finish)
                .ok()?;
        }
        if status != Status::StreamEnd || out.len() != size {
            return None;
        }
        self.at += usize::try_from(inflater.total_in()).ok()?;
        Some(out)
    }
}

fn checksum(body: &[u8]) -> ObjectId {
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(body);
    // A detected attack gives an id that no trailer has.
    hasher.try_finalize().unwrap_or_else(|_| ObjectId::null(gix_hash::Kind::Sha1))
}

/// Collects objects into a pack.
pub(super) struct PackWriter {
    count: u32,
    pack: Vec<u8>,
    /// To make one takes longer than to deflate what most objects are.
    encoder: ZlibEncoder<Vec<u8>>,
}

impl PackWriter {
    pub(super) fn new() -> Self {
        let mut pack = SIGNATURE.to_vec();
        pack.extend_from_slice(&[0; 4]);
        let encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        Self { count: 0, pack, encoder }
    }

    /// Adds an object as it is.
    pub(super) fn whole(&mut self, object: &Object) {
        self.header(code(object.kind), object.data.len());
        self.deflate(&object.data);
    }

    /// Adds an object as a delta of one that the server has, or that comes before in the pack.
    pub(super) fn delta(&mut self, base: ObjectId, delta: &[u8]) {
        self.header(ID_DELTA, delta.len());
        self.pack.extend_from_slice(base.as_slice());
        self.deflate(delta);
    }

    fn header(&mut self, code: u8, mut size: usize) {
        self.count += 1;
        let low = |size: usize, mask: usize| u8::try_from(size & mask).unwrap_or_default();
        let mut byte = code << 4 | low(size, 0x0f);
        size >>= 4;
        while size > 0 {
            self.pack.push(byte | 0x80);
            byte = low(size, 0x7f);
            size >>= 7;
        }
        self.pack.push(byte);
    }

    fn deflate(&mut self, data: &[u8]) {
        let deflated = if data.len() > BIG {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(data).and_then(|()| encoder.finish())
        } else {
            self.encoder.write_all(data).and_then(|()| self.encoder.reset(Vec::new()))
        };
        // Memory takes whatever is written.
        self.pack.extend_from_slice(&deflated.unwrap_or_default());
    }

    /// Returns the pack.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.pack[SIGNATURE.len()..HEADER].copy_from_slice(&self.count.to_be_bytes());
        let id = checksum(&self.pack);
        self.pack.extend_from_slice(id.as_slice());
        self.pack
    }
}

/// Says whether an object is what its id says. The id of an attack is that of no object.
pub(super) fn is_sound(object: &Object) -> bool {
    hash(object.kind, &object.data) == object.id
}

/// Puts a frame with the right checksum around the inside of a pack.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn sealed(count: u32, body: &[u8]) -> Vec<u8> {
    let mut pack = [SIGNATURE, &count.to_be_bytes(), body].concat();
    let id = checksum(&pack);
    pack.extend_from_slice(id.as_slice());
    pack
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(text: &[u8]) -> Object {
        Object::new(ObjectKind::Blob, text.to_vec())
    }

    fn none(_: ObjectId) -> Option<Object> {
        None
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3_000), 0..20)) {
            let mut writer = PackWriter::new();
            let mut before: Option<Object> = None;
            let mut expected = Vec::new();
            for text in &texts {
                let object = blob(text);
                match &before {
                    Some(base) => writer.delta(base.id, &delta::between(&base.data, text)),
                    None => writer.whole(&object),
                }
                expected.push(object.id);
                before = Some(object);
            }
            let found = read(&writer.finish(), none).unwrap();
            let mut found: Vec<_> = found.iter().map(|object| object.id).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_pack_makes_it_panic(count in 0..5u32, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&sealed(count, &body), none);
            let _ = read(&body, none);
        }
    }

    #[test]
    fn a_pack_that_is_cut_or_changed_is_refused() {
        let mut writer = PackWriter::new();
        writer.whole(&blob(b"hello"));
        let pack = writer.finish();
        assert_eq!(read(&pack, none).unwrap().len(), 1);
        for end in 0..pack.len() {
            assert!(read(&pack[..end], none).is_err(), "{end}");
            let mut changed = pack.clone();
            changed[end] ^= 1;
            assert!(read(&changed, none).is_err(), "{end}");
            let body = &changed[..pack.len() - ID];
            let found = read(&sealed(1, body.get(HEADER..).unwrap_or_default()), none);
            let found = found.unwrap_or_default();
            assert!(found.iter().all(is_sound), "{end}");
        }
    }

    /// The pair of Leurent and Peyrin, "SHA-1 is a Shambles" (2020): two texts of one SHA-1.
    #[test]
    fn texts_that_were_made_to_have_one_sum_have_none() {
        for text in [&include_bytes!("sha-mbles-1.bin")[..], include_bytes!("sha-mbles-2.bin")] {
            assert!(checksum(text).is_null());
            assert!(!checksum(&text[..text.len() - 1]).is_null());
        }
    }

    #[test]
    fn a_base_may_be_outside_or_come_later_but_not_be_missing() {
        let (base, made) = (blob(b"the base of it"), blob(b"the base of all"));
        let delta = delta::between(&base.data, &made.data);
        let mut writer = PackWriter::new();
        writer.delta(base.id, &delta);
        let thin = writer.finish();
        assert!(read(&thin, none).is_err());
        let found = read(&thin, |id| (id == base.id).then(|| base.clone())).unwrap();
        assert_eq!(found[0].id, made.id);
        let mut writer = PackWriter::new();
        writer.delta(base.id, &delta);
        writer.whole(&base);
        assert_eq!(read(&writer.finish(), none).unwrap().len(), 2);
        // Two deltas, each of which is the base of the other.
        let mut writer = PackWriter::new();
        writer.delta(made.id, &delta);
        writer.delta(base.id, &delta);
        assert!(read(&writer.finish(), none).is_err());
    }

    #[test]
    fn sizes_that_are_lies_are_refused() {
        // A blob of a gigabyte in a few bytes, and one of which less comes than was said.
        for (size, kind) in [
            ([0xbf, 0xff, 0xff, 0xff, 0x0f], GitErrorKind::TooLarge),
            ([0xb9, 0x80, 0x80, 0x80, 0x00], GitErrorKind::Unreachable),
        ] {
            let mut body = size.to_vec();
            let mut encoder = ZlibEncoder::new(&mut body, Compression::default());
            encoder.write_all(b"small").unwrap();
            encoder.finish().unwrap();
            assert_eq!(read(&sealed(1, &body), none).unwrap_err().kind(), kind);
        }
    }
}
