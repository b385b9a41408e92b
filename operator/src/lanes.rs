//! Lanes: each environment has places of its own for its work.
//!
//! What waits for a git host that is slow or dead keeps its place for minutes. With places for all
//! together, the first environment whose host dies would take all of them.
//!
//! What finds no place is called when there is one. It does not wait inside its reconcile: a controller
//! polls all that go on whenever one of them moves, which for thousands that wait is most of its work.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::{self, Stream, StreamExt as _};
use kube::Resource;
use kube::runtime::reflector::ObjectRef;

/// How long a place is kept for one that was called: it may be gone meanwhile. One that waits looks
/// again by itself after this time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Apps of one environment that are looked at at once.
const APPS: u16 = 64;

/// Namespace and name of an environment.
type Key = (String, String);

/// The lanes of those kinds of which an environment has many.
#[derive(Debug)]
pub(crate) struct Roads {
    pub(crate) apps: Arc<Lanes>,
    pub(crate) releases: Arc<Lanes>,
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
    all: Mutex<HashMap<Key, Lane>>,
    /// Tells namespace and name of those that are called.
    call: UnboundedSender<(String, String)>,
    calls: Mutex<Option<UnboundedReceiver<(String, String)>>>,
}

#[derive(Debug, Default)]
struct Lane {
    inside: usize,
    /// Those for which a place is kept, and since when.
    called: HashMap<String, Instant>,
    queue: VecDeque<String>,
    /// The names in the queue.
    queued: HashSet<String>,
}

impl Lane {
    fn free(&self, width: usize) -> bool {
        self.inside + self.called.len() < width
    }

    /// Gives up the places of those that were called and did not come.
    fn forget_absent(&mut self) -> &Self {
        let now = Instant::now();
        self.called.retain(|_, since| now.duration_since(*since) < PATIENCE);
        self
    }

    fn is_idle(&self) -> bool {
        self.inside == 0 && self.called.is_empty() && self.queue.is_empty()
    }
}

/// A place in a lane, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lanes.leave(&self.key);
    }
}

impl Lanes {
    /// Makes lanes in each of which so many are worked on at once.
    pub(crate) fn new(width: u16) -> Arc<Self> {
        let (call, calls) = unbounded();
        Arc::new(Self {
            width: usize::from(width.max(1)),
            all: Mutex::default(),
            call,
            calls: Mutex::new(Some(calls)),
        })
    }

    /// Tells of the objects that are called; whoever asks first hears of them.
    pub(crate) fn calls<K: Resource<DynamicType = ()>>(
        &self,
    ) -> impl Stream<Item = ObjectRef<K>> + Send + use<K> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).take();
        let named = |(namespace, name): (String, String)| ObjectRef::new(&name).within(&namespace);
        stream::iter(calls).flatten().map(named)
    }

    /// Takes a place in the lane of an environment. Where there is none, the object is called when its
    /// turn comes.
    pub(crate) fn enter(
        self: &Arc<Self>,
        namespace: &str,
        environment: &str,
        name: &str,
    ) -> Option<Place> {
        let key = (namespace.to_owned(), environment.to_owned());
        let mut all = self.lock();
        if !all.contains_key(&key) {
            all.retain(|_, lane| lane.inside > 0 || !lane.forget_absent().is_idle());
        }
        let lane = all.entry(key.clone()).or_default();
        if lane.called.remove(name).is_none() {
            if !lane.free(self.width) && !lane.forget_absent().free(self.width) {
                if lane.queued.insert(name.to_owned()) {
                    lane.queue.push_back(name.to_owned());
                }
                return None;
            }
            if lane.queued.remove(name) {
                lane.queue.retain(|queued| queued != name);
            }
        }
        lane.inside += 1;
        Some(Place { lanes: Arc::clone(self), key })
    }

    fn leave(&self, key: &Key) {
        let mut all = self.lock();
        let Some(lane) = all.get_mut(key) else { return };
        lane.inside = lane.inside.saturating_sub(1);
        while lane.free(self.width)
            && let Some(next) = lane.queue.pop_front()
        {
            lane.queued.remove(&next);
            lane.called.insert(next.clone(), Instant::now());
            // Nobody hears it any more: the process is about to end.
            let _ = self.call.unbounded_send((key.0.clone(), next));
        }
        if lane.is_idle() {
            all.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Lane>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use gimlet_crds::Release;

    /// Those that were called since.
    fn called(calls: &mut (impl Stream<Item = ObjectRef<Release>> + Unpin)) -> Vec<String> {
        std::iter::from_fn(|| calls.next().now_or_never().flatten()).map(|r| r.name).collect()
    }

    #[test]
    fn a_full_lane_holds_nobody_up_in_another() {
        let lanes = Lanes::new(1);
        let slow = lanes.enter("ns", "slow", "a");
        assert!(slow.is_some());
        assert!(lanes.enter("ns", "slow", "b").is_none(), "there is one place");
        assert!(lanes.enter("ns", "fast", "b").is_some());
        assert!(lanes.enter("other", "slow", "b").is_some(), "it is another environment");
        drop(slow);
        assert!(lanes.enter("ns", "slow", "b").is_some());
        assert!(lanes.lock().is_empty(), "what nobody uses is forgotten");
    }

    #[test]
    fn those_that_wait_are_called_in_the_order_of_coming() {
        let lanes = Lanes::new(2);
        let mut calls = lanes.calls::<Release>();
        let (first, second) = (lanes.enter("ns", "e", "a"), lanes.enter("ns", "e", "b"));
        for name in ["c", "d", "c", "e"] {
            assert!(lanes.enter("ns", "e", name).is_none());
        }
        assert!(called(&mut calls).is_empty());
        drop(first);
        assert_eq!(called(&mut calls), ["c"]);
        assert!(lanes.enter("ns", "e", "new").is_none(), "the place is kept for the one called");
        let third = lanes.enter("ns", "e", "c");
        assert!(third.is_some());
        drop((second, third));
        assert_eq!(called(&mut calls), ["d", "e"]);
    }

    #[test]
    fn one_that_does_not_come_keeps_nobody_out() {
        let lanes = Lanes::new(1);
        let mut calls = lanes.calls::<Release>();
        let first = lanes.enter("ns", "e", "a");
        assert!(lanes.enter("ns", "e", "gone").is_none());
        assert!(lanes.enter("ns", "e", "b").is_none());
        drop(first);
        assert_eq!(called(&mut calls), ["gone"]);
        assert!(lanes.enter("ns", "e", "b").is_none());
        for lane in lanes.lock().values_mut() {
            lane.called.values_mut().for_each(|since| *since -= PATIENCE);
        }
        let second = lanes.enter("ns", "e", "b");
        assert!(second.is_some());
        assert!(lanes.enter("ns", "e", "c").is_none());
        drop(second);
        assert_eq!(called(&mut calls), ["c"], "b waits no more");
        for lane in lanes.lock().values_mut() {
            lane.called.values_mut().for_each(|since| *since -= PATIENCE);
        }
        drop(lanes.enter("ns", "other", "a"));
        assert!(lanes.lock().is_empty(), "c is gone, too");
    }
}
