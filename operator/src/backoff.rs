//! How long a failing object waits before it is tried again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
/// The longest wait of what fails by itself.
const LAST: Duration = Duration::from_mins(5);
/// The longest wait for a host that is away.
const LAST_OF_OUTAGE: Duration = Duration::from_secs(15);

/// Counts failures for each object; the runtime itself keeps no such count.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure and returns how long to wait: doubled from 2 s to 5 min, with jitter.
    pub(crate) fn failed(&self, uid: &str) -> Duration {
        self.next(uid, LAST)
    }

    /// Counts a failure because of a host that is away: the wait grows to 15 s only.
    pub(crate) fn outage(&self, uid: &str) -> Duration {
        self.next(uid, LAST_OF_OUTAGE)
    }

    fn next(&self, uid: &str, last: Duration) -> Duration {
        let count = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let count = failures.entry(uid.to_owned()).or_insert(0);
            // No further than it makes a difference: what comes after an outage waits no longer for it.
            if *count == 0 || delay(*count, last) < last {
                *count += 1;
            }
            *count
        };
        delay(count, last).mul_f64(rand::random_range(0.75..1.25))
    }

    /// Forgets the failures of an object that made progress, or is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

fn delay(failures: u32, last: Duration) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
    doubled.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        assert_eq!(delay(1, LAST), FIRST);
        assert_eq!(delay(3, LAST), FIRST * 4);
        assert_eq!(delay(99, LAST), LAST);
        assert_eq!(delay(99, LAST_OF_OUTAGE), LAST_OF_OUTAGE);
    }

    #[test]
    fn progress_starts_the_count_anew() {
        let backoff = Backoff::default();
        for _ in 0..10 {
            backoff.failed("a");
        }
        assert!(backoff.failed("a") > Duration::from_secs(200));
        assert!(backoff.outage("a") < Duration::from_secs(19));
        for _ in 0..100 {
            backoff.outage("b");
        }
        assert!(
            backoff.failed("b") < Duration::from_secs(41),
            "the outage was no fault of its own"
        );
        backoff.forget("a");
        assert!(backoff.failed("a") < Duration::from_secs(3));
    }
}
