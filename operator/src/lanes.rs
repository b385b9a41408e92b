//! Lanes: each environment has places of its own for its work.
//!
//! What waits for a git host that is slow or dead keeps its place for minutes. With places for all
//! together, the first environment whose host dies would take all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lanes from which on those without traffic are forgotten.
const MANY: usize = 1024;

/// Namespace and name of an environment.
type Key = (String, String);

/// Apps of one environment that are looked at once.
const APPS: u16 = 32;

/// The lanes of those kinds of which an environment has many.
#[derive(Debug)]
pub(crate) struct Roads {
    pub(crate) apps: Lanes,
    pub(crate) releases: Lanes,
}

impl Roads {
    /// Makes lanes in which so many releases of one environment are worked on at once.
    pub(crate) fn new(releases: u16) -> Self {
        Self { apps: Lanes::new(APPS), releases: Lanes::new(releases) }
    }
}

/// The lanes of one kind.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// How many are worked on at once in each.
    width: usize,
    lanes: Mutex<HashMap<Key, Arc<Semaphore>>>,
}

impl Lanes {
    /// Makes lanes in each of which so many are worked on at once.
    pub(crate) fn new(width: u16) -> Self {
        Self { width: usize::from(width.max(1)), lanes: Mutex::default() }
    }

    /// Waits for a place in the lane of an environment, in the order of coming.
    pub(crate) async fn enter(
        &self,
        namespace: &str,
        environment: &str,
    ) -> Option<OwnedSemaphorePermit> {
        let lane = {
            let mut lanes = self.lock();
            if lanes.len() >= MANY {
                lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            }
            let key = (namespace.to_owned(), environment.to_owned());
            let lane = lanes.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.width)));
            Arc::clone(lane)
        };
        // A lane is never closed.
        lane.acquire_owned().await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Semaphore>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_full_lane_holds_nobody_up_in_another() {
        let lanes = Lanes::new(1);
        let slow = lanes.enter("ns", "slow").await;
        assert!(slow.is_some());
        assert!(lanes.enter("ns", "slow").now_or_never().is_none(), "there is one place");
        assert!(lanes.enter("ns", "fast").now_or_never().is_some());
        assert!(lanes.enter("other", "slow").now_or_never().is_some(), "it is another environment");
        drop(slow);
        assert!(lanes.enter("ns", "slow").now_or_never().is_some());
    }
}
