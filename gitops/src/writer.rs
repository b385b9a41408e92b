//! The handle through which a branch is read and written.

mod signatures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gix_hash::ObjectId;
use tokio::sync::{mpsc, oneshot};

use crate::branch::Branch;
use crate::change::{Change, Outcome};
use crate::choice::ChosenEngine;
use crate::error::{GitError, GitErrorKind};
use crate::id::{BlobId, CommitId, ObjectKind, TreeId};
use crate::index::{HistoryFilter, LogEntry};
use crate::options::{EngineKind, Options};
use crate::path::{MAX_FILES, MAX_FOLDER, RepoPath};
use crate::remote::{BranchName, Credentials, Remote};
use crate::shared::{Command, Head, Pending, QueueStats, Reply, Shared, Touch};
use crate::signing::Signer;
use crate::store::Found;
use crate::touch;
use crate::tree::EntryKind;

pub use signatures::Signature;

/// Files by their path below a folder, as they are in the repository.
pub type FileMapLossy = BTreeMap<String, Vec<u8>>;

/// Lists the files of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Names the folder's whole content.
    pub tree: TreeId,
    /// Everything below it that is not a folder, sorted by path.
    pub files: Vec<FolderEntry>,
}

/// Describes one file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// The path relative to the folder.
    pub path: String,
    /// Names the content; for a submodule the other repository's commit.
    pub id: BlobId,
    /// The size in bytes; zero for a submodule.
    pub size: u64,
    /// What it is.
    pub kind: EntryKind,
}

/// Describes one name directly in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The object id in hexadecimal digits.
    pub id: String,
}

/// Reads and writes one branch of one repository; clones share everything.
///
/// One task per writer owns the branch. Open one writer per [`Remote::key`] and process.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Writer {
    /// Returns a writer without touching the network or the disk yet.
    ///
    /// Must be called within a Tokio runtime.
    pub fn open(remote: Remote, options: Options) -> Self {
        let (key, name) = (remote.key(), remote.branch.to_string());
        let create = remote.create_branch;
        let engine = Arc::new(ChosenEngine::new(remote, options.clone()));
        let shared =
            Arc::new(Shared::new(key, engine, options.observer.clone(), options.signer.clone()));
        let (commands, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Branch::new(Arc::clone(&shared), options, name, create).run(receiver));
        Self { shared, commands }
    }

    /// Returns the text that names the repository and branch.
    pub fn key(&self) -> &str {
        &self.shared.key
    }

    /// Returns how the repository is worked with; none before it was reached.
    pub fn engine(&self) -> Option<EngineKind> {
        self.shared.engine.kind()
    }

    /// Uses other credentials from the next operation on.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.shared.engine.set_credentials(credentials);
    }

    /// Signs with another key, or not at all, from the next push on.
    pub fn set_signer(&self, signer: Option<Arc<Signer>>) {
        self.shared.set_signer(signer);
    }

    /// Announces that a change may come, so that a push waits for it a little.
    pub fn announce(&self) -> Ticket {
        self.shared.announced.add();
        Ticket { writer: self.clone() }
    }

    /// Commits one change; the same as announcing and committing it at once.
    pub async fn commit(&self, change: Change) -> Result<Outcome, GitError> {
        self.announce().commit(change).await
    }

    /// Puts a change on a branch of its own, as one commit upon the newest head, for others to merge.
    ///
    /// Takes the place of what the branch had before, unless that is somebody else's work: then the
    /// error is [`GitErrorKind::BranchTaken`]. [`Outcome::Committed`] names the commit on that branch;
    /// the other outcomes are about the writer's own branch, and nothing was proposed then.
    pub async fn propose(&self, on: &BranchName, change: Change) -> Result<Outcome, GitError> {
        change.check()?;
        let (on, change) = (on.clone(), Box::new(change));
        self.command(|reply| Command::Propose(on, change, reply)).await
    }

    /// Deletes the branch of a proposal if it is still at a commit; says whether it was deleted.
    pub async fn withdraw(&self, on: &BranchName, at: CommitId) -> Result<bool, GitError> {
        let on = on.clone();
        self.command(|reply| Command::Withdraw(on, at, reply)).await
    }

    async fn command<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, GitError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| GitError::cancelled())?;
        answer.await.map_err(|_| GitError::cancelled())?
    }

    /// Asks the server where the branch is, and catches up with it.
    pub async fn refresh(&self) -> Result<Head, GitError> {
        self.command(Command::Refresh).await
    }

    /// Returns where the branch was when last seen; asks the server the first time.
    pub async fn head(&self) -> Result<Head, GitError> {
        let known = self.shared.state().head;
        match known {
            Some(head) => Ok(head),
            None => self.command(Command::Open).await,
        }
    }

    /// Runs a reading operation, again if the cache turns out to be damaged.
    async fn reading<T, F>(&self, op: &'static str, run: impl Fn() -> F) -> Result<T, GitError>
    where
        F: Future<Output = Result<T, GitError>>,
    {
        let since = Instant::now();
        let mut result = run().await;
        if matches!(&result, Err(error) if error.kind() == GitErrorKind::Cache) {
            self.command(|reply| Command::Heal(since, reply)).await?;
            result = run().await;
        }
        self.shared.observe(op, since, &result);
        result
    }

    /// Returns the root tree at a commit, or at the head; none if there is no commit at all.
    async fn root(&self, at: Option<&CommitId>) -> Result<Option<ObjectId>, GitError> {
        let head = self.head().await?.commit;
        let Some(commit) = at.copied().or(head) else { return Ok(None) };
        if let Some(root) = self.shared.store.root(commit).await? {
            return Ok(Some(root));
        }
        if at.is_some() && Some(commit) != head {
            self.refresh().await?;
            if let Some(root) = self.shared.store.root(commit).await? {
                return Ok(Some(root));
            }
            return Err(GitError::new(
                GitErrorKind::NotFound,
                format!("commit {commit} is not on the branch: refresh and choose another"),
            ));
        }
        Err(GitError::cache(format!("head {commit} is missing from the cache")))
    }

    async fn find(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<Option<Found>, GitError> {
        match self.root(at).await? {
            Some(root) => self.shared.store.find(root, path).await,
            None => Ok(None),
        }
    }

    async fn find_folder(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<Option<ObjectId>, GitError> {
        let entry = self.find(path, at).await?;
        Ok(entry.filter(|e| e.kind == EntryKind::Folder).map(|e| e.id))
    }

    /// Returns the id of a folder's whole content; none if there is no such folder.
    pub async fn tree(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<Option<TreeId>, GitError> {
        self.reading("tree", || async move { Ok(self.find_folder(path, at).await?.map(TreeId)) })
            .await
    }

    /// Lists all files below a folder; none if there is no such folder.
    pub async fn folder(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<Option<Folder>, GitError> {
        self.reading("folder", || async move {
            let Some(id) = self.find_folder(path, at).await? else { return Ok(None) };
            let mut files = Vec::new();
            self.shared.store.unfold(id).await?;
            let found = self.shared.store.files(id, MAX_FILES).await?;
            self.shared.store.gather(found.iter().map(|(_, entry)| *entry)).await?;
            for (path, entry) in found {
                let size = match entry.kind {
                    EntryKind::Submodule => 0,
                    _ => self.shared.store.size(entry.id).await?,
                };
                files.push(FolderEntry { path, id: BlobId(entry.id), size, kind: entry.kind });
            }
            Ok(Some(Folder { tree: TreeId(id), files }))
        })
        .await
    }

    /// Reads all files below a folder; nothing if there is no such folder.
    ///
    /// Links and submodules are left out. At most 8 MiB and 500 files are read.
    pub async fn read(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<FileMapLossy, GitError> {
        self.reading("read", || async move {
            let mut read = FileMapLossy::new();
            let Some(id) = self.find_folder(path, at).await? else { return Ok(read) };
            let mut left = MAX_FOLDER as u64;
            self.shared.store.unfold(id).await?;
            let found = self.shared.store.files(id, MAX_FILES).await?;
            self.shared.store.gather(found.iter().map(|(_, entry)| *entry)).await?;
            for (name, entry) in found {
                if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
                    continue;
                }
                let size = self.shared.store.size(entry.id).await?;
                left = left.checked_sub(size).ok_or_else(|| too_large(path))?;
                read.insert(name, self.shared.store.blob(entry.id).await?.into());
            }
            Ok(read)
        })
        .await
    }

    /// Reads one regular file of at most 8 MiB; none if there is no such file.
    pub async fn read_file(
        &self,
        path: &RepoPath,
        at: Option<&CommitId>,
    ) -> Result<Option<Vec<u8>>, GitError> {
        self.reading("read", || async move {
            let Some(entry) = self.find(path, at).await? else { return Ok(None) };
            if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
                return Ok(None);
            }
            if self.shared.store.size(entry.id).await? > MAX_FOLDER as u64 {
                return Err(too_large(path));
            }
            Ok(Some(self.shared.store.blob(entry.id).await?.into()))
        })
        .await
    }

    /// Lists what is directly in a folder, or in the root; nothing if there is no such folder.
    pub async fn list(
        &self,
        path: Option<&RepoPath>,
        at: Option<&CommitId>,
    ) -> Result<Vec<ListEntry>, GitError> {
        self.reading("list", || async move {
            let id = match path {
                Some(path) => self.find_folder(path, at).await?,
                None => self.root(at).await?,
            };
            let Some(id) = id else { return Ok(Vec::new()) };
            let tree = self.shared.store.tree(id).await?;
            let listed = tree.entries().map(|e| ListEntry {
                name: e.name_lossy(),
                kind: e.kind,
                id: e.id().to_hex().to_string(),
            });
            Ok(listed.collect())
        })
        .await
    }

    /// Returns entries of the release log, newest first.
    pub async fn history(&self, filter: HistoryFilter) -> Result<Vec<LogEntry>, GitError> {
        self.head().await?;
        let found = self.shared.state().index.history(&filter);
        found.ok_or_else(|| {
            GitError::new(
                GitErrorKind::NotFound,
                "the commit to start before is not in the release log: start from the newest",
            )
        })
    }

    /// Returns the commit with this id in its trailers.
    pub async fn find_release(&self, id: &str) -> Result<Option<CommitId>, GitError> {
        self.head().await?;
        Ok(self.shared.state().index.find(id))
    }

    /// Returns the last commit of the branch that changed a path.
    ///
    /// For the folder of an application the release log answers; else history is walked through.
    pub async fn last_touch(&self, path: &RepoPath) -> Result<Option<CommitId>, GitError> {
        let Some(head) = self.head().await?.commit else { return Ok(None) };
        let key = (head, path.clone());
        if let Some(Touch(known)) = self.shared.cached_touch(&key) {
            return Ok(known);
        }
        let touch = self
            .reading("last_touch", || async move {
                match touch::last_touch(&self.shared, head, path).await? {
                    Some(commit) => Ok(Some(commit)),
                    None => self.shared.engine.last_touch(head, path).await,
                }
            })
            .await?;
        self.shared.cache_touch(key, Touch(touch));
        Ok(touch)
    }

    /// Says whether a commit is another one or comes before it.
    ///
    /// Commits that the branch has never had are not.
    pub async fn contains(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, GitError> {
        let (ancestor, descendant) = (*ancestor, *descendant);
        self.head().await?;
        self.reading("contains", || async move {
            if !self.has_both(ancestor, descendant).await? {
                self.refresh().await?;
                if !self.has_both(ancestor, descendant).await? {
                    return Ok(false);
                }
            }
            self.shared.engine.is_ancestor(ancestor, descendant).await
        })
        .await
    }

    async fn has_both(&self, a: CommitId, b: CommitId) -> Result<bool, GitError> {
        let store = &self.shared.store;
        Ok(store.exists(a.0, ObjectKind::Commit).await?
            && store.exists(b.0, ObjectKind::Commit).await?)
    }

    /// Counts the changes that wait, those that are being pushed included: with a slow server they
    /// are most of them.
    pub fn queue(&self) -> QueueStats {
        self.shared.waits.stats()
    }
}

fn too_large(path: &RepoPath) -> GitError {
    GitError::new(
        GitErrorKind::TooLarge,
        format!(
            "{path} has more than {MAX_FOLDER} bytes, which are not read: take large files out of it"
        ),
    )
}

/// Stands for a change that may come; dropping it withdraws the announcement.
pub struct Ticket {
    writer: Writer,
}

impl Ticket {
    /// Queues a change and waits until it is on the server.
    ///
    /// Dropping the future before its push starts withdraws the change; later it may land all the
    /// same, and is found by its id when it is tried again.
    pub async fn commit(self, change: Change) -> Result<Outcome, GitError> {
        change.check()?;
        let (reply, answer) = oneshot::channel();
        let writer = self.writer.clone();
        writer.shared.queue().push_back(Pending {
            change,
            _wait: writer.shared.waits.begin(),
            reply,
        });
        // The change is queued before its announcement ends, so that a gathering push sees it.
        drop(self);
        writer.commands.send(Command::Wake).map_err(|_| GitError::cancelled())?;
        answer.await.map_err(|_| GitError::cancelled())?
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.writer.shared.announced.withdraw();
    }
}
