//! What waits for a push: what is queued, and what is on its way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::shared::QueueStats;

/// Counts changes from the moment at which they were queued until they were answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits(Arc<Mutex<Begun>>);

#[derive(Debug, Default)]
struct Begun {
    next: u64,
    /// In the order of coming.
    since: BTreeMap<u64, Instant>,
}

impl Waits {
    /// Counts a change until what is given back is dropped.
    pub(crate) fn begin(&self) -> Wait {
        let mut begun = self.lock();
        let number = begun.next;
        begun.next += 1;
        begun.since.insert(number, Instant::now());
        drop(begun);
        Wait { of: self.clone(), number }
    }

    pub(crate) fn stats(&self) -> QueueStats {
        let begun = self.lock();
        QueueStats { depth: begun.since.len(), oldest: begun.since.values().next().copied() }
    }

    fn lock(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that waits.
#[derive(Debug)]
pub(crate) struct Wait {
    of: Waits,
    number: u64,
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.of.lock().since.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_to_be_pushed_waits_until_it_is_answered() {
        let waits = Waits::default();
        assert_eq!(waits.stats().depth, 0);
        let first = waits.begin();
        let since = waits.stats().oldest;
        let second = waits.begin();
        assert_eq!((waits.stats().depth, waits.stats().oldest), (2, since));
        drop(first);
        assert_eq!(waits.stats().depth, 1);
        assert!(waits.stats().oldest > since);
        drop(second);
        assert!(waits.stats().oldest.is_none());
    }
}
