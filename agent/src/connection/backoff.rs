//! How long to wait before the next attempt.

use std::time::Duration;

/// The shortest pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(1);

/// Doubles from attempt to attempt, each time at random between a half and the whole: a dashboard
/// that comes back is not met by all its agents at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Returns how long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        let whole = SHORTEST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Begins anew: all is well.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_never_beyond() {
        let mut backoff = Backoff::default();
        let mut within = |least: f64, most: f64| {
            let pause = backoff.next().as_secs_f64();
            assert!((least..=most).contains(&pause), "{pause}");
        };
        for (least, most) in [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)] {
            within(least, most);
        }
        for _ in 0..100 {
            within(2.0, 60.0);
        }
        within(30.0, 60.0);
        backoff.reset();
        assert!(backoff.next() <= SHORTEST);
    }
}
