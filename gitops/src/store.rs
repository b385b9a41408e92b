//! Reading folders and files out of an object store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gix_hash::ObjectId;

use crate::engine::Objects;
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object, ObjectKind, TreeId};
use crate::path::RepoPath;
use crate::tree::{Entry, EntryKind, Tree};

/// How many bytes of trees are kept.
const CACHED_TREES: usize = 16 * 1024 * 1024;
/// How many commits are kept with their root trees.
const CACHED_ROOTS: usize = 10_000;

#[derive(Default)]
struct TreeCache {
    trees: HashMap<ObjectId, Tree>,
    /// Bytes of the trees.
    size: usize,
    /// Root trees of commits.
    roots: HashMap<CommitId, ObjectId>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

impl From<Entry<'_>> for Found {
    fn from(entry: Entry<'_>) -> Self {
        Self { kind: entry.kind, id: entry.id() }
    }
}

/// Gives access to objects by what they are.
pub(crate) struct Store {
    objects: Arc<dyn Objects>,
    cache: Mutex<TreeCache>,
}

impl Store {
    pub(crate) fn new(objects: Arc<dyn Objects>) -> Self {
        Self { objects, cache: Mutex::default() }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, TreeCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self) {
        *self.cache() = TreeCache::default();
    }

    fn remember(&self, id: ObjectId, tree: Tree) {
        let mut cache = self.cache();
        // Dropping everything is crude, but what is needed again is one read away.
        if cache.size > CACHED_TREES {
            *cache = TreeCache::default();
        }
        cache.size += tree.encoded().len();
        if let Some(before) = cache.trees.insert(id, tree) {
            cache.size -= before.encoded().len();
        }
    }

    /// Keeps trees that were made here; the last of them for longest.
    pub(crate) fn learn(&self, trees: Vec<(ObjectId, Tree)>) {
        for (id, tree) in trees {
            self.remember(id, tree);
        }
    }

    async fn need(&self, id: ObjectId, kind: ObjectKind) -> Result<Object, GitError> {
        let found = self.objects.object(id).await?;
        found.filter(|o| o.kind == kind).ok_or_else(|| {
            GitError::cache(format!(
                "{} {id} is missing from the cache: it is fetched again",
                kind.name()
            ))
        })
    }

    pub(crate) async fn tree(&self, id: ObjectId) -> Result<Tree, GitError> {
        if let Some(tree) = self.cache().trees.get(&id) {
            return Ok(tree.clone());
        }
        if id == TreeId::empty().0 {
            return Ok(Tree::default());
        }
        let object = self.need(id, ObjectKind::Tree).await?;
        let tree = Tree::decode(object.data)?;
        self.remember(id, tree.clone());
        Ok(tree)
    }

    /// Returns a tree if nothing has to be fetched for it.
    pub(crate) async fn tree_at_hand(&self, id: ObjectId) -> Result<Option<Tree>, GitError> {
        if let Some(tree) = self.cache().trees.get(&id) {
            return Ok(Some(tree.clone()));
        }
        let found = self.objects.at_hand(id).await?;
        found.filter(|o| o.kind == ObjectKind::Tree).map(|o| Tree::decode(o.data)).transpose()
    }

    /// Brings here what entries stand for, all together.
    pub(crate) async fn gather(
        &self,
        entries: impl Iterator<Item = Found>,
    ) -> Result<(), GitError> {
        let wanted = entries.filter(|entry| entry.kind != EntryKind::Submodule);
        let ids: Vec<_> = wanted.map(|entry| entry.id).collect();
        self.objects.gather(&ids).await
    }

    /// Brings a folder here, and what is directly in it, all together.
    pub(crate) async fn unfold(&self, folder: ObjectId) -> Result<(), GitError> {
        self.objects.unfold(folder).await
    }

    pub(crate) async fn blob(&self, id: ObjectId) -> Result<Bytes, GitError> {
        Ok(self.need(id, ObjectKind::Blob).await?.data)
    }

    pub(crate) async fn size(&self, id: ObjectId) -> Result<u64, GitError> {
        let found = self.objects.info(id).await?;
        found.map(|(_, size)| size).ok_or_else(|| {
            GitError::cache(format!("blob {id} is missing from the cache: it is fetched again"))
        })
    }

    pub(crate) async fn exists(&self, id: ObjectId, kind: ObjectKind) -> Result<bool, GitError> {
        Ok(self.objects.info(id).await?.is_some_and(|(found, _)| found == kind))
    }

    /// Returns a commit's root tree; none if the commit is not known here.
    pub(crate) async fn root(&self, commit: CommitId) -> Result<Option<ObjectId>, GitError> {
        if let Some(root) = self.cache().roots.get(&commit) {
            return Ok(Some(*root));
        }
        let Some(data) = self.commit(commit).await? else { return Ok(None) };
        let id = header_ids(&data, "tree ").next().ok_or_else(|| damaged(commit))?;
        let mut cache = self.cache();
        if cache.roots.len() >= CACHED_ROOTS {
            cache.roots.clear();
        }
        cache.roots.insert(commit, id);
        Ok(Some(id))
    }

    /// Returns the commits that a commit comes after.
    pub(crate) async fn parents(&self, commit: CommitId) -> Result<Vec<CommitId>, GitError> {
        let data = self.commit(commit).await?.ok_or_else(|| damaged(commit))?;
        Ok(header_ids(&data, "parent ").map(CommitId).collect())
    }

    async fn commit(&self, id: CommitId) -> Result<Option<Bytes>, GitError> {
        match self.objects.object(id.0).await? {
            Some(object) if object.kind == ObjectKind::Commit => Ok(Some(object.data)),
            Some(_) => Err(GitError::new(GitErrorKind::NotFound, format!("{id} is not a commit"))),
            None => Ok(None),
        }
    }

    /// Returns what is at a path below a tree.
    pub(crate) async fn find(
        &self,
        root: ObjectId,
        path: &RepoPath,
    ) -> Result<Option<Found>, GitError> {
        let mut id = root;
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            let Some(found) = self.tree(id).await?.get(part).map(Found::from) else {
                return Ok(None);
            };
            if parts.peek().is_none() {
                return Ok(Some(found));
            }
            if found.kind != EntryKind::Folder {
                return Ok(None);
            }
            id = found.id;
        }
        Ok(None)
    }

    /// Returns everything below a tree that is not a folder, with its path; at most `cap` entries.
    pub(crate) async fn files(
        &self,
        root: ObjectId,
        cap: usize,
    ) -> Result<Vec<(String, Found)>, GitError> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), root)];
        while let Some((prefix, id)) = open.pop() {
            let tree = self.tree(id).await?;
            let below = tree.entries().filter(|entry| entry.kind == EntryKind::Folder);
            self.gather(below.map(Found::from)).await?;
            for entry in tree.entries() {
                let path = format!("{prefix}{}", entry.name_lossy());
                if entry.kind == EntryKind::Folder {
                    open.push((format!("{path}/"), entry.id()));
                } else {
                    found.push((path, entry.into()));
                }
            }
            if found.len() > cap || open.len() > cap {
                return Err(GitError::new(
                    GitErrorKind::TooLarge,
                    format!("the folder has more than {cap} files: ask for a smaller one"),
                ));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }
}

fn damaged(commit: CommitId) -> GitError {
    GitError::cache(format!("commit {commit} in the cache is damaged"))
}

/// Reads the ids in the headers of one name.
pub(crate) fn header_ids<'a>(
    commit: &'a [u8],
    name: &'a str,
) -> impl Iterator<Item = ObjectId> + 'a {
    let headers = commit.split(|b| *b == b'\n').take_while(|line| !line.is_empty());
    headers.filter_map(move |line| ObjectId::from_hex(line.strip_prefix(name.as_bytes())?).ok())
}
