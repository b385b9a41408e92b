//! What people ask for: carried out in their name, and only where the agent is told to.
//!
//! The [`Desk`] takes requests and has each carried out by a task of its own, which acts as the
//! [person](person) who asked. Answers go back in parts; how many may be on the way is said by the
//! dashboard, so nothing piles up here, and a log that nobody reads on is not read on either.

mod answering;
mod events;
mod lines;
mod logs;
mod object;
mod person;
mod refused;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::protocol::{Capability, FromAgent, Person, Query, Refusal};
use answering::{Answering, Credit};
pub use person::People;
use refused::Refused;

/// Requests that are carried out at once.
const MOST: usize = 32;
/// Parts of answers that wait for the connection.
const AHEAD: usize = 4;

/// What the agent may be asked for, and as whom it acts.
#[derive(Clone, Debug)]
pub struct Powers {
    /// What it may be asked for; the rest is off.
    pub allowed: Vec<Capability>,
    /// How it becomes somebody.
    pub people: Arc<People>,
    /// Whose objects are asked for.
    pub cluster: Cluster,
    /// What is counted.
    pub metrics: Metrics,
}

/// The requests of one connection; they end with it.
#[derive(Debug)]
pub(crate) struct Desk {
    powers: Powers,
    running: HashMap<u64, Running>,
    tell: mpsc::Sender<FromAgent>,
    answers: mpsc::Receiver<FromAgent>,
}

#[derive(Debug)]
struct Running {
    credit: Credit,
    _task: AbortOnDropHandle<()>,
}

impl Desk {
    /// Opens a desk.
    pub(crate) fn new(powers: Powers) -> Self {
        let (tell, answers) = mpsc::channel(AHEAD);
        Self { powers, running: HashMap::new(), tell, answers }
    }

    /// Begins a request; returns the answer where it is refused at once.
    pub(crate) fn ask(&mut self, id: u64, person: Person, query: Query) -> Option<FromAgent> {
        let name = name(&query);
        match self.begin(id, person, query) {
            Ok(running) => {
                self.running.insert(id, running);
                None
            }
            Err(refused) => {
                self.powers.metrics.request(name, refused.word());
                Some(refused.answer(id))
            }
        }
    }

    fn begin(&self, id: u64, person: Person, query: Query) -> Result<Running, Refused> {
        let capability = capability(&query).ok_or_else(|| {
            Refused::new(
                Refusal::Unsupported,
                "the agent is too old for it: bring it to the dashboard's version",
            )
        })?;
        if !self.powers.allowed.contains(&capability) {
            return Err(Refused::new(
                Refusal::Off,
                "the agent of this cluster is not told to do that: see --on-demand of gimlet-agent",
            ));
        }
        if self.running.contains_key(&id) {
            return Err(Refused::new(
                Refusal::Invalid,
                "a request of that number is being answered",
            ));
        }
        if self.running.len() >= MOST {
            return Err(Refused::new(
                Refusal::Busy,
                "the agent answers as many requests as it can: try again in a moment",
            ));
        }
        let (credit, answering) = Answering::begin(id, self.tell.clone());
        let (powers, name) = (self.powers.clone(), name(&query));
        let task = tokio::spawn(async move {
            tracing::info!(user = person.user, query = name, id, "asked");
            let done = carry_out(&powers, &person, query, &answering).await;
            powers.metrics.request(name, done.as_ref().err().map_or("done", Refused::word));
            if let Err(refused) = &done {
                tracing::info!(user = person.user, query = name, id, why = %refused, "refused");
            }
            answering.end(done).await;
        });
        Ok(Running { credit, _task: AbortOnDropHandle::new(task) })
    }

    /// Gives up a request.
    pub(crate) fn cancel(&mut self, id: u64) {
        self.running.remove(&id);
    }

    /// Allows more parts of an answer.
    pub(crate) fn allow(&self, id: u64, chunks: u32) {
        if let Some(running) = self.running.get(&id) {
            running.credit.add(chunks);
        }
    }

    /// Waits for a part of an answer. Those of requests that were given up are left out.
    pub(crate) async fn next(&mut self) -> FromAgent {
        loop {
            // The desk has a sender itself, so the channel does not end.
            let Some(answer) = self.answers.recv().await else { std::future::pending().await };
            let (id, last) = match &answer {
                FromAgent::Chunk { id, .. } => (*id, false),
                FromAgent::End { id } | FromAgent::Failed { id, .. } => (*id, true),
                _ => continue,
            };
            let known = if last {
                self.running.remove(&id).is_some()
            } else {
                self.running.contains_key(&id)
            };
            if known {
                return answer;
            }
        }
    }
}

async fn carry_out(
    powers: &Powers,
    person: &Person,
    query: Query,
    answering: &Answering,
) -> Result<(), Refused> {
    let client = powers.people.become_one(person)?;
    let cluster = &powers.cluster;
    match query {
        Query::Logs(logs) => logs::read(&client, cluster, logs, answering).await,
        Query::Events { app, namespace: _ } => {
            events::of_app(&client, cluster, &app, answering).await
        }
        Query::Describe(name) => object::describe(&client, cluster, &name, answering).await,
        Query::ReconcileFlux(name) => object::reconcile(&client, cluster, &name, answering).await,
        Query::ResumeFlux(name) => object::resume(&client, cluster, &name, answering).await,
        Query::Restart(name) => object::restart(&client, cluster, &name, answering).await,
        Query::Usage { app, namespace: _ } => {
            usage::of_app(&client, cluster, &app, answering).await
        }
        Query::Unknown => Err(Refused::new(Refusal::Unsupported, "the agent is too old for it")),
    }
}

fn capability(query: &Query) -> Option<Capability> {
    match query {
        Query::Logs(_) => Some(Capability::Logs),
        Query::Events { .. } => Some(Capability::Events),
        Query::Describe(_) => Some(Capability::Describe),
        Query::ReconcileFlux(_) => Some(Capability::ReconcileFlux),
        Query::ResumeFlux(_) => Some(Capability::ResumeFlux),
        Query::Restart(_) => Some(Capability::Restart),
        Query::Usage { .. } => Some(Capability::Usage),
        Query::Unknown => None,
    }
}

fn name(query: &Query) -> &'static str {
    match query {
        Query::Logs(_) => "logs",
        Query::Events { .. } => "events",
        Query::Describe(_) => "describe",
        Query::ReconcileFlux(_) => "reconcileFlux",
        Query::ResumeFlux(_) => "resumeFlux",
        Query::Restart(_) => "restart",
        Query::Usage { .. } => "usage",
        Query::Unknown => "unknown",
    }
}
