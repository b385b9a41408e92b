//! The pack of a push: what the server lacks, and of trees only what is different.

use std::collections::{HashMap, HashSet};

use gix_hash::ObjectId;

use super::cache::Cache;
use super::commit::{parents, root};
use super::delta;
use super::pack::PackWriter;
use crate::compare::{Difference, differences};
use crate::error::GitError;
use crate::id::{CommitId, Object, ObjectKind};
use crate::tree::{EntryKind, Tree};

/// Deltas that may be built upon each other. Git itself stops at fifty.
const MAX_CHAIN: usize = 45;
/// Below this size a delta saves nothing.
const WORTH: usize = 256;

/// Packs what `new` has and `old` has not. Of the objects at hand those are left out that the server
/// has at the same place.
pub(super) fn pack(
    fresh: &HashMap<ObjectId, Object>,
    cache: &Cache,
    old: Option<CommitId>,
    new: CommitId,
) -> Result<Vec<u8>, GitError> {
    let mut parcel = Parcel {
        fresh,
        cache,
        writer: PackWriter::new(),
        packed: HashSet::new(),
        chains: HashMap::new(),
    };
    for commit in line(fresh, old, new)? {
        let before = parents(commit).first().and_then(|parent| parcel.object(parent.0));
        let before = before.as_ref().and_then(root);
        if let Some(tree) = root(commit) {
            parcel.tree(tree, before);
        }
        parcel.writer.whole(commit);
    }
    Ok(parcel.writer.finish())
}

/// Returns the commits of a push, oldest first.
fn line(
    fresh: &HashMap<ObjectId, Object>,
    old: Option<CommitId>,
    new: CommitId,
) -> Result<Vec<&Object>, GitError> {
    let mut line = Vec::new();
    let mut next = Some(new);
    while next != old
        && let Some(commit) = next
    {
        let object = fresh.get(&commit.0).filter(|object| object.kind == ObjectKind::Commit);
        let object = object.ok_or_else(|| {
            GitError::other(format!("commit {commit} is to be pushed and not there"))
        })?;
        line.push(object);
        next = parents(object).first().copied();
    }
    line.reverse();
    Ok(line)
}

struct Parcel<'a> {
    fresh: &'a HashMap<ObjectId, Object>,
    cache: &'a Cache,
    writer: PackWriter,
    packed: HashSet<ObjectId>,
    /// How many deltas lead to each tree of the pack.
    chains: HashMap<ObjectId, usize>,
}

impl Parcel<'_> {
    fn object(&self, id: ObjectId) -> Option<Object> {
        self.fresh.get(&id).cloned().or_else(|| self.cache.get(id))
    }

    /// Packs a tree and what is below it, beside the tree that was at its place before.
    fn tree(&mut self, id: ObjectId, before: Option<ObjectId>) {
        let Some(object) = self.fresh.get(&id).filter(|_| before != Some(id)) else {
            // Not made here, so it is on the server.
            return;
        };
        if !self.packed.insert(id) {
            return;
        }
        let old = before.and_then(|before| self.object(before));
        // Both were read when the release was planned.
        let read = |object: &Object| Tree::known(object.data.clone());
        let before = old.as_ref().map(read).unwrap_or_default();
        for Difference { old, new, .. } in differences(&before, &read(object)) {
            let Some((kind, id)) = new else { continue };
            if kind == EntryKind::Folder {
                let old = old.filter(|(kind, _)| *kind == EntryKind::Folder);
                self.tree(id, old.map(|(_, id)| id));
            } else if let Some(blob) = self.fresh.get(&id)
                && self.packed.insert(id)
            {
                self.writer.whole(blob);
            }
        }
        self.write_tree(object, old.as_ref());
    }

    fn write_tree(&mut self, object: &Object, old: Option<&Object>) {
        let chain = |old: &Object| self.chains.get(&old.id).copied().unwrap_or_default() + 1;
        if let Some(old) = old.filter(|_| object.data.len() > WORTH)
            && chain(old) < MAX_CHAIN
        {
            let delta = delta::between(&old.data, &object.data);
            if delta.len() < object.data.len() / 2 {
                self.chains.insert(object.id, chain(old));
                self.writer.delta(old.id, &delta);
                return;
            }
        }
        self.writer.whole(object);
    }
}
