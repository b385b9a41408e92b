//! Deliveries that were received before.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Delivery;

type Mark = [u8; 32];

/// Remembers deliveries, so that one that is sent again is not acted upon again.
///
/// Both the delivery's id and its content are remembered, for most hosts do not sign the id. What is
/// remembered is limited in number and time; only deliveries with a right signature get here,
/// so nobody else can push others out.
#[derive(Debug)]
pub struct Replays {
    capacity: usize,
    lifetime: SignedDuration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashSet<Mark>,
    order: VecDeque<(Timestamp, Mark)>,
}

impl Replays {
    /// Remembers at most `capacity` deliveries, each for `lifetime`.
    pub fn new(capacity: usize, lifetime: SignedDuration) -> Self {
        // Two marks a delivery.
        Self { capacity: capacity.max(1).saturating_mul(2), lifetime, state: Mutex::default() }
    }

    /// Tells whether a delivery was here before, and remembers it.
    ///
    /// `scope` names the receiver: the same event is sent once to each of several receivers.
    pub fn seen(&self, scope: &str, delivery: &Delivery, now: Timestamp) -> bool {
        let mut state = self.lock();
        state.expire(now, self.lifetime);
        let marks = marks(scope, delivery);
        let seen = marks.iter().any(|mark| state.known.contains(mark));
        for mark in marks {
            if state.known.insert(mark) {
                state.order.push_back((now, mark));
            }
        }
        while state.order.len() > self.capacity {
            state.forget_oldest();
        }
        seen
    }

    /// Forgets a delivery that could not be acted upon, so that the host may send it again.
    pub fn forget(&self, scope: &str, delivery: &Delivery) {
        let mut state = self.lock();
        for mark in marks(scope, delivery) {
            if state.known.remove(&mark) {
                state.order.retain(|(_, other)| *other != mark);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done in a way that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, now: Timestamp, lifetime: SignedDuration) {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) > lifetime) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, mark)) = self.order.pop_front() {
            self.known.remove(&mark);
        }
    }
}

fn marks(scope: &str, delivery: &Delivery) -> Vec<Mark> {
    let length = (scope.len() as u64).to_be_bytes();
    let scoped = |mark: &Mark| {
        let hash = Sha256::new().chain_update(length).chain_update(scope).chain_update(mark);
        hash.finalize().into()
    };
    delivery.marks.iter().map(scoped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Provider;
    use crate::webhook::Event;

    fn delivery(id: u8, body: u8) -> Delivery {
        Delivery {
            provider: Provider::GitHub,
            id: id.to_string(),
            repository: None,
            event: Event::Ping,
            marks: vec![[id; 32], [body; 32]],
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_same_content_under_another_id_is_a_replay() {
        let replays = Replays::new(10, SignedDuration::from_hours(1));
        assert!(!replays.seen("a", &delivery(1, 101), at(0)));
        assert!(replays.seen("a", &delivery(1, 101), at(1)));
        assert!(replays.seen("a", &delivery(2, 101), at(1)));
        assert!(replays.seen("a", &delivery(2, 102), at(1)), "the id of the replay is known too");
        assert!(!replays.seen("a", &delivery(3, 103), at(1)));
        assert!(!replays.seen("b", &delivery(1, 101), at(1)), "another receiver");
    }

    #[test]
    fn memory_is_limited_in_number_and_time() {
        let replays = Replays::new(2, SignedDuration::from_secs(10));
        for id in 1..=3 {
            assert!(!replays.seen("a", &delivery(id, id + 100), at(0)));
        }
        assert_eq!(replays.lock().order.len(), 4);
        assert_eq!(replays.lock().known.len(), 4);
        assert!(replays.seen("a", &delivery(3, 103), at(10)));
        assert!(!replays.seen("a", &delivery(3, 103), at(11)));
        assert_eq!(replays.lock().known.len(), 2);
    }

    #[test]
    fn a_forgotten_delivery_may_come_again() {
        let replays = Replays::new(10, SignedDuration::from_hours(1));
        assert!(!replays.seen("a", &delivery(1, 101), at(0)));
        replays.forget("a", &delivery(1, 101));
        assert!(!replays.seen("a", &delivery(1, 101), at(0)));
        assert_eq!(replays.lock().order.len(), 2);
    }
}
