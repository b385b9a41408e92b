//! One writer for each cache.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::error::GitError;

/// How long another process may hold the cache.
const LOCK_TIME: Duration = Duration::from_secs(10);

/// Keeps other processes and other writers out of a cache, until the file is closed.
pub(crate) async fn cache_lock(dir: &Path) -> Result<File, GitError> {
    let blocked = |e: &dyn std::fmt::Display| {
        GitError::other(format!("cache {} cannot be used: {e}", dir.display()))
    };
    let path = dir.with_extension("lock");
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| blocked(&e))?;
    }
    let file = File::create(&path).map_err(|e| blocked(&e))?;
    let start = tokio::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIME => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(blocked(
                    &"another writer has it open: use one writer per repository and branch",
                ));
            }
            Err(TryLockError::Error(e)) => return Err(blocked(&e)),
        }
    }
}
