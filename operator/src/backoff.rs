//! How long a failing object waits before it is tried again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LAST: Duration = Duration::from_mins(5);

/// Counts failures for each object; the runtime itself keeps no such count.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure and returns how long to wait: doubled from 2 s to 5 min, with jitter.
    pub(crate) fn failed(&self, uid: &str) -> Duration {
        let count = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let count = failures.entry(uid.to_owned()).or_insert(0);
            *count = count.saturating_add(1);
            *count
        };
        delay(count, rand::random_range(0.75..1.25))
    }

    /// Forgets the failures of an object that made progress, or is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

fn delay(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
    doubled.min(LAST).mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        assert_eq!(delay(1, 1.0), FIRST);
        assert_eq!(delay(3, 1.0), FIRST * 4);
        assert_eq!(delay(99, 1.0), LAST);
    }

    #[test]
    fn progress_starts_the_count_anew() {
        let backoff = Backoff::default();
        for _ in 0..10 {
            backoff.failed("a");
        }
        assert!(backoff.failed("a") > Duration::from_secs(200));
        backoff.forget("a");
        assert!(backoff.failed("a") < Duration::from_secs(3));
    }
}
