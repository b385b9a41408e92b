//! The engine: what is known of a branch, and what is asked of the server.

mod fetch;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use gix_hash::ObjectId;

use super::cache::Cache;
use super::commit;
use super::graph::{Graph, Reached};
use super::history;
use super::http::Http;
use super::parcel;
use super::receive;
use super::upload::{self, Abilities, Want};
use super::wanted::Wanted;
use crate::engine::{Engine, Objects, PushError, Seen};
use crate::error::{GitError, GitErrorKind as Kind};
use crate::id::{CommitId, Object, ObjectKind};
use crate::index::LogEntry;
use crate::lock::cache_lock;
use crate::options::{EngineKind, Options};
use crate::path::RepoPath;
use crate::remote::{BranchName, Credentials, Remote};

/// Levels of trees that come along with a commit: the root and the folders of environments. With a
/// folder it is what is directly in it.
const TREES: u32 = 2;

/// Works on a branch without a clone of it.
///
/// Of the repository it holds the commits of the branch, by their ids alone, and the objects that
/// were read or written last. Whatever else is needed is asked of the server by its id.
pub(crate) struct WireEngine {
    branch_ref: String,
    dir: PathBuf,
    http: Http,
    cache: Arc<Cache>,
    state: Mutex<State>,
    wanted: Wanted,
    folders: Wanted,
    /// What is asked for in `filter tree:…`; less where the server refuses more.
    trees: AtomicU32,
}

#[derive(Default)]
struct State {
    lock: Option<File>,
    /// Where the branch is as far as the objects here go.
    head: Option<CommitId>,
    /// Where the server said last that it is.
    seen: Option<CommitId>,
    graph: Graph,
    /// What the next push sends.
    fresh: HashMap<ObjectId, Object>,
    /// The commit that the branch is at if what was sent last arrived.
    sent: Option<CommitId>,
}

impl WireEngine {
    pub(crate) fn new(remote: Remote, dir: PathBuf, options: &Options) -> Self {
        Self {
            branch_ref: reference(&remote.branch),
            http: Http::new(remote, options.timeouts.clone()),
            cache: Arc::new(Cache::new(dir.clone(), options.cache_size)),
            dir,
            state: Mutex::default(),
            wanted: Wanted::default(),
            folders: Wanted::default(),
            trees: AtomicU32::new(TREES),
        }
    }

    /// Says whether the server can be worked with in this way.
    pub(crate) async fn suits(&self) -> Result<bool, GitError> {
        Ok(Abilities::ask(&self.http).await?.suffice() && self.leaves_trees_out().await?)
    }

    /// Says whether the server takes a filter of trees. That it has filters does not say which, and one
    /// of blobs alone is not enough: every look at the history would bring all trees that ever were.
    async fn leaves_trees_out(&self) -> Result<bool, GitError> {
        let Some(head) = self.look_at_ref(&self.branch_ref).await? else { return Ok(true) };
        let want = Want { ids: &[head.0], have: None, trees: 0, alone: true };
        match upload::fetch(&self.http, &want).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == Kind::NotFound => {
                tracing::debug!(%error, "the server sends no commit without its trees");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn look_at_ref(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let found = upload::branches(&self.http, name).await?;
        Ok(found.into_iter().find(|(found, _)| found == name).map(|(_, id)| id))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns which commits come after which.
    fn learn(&self, objects: &[Object]) {
        let mut state = self.state();
        for object in objects.iter().filter(|object| object.kind == ObjectKind::Commit) {
            state.graph.add(CommitId(object.id), commit::parents(object));
        }
    }

    /// Keeps what was received or is being sent.
    async fn keep(&self, objects: Vec<Object>) {
        self.learn(&objects);
        let cache = Arc::clone(&self.cache);
        if let Err(error) = tokio::task::spawn_blocking(move || cache.put(&objects)).await {
            tracing::debug!(%error, "objects could not be kept");
        }
    }

    /// Sends objects with a branch, and keeps them while the server works on them. They are what their
    /// ids say, whether it takes them or not.
    async fn send_pack(
        &self,
        branch: &str,
        old: Option<CommitId>,
        new: CommitId,
        pack: &[u8],
        objects: Vec<Object>,
    ) -> Result<(), PushError> {
        let sent = receive::push(&self.http, branch, old, Some(new), pack);
        let (answer, ()) = tokio::join!(sent, self.keep(objects));
        answer
    }

    async fn find(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        if id.is_null() {
            return Ok(None);
        }
        if let Some(object) = self.cache.get(id) {
            return Ok(Some(object));
        }
        self.fetch_objects(&[id]).await?;
        Ok(self.cache.get(id))
    }

    /// Says whether a commit is one of the branch. A server gives out any commit that it has: those
    /// of other branches, of pull requests and, with some, of forks.
    async fn is_ours(&self, commit: CommitId) -> Result<bool, GitError> {
        let head = self.state().head;
        match head {
            Some(head) => self.is_ancestor(commit, head).await,
            None => Ok(false),
        }
    }

    fn head_file(&self) -> PathBuf {
        self.dir.join("head")
    }

    /// Remembers where the branch is, for the next process too.
    fn arrive(&self, head: CommitId) {
        self.state().head = Some(head);
        let write = || -> std::io::Result<()> {
            let temporary = tempfile::NamedTempFile::new_in(&self.dir)?;
            std::fs::write(temporary.path(), format!("{head}\n"))?;
            temporary.persist(self.head_file()).map_err(|error| error.error)?;
            Ok(())
        };
        // It counts even if this fails: the next process asks the server.
        if let Err(error) = write() {
            tracing::debug!(%error, "cache does not remember the head");
        }
    }

    /// Takes it that what was sent arrived, if the branch is at the commit that it was sent with.
    fn arrived(&self, head: CommitId) {
        let sent = self.state().sent.take_if(|new| *new == head);
        if let Some(new) = sent {
            self.arrive(new);
        }
    }

    async fn take_lock(&self) -> Result<(), GitError> {
        let taken = self.state().lock.is_some();
        if !taken {
            let lock = cache_lock(&self.dir).await?;
            self.state().lock = Some(lock);
        }
        Ok(())
    }
}

#[async_trait]
impl Objects for WireEngine {
    async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        let Some(object) = self.find(id).await? else { return Ok(None) };
        if object.kind == ObjectKind::Commit && !self.is_ours(CommitId(id)).await? {
            return Ok(None);
        }
        Ok(Some(object))
    }

    async fn at_hand(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        Ok(self.cache.get(id))
    }

    async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        Ok(self.object(id).await?.map(|object| (object.kind, object.data.len() as u64)))
    }

    async fn gather(&self, ids: &[ObjectId]) -> Result<(), GitError> {
        let missing = self.missing(ids);
        if missing.is_empty() { Ok(()) } else { self.fetch_objects(&missing).await }
    }

    async fn unfold(&self, id: ObjectId) -> Result<(), GitError> {
        if self.cache.has(id) { Ok(()) } else { self.fetch_folder(id).await }
    }
}

#[async_trait]
impl Engine for WireEngine {
    fn kind(&self) -> Option<EngineKind> {
        Some(EngineKind::Wire)
    }

    async fn open(&self) -> Result<Option<CommitId>, GitError> {
        self.take_lock().await?;
        if let Err(error) = self.cache.open() {
            tracing::warn!(%error, "no objects are kept on disk");
        }
        let stored = std::fs::read_to_string(self.head_file()).unwrap_or_default();
        let head = CommitId::parse(stored.trim()).ok();
        self.state().head = head;
        Ok(head)
    }

    async fn look(&self) -> Result<Seen, GitError> {
        let branch = self.look_at_ref(&self.branch_ref).await?;
        let empty =
            branch.is_none() && upload::branches(&self.http, "refs/heads/").await?.is_empty();
        self.state().seen = branch;
        if let Some(branch) = branch {
            // The answer to a push may have been lost.
            self.arrived(branch);
        }
        Ok(Seen { branch, empty })
    }

    async fn fetch(&self) -> Result<CommitId, GitError> {
        let seen = self.state().seen;
        let new = match seen {
            Some(commit) => commit,
            None => self.look().await?.branch.ok_or_else(|| {
                GitError::new(Kind::BranchMissing, "the branch is not there any more")
            })?,
        };
        let have = self.state().head;
        let objects = self.fetch_head(new, have).await.map_err(|error| {
            if error.kind() == Kind::NotFound {
                return GitError::other(format!("the head {new} cannot be fetched: {error}"));
            }
            error
        })?;
        self.keep(objects).await;
        if !self.cache.has(new.0) {
            return Err(GitError::new(
                Kind::Unreachable,
                format!("the server did not send the head {new}: try again"),
            ));
        }
        self.arrive(new);
        Ok(new)
    }

    async fn write(&self, objects: Vec<Object>) -> Result<(), GitError> {
        self.state().fresh = objects.into_iter().map(|object| (object.id, object)).collect();
        Ok(())
    }

    async fn push(&self, old: Option<CommitId>, new: CommitId) -> Result<(), PushError> {
        let fresh = std::mem::take(&mut self.state().fresh);
        let pack = parcel::pack(&fresh, &self.cache, old, new)?;
        self.state().sent = Some(new);
        let objects = fresh.into_values().collect();
        self.send_pack(&self.branch_ref, old, new, &pack, objects).await?;
        self.arrived(new);
        Ok(())
    }

    async fn look_at(&self, branch: &BranchName) -> Result<Option<CommitId>, GitError> {
        self.look_at_ref(&reference(branch)).await
    }

    async fn send(
        &self,
        branch: &BranchName,
        old: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), PushError> {
        let name = reference(branch);
        let Some(new) = new else {
            return receive::push(&self.http, &name, old, None, &[]).await;
        };
        // They stay until others are written: what failed is sent again.
        let fresh = self.state().fresh.clone();
        let base = fresh.get(&new.0).and_then(|object| commit::parents(object).first().copied());
        let pack = parcel::pack(&fresh, &self.cache, base, new)?;
        self.send_pack(&name, old, new, &pack, fresh.into_values().collect()).await
    }

    async fn stranger(
        &self,
        _: &BranchName,
        base: CommitId,
        at: CommitId,
    ) -> Result<Option<(CommitId, String)>, GitError> {
        for object in self.commits(at, Some(base)).await?.iter().rev() {
            let Some(by) = commit::stranger(object) else { continue };
            // A server may send more than it was asked for.
            if !self.is_ancestor(CommitId(object.id), base).await? {
                return Ok(Some((CommitId(object.id), by)));
            }
        }
        Ok(None)
    }

    async fn log(&self, new: CommitId, not: Option<CommitId>) -> Result<Vec<LogEntry>, GitError> {
        let commits = self.commits(new, not).await?;
        history::entries(&commits, self).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, of: CommitId) -> Result<bool, GitError> {
        match self.state().graph.reach(of, ancestor) {
            Reached::Found => return Ok(true),
            Reached::Nowhere => return Ok(false),
            Reached::Unknown => {}
        }
        match self.fetch_commits(of, Some(ancestor)).await {
            Ok(_) => {}
            // One of them was taken off the branch, and the server has forgotten it.
            Err(error) if error.kind() == Kind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        // What is not known now comes before the ancestor: the server was told that we have it.
        Ok(self.state().graph.reach(of, ancestor) == Reached::Found)
    }

    async fn last_touch(
        &self,
        head: CommitId,
        path: &RepoPath,
    ) -> Result<Option<CommitId>, GitError> {
        let commits = self.commits(head, None).await?;
        history::last_touch(&commits, path, self).await
    }

    fn log_file(&self) -> Option<PathBuf> {
        Some(self.dir.join("gimlet-log"))
    }

    async fn maintain(&self) -> Result<(), GitError> {
        Ok(())
    }

    async fn wipe(&self) -> Result<(), GitError> {
        self.cache.clear();
        let lock = self.state().lock.take();
        *self.state() = State { lock, ..State::default() };
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(GitError::other(format!(
                    "damaged cache {} cannot be removed: {error}: remove it by hand",
                    self.dir.display()
                )))
            }
            _ => Ok(()),
        }
    }

    fn set_credentials(&self, credentials: Credentials) {
        self.http.set_credentials(credentials);
    }
}

fn reference(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}
