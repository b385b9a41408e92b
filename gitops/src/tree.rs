//! Folders as git sees them.

mod checkpoints;
mod entry;

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use gix_hash::ObjectId;

use crate::error::GitError;
use checkpoints::Checkpoints;
pub use entry::EntryKind;
use entry::order;
pub(crate) use entry::{Entries, Entry};

/// One tree object.
///
/// It stays as it is written: a release looks up or replaces one entry of ten thousand, and the others
/// are neither read nor copied one by one. What belongs to others stays as it is byte by byte, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    data: Bytes,
    index: Option<Index>,
    checkpoints: Checkpoints,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

/// Where the entries of a tree are.
#[derive(Clone, Debug)]
struct Index {
    /// Where each entry ends.
    ends: Arc<[usize]>,
    /// They stand in git's order, which is not so in what some programs have written.
    sorted: bool,
}

impl Index {
    /// Reads a tree; none if it is damaged.
    fn of(data: &[u8]) -> Option<Self> {
        let mut entries = Entries(data);
        let (mut ends, mut sorted) = (Vec::new(), true);
        let mut last: Option<Entry<'_>> = None;
        for entry in entries.by_ref() {
            sorted &= last.is_none_or(|last| before(last, (entry.name, entry.kind)));
            ends.push(ends.last().copied().unwrap_or_default() + entry.bytes.len());
            last = Some(entry);
        }
        entries.0.is_empty().then(|| Self { ends: ends.into(), sorted })
    }

    fn range(&self, entry: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(entry)?;
        Some(entry.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0)..end)
    }
}

fn before(entry: Entry<'_>, other: (&[u8], EntryKind)) -> bool {
    order((entry.name, entry.kind), other) == Ordering::Less
}

impl Tree {
    /// Takes what was read from a repository.
    pub(crate) fn decode(data: Bytes) -> Result<Self, GitError> {
        match Index::of(&data) {
            Some(index) => Ok(Self { data, index: Some(index), ..Self::default() }),
            None => {
                Err(GitError::cache("a tree object in the cache is damaged: it is fetched again"))
            }
        }
    }

    /// Takes what was decoded or made here before, to be compared.
    pub(crate) fn known(data: Bytes) -> Self {
        Self { data, ..Self::default() }
    }

    /// Works out the id.
    pub(crate) fn identify(&mut self) -> ObjectId {
        self.checkpoints.hash(&self.data)
    }

    pub(crate) fn encoded(&self) -> &Bytes {
        &self.data
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries(&self.data)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Entry<'_>> {
        self.find(name.as_bytes()).map(|(_, entry)| entry)
    }

    /// Returns another entry whose name differs only in case.
    pub(crate) fn case_twin(&self, name: &str) -> Option<Entry<'_>> {
        let name = name.as_bytes();
        self.entries().find(|entry| entry.name != name && entry.name.eq_ignore_ascii_case(name))
    }

    /// Returns the tree with an entry in its place, instead of one with the same name.
    pub(crate) fn with(&self, name: &str, kind: EntryKind, id: ObjectId) -> Self {
        let name = name.as_bytes();
        let old = self.find(name).map(|(at, _)| at);
        let entry = [kind.mode().as_bytes(), b" ", name, b"\0", id.as_slice()].concat();
        self.edited(old, Some((self.place(name, kind), &entry)))
    }

    /// Returns the tree without an entry.
    pub(crate) fn without(&self, name: &str) -> Self {
        match self.find(name.as_bytes()) {
            Some((at, _)) => self.edited(Some(at), None),
            None => self.clone(),
        }
    }

    /// Returns where the last entry ends that ends within so many bytes.
    pub(crate) fn end_within(&self, bytes: usize) -> usize {
        if let Some(Index { ends, .. }) = &self.index {
            let within = ends.partition_point(|end| *end <= bytes);
            return within.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(0);
        }
        let mut end = 0;
        for entry in self.entries() {
            if end + entry.bytes.len() > bytes {
                break;
            }
            end += entry.bytes.len();
        }
        end
    }

    /// Returns where the first entry begins that begins behind so many bytes, of which one begins at
    /// `from`.
    pub(crate) fn start_behind(&self, from: usize, bytes: usize) -> usize {
        if from >= bytes {
            return from;
        }
        if let Some(Index { ends, .. }) = &self.index {
            let behind = ends.partition_point(|end| *end < bytes);
            return ends.get(behind).copied().unwrap_or(self.data.len());
        }
        let mut start = from;
        let mut entries = Entries(self.data.get(from..).unwrap_or_default());
        while start < bytes
            && let Some(entry) = entries.next()
        {
            start += entry.bytes.len();
        }
        start
    }

    fn at(&self, index: &Index, entry: usize) -> Option<Entry<'_>> {
        Entry::take(&mut self.data.get(index.range(entry)?)?)
    }

    /// Counts the entries that stand before a name of a kind, in a tree in order.
    fn rank(&self, index: &Index, name: &[u8], kind: EntryKind) -> usize {
        let (mut low, mut high) = (0, index.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.at(index, middle).is_some_and(|entry| before(entry, (name, kind))) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Finds an entry and its number.
    fn find(&self, name: &[u8]) -> Option<(usize, Entry<'_>)> {
        let Some(index) = self.index.as_ref().filter(|index| index.sorted) else {
            return self.entries().enumerate().find(|(_, entry)| entry.name == name);
        };
        // A folder stands elsewhere than a file of its name.
        [EntryKind::File, EntryKind::Folder].into_iter().find_map(|kind| {
            let at = self.rank(index, name, kind);
            self.at(index, at).filter(|entry| entry.name == name).map(|entry| (at, entry))
        })
    }

    /// Returns the number that an entry gets.
    fn place(&self, name: &[u8], kind: EntryKind) -> usize {
        if let Some(index) = self.index.as_ref().filter(|index| index.sorted) {
            return self.rank(index, name, kind);
        }
        let mut entries = self.entries();
        let is_behind =
            |entry: Entry<'_>| order((entry.name, entry.kind), (name, kind)) == Ordering::Greater;
        entries.position(is_behind).unwrap_or_else(|| self.entries().count())
    }

    /// Takes one entry out, and puts another one in front of the one with a number.
    fn edited(&self, old: Option<usize>, new: Option<(usize, &[u8])>) -> Self {
        let Some(index) = self.index.clone().or_else(|| Index::of(&self.data)) else {
            return self.clone();
        };
        let mut data = Vec::with_capacity(self.data.len() + new.map_or(0, |(_, new)| new.len()));
        let mut ends = Vec::with_capacity(index.ends.len() + 1);
        // What stays together is copied together.
        let mut copied = 0;
        let mut shift = 0_isize;
        for number in 0..=index.ends.len() {
            let range = index.range(number);
            let start = range.as_ref().map_or(self.data.len(), |range| range.start);
            if let Some((_, entry)) = new.filter(|(place, _)| *place == number) {
                data.extend_from_slice(&self.data[copied..start]);
                data.extend_from_slice(entry);
                copied = start;
                ends.push(data.len());
                shift = distance(start, data.len());
            }
            let Some(range) = range else { break };
            if old == Some(number) {
                data.extend_from_slice(&self.data[copied..range.start]);
                copied = range.end;
                shift = distance(range.end, data.len());
            } else {
                ends.push(range.end.saturating_add_signed(shift));
            }
        }
        data.extend_from_slice(&self.data[copied..]);
        let places = old.into_iter().chain(new.map(|(place, _)| place));
        let same = places.min().and_then(|first| index.range(first)).map_or(0, |range| range.start);
        let checkpoints = self.checkpoints.up_to(same, data.len());
        let index = Some(Index { ends: ends.into(), sorted: index.sorted });
        Self { data: data.into(), index, checkpoints }
    }
}

/// How far something has moved.
fn distance(from: usize, to: usize) -> isize {
    isize::try_from(to).unwrap_or_default() - isize::try_from(from).unwrap_or_default()
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
            prop_assert_eq!(&found, &model.into_values().collect::<Vec<_>>());
            let again = Tree::decode(tree.encoded().clone()).unwrap();
            let read = again.index.clone().unwrap();
            prop_assert!(read.sorted);
            // A tree in which nothing ever was has no index.
            if let Some(kept) = &tree.index {
                prop_assert_eq!(&kept.ends, &read.ends);
                prop_assert!(kept.sorted);
            }
            prop_assert!(tree.index.is_some() || tree.is_empty());
            for (name, kind, id) in &found {
                prop_assert_eq!(again.get(name).map(|e| (e.kind, e.id())), Some((*kind, *id)));
            }
        }

        #[test]
        fn a_tree_out_of_order_is_looked_through(names in proptest::collection::hash_set("[a-c.0]{1,3}", 1..9)) {
            let mut data = Vec::new();
            for name in &names {
                data.extend_from_slice(format!("100644 {name}\0").as_bytes());
                data.extend_from_slice(id(1).as_slice());
            }
            let tree = Tree::decode(data.into()).unwrap();
            for name in &names {
                prop_assert_eq!(tree.get(name).map(|e| e.id()), Some(id(1)));
                let other = tree.with(name, EntryKind::File, id(2));
                prop_assert_eq!(other.entries().count(), names.len());
                prop_assert_eq!(other.get(name).map(|e| e.id()), Some(id(2)));
                prop_assert!(tree.without(name).get(name).is_none());
                prop_assert_eq!(tree.without(name).entries().count(), names.len() - 1);
            }
        }

        #[test]
        fn ends_and_starts_are_those_that_a_look_at_every_entry_finds(
            names in proptest::collection::btree_set("[a-c.0]{1,3}", 0..9),
            bytes in 0..300_usize,
        ) {
            let tree = names.iter().fold(Tree::default(), |tree, name| tree.with(name, EntryKind::File, id(1)));
            let known = Tree::known(tree.encoded().clone());
            prop_assert_eq!(tree.end_within(bytes), known.end_within(bytes));
            let from = tree.end_within(bytes / 2);
            let bytes = bytes.min(tree.encoded().len());
            prop_assert_eq!(tree.start_behind(from, bytes), known.start_behind(from, bytes));
        }
    }
}
