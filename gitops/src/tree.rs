//! Folders as git sees them.

use std::cmp::Ordering;
use std::ops::Range;

use bytes::Bytes;
use gix_hash::ObjectId;

use crate::error::GitError;

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A file that may be run.
    Executable,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A reference to a commit of another repository.
    Submodule,
}

impl EntryKind {
    fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Folder => "40000",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }

    /// Takes a mode, and the space behind it, off the beginning of an entry.
    fn take(entry: &[u8]) -> Option<(Self, &[u8])> {
        MODES.iter().find_map(|(mode, kind)| {
            Some((*kind, entry.strip_prefix(mode.as_bytes())?.strip_prefix(b" ")?))
        })
    }
}

/// The length of an id.
const ID: usize = 20;

/// All modes that there are, in each form that they are written.
const MODES: [(&str, EntryKind); 7] = [
    ("40000", EntryKind::Folder),
    ("100644", EntryKind::File),
    ("100755", EntryKind::Executable),
    ("120000", EntryKind::Symlink),
    ("160000", EntryKind::Submodule),
    // Very old repositories have group-writable files.
    ("100664", EntryKind::File),
    ("040000", EntryKind::Folder),
];

/// One name in a tree, with the bytes that it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    bytes: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) kind: EntryKind,
}

impl<'a> Entry<'a> {
    /// Takes the first entry off a tree.
    fn take(tree: &mut &'a [u8]) -> Option<Self> {
        let data = *tree;
        let (kind, rest) = EntryKind::take(data)?;
        let nul = memchr::memchr(0, rest)?;
        let (bytes, after) = data.split_at_checked(data.len() - rest.len() + nul + 1 + ID)?;
        *tree = after;
        Some(Self { bytes, name: &rest[..nul], kind })
    }

    pub(crate) fn id(&self) -> ObjectId {
        // It was cut to this length when it was read.
        let id = self.bytes.last_chunk::<ID>().copied().unwrap_or_default();
        ObjectId::Sha1(id)
    }

    pub(crate) fn name_lossy(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

/// Compares as git sorts: a folder as if its name ended with a slash.
fn order(a: (&[u8], EntryKind), b: (&[u8], EntryKind)) -> Ordering {
    let shared = a.0.len().min(b.0.len());
    let next = |(name, kind): (&[u8], EntryKind)| {
        name.get(shared).copied().or_else(|| (kind == EntryKind::Folder).then_some(b'/'))
    };
    a.0[..shared].cmp(&b.0[..shared]).then_with(|| next(a).cmp(&next(b)))
}

/// The entries of a tree; ends early where it is damaged.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Reads entries out of a part of a tree.
    pub(crate) fn of(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Returns where the last entry ends that ends within so many bytes.
    pub(crate) fn end_within(mut self, bytes: usize) -> usize {
        let mut end = 0;
        while let Some(entry) = self.next()
            && end + entry.bytes.len() <= bytes
        {
            end += entry.bytes.len();
        }
        end
    }

    /// Returns where the first entry begins that begins behind so many bytes.
    pub(crate) fn start_behind(mut self, bytes: usize) -> usize {
        let mut start = 0;
        while start < bytes
            && let Some(entry) = self.next()
        {
            start += entry.bytes.len();
        }
        start
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        Entry::take(&mut self.0)
    }
}

/// One tree object.
///
/// It stays as it is written: a release looks up or replaces one entry of ten thousand, and the others
/// are neither read nor copied one by one. What belongs to others stays as it is byte by byte, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(Bytes);

impl Tree {
    /// Takes what was read from a repository.
    pub(crate) fn decode(data: Bytes) -> Result<Self, GitError> {
        let mut entries = Entries(&data);
        entries.by_ref().for_each(drop);
        if entries.0.is_empty() {
            return Ok(Self(data));
        }
        Err(GitError::cache("a tree object in the cache is damaged: it is fetched again"))
    }

    /// Takes what was decoded or made here before.
    pub(crate) fn known(data: Bytes) -> Self {
        Self(data)
    }

    pub(crate) fn encoded(&self) -> &Bytes {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries(&self.0)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.name == name.as_bytes())
    }

    /// Returns another entry whose name differs only in case.
    pub(crate) fn case_twin(&self, name: &str) -> Option<Entry<'_>> {
        let name = name.as_bytes();
        self.entries().find(|entry| entry.name != name && entry.name.eq_ignore_ascii_case(name))
    }

    /// Returns the tree with an entry in its place, instead of one with the same name.
    pub(crate) fn with(&self, name: &str, kind: EntryKind, id: ObjectId) -> Self {
        let name = name.as_bytes();
        let (mut place, mut old) = (None, None);
        for (range, entry) in self.ranges() {
            if entry.name == name {
                old = Some(range.clone());
            }
            if place.is_none() && order((entry.name, entry.kind), (name, kind)) == Ordering::Greater
            {
                place = Some(range.start);
            }
        }
        let place = place.unwrap_or(self.0.len());
        let entry = [kind.mode().as_bytes(), b" ", name, b"\0", id.as_slice()].concat();
        self.replaced(old.unwrap_or(place..place), place, &entry)
    }

    /// Returns the tree without an entry.
    pub(crate) fn without(&self, name: &str) -> Self {
        let found = self.ranges().find(|(_, entry)| entry.name == name.as_bytes());
        match found {
            Some((range, _)) => self.replaced(range.clone(), range.end, &[]),
            None => self.clone(),
        }
    }

    fn ranges(&self) -> impl Iterator<Item = (Range<usize>, Entry<'_>)> {
        self.entries().scan(0, |at, entry| {
            let start = *at;
            *at += entry.bytes.len();
            Some((start..*at, entry))
        })
    }

    /// Takes `old` out and puts `entry` in at `place`, which is not within it.
    fn replaced(&self, old: Range<usize>, place: usize, entry: &[u8]) -> Self {
        let all = &self.0;
        let parts = if place <= old.start {
            [&all[..place], entry, &all[place..old.start], &all[old.end..]]
        } else {
            [&all[..old.start], &all[old.end..place], entry, &all[place..]]
        };
        Self(parts.concat().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{ObjectKind, hash};

    fn id(content: u8) -> ObjectId {
        hash(ObjectKind::Blob, &[content])
    }

    #[test]
    fn a_tree_is_written_back_as_it_was_read() {
        let mut data = Vec::new();
        for (mode, name) in [("100664", "old"), ("040000", "z"), ("120000", "zz")] {
            data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            data.extend_from_slice(&[7; 20]);
        }
        let tree = Tree::decode(data.clone().into()).unwrap();
        assert_eq!(tree.encoded(), &data);
        let back = tree.with("y", EntryKind::File, id(1)).without("y");
        assert_eq!(back.encoded(), &data);
        assert_eq!(tree.without("x"), tree);
        for end in [1, 6, 7, 10, 11, 30, data.len() - 1] {
            assert!(Tree::decode(data[..end].to_vec().into()).is_err(), "{end}");
        }
    }

    #[test]
    fn a_folder_stands_where_git_has_it() {
        let names = |tree: &Tree| tree.entries().map(|e| e.name_lossy()).collect::<Vec<_>>();
        let tree = Tree::default().with("a.b", EntryKind::File, id(1));
        let tree = tree.with("a0", EntryKind::File, id(1)).with("a", EntryKind::File, id(1));
        assert_eq!(names(&tree), ["a", "a.b", "a0"]);
        let tree = tree.with("a", EntryKind::Folder, id(2));
        assert_eq!(names(&tree), ["a.b", "a", "a0"]);
        let tree = tree.with("a", EntryKind::Executable, id(3));
        assert_eq!(names(&tree), ["a", "a.b", "a0"]);
        assert_eq!(tree.get("a").map(|e| (e.kind, e.id())), Some((EntryKind::Executable, id(3))));
        assert_eq!(tree.case_twin("A.B").map(|e| e.name), Some(&b"a.b"[..]));
        assert_eq!(tree.case_twin("a.b"), None);
    }

    proptest! {
        #[test]
        fn entries_are_kept_in_order(steps in proptest::collection::vec(("[a-c.0]{1,3}", 0..4_u8), 1..30)) {
            let mut tree = Tree::default();
            let mut model: std::collections::BTreeMap<_, (String, _, _)> = [].into();
            for (at, (name, step)) in steps.iter().enumerate() {
                let kind = match step {
                    0 => {
                        tree = tree.without(name);
                        model.retain(|_, (known, ..)| known != name);
                        continue;
                    }
                    1 => EntryKind::Folder,
                    _ => EntryKind::File,
                };
                let id = id(u8::try_from(at).unwrap());
                tree = tree.with(name, kind, id);
                model.retain(|_, (known, ..)| known != name);
                let slash = if kind == EntryKind::Folder { "/" } else { "" };
                model.insert(format!("{name}{slash}").into_bytes(), (name.clone(), kind, id));
            }
            let found: Vec<_> = tree.entries().map(|e| (e.name_lossy(), e.kind, e.id())).collect();
            prop_assert_eq!(found, model.into_values().collect::<Vec<_>>());
        }
    }
}
