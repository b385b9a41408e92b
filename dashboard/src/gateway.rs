//! The gateway for agents: who is connected, what they said, and what is written of it.
//!
//! An agent is known by its token, and what it reports is written with that very token: the dashboard
//! has no right of its own to write anything. See [`gimlet_agent::protocol`] for what is spoken.

mod ask;
mod asked;
mod connection;
mod log;
mod report;
mod seat;
#[cfg(test)]
mod tests;
mod welcome;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{get, post};
use gimlet_agent::protocol::{AppState, Blind, Capability, MAX_FRAME, PATH, Person, Query};
use jiff::Timestamp;
use kube::Client;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::http::Dashboard;
use crate::problem::Problem;
use crate::token::Token;
use crate::watched::Watched;
use asked::{Asked, Unasked};
use seat::Seat;

/// Agents that are connected at once.
const MOST_AGENTS: i64 = 500;
/// How long the API server may take to tell whose token it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// An environment, in its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) environment: String,
}

impl Place {
    pub(crate) fn new(namespace: &str, environment: &str) -> Self {
        Self { namespace: namespace.to_owned(), environment: environment.to_owned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.environment)
    }
}

/// What an agent said of an app.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Running {
    #[serde(serialize_with = "shared")]
    pub(crate) state: Arc<AppState>,
    /// Since when nothing is heard of the agent, where it is not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) silent: Option<Timestamp>,
    /// Since when the agent does not see its cluster, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blind: Option<Blind>,
    /// What the agent does on demand, while it is connected.
    #[serde(serialize_with = "shared")]
    pub(crate) can: Arc<[Capability]>,
}

/// Whether the agent of an environment is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Presence {
    /// Since when nothing is heard of it, where it is not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) silent: Option<Timestamp>,
    /// Since when it does not see its cluster, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blind: Option<Blind>,
    /// What it does on demand, while it is connected.
    #[serde(serialize_with = "shared")]
    pub(crate) can: Arc<[Capability]>,
}

fn shared<T: Serialize + ?Sized, S: Serializer>(
    shared: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    shared.as_ref().serialize(serializer)
}

impl Running {
    /// Tells whether it is the very same, unchanged.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let Self { state, silent, blind, can } = self;
        Arc::ptr_eq(state, &other.state)
            && *silent == other.silent
            && *blind == other.blind
            && *can == other.can
    }
}

/// What the agents of all environments said.
pub(crate) struct Gateway {
    /// It asks whose token it is, with the dashboard's own rights.
    reviewer: Client,
    seats: Mutex<BTreeMap<Place, Arc<Seat>>>,
    news: watch::Sender<()>,
}

impl Gateway {
    pub(crate) fn new(reviewer: Client) -> Self {
        Self { reviewer, seats: Mutex::default(), news: watch::Sender::new(()) }
    }

    /// Returns the seat of an environment; it is made for the first agent. What was said of
    /// environments that are gone is forgotten.
    fn seat(&self, place: &Place, watched: &Watched) -> Arc<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|place, seat| {
            let there = watched.environment(&place.namespace, &place.environment);
            seat.is_taken() || welcome::serves(place, there.as_deref()).is_ok()
        });
        let seat = seats.entry(place.clone());
        Arc::clone(seat.or_insert_with(|| Arc::new(Seat::new(self.news.clone()))))
    }

    /// Finds what the agent of an environment said of an app.
    pub(crate) fn app(&self, place: &Place, name: &str) -> Option<Running> {
        self.taken(place)?.app(name)
    }

    /// Tells whether the agent of an environment is there; none where none has come since the start.
    pub(crate) fn agent(&self, place: &Place) -> Option<Presence> {
        self.taken(place).map(|seat| seat.presence())
    }

    /// Tells of whatever agents say.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Asks the agent of an environment.
    fn ask(&self, place: &Place, person: Person, query: Query) -> Result<Asked, Unasked> {
        self.taken(place).ok_or(Unasked::Away)?.ask(person, query)
    }

    fn taken(&self, place: &Place) -> Option<Arc<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    /// Forgets what was said of an environment that takes no agent any more.
    fn forget(&self, place: &Place) {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
        self.news.send_replace(());
    }
}

/// The routes of agents, and of those who ask them.
pub(crate) fn routes() -> Router<Dashboard> {
    Router::new()
        .route(PATH, get(connect))
        .route("/api/agents/{namespace}/{environment}", get(ask::agent))
        .route("/api/agents/{namespace}/{environment}/apps/{app}", get(ask::state))
        .route("/api/agents/{namespace}/{environment}/apps/{app}/logs", get(ask::logs))
        .route("/api/agents/{namespace}/{environment}/apps/{app}/events", get(ask::events))
        .route("/api/agents/{namespace}/{environment}/apps/{app}/usage", get(ask::usage))
        .route("/api/agents/{namespace}/{environment}/describe", get(ask::describe))
        .route("/api/agents/{namespace}/{environment}/reconcile", post(ask::reconcile))
        .route("/api/agents/{namespace}/{environment}/resume", post(ask::resume))
        .route("/api/agents/{namespace}/{environment}/restart", post(ask::restart))
}

/// Takes an agent's connection. Whoever is no agent is refused before it stands.
async fn connect(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let refuse = |reason: &str, problem: Problem| {
        dashboard.metrics.agent_refused(reason);
        tracing::warn!(reason, why = problem.detail, "an agent was refused");
        problem
    };
    let token = bearer(&headers).ok_or_else(|| {
        let problem = Problem::unauthorized("send the agent's token as Authorization: Bearer …");
        refuse("NoToken", problem)
    })?;
    let upgrade =
        upgrade.map_err(|error| refuse("NoWebSocket", Problem::bad_request(error.body_text())))?;
    if dashboard.metrics.agents() >= MOST_AGENTS {
        return Err(refuse("Busy", Problem::busy()));
    }
    let place = {
        let Ok(_slot) = dashboard.slots.try_acquire() else {
            return Err(refuse("Busy", Problem::busy()));
        };
        let asked = welcome::identify(&dashboard.gateway.reviewer, &token);
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(Problem::timeout()));
        answer.map_err(|problem| refuse(problem.reason, problem))?
    };
    let agent = upgrade.max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME);
    Ok(agent.on_upgrade(move |socket| connection::serve(socket, dashboard, place, token)))
}

/// Only a token in the header is taken: an agent is no browser, and has no session.
fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::new(token))?
}
