//! What stands in a folder, as it is written.

use std::cmp::Ordering;

use gix_hash::ObjectId;

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
    pub(super) fn mode(self) -> &'static str {
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
    pub(super) bytes: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) kind: EntryKind,
}

impl<'a> Entry<'a> {
    /// Takes the first entry off a tree.
    pub(super) fn take(tree: &mut &'a [u8]) -> Option<Self> {
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
pub(super) fn order(a: (&[u8], EntryKind), b: (&[u8], EntryKind)) -> Ordering {
    let shared = a.0.len().min(b.0.len());
    let next = |(name, kind): (&[u8], EntryKind)| {
        name.get(shared).copied().or_else(|| (kind == EntryKind::Folder).then_some(b'/'))
    };
    a.0[..shared].cmp(&b.0[..shared]).then_with(|| next(a).cmp(&next(b)))
}

/// The entries of a tree; ends early where it is damaged.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a>(pub(super) &'a [u8]);

impl<'a> Entries<'a> {
    /// Reads entries out of a part of a tree.
    pub(crate) fn of(data: &'a [u8]) -> Self {
        Self(data)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        Entry::take(&mut self.0)
    }
}
