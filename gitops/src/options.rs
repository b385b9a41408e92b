//! How a writer behaves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::id::CommitId;
use crate::signing::Signer;

/// Bounds how long each kind of operation may take.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Without any data on a connection.
    pub idle: Duration,
    /// For a whole push.
    pub push: Duration,
    /// For a whole fetch, including the first one.
    pub fetch: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            push: Duration::from_mins(2),
            fetch: Duration::from_mins(15),
        }
    }
}

/// Says how a repository is worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// By the git program, on a bare clone.
    Git,
    /// By git's protocol over HTTP, without a clone.
    Wire,
}

impl EngineKind {
    /// Returns the kind as a word for conditions and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "Git",
            Self::Wire => "Wire",
        }
    }
}

/// Says who chooses how a repository is worked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// Without a clone if the server can do what is needed for it; else by the git program.
    #[default]
    Auto,
    /// Always by the git program.
    Git,
    /// Always without a clone; where the server cannot do it, this fails.
    Wire,
}

/// Sets how a [`crate::Writer`] behaves.
#[derive(Clone)]
pub struct Options {
    /// Where the caches of all repositories live.
    pub cache_dir: PathBuf,
    /// How repositories are worked with.
    pub engine: EngineChoice,
    /// Where the branch was when a process before this one saw it last, if that is known. Without its
    /// cache this tells a branch that was deleted from one that never was, and that history was rewritten.
    pub last_head: Option<CommitId>,
    /// How many bytes of objects are kept on disk for each branch that has no clone.
    pub cache_size: u64,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// The most changes in one push.
    pub max_batch: usize,
    /// How long a push waits for changes that were announced.
    pub gather: Duration,
    /// How often a broken connection is tried again before the change fails.
    pub retries: u32,
    /// The longest pause before the first of these retries; it doubles each time.
    pub retry_pause: Duration,
    /// Who signs the commits; they are not signed without.
    pub signer: Option<Arc<Signer>>,
    /// Who is told of every operation.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Options {
    /// Returns the usual options with caches in this directory.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            engine: EngineChoice::default(),
            last_head: None,
            cache_size: 256 * 1024 * 1024,
            timeouts: Timeouts::default(),
            max_batch: 200,
            gather: Duration::from_millis(750),
            retries: 3,
            retry_pause: Duration::from_secs(1),
            signer: None,
            observer: None,
        }
    }
}

/// Is told what happens, for metrics.
pub trait Observer: Send + Sync {
    /// Reports one operation; `result` is `ok` or the error's reason.
    fn operation(&self, op: &'static str, result: &'static str, took: Duration);
    /// Reports a push that landed, and how many attempts it took.
    fn pushed(&self, remote_key: &str, commits: usize, attempts: u32, took: Duration);
}
