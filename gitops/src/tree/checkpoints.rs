//! The id of a tree, worked out only from where it differs from the one before.
//!
//! What costs most of a release into a folder of ten thousand apps, apart from the server, is the hash
//! of that folder. A release replaces one id in it, and everything before that is hashed already.

use std::fmt;
use std::sync::Arc;

use gix_hash::{Hasher, ObjectId};

use crate::id::{ObjectKind, finish, hasher};

/// Bytes between two states that are kept.
const STEP: usize = 16 * 1024;

/// The states of a tree's hash on the way through it.
#[derive(Clone, Default)]
pub(super) struct Checkpoints {
    /// The length of the tree, which is hashed first of all.
    len: usize,
    /// One for each [`STEP`].
    states: Arc<[Hasher]>,
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.states.len(), self.len)
    }
}

impl Checkpoints {
    /// Keeps what holds for a tree of a length whose first `same` bytes are as they were.
    pub(super) fn up_to(&self, same: usize, len: usize) -> Self {
        if self.len != len {
            return Self::default();
        }
        let states = self.states.iter().take(same / STEP).cloned();
        Self { len, states: states.collect() }
    }

    /// Hashes a tree from the last state on.
    pub(super) fn hash(&mut self, tree: &[u8]) -> ObjectId {
        let mut states = self.states.to_vec();
        let last = states.last().cloned();
        let mut hash = last.unwrap_or_else(|| hasher(ObjectKind::Tree, tree.len()));
        for piece in tree[states.len() * STEP..].chunks(STEP) {
            hash.update(piece);
            if piece.len() == STEP {
                states.push(hash.clone());
            }
        }
        *self = Self { len: tree.len(), states: states.into() };
        finish(hash)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id;

    #[test]
    fn of_a_small_tree_nothing_is_kept() {
        let mut checkpoints = Checkpoints::default();
        assert_eq!(checkpoints.hash(b"x"), id::hash(ObjectKind::Tree, b"x"));
        assert!(checkpoints.states.is_empty());
    }

    #[test]
    fn of_another_length_nothing_holds() {
        let mut checkpoints = Checkpoints::default();
        checkpoints.hash(&vec![1; 3 * STEP]);
        assert_eq!(checkpoints.up_to(2 * STEP, 3 * STEP).states.len(), 2);
        assert!(checkpoints.up_to(2 * STEP, 3 * STEP + 1).states.is_empty());
    }

    proptest! {
        #[test]
        fn the_id_is_that_of_the_whole_tree(
            len in STEP - 2..4 * STEP + 2,
            edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut tree = vec![7; len];
            let mut checkpoints = Checkpoints::default();
            prop_assert_eq!(checkpoints.hash(&tree), id::hash(ObjectKind::Tree, &tree));
            for (at, byte) in edits {
                let at = at.index(len);
                tree[at] = byte;
                checkpoints = checkpoints.up_to(at, len);
                prop_assert_eq!(checkpoints.hash(&tree), id::hash(ObjectKind::Tree, &tree));
            }
        }
    }
}
