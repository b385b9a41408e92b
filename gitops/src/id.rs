//! Object ids, one type per kind of object.

use std::fmt;

use bytes::Bytes;
use gix_hash::{Hasher, ObjectId};

use crate::error::GitError;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) ObjectId);

        impl $name {
            /// Parses forty hexadecimal digits.
            pub fn parse(hex: &str) -> Result<Self, GitError> {
                ObjectId::from_hex(hex.as_bytes())
                    .map(Self)
                    .map_err(|_| GitError::other(format!("{hex:?} is not an object id: give forty hexadecimal digits")))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.to_hex_with_len(12))
            }
        }

        impl std::str::FromStr for $name {
            type Err = GitError;

            fn from_str(hex: &str) -> Result<Self, GitError> {
                Self::parse(hex)
            }
        }
    };
}

id_type!(
    /// Names a commit.
    CommitId
);
id_type!(
    /// Names a tree: the content of one folder.
    TreeId
);
id_type!(
    /// Names a blob: the content of one file.
    BlobId
);

impl TreeId {
    /// Returns the id of the folder without any file.
    pub fn empty() -> Self {
        Self(ObjectId::empty_tree(gix_hash::Kind::Sha1))
    }
}

/// The kinds of object that a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Blob,
    Tree,
    Commit,
    Tag,
}

impl ObjectKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "blob" => Some(Self::Blob),
            "tree" => Some(Self::Tree),
            "commit" => Some(Self::Commit),
            "tag" => Some(Self::Tag),
            _ => None,
        }
    }
}

/// One object with its content.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: ObjectKind,
    /// Shared, not copied, by those who keep it.
    pub(crate) data: Bytes,
}

impl Object {
    pub(crate) fn new(kind: ObjectKind, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        Self { id: hash(kind, &data), kind, data }
    }
}

impl BlobId {
    /// Names a content without storing it, so that it can be compared with what a folder lists.
    pub fn of(data: &[u8]) -> Self {
        Self(hash(ObjectKind::Blob, data))
    }
}

pub(crate) fn hash(kind: ObjectKind, data: &[u8]) -> ObjectId {
    let mut hasher = hasher(kind, data.len());
    hasher.update(data);
    finish(hasher)
}

/// Begins the hash of an object, whose content comes next.
pub(crate) fn hasher(kind: ObjectKind, len: usize) -> Hasher {
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(format!("{} {len}\0", kind.name()).as_bytes());
    hasher
}

/// Ends the hash of an object.
pub(crate) fn finish(hasher: Hasher) -> ObjectId {
    // The only failure is a detected collision attack. The null id is refused by every server, so
    // such an object can never be pushed.
    hasher.try_finalize().unwrap_or_else(|_| ObjectId::null(gix_hash::Kind::Sha1))
}
