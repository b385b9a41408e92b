//! The seat of an environment's agent: one connection has it, and what was said outlives it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gimlet_agent::protocol::{
    AppState, Applied, EnvironmentState, FromAgent, Mirror, Person, Query,
};
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot, watch};

use super::asked::{Asked, Questions, Unasked};
use super::{Presence, Running};

/// What an environment's agent said, and who has the seat.
pub(super) struct Seat {
    state: Mutex<State>,
    /// Something is to be written.
    dirty: Notify,
    /// Something is to be shown.
    news: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    mirror: Mirror,
    /// When the agent was heard last.
    heard: Option<Timestamp>,
    /// Whether the mirror is what the connection of now said, and not what an older one did.
    current: bool,
    holder: Option<Holder>,
    taken: u64,
    pending: Pending,
}

impl State {
    fn presence(&self) -> Presence {
        let holder = self.holder.as_ref().filter(|_| self.current);
        Presence {
            silent: if self.current { None } else { self.heard },
            blind: self.mirror.environment().blind.clone(),
            can: holder.map(|holder| holder.questions.capabilities()).unwrap_or_default(),
        }
    }
}

/// Who has the seat.
struct Holder {
    number: u64,
    leave: oneshot::Sender<String>,
    questions: Questions,
}

/// What has changed since it was written last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Every app, and the environment.
    pub(super) everything: bool,
    /// The environment.
    pub(super) environment: bool,
    /// Apps by name.
    pub(super) apps: BTreeSet<String>,
}

impl Pending {
    /// Adds what changed meanwhile.
    pub(super) fn add(&mut self, other: Self) {
        let Self { everything, environment, apps } = other;
        self.everything |= everything;
        self.environment |= environment;
        self.apps.extend(apps);
    }
}

/// A connection's claim to a seat, until it is dropped or another one claims it.
pub(super) struct Claim {
    seat: Arc<Seat>,
    number: u64,
}

impl Seat {
    pub(super) fn new(news: watch::Sender<()>) -> Self {
        Self { state: Mutex::default(), dirty: Notify::new(), news }
    }

    /// Gives the seat to a new connection, which hears when it has to leave, and why. The one that had
    /// the seat is told so now.
    pub(super) fn claim(
        self: Arc<Self>,
        who: &str,
        questions: Questions,
    ) -> (Claim, oneshot::Receiver<String>) {
        let (tell, leave) = oneshot::channel();
        let mut state = self.state();
        state.taken += 1;
        let number = state.taken;
        state.mirror.disconnect();
        state.current = false;
        state.pending = Pending::default();
        if let Some(before) = state.holder.replace(Holder { number, leave: tell, questions }) {
            let word = format!(
                "{who} has connected with the token of the same environment and takes this \
                 place: one agent speaks for an environment; stop the other one, or this one"
            );
            // Who is gone already does not hear it.
            let _ = before.leave.send(word);
        }
        drop(state);
        (Claim { seat: self, number }, leave)
    }

    /// Finds an app by its name; an app of an environment is reported once.
    pub(super) fn app(&self, name: &str) -> Option<Running> {
        let state = self.state();
        let mut apps = state.mirror.apps().values();
        let found = apps.find(|app| app.key.app == name)?;
        let Presence { silent, blind, can } = state.presence();
        Some(Running { state: Arc::clone(found), silent, blind, can })
    }

    /// Tells whether the agent is there, and what it does.
    pub(super) fn presence(&self) -> Presence {
        self.state().presence()
    }

    /// Asks the agent that has the seat.
    pub(super) fn ask(self: Arc<Self>, person: Person, query: Query) -> Result<Asked, Unasked> {
        let mut state = self.state();
        let holder = state.holder.as_mut().ok_or(Unasked::Away)?;
        let (number, asked) = (holder.number, holder.questions.ask(person, query)?);
        drop(state);
        Ok(Asked::new(self, number, asked))
    }

    /// Does something with the questions of a connection, where that has the seat.
    pub(super) fn with_questions<T>(
        &self,
        number: u64,
        act: impl FnOnce(&mut Questions) -> T,
    ) -> Option<T> {
        let mut state = self.state();
        let holder = state.holder.as_mut().filter(|holder| holder.number == number)?;
        Some(act(&mut holder.questions))
    }

    /// Tells whether a connection has the seat.
    pub(super) fn is_taken(&self) -> bool {
        self.state().holder.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Takes in a frame. None where another connection has the seat.
    pub(super) fn take(&self, frame: FromAgent, now: Timestamp) -> Option<Applied> {
        let mut state = self.seat.state();
        let holder = state.holder.as_mut().filter(|holder| holder.number == self.number)?;
        if matches!(
            frame,
            FromAgent::Chunk { .. } | FromAgent::End { .. } | FromAgent::Failed { .. }
        ) {
            holder.questions.answer(frame);
            state.heard = Some(now);
            return Some(Applied::Nothing);
        }
        state.heard = Some(now);
        let applied = state.mirror.apply(frame);
        match &applied {
            Applied::Nothing | Applied::Gap | Applied::TooMany => return Some(applied),
            Applied::Everything => {
                state.current = true;
                state.pending.everything = true;
            }
            Applied::Environment => state.pending.environment = true,
            Applied::Some(keys) => state.pending.apps.extend(keys.iter().map(|k| k.app.clone())),
        }
        drop(state);
        self.seat.dirty.notify_one();
        self.seat.news.send_replace(());
        Some(applied)
    }

    /// Waits until something is to be written.
    pub(super) async fn changed(&self) {
        self.seat.dirty.notified().await;
    }

    /// Takes what is to be written; none before the first snapshot of the connection is whole, and none
    /// for a connection that has lost the seat.
    pub(super) fn pending(&self) -> Option<Pending> {
        let mut state = self.seat.state();
        if state.holder.as_ref().is_none_or(|holder| holder.number != self.number) {
            drop(state);
            // It was for the other one.
            self.seat.dirty.notify_one();
            return None;
        }
        state.current.then(|| std::mem::take(&mut state.pending))
    }

    /// Returns when the agent was heard last.
    pub(super) fn heard(&self) -> Option<Timestamp> {
        self.seat.state().heard
    }

    /// Returns what is known of the environment as a whole.
    pub(super) fn environment(&self) -> EnvironmentState {
        self.seat.state().mirror.environment().clone()
    }

    /// Lists all apps.
    pub(super) fn apps(&self) -> Vec<Arc<AppState>> {
        self.seat.state().mirror.apps().values().cloned().collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.seat.state();
        if state.holder.as_ref().is_some_and(|holder| holder.number == self.number) {
            state.holder = None;
            state.current = false;
        }
        drop(state);
        self.seat.news.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_agent::protocol::{AppKey, Capability};
    use tokio::sync::mpsc;

    fn questions() -> Questions {
        Questions::new(mpsc::channel(1).0, Vec::new())
    }

    fn seat() -> Arc<Seat> {
        Arc::new(Seat::new(watch::Sender::new(())))
    }

    fn snapshot(claim: &Claim, apps: &[&str]) {
        let apps: Vec<_> = apps.iter().map(|app| AppState::new(AppKey::new("shop", app))).collect();
        for frame in FromAgent::snapshot(1, Vec::new(), apps) {
            assert!(claim.take(frame, Timestamp::UNIX_EPOCH).is_some());
        }
    }

    #[test]
    fn the_newer_connection_takes_the_place_of_the_older_one() {
        let seat = seat();
        let (old, mut leave) = Arc::clone(&seat).claim("agent 1", questions());
        snapshot(&old, &["a"]);
        let (new, _stays) = Arc::clone(&seat).claim("agent 2 of cluster c", questions());
        let word = leave.try_recv().unwrap();
        assert!(word.starts_with("agent 2 of cluster c has connected"), "{word}");
        let late = FromAgent::SnapshotBegin { seq: 9 };
        assert_eq!(old.take(late, Timestamp::UNIX_EPOCH), None, "the old one still speaks");
        drop(old);
        assert!(seat.is_taken());
        assert!(new.take(FromAgent::SnapshotBegin { seq: 1 }, Timestamp::UNIX_EPOCH).is_some());
    }

    #[test]
    fn who_has_lost_the_seat_writes_nothing_of_what_the_other_one_says() {
        let seat = seat();
        let (old, _) = Arc::clone(&seat).claim("agent", questions());
        let (new, _) = seat.claim("agent", questions());
        snapshot(&new, &["a"]);
        assert_eq!(old.pending(), None);
        assert!(new.pending().is_some_and(|pending| pending.everything));
    }

    #[test]
    fn nothing_is_written_before_the_snapshot_of_this_connection_is_whole() {
        let seat = seat();
        let (first, _) = Arc::clone(&seat).claim("agent", questions());
        assert_eq!(first.pending(), None);
        snapshot(&first, &["a"]);
        let everything = Pending { everything: true, ..Pending::default() };
        assert_eq!(first.pending(), Some(everything));
        assert_eq!(first.pending(), Some(Pending::default()));
        drop(first);
        let (second, _) = seat.claim("agent", questions());
        assert_eq!(second.pending(), None);
        assert_eq!(second.apps().len(), 1, "what was known is forgotten");
    }

    #[test]
    fn what_an_agent_does_on_demand_is_said_while_it_is_there() {
        let seat = seat();
        let questions = Questions::new(mpsc::channel(1).0, vec![Capability::Logs]);
        let (claim, _) = Arc::clone(&seat).claim("agent", questions);
        snapshot(&claim, &["a"]);
        assert_eq!(seat.app("a").unwrap().can[..], [Capability::Logs]);
        assert_eq!(seat.presence().can[..], [Capability::Logs]);
        assert_eq!(seat.presence().silent, None);
        drop(claim);
        assert!(seat.presence().can.is_empty() && seat.presence().silent.is_some());
        let running = seat.app("a").unwrap();
        assert!(running.can.is_empty() && running.silent.is_some());
    }

    #[test]
    fn what_changed_is_gathered_by_name() {
        let (claim, _) = seat().claim("agent", questions());
        snapshot(&claim, &["a", "b"]);
        claim.pending();
        let gone = vec![AppKey::new("shop", "b")];
        let new = [AppState::new(AppKey::new("shop", "c"))];
        for frame in FromAgent::deltas(5, new, gone) {
            claim.take(frame, Timestamp::UNIX_EPOCH);
        }
        let apps = ["b", "c"].map(String::from).into();
        assert_eq!(claim.pending(), Some(Pending { apps, ..Pending::default() }));
    }
}
