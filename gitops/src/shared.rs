//! What a branch's task and the handles to it have in common.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

use crate::change::{Change, Outcome};
use crate::engine::{Engine, Objects};
use crate::error::GitError;
use crate::id::CommitId;
use crate::index::Index;
use crate::options::Observer;
use crate::path::RepoPath;
use crate::remote::BranchName;
use crate::signing::Signer;
use crate::store::Store;
use crate::waits::{Wait, Waits};

/// Says where a branch stood when the server was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The branch's commit; none if the repository is empty or the branch is missing.
    pub commit: Option<CommitId>,
    /// When the server was last seen at this commit.
    pub time: Timestamp,
    /// Somebody took commits off the branch since the last refresh.
    pub rewritten: bool,
}

/// Counts the changes that wait for a push, or for the answer to theirs.
#[derive(Clone, Copy, Debug)]
pub struct QueueStats {
    /// How many wait.
    pub depth: usize,
    /// Since when the oldest waits.
    pub oldest: Option<Instant>,
}

pub(crate) struct Pending {
    pub(crate) change: Change,
    /// Counts it until it is answered.
    pub(crate) _wait: Wait,
    pub(crate) reply: oneshot::Sender<Result<Outcome, GitError>>,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, GitError>>;

/// What a branch's task is asked for.
pub(crate) enum Command {
    /// There is something in the queue.
    Wake,
    /// Make reading possible.
    Open(Reply<Head>),
    /// Ask the server for the head.
    Refresh(Reply<Head>),
    /// Put a change on a branch of its own.
    Propose(BranchName, Box<Change>, Reply<Outcome>),
    /// Delete such a branch if it is at this commit.
    Withdraw(BranchName, CommitId, Reply<bool>),
    /// Throw away a damaged cache and fetch again, unless that was done after this moment.
    Heal(Instant, Reply<Head>),
}

#[derive(Default)]
pub(crate) struct State {
    /// None until the repository was first reached.
    pub(crate) head: Option<Head>,
    pub(crate) index: Arc<Index>,
}

/// Counts tickets: changes that may still come.
#[derive(Default)]
pub(crate) struct Announced {
    count: AtomicUsize,
    pub(crate) fewer: Notify,
}

impl Announced {
    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn withdraw(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.fewer.notify_waiters();
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

pub(crate) struct Shared {
    pub(crate) key: String,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) store: Store,
    pub(crate) announced: Announced,
    pub(crate) waits: Waits,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    signer: RwLock<Option<Arc<Signer>>>,
    state: RwLock<State>,
    queue: Mutex<VecDeque<Pending>>,
    touches: Mutex<HashMap<(CommitId, RepoPath), Touch>>,
}

/// The last commit that changed a path, if any did.
#[derive(Clone, Copy)]
pub(crate) struct Touch(pub(crate) Option<CommitId>);

/// How many answers of `last_touch` are kept.
const CACHED_TOUCHES: usize = 10_000;

impl Shared {
    pub(crate) fn new(
        key: String,
        engine: Arc<dyn Engine>,
        observer: Option<Arc<dyn Observer>>,
        signer: Option<Arc<Signer>>,
    ) -> Self {
        Self {
            key,
            store: Store::new(Arc::clone(&engine) as Arc<dyn Objects>),
            engine,
            announced: Announced::default(),
            waits: Waits::default(),
            observer,
            signer: RwLock::new(signer),
            state: RwLock::default(),
            queue: Mutex::default(),
            touches: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_signer(&self, signer: Option<Arc<Signer>>) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cached_touch(&self, key: &(CommitId, RepoPath)) -> Option<Touch> {
        self.touches.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    pub(crate) fn cache_touch(&self, key: (CommitId, RepoPath), touch: Touch) {
        let mut touches = self.touches.lock().unwrap_or_else(PoisonError::into_inner);
        if touches.len() >= CACHED_TOUCHES {
            touches.clear();
        }
        touches.insert(key, touch);
    }

    /// Tells the observer how an operation went.
    pub(crate) fn observe<T>(
        &self,
        op: &'static str,
        since: Instant,
        result: &Result<T, GitError>,
    ) {
        if let Some(observer) = &self.observer {
            let word = result.as_ref().map_or_else(GitError::reason, |_| "ok");
            observer.operation(op, word, since.elapsed());
        }
    }
}
