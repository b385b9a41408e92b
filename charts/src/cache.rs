//! What was fetched before, by content and by who fetched it from where.
//!
//! Who knows the digest of a chart has not shown that they may read it: what is here is found only
//! in the scope that it was fetched in. On disk a file's name begins with its digest, which is checked
//! whenever it is read, so a damaged or exchanged file is as good as none. Nothing here is needed
//! for correctness: when the disk fails, charts are fetched again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use gimlet_helm::Chart;
use tracing::debug;

use crate::tree::digest;

const KEPT_CHARTS: usize = 32;
const KEPT_NAMES: usize = 4096;

/// Names something that was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// `sha256:…` of the content.
    digest: String,
    /// Who fetched it from where: a digest, too.
    scope: String,
}

impl CacheKey {
    pub(crate) fn new(digest: &str, scope: &str) -> Self {
        Self { digest: digest.to_owned(), scope: scope.to_owned() }
    }
}

/// The cache of a [`Fetcher`](crate::Fetcher).
pub(crate) struct Cache {
    dir: Option<PathBuf>,
    limit: u64,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    charts: HashMap<CacheKey, (Arc<Chart>, u64)>,
    names: HashMap<String, String>,
    clock: u64,
}

impl Cache {
    pub(crate) fn new(dir: Option<PathBuf>, limit: u64) -> Self {
        Self { dir, limit, memory: Mutex::default() }
    }

    /// Returns a parsed chart.
    pub(crate) fn chart(&self, key: &CacheKey) -> Option<Arc<Chart>> {
        let mut memory = self.lock();
        memory.clock += 1;
        let clock = memory.clock;
        let (chart, used) = memory.charts.get_mut(key)?;
        *used = clock;
        Some(Arc::clone(chart))
    }

    /// Keeps a parsed chart, forgetting the one that was not used for longest.
    pub(crate) fn keep_chart(&self, key: &CacheKey, chart: &Arc<Chart>) {
        let mut memory = self.lock();
        memory.clock += 1;
        let clock = memory.clock;
        if memory.charts.len() >= KEPT_CHARTS {
            let oldest = memory.charts.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                memory.charts.remove(&oldest);
            }
        }
        memory.charts.insert(key.clone(), (Arc::clone(chart), clock));
    }

    /// Forgets a parsed chart.
    pub(crate) fn forget_chart(&self, key: &CacheKey) {
        self.lock().charts.remove(key);
    }

    /// Returns the digest of something immutable that was fetched before, such as a commit.
    pub(crate) fn recall(&self, name: &str) -> Option<String> {
        self.lock().names.get(name).cloned()
    }

    /// Remembers the digest of something immutable.
    pub(crate) fn remember(&self, name: String, digest: &str) {
        let mut memory = self.lock();
        if memory.names.len() >= KEPT_NAMES {
            memory.names.clear();
        }
        memory.names.insert(name, digest.to_owned());
    }

    /// Returns stored bytes; a file that does not match its name is deleted.
    pub(crate) fn bytes(&self, key: &CacheKey) -> Option<Vec<u8>> {
        let path = self.path(key)?;
        let bytes = fs::read(&path).ok()?;
        if digest(&bytes) != key.digest {
            debug!(digest = key.digest, "deletes a damaged chart from the cache");
            let _ = fs::remove_file(&path);
            return None;
        }
        // The time of the last use decides what goes first; a failure costs only that order.
        let _ = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// Stores bytes.
    pub(crate) fn keep_bytes(&self, key: &CacheKey, bytes: &[u8]) {
        if bytes.len() as u64 > self.limit {
            return;
        }
        let Some(path) = self.path(key) else { return };
        if let Err(error) = write(&path, bytes) {
            debug!(%error, "cannot store a chart in the cache");
            return;
        }
        self.evict(&path);
    }

    fn path(&self, key: &CacheKey) -> Option<PathBuf> {
        let CacheKey { digest, scope } = key;
        let hex = digest.strip_prefix("sha256:")?;
        let plain = |hex: &str| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let dir = self.dir.as_ref()?;
        (plain(hex) && plain(scope)).then(|| dir.join("sha256").join(format!("{hex}.{scope}")))
    }

    fn evict(&self, written: &PathBuf) {
        let Some(entries) = written.parent().and_then(|dir| fs::read_dir(dir).ok()) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.limit {
                return;
            }
            if path != *written && fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes beside the target and renames, so that no reader sees half a file.
fn write(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let Some(dir) = path.parent() else { return Ok(()) };
    fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(bytes: &[u8]) -> CacheKey {
        CacheKey::new(&digest(bytes), &"0".repeat(64))
    }

    fn age(cache: &Cache, wanted: &CacheKey, seconds: u64) {
        let path = cache.path(wanted).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn what_is_stored_is_found_and_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let name = key(b"chart");
        Cache::new(Some(dir.path().into()), 1000).keep_bytes(&name, b"chart");
        let again = Cache::new(Some(dir.path().into()), 1000);
        assert_eq!(again.bytes(&name).as_deref(), Some(b"chart".as_slice()));
        let elsewhere = CacheKey::new(&name.digest, &"1".repeat(64));
        assert_eq!(again.bytes(&elsewhere), None, "to know a digest is not to have fetched it");
    }

    #[test]
    fn a_damaged_file_is_deleted_and_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().into()), 1000);
        let name = key(b"chart");
        cache.keep_bytes(&name, b"chart");
        let path = cache.path(&name).unwrap();
        fs::write(&path, b"chunk").unwrap();
        assert_eq!(cache.bytes(&name), None);
        assert!(!path.exists());
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().into()), 100);
        let blobs = [[1_u8; 40], [2; 40], [3; 40]];
        let names: Vec<CacheKey> = blobs.iter().map(|blob| key(blob)).collect();
        cache.keep_bytes(&names[0], &blobs[0]);
        cache.keep_bytes(&names[1], &blobs[1]);
        age(&cache, &names[0], 200);
        age(&cache, &names[1], 100);
        assert!(cache.bytes(&names[0]).is_some(), "which makes it the most recently used");
        cache.keep_bytes(&names[2], &blobs[2]);
        assert!(cache.bytes(&names[0]).is_some());
        assert!(cache.bytes(&names[1]).is_none());
        assert!(cache.bytes(&names[2]).is_some());
    }

    #[test]
    fn a_name_that_is_no_digest_never_becomes_a_path() {
        let cache = Cache::new(Some("/nonexistent".into()), 100);
        let scope = "0".repeat(64);
        for name in ["sha256:../../etc/passwd", "md5:00"] {
            assert!(cache.path(&CacheKey::new(name, &scope)).is_none());
        }
        assert!(cache.path(&CacheKey::new(&digest(b"chart"), "../x")).is_none());
    }
}
