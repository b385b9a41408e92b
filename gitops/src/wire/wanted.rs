//! Objects that callers wait for.
//!
//! A request costs the server a process whatever it asks for. So one at a time is under way, and the
//! next one asks for all that has been wanted meanwhile.

use std::sync::{Mutex, PoisonError};

use gix_hash::ObjectId;
use tokio::sync::MutexGuard;

/// Collects what is wanted until it is the turn of one of those who want it.
#[derive(Default)]
pub(super) struct Wanted {
    ids: Mutex<Vec<ObjectId>>,
    turn: tokio::sync::Mutex<()>,
}

/// A caller's turn: the ids are wanted by others too, and no request is under way while it lasts.
pub(super) struct Turn<'a> {
    wanted: &'a Wanted,
    _turn: MutexGuard<'a, ()>,
}

impl Wanted {
    /// Says what is wanted, and waits for the turn to ask for it. By then others may have brought it.
    pub(super) async fn turn(&self, ids: &[ObjectId]) -> Turn<'_> {
        self.lock().extend_from_slice(ids);
        Turn { wanted: self, _turn: self.turn.lock().await }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ObjectId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Takes what everybody wants, those included who gave up.
    pub(super) fn take(&self) -> Vec<ObjectId> {
        let mut ids = std::mem::take(&mut *self.wanted.lock());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from([n; 20])
    }

    #[test]
    fn what_is_wanted_during_a_turn_is_taken_together_by_the_next() {
        let mut context = Context::from_waker(Waker::noop());
        let wanted = Wanted::default();
        let (one, several, two) = ([id(1)], [id(3), id(2)], [id(2)]);
        let mut first = pin!(wanted.turn(&one));
        let Poll::Ready(first) = first.as_mut().poll(&mut context) else {
            panic!("nobody is here")
        };
        assert_eq!(first.take(), [id(1)]);
        let (mut second, mut third) = (pin!(wanted.turn(&several)), pin!(wanted.turn(&two)));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        let Poll::Ready(second) = second.as_mut().poll(&mut context) else { panic!("it is next") };
        assert_eq!(second.take(), [id(2), id(3)]);
        drop(second);
        let Poll::Ready(third) = third.as_mut().poll(&mut context) else { panic!("it is last") };
        assert!(third.take().is_empty());
    }
}
