//! How a writer behaves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

/// Sets how a [`crate::Writer`] behaves.
#[derive(Clone)]
pub struct Options {
    /// Where the caches of all repositories live.
    pub cache_dir: PathBuf,
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
