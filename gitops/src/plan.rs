//! From changes and a head to new objects: decides everything, sends nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gix_hash::ObjectId;

use crate::change::{Change, Edit, MemberRef, word};
use crate::commit;
use crate::compare::{Difference, differences};
use crate::error::{GitError, GitErrorKind};
use crate::folder::{build_folder, check_file};
use crate::id::{CommitId, Object, ObjectKind, TreeId};
use crate::index::{Index, LogEntry};
use crate::path::{MAX_FILES, PathError, RepoPath};
use crate::signing::Signer;
use crate::store::{Found, Store};
use crate::tree::{EntryKind, Tree};

/// What is to become of one change, if the push succeeds.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Commit { commit: CommitId, parent: Option<CommitId>, tree: TreeId },
    Unchanged { tree: TreeId },
    Adopted { commit: CommitId, tree: TreeId },
    Refused(GitError),
}

/// The outcome of planning a batch on one head.
#[derive(Debug)]
pub(crate) struct Plan {
    /// One per change, in order.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) objects: Vec<Object>,
    /// The folders of others that were made anew, as the head has them; the root is the last.
    pub(crate) trees: Vec<(ObjectId, Tree)>,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) head: Option<CommitId>,
}

/// What a batch knows beyond the index, and the place it has come to.
pub(crate) struct Planner<'a> {
    store: &'a Store,
    index: &'a Index,
    signer: Option<Arc<Signer>>,
    root: ObjectId,
    head: Option<CommitId>,
    /// The trees that were made; some only on the way to others.
    trees: HashMap<ObjectId, Tree>,
    /// The folders of others that the change at hand has made anew, by path.
    edits: Vec<(String, ObjectId)>,
    /// The same of all commits that were planned, as the last of them has them.
    edited: BTreeMap<String, ObjectId>,
    blobs: HashMap<ObjectId, Object>,
    objects: HashMap<ObjectId, Object>,
    batch: Index,
    entries: Vec<LogEntry>,
}

impl<'a> Planner<'a> {
    pub(crate) async fn start(
        store: &'a Store,
        index: &'a Index,
        signer: Option<Arc<Signer>>,
        head: Option<CommitId>,
    ) -> Result<Self, GitError> {
        let root = match head {
            Some(commit) => store.root(commit).await?.ok_or_else(|| {
                GitError::cache(format!(
                    "head {commit} is missing from the cache: it is fetched again"
                ))
            })?,
            None => TreeId::empty().0,
        };
        Ok(Self {
            store,
            index,
            signer,
            root,
            head,
            trees: HashMap::new(),
            edits: Vec::new(),
            edited: BTreeMap::new(),
            blobs: HashMap::new(),
            objects: HashMap::new(),
            batch: Index::default(),
            entries: Vec::new(),
        })
    }

    /// Plans all changes; a change that cannot be made does not keep the others back.
    pub(crate) async fn plan(
        mut self,
        changes: impl Iterator<Item = &Change>,
    ) -> Result<Plan, GitError> {
        let mut verdicts = Vec::new();
        for change in changes {
            let (root, head) = (self.root, self.head);
            verdicts.push(match self.decide(change).await {
                Ok(verdict) => verdict,
                Err(error) if error.kind() == GitErrorKind::Cache => return Err(error),
                Err(error) => {
                    (self.root, self.head) = (root, head);
                    Verdict::Refused(error)
                }
            });
        }
        let edited = self.edited.into_values().rev();
        let trees = edited.filter_map(|id| self.trees.remove_entry(&id)).collect();
        Ok(Plan {
            verdicts,
            trees,
            objects: self.objects.into_values().collect(),
            entries: self.entries,
            head: self.head,
        })
    }

    async fn decide(&mut self, change: &Change) -> Result<Verdict, GitError> {
        change.check()?;
        if let Some(commit) = self.known(change)? {
            let tree = self.folder_at(commit, change).await?;
            return Ok(Verdict::Adopted { commit, tree });
        }
        let before = self.root;
        self.edits.clear();
        for member in change.members() {
            self.check_order(member)?;
            self.check_expected(member, before).await?;
            for edit in member.edits {
                self.apply(edit).await?;
            }
        }
        let tree = self.edited_folder(change, self.root).await?;
        if self.root == before {
            return Ok(Verdict::Unchanged { tree });
        }
        self.keep_reachable(before).await?;
        self.edited.extend(self.edits.drain(..));
        let data = commit::encode(change, self.root, self.head, self.signer.clone()).await?;
        let commit = Object::new(ObjectKind::Commit, data);
        let (parent, id) = (self.head, CommitId(commit.id));
        self.objects.insert(commit.id, commit);
        let entries = LogEntry::of_change(change, id);
        self.batch.extend(&entries);
        self.entries.extend(entries);
        self.head = Some(id);
        Ok(Verdict::Commit { commit: id, parent, tree })
    }

    /// Finds the commit that has a change already. Its members came there together: one that is not
    /// in it had nothing to change at that time.
    fn known(&self, change: &Change) -> Result<Option<CommitId>, GitError> {
        let find = |id: &str| self.batch.find(id).or_else(|| self.index.find(id));
        let mut found = change.members().filter_map(|member| Some((member.id, find(member.id)?)));
        let Some((first, commit)) = found.next() else { return Ok(None) };
        match found.find(|(_, other)| *other != commit) {
            None => Ok(Some(commit)),
            Some((id, other)) => Err(GitError::new(
                GitErrorKind::Invalid,
                format!(
                    "{first} is in commit {commit} and {id} in {other}: they cannot be made together any more"
                ),
            )),
        }
    }

    fn check_order(&self, member: MemberRef<'_>) -> Result<(), GitError> {
        let Some((key, number, tie)) = member.order else { return Ok(()) };
        let (key, tie) = (word(key), word(tie));
        for index in [&self.batch, self.index] {
            if let Some((newest, newest_tie, by)) = index.newest(&key)
                && (*number, &tie) < (*newest, newest_tie)
            {
                return Err(GitError::superseded(member.id, by));
            }
        }
        Ok(())
    }

    /// Compares content, not commits: a folder that was changed and changed back is the same base.
    async fn check_expected(&self, member: MemberRef<'_>, base: ObjectId) -> Result<(), GitError> {
        let (Some(expected), Some(edit)) = (member.expected, member.edits.first()) else {
            return Ok(());
        };
        let changed = |text: String| GitError::new(GitErrorKind::BaseChanged, text);
        let Some(root) = self.store.root(expected).await? else {
            return Err(changed(format!(
                "commit {expected} is not on the branch any more: plan {} again",
                member.id
            )));
        };
        let then = self.find(root, edit.path()).await?.map(|e| e.id);
        let now = self.find(base, edit.path()).await?.map(|e| e.id);
        if then == now {
            return Ok(());
        }
        Err(changed(format!(
            "{} has changed since commit {expected}: plan {} again",
            edit.path(),
            member.id
        )))
    }

    async fn folder_at(&self, commit: CommitId, change: &Change) -> Result<TreeId, GitError> {
        if self.objects.contains_key(&commit.0) {
            return self.edited_folder(change, self.root).await;
        }
        match self.store.root(commit).await? {
            Some(root) => self.edited_folder(change, root).await,
            None => Err(GitError::cache(format!("commit {commit} is missing from the cache"))),
        }
    }

    async fn edited_folder(&self, change: &Change, root: ObjectId) -> Result<TreeId, GitError> {
        let Some(edit) = change.edits.iter().find(|e| e.is_folder()) else {
            return Ok(TreeId::empty());
        };
        let entry = self.find(root, edit.path()).await?;
        let folder = entry.filter(|e| e.kind == EntryKind::Folder);
        Ok(folder.map_or_else(TreeId::empty, |e| TreeId(e.id)))
    }

    async fn tree(&self, id: ObjectId) -> Result<Tree, GitError> {
        match self.trees.get(&id) {
            Some(tree) => Ok(tree.clone()),
            None => self.store.tree(id).await,
        }
    }

    async fn tree_at_hand(&self, id: ObjectId) -> Result<Option<Tree>, GitError> {
        match self.trees.get(&id) {
            Some(tree) => Ok(Some(tree.clone())),
            None => self.store.tree_at_hand(id).await,
        }
    }

    async fn find(&self, root: ObjectId, path: &RepoPath) -> Result<Option<Found>, GitError> {
        let mut found: Option<Found> = None;
        for part in path.parts() {
            let id = match &found {
                None => root,
                Some(entry) if entry.kind == EntryKind::Folder => entry.id,
                Some(_) => return Ok(None),
            };
            found = self.tree(id).await?.get(part).map(Found::from);
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    async fn apply(&mut self, edit: &Edit) -> Result<(), GitError> {
        match edit {
            Edit::Folder { path, files } => {
                let built = build_folder(files).map_err(|e| refused(path, &e))?;
                self.trees.extend(built.trees);
                self.blobs.extend(built.blobs.into_iter().map(|b| (b.id, b)));
                let kept = (!files.is_empty()).then_some((EntryKind::Folder, built.id.0));
                self.splice(path, true, kept).await
            }
            Edit::Restore { path, tree } => {
                self.check_restorable(path, *tree).await?;
                let kept = (*tree != TreeId::empty()).then_some((EntryKind::Folder, tree.0));
                self.splice(path, true, kept).await
            }
            Edit::RemoveFolder { path } => self.splice(path, true, None).await,
            Edit::WriteFile { path, data } => {
                check_file(path.as_str(), data).map_err(|e| refused(path, &e))?;
                let blob = Object::new(ObjectKind::Blob, data.clone());
                let id = blob.id;
                self.blobs.insert(id, blob);
                self.splice(path, false, Some((EntryKind::File, id))).await
            }
            Edit::RemoveFile { path } => self.splice(path, false, None).await,
        }
    }

    /// A recorded tree may be one that a person made: nothing in it may lead out of the folder.
    async fn check_restorable(&self, path: &RepoPath, tree: TreeId) -> Result<(), GitError> {
        if tree == TreeId::empty() || self.trees.contains_key(&tree.0) {
            return Ok(());
        }
        if !self.store.exists(tree.0, ObjectKind::Tree).await? {
            return Err(GitError::new(
                GitErrorKind::NotFound,
                format!("{path}: the recorded content {tree} is not in the repository any more"),
            ));
        }
        let files = self.store.files(tree.0, MAX_FILES).await?;
        let foreign =
            files.iter().find(|(_, e)| matches!(e.kind, EntryKind::Symlink | EntryKind::Submodule));
        match foreign {
            Some((name, entry)) => Err(taken(path, name, entry.kind)),
            None => Ok(()),
        }
    }

    /// Puts an entry at a path, or takes it away, and rewrites the folders above it.
    async fn splice(
        &mut self,
        path: &RepoPath,
        folder: bool,
        entry: Option<(EntryKind, ObjectId)>,
    ) -> Result<(), GitError> {
        let parts: Vec<&str> = path.parts().collect();
        let mut levels = Vec::with_capacity(parts.len());
        let mut here = self.tree(self.root).await?;
        for (depth, part) in parts.iter().enumerate() {
            let last = depth + 1 == parts.len();
            let old = here.get(part).map(Found::from);
            let next = match old.map(|found| (found.kind, found.id)) {
                Some((EntryKind::Folder, _)) if last && folder => Tree::default(),
                Some((EntryKind::File | EntryKind::Executable, _)) if last && !folder => {
                    Tree::default()
                }
                Some((EntryKind::Folder, id)) if !last => self.tree(id).await?,
                Some((kind, _)) => return Err(taken(path, &parts[..=depth].join("/"), kind)),
                None if entry.is_none() => return Ok(()),
                None => {
                    if let Some(twin) = here.case_twin(part) {
                        let error = PathError::Case(twin.name_lossy(), (*part).to_owned());
                        return Err(refused(path, &error));
                    }
                    Tree::default()
                }
            };
            levels.push((std::mem::replace(&mut here, next), old));
        }
        let mut below = entry;
        for (depth, (part, (before, old))) in parts.iter().zip(levels).enumerate().rev() {
            let mut tree = match below {
                Some((kind, id)) => {
                    // A file that somebody made runnable stays so.
                    let runnable = old.is_some_and(|old| old.kind == EntryKind::Executable);
                    let kind = if runnable && kind == EntryKind::File {
                        EntryKind::Executable
                    } else {
                        kind
                    };
                    if old == Some(Found { kind, id }) {
                        before
                    } else {
                        before.with(part, kind, id)
                    }
                }
                None => before.without(part),
            };
            // Git has no empty folders, except the root.
            if tree.is_empty() && depth > 0 {
                below = None;
                continue;
            }
            let id = tree.identify();
            self.trees.insert(id, tree);
            self.edits.push((parts[..depth].join("/"), id));
            below = Some((EntryKind::Folder, id));
        }
        if let Some((_, root)) = below {
            self.root = root;
        }
        Ok(())
    }

    /// Moves what the new root has and the one before it has not to the objects to be written; the rest
    /// was only passed through. Where the tree before is not at hand, all of the new one that was made
    /// here is written: that costs less than to fetch the tree.
    async fn keep_reachable(&mut self, before: ObjectId) -> Result<(), GitError> {
        let mut open = vec![(Some(before), self.root)];
        while let Some((old, id)) = open.pop() {
            if self.objects.contains_key(&id) {
                continue;
            }
            if let Some(tree) = self.trees.get(&id) {
                let old = match old {
                    Some(old) => self.tree_at_hand(old).await?.unwrap_or_default(),
                    None => Tree::default(),
                };
                for Difference { old, new, .. } in differences(&old, tree) {
                    let folder = old.filter(|(kind, _)| *kind == EntryKind::Folder);
                    open.extend(new.map(|(_, id)| (folder.map(|(_, id)| id), id)));
                }
                let data = tree.encoded().clone();
                self.objects.insert(id, Object { id, kind: ObjectKind::Tree, data });
            } else if let Some(blob) = self.blobs.remove(&id) {
                self.objects.insert(id, blob);
            }
        }
        Ok(())
    }
}

fn refused(path: &RepoPath, error: &PathError) -> GitError {
    let kind =
        if error.is_too_large() { GitErrorKind::TooLarge } else { GitErrorKind::PathRefused };
    GitError::new(kind, format!("{path}: {error}"))
}

fn taken(path: &RepoPath, at: &str, kind: EntryKind) -> GitError {
    let what = match kind {
        EntryKind::File | EntryKind::Executable => "a file",
        EntryKind::Folder => "a folder",
        EntryKind::Symlink => "a symbolic link",
        EntryKind::Submodule => "a submodule",
    };
    GitError::new(
        GitErrorKind::PathRefused,
        format!("{path} cannot be written: {at} is {what} in the repository; move it away first"),
    )
}

#[cfg(test)]
mod tests;
