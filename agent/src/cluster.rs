//! What runs in the cluster, followed and kept small.
//!
//! [`follow`](Cluster::follow) reads the watches of the API server into an index that holds what is
//! shown of the environment's apps and nothing else. Whoever tells it on takes a
//! [`snapshot`](Cluster::snapshot) and then [`changes`](Cluster::changes), as fast as they like: what
//! they have not taken yet is known by its name only, so a slow reader costs no memory.

mod board;
mod compose;
mod fact;
mod flux;
mod follow;
mod index;
mod inventory;
mod key;
mod link;
mod lookup;
mod pod;
mod sight;
mod source;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::protocol::{AppState, Blind, EnvironmentState};
use board::Board;
pub use board::Helping;
use index::Index;
pub(crate) use lookup::{LogTarget, ObjectRef};

/// How long is waited for what.
const PACE: Pace = Pace {
    look: Duration::from_secs(15),
    patience: Duration::from_secs(30),
    ask: Duration::from_secs(10),
    again: Duration::from_secs(3),
    blind: Duration::from_secs(20),
};

/// What is known of the cluster; clones share it.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    board: Mutex<Board>,
    progress: watch::Sender<Progress>,
    /// There is something to look at that no watch told.
    again: Notify,
    /// Which namespaces are looked at, by their labels.
    selector: Option<String>,
    pace: Pace,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How often it is looked whether a kind that is not there has come.
    look: Duration,
    /// For how long lists are waited for; a kind that cannot be read must not hide all others.
    patience: Duration,
    /// How often the API server is asked whether it answers.
    ask: Duration,
    /// How often one is asked that did not answer.
    again: Duration,
    /// For how long there may be no answer: a restart is no blindness.
    blind: Duration,
}

/// How far the following is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether everything was read once.
    pub settled: bool,
    /// Whether there is something that was not taken yet.
    pub pending: bool,
}

impl Cluster {
    /// Makes one of which nothing is known yet; `selector` chooses namespaces by their labels.
    pub fn new(environment: &str, selector: Option<String>) -> Self {
        Self::paced(environment, selector, PACE)
    }

    /// The same, at another pace.
    fn paced(environment: &str, selector: Option<String>, pace: Pace) -> Self {
        let board = Board::new(Index::new(environment, selector.is_some()));
        let (progress, _) = watch::channel(Progress::default());
        let (board, again) = (Mutex::new(board), Notify::new());
        Self(Arc::new(Shared { board, progress, again, selector, pace }))
    }

    /// Tells how far the following is, and of what can be taken.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Returns all there is; from now on changes are kept for whoever took it.
    pub fn snapshot(&self, now: Timestamp) -> (EnvironmentState, Vec<AppState>) {
        let snapshot = self.board().snapshot(now);
        self.tell(false);
        snapshot
    }

    /// Takes some of what changed since the snapshot.
    pub fn changes(&self, now: Timestamp) -> Helping {
        let mut board = self.board();
        let helping = board.take(now);
        let pending = board.is_pending();
        drop(board);
        self.tell(pending);
        helping
    }

    /// Says that nobody takes changes any more.
    pub fn detach(&self) {
        self.board().detach();
        self.tell(false);
    }

    /// Returns since when the cluster is not seen, where that is so.
    pub fn blind(&self) -> Option<Blind> {
        self.board().sight.blind()
    }

    /// Counts the apps by their word.
    pub fn words(&self) -> BTreeMap<&'static str, i64> {
        self.board().words()
    }

    /// Counts the objects that are held, by kind.
    pub fn objects(&self) -> BTreeMap<&'static str, i64> {
        self.board().index.counts().into_iter().map(|(kind, n)| (kind.name(), n)).collect()
    }

    /// Counts how often watches broke, by kind.
    pub fn breaks(&self) -> BTreeMap<&'static str, u64> {
        self.board().breaks.iter().map(|(kind, n)| (kind.name(), *n)).collect()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, pending: bool) {
        self.0.progress.send_if_modified(|progress| {
            std::mem::replace(&mut progress.pending, pending) != pending
        });
    }
}
