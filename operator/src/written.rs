//! What is written: not all at once, and a cache that has not seen it yet is not worked from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::Semaphore;

/// Writes that are under way at once. Of a thousand that come together the API server refuses most as
/// too many requests; to refuse them and to be asked again costs it more than to let them wait here.
const WRITES: usize = 32;
/// How long a write has its place. One that lasts longer is held up by something else, or waits to be
/// tried again, and must not hold up the others.
const TURN: Duration = Duration::from_secs(3);

/// The writes of this process: how many are under way, and the versions that they made.
///
/// Under load the watch lags behind our own writes. To reconcile from the copy before them would only
/// end in conflicts, which cost the API server the time that the watch needs to catch up.
#[derive(Debug)]
pub(crate) struct Written {
    /// By UID, until the cache has seen the version.
    versions: Mutex<HashMap<String, u64>>,
    places: Semaphore,
    turn: Duration,
}

impl Default for Written {
    fn default() -> Self {
        Self { versions: Mutex::default(), places: Semaphore::new(WRITES), turn: TURN }
    }
}

impl Written {
    /// Does a write once there is a place among those that are under way.
    pub(crate) async fn in_turn<W: Future>(&self, write: W) -> W::Output {
        // Nobody closes it.
        let place = self.places.acquire().await.ok();
        // On the heap: it is part of every reconcile.
        let mut write = Box::pin(write);
        if let Ok(written) = tokio::time::timeout(self.turn, write.as_mut()).await {
            return written;
        }
        drop(place);
        write.await
    }

    /// Remembers the version that a write made.
    pub(crate) fn record(&self, uid: Option<&str>, version: &str) {
        // Versions can be compared as numbers; one that is none is not remembered.
        if let (Some(uid), Ok(version)) = (uid, version.parse()) {
            self.lock().insert(uid.to_owned(), version);
        }
    }

    /// Tells whether an object from the cache is older than what was written of it.
    pub(crate) fn is_ahead_of(&self, cached: &ObjectMeta) -> bool {
        let version = cached.resource_version.as_deref().and_then(|v| v.parse::<u64>().ok());
        let (Some(uid), Some(version)) = (cached.uid.as_deref(), version) else {
            return false;
        };
        let mut versions = self.lock();
        let ahead = versions.get(uid).is_some_and(|written| *written > version);
        if !ahead {
            versions.remove(uid);
        }
        ahead
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn cached(version: &str) -> ObjectMeta {
        ObjectMeta {
            uid: Some("u".into()),
            resource_version: Some(version.into()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_copy_from_before_the_last_write_is_not_used() {
        let written = Written::default();
        assert!(!written.is_ahead_of(&cached("9")));
        written.record(Some("u"), "10");
        assert!(written.is_ahead_of(&cached("9")));
        assert!(!written.is_ahead_of(&cached("10")));
        assert!(!written.is_ahead_of(&cached("9")), "what the cache has seen once is forgotten");
    }

    fn hang(written: &Written) -> impl Future<Output = ()> + Unpin {
        Box::pin(written.in_turn(std::future::pending()))
    }

    #[tokio::test]
    async fn only_so_many_writes_are_under_way_at_once() {
        let written = Written::default();
        let mut hanging: Vec<_> = (0..WRITES).map(|_| hang(&written)).collect();
        for write in &mut hanging {
            assert!(write.now_or_never().is_none());
        }
        let mut next = Box::pin(written.in_turn(std::future::ready(7)));
        assert!((&mut next).now_or_never().is_none());
        hanging.pop();
        assert_eq!(next.await, 7);
    }

    #[tokio::test]
    async fn a_write_that_lasts_gives_its_place_to_others_and_goes_on() {
        let written = Written { turn: Duration::from_millis(1), ..Written::default() };
        let mut hanging = futures::future::join_all((0..WRITES).map(|_| hang(&written)));
        assert!((&mut hanging).now_or_never().is_none());
        tokio::select! {
            _ = hanging => unreachable!("they hang"),
            found = written.in_turn(std::future::ready(7)) => assert_eq!(found, 7),
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let written = Written::default();
        written.record(Some("u"), "100");
        assert!(written.is_ahead_of(&cached("99")));
        written.record(Some("u"), "not a number");
        assert!(written.is_ahead_of(&cached("99")));
    }
}
