//! What an agent is asked for on behalf of people, and the answers on their way.

use std::collections::HashMap;
use std::sync::Arc;

use gimlet_agent::protocol::{
    Answer, Capability, FIRST_CREDIT, FromAgent, FromDashboard, Person, Query, Refusal,
};
use tokio::sync::mpsc;

use super::seat::Seat;

/// Answers of one agent that are on their way at once.
const MOST: usize = 64;
/// The same for one person.
const MOST_OF_ONE: usize = 8;
/// Chunks after which more are allowed.
const CREDIT: u32 = FIRST_CREDIT / 2;

/// A part of an answer, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Part(Answer),
    End,
    Failed(Refusal, String),
}

/// Why an agent cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// None is connected.
    Away,
    /// It cannot do that, or does not by its own settings.
    Unable,
    /// Too much is asked for already.
    Busy,
}

/// The questions of one connection that are not answered yet.
pub(super) struct Questions {
    outgoing: mpsc::Sender<FromDashboard>,
    capabilities: Arc<[Capability]>,
    waiting: HashMap<u64, Waiting>,
    asked: u64,
}

struct Waiting {
    user: String,
    tell: mpsc::Sender<Reply>,
}

impl Questions {
    pub(super) fn new(
        outgoing: mpsc::Sender<FromDashboard>,
        capabilities: Vec<Capability>,
    ) -> Self {
        Self { outgoing, capabilities: capabilities.into(), waiting: HashMap::new(), asked: 0 }
    }

    /// Returns what the agent can be asked for.
    pub(super) fn capabilities(&self) -> Arc<[Capability]> {
        Arc::clone(&self.capabilities)
    }

    /// Asks, and gives the number of the question and where its answer arrives.
    pub(super) fn ask(
        &mut self,
        person: Person,
        query: Query,
    ) -> Result<(u64, mpsc::Receiver<Reply>, mpsc::Sender<FromDashboard>), Unasked> {
        if !self.capabilities.contains(&needed(&query)) {
            return Err(Unasked::Unable);
        }
        let own = self.waiting.values().filter(|waiting| waiting.user == person.user).count();
        if own >= MOST_OF_ONE || self.waiting.len() >= MOST {
            return Err(Unasked::Busy);
        }
        let id = self.asked + 1;
        let user = person.user.clone();
        let question = FromDashboard::Request { id, person, query };
        self.outgoing.try_send(question).map_err(|_| Unasked::Busy)?;
        self.asked = id;
        // All that may be on the way, and the end.
        let (tell, replies) = mpsc::channel(FIRST_CREDIT as usize + 1);
        self.waiting.insert(id, Waiting { user, tell });
        Ok((id, replies, self.outgoing.clone()))
    }

    /// Passes on what an agent answers. Answers that nobody waits for are dropped.
    pub(super) fn answer(&mut self, frame: FromAgent) {
        let (id, reply) = match frame {
            FromAgent::Chunk { id, answer } => (id, Reply::Part(answer)),
            FromAgent::End { id } => (id, Reply::End),
            FromAgent::Failed { id, reason, message } => (id, Reply::Failed(reason, message)),
            _ => return,
        };
        let over = !matches!(reply, Reply::Part(_));
        let Some(waiting) = self.waiting.get(&id) else { return };
        // An agent that sends more than it was allowed has its answer cut off.
        if waiting.tell.try_send(reply).is_err() || over {
            self.waiting.remove(&id);
        }
    }

    /// Gives a question up; false where it was answered already.
    fn give_up(&mut self, id: u64) -> bool {
        self.waiting.remove(&id).is_some()
    }
}

fn needed(query: &Query) -> Capability {
    match query {
        Query::Logs(_) => Capability::Logs,
        Query::Events { .. } => Capability::Events,
        Query::Describe(_) => Capability::Describe,
        Query::ReconcileFlux(_) => Capability::ReconcileFlux,
        Query::ResumeFlux(_) => Capability::ResumeFlux,
        Query::Restart(_) => Capability::Restart,
        Query::Usage { .. } => Capability::Usage,
        Query::Unknown => Capability::Unknown,
    }
}

/// An answer on its way. Dropping it tells the agent that nobody waits any more.
pub(crate) struct Asked {
    seat: Arc<Seat>,
    /// The connection that was asked.
    holder: u64,
    id: u64,
    replies: mpsc::Receiver<Reply>,
    outgoing: mpsc::Sender<FromDashboard>,
    taken: u32,
}

impl Asked {
    pub(super) fn new(
        seat: Arc<Seat>,
        holder: u64,
        (id, replies, outgoing): (u64, mpsc::Receiver<Reply>, mpsc::Sender<FromDashboard>),
    ) -> Self {
        Self { seat, holder, id, replies, outgoing, taken: 0 }
    }

    /// Waits for the next part; none where the agent is gone, or did not keep to what it may send.
    pub(crate) async fn next(&mut self) -> Option<Reply> {
        let reply = self.replies.recv().await?;
        self.taken += 1;
        if self.taken == CREDIT {
            let credit = FromDashboard::Credit { id: self.id, chunks: CREDIT };
            // Without room for a word to the agent nothing of it comes any more, either.
            self.outgoing.send(credit).await.ok()?;
            self.taken = 0;
        }
        Some(reply)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let open = self.seat.with_questions(self.holder, |questions| questions.give_up(self.id));
        if open != Some(true) {
            return;
        }
        let (outgoing, cancel) = (self.outgoing.clone(), FromDashboard::Cancel { id: self.id });
        if let Err(mpsc::error::TrySendError::Full(cancel)) = outgoing.try_send(cancel) {
            // It ends with the connection at the latest.
            tokio::spawn(async move { outgoing.send(cancel).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_agent::protocol::Logs;

    fn person(name: &str) -> Person {
        Person { user: name.into(), groups: Vec::new(), extra: std::collections::BTreeMap::new() }
    }

    fn logs() -> Query {
        Query::Logs(Logs::default())
    }

    fn questions(room: usize) -> (Questions, mpsc::Receiver<FromDashboard>) {
        let (outgoing, sent) = mpsc::channel(room);
        (Questions::new(outgoing, vec![Capability::Logs]), sent)
    }

    fn part(id: u64) -> FromAgent {
        FromAgent::Chunk { id, answer: Answer::Lines { lines: Vec::new(), dropped: 0 } }
    }

    #[test]
    fn an_agent_is_asked_only_for_what_it_does_and_not_for_too_much() {
        let (mut questions, _sent) = questions(MOST + 1);
        let namespace = String::new();
        let events = Query::Events { namespace: namespace.clone(), app: namespace };
        assert_eq!(questions.ask(person("ada"), events).err(), Some(Unasked::Unable));
        for _ in 0..MOST_OF_ONE {
            assert!(questions.ask(person("ada"), logs()).is_ok());
        }
        assert_eq!(questions.ask(person("ada"), logs()).err(), Some(Unasked::Busy));
        for other in MOST_OF_ONE..MOST {
            assert!(questions.ask(person(&other.to_string()), logs()).is_ok());
        }
        assert_eq!(questions.ask(person("bob"), logs()).err(), Some(Unasked::Busy));
        assert!(questions.give_up(1) && !questions.give_up(1));
        assert!(questions.ask(person("bob"), logs()).is_ok());
    }

    #[test]
    fn an_agent_that_reads_nothing_is_busy() {
        let (mut questions, _sent) = questions(1);
        assert!(questions.ask(person("ada"), logs()).is_ok());
        assert_eq!(questions.ask(person("ada"), logs()).err(), Some(Unasked::Busy));
    }

    #[test]
    fn an_answer_ends_and_one_that_is_too_much_is_cut_off() {
        let (mut questions, _sent) = questions(8);
        let (id, mut replies, _) = questions.ask(person("ada"), logs()).unwrap();
        questions.answer(part(id));
        questions.answer(FromAgent::End { id });
        questions.answer(part(id));
        assert!(matches!(replies.try_recv(), Ok(Reply::Part(_))));
        assert_eq!(replies.try_recv(), Ok(Reply::End));
        assert_eq!(replies.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));

        let (id, mut replies, _) = questions.ask(person("ada"), logs()).unwrap();
        for _ in 0..=FIRST_CREDIT + 1 {
            questions.answer(part(id));
        }
        let mut told = 0;
        while replies.try_recv().is_ok() {
            told += 1;
        }
        assert_eq!(told, FIRST_CREDIT + 1);
        assert!(questions.waiting.is_empty());
    }
}
