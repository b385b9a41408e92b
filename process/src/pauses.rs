//! How long a watch that broke waits until it is made anew.

use std::time::{Duration, Instant};

use kube::runtime::utils::Backoff;

/// The first pause after a watch broke.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause: whoever asks is told what was there before, until the watch sees what is. kube's own
/// pauses grow to half a minute.
const LAST: Duration = Duration::from_secs(5);
/// After so long without a failure the pauses begin anew.
const CALM: Duration = Duration::from_secs(30);

/// The pauses of a watch that breaks again and again, each at random between a half and the whole.
///
/// They begin anew when it went well for a while. A single success is none: reading all begins with one.
#[derive(Debug, Default)]
pub struct Pauses {
    failures: u32,
    last: Option<Instant>,
}

impl Pauses {
    fn next_at(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > CALM) {
            self.failures = 0;
        }
        self.last = Some(now);
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.next_at(Instant::now()))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_calm_time() {
        let (mut pauses, mut now) = (Pauses::default(), Instant::now());
        assert!(pauses.next_at(now) <= FIRST);
        for _ in 0..40 {
            now += LAST;
            pauses.reset();
            assert!(pauses.next_at(now) <= LAST);
        }
        assert!(pauses.next_at(now) >= LAST / 2, "that a list begins is no success");
        assert!(pauses.next_at(now + CALM * 2) <= FIRST);
    }
}
