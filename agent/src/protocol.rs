//! What an agent and a dashboard say to each other; both use these types.
//!
//! The agent dials `wss://DASHBOARD` + [`PATH`] with its token as `Authorization: Bearer`, and plain
//! `ws` only to a loopback address. One frame is one text message of at most [`MAX_FRAME`] bytes: a
//! JSON object that says in `kind` what it is.
//!
//! 1. The agent says [`FromAgent::Hello`], the dashboard [`FromDashboard::Welcome`] with the version
//!    to speak: the lower one of both sides.
//! 2. The agent sends a snapshot (begin, the environment's state, parts, end), then deltas, and the
//!    environment's state whenever it changes. Each of these frames has the number that follows the
//!    one before; a snapshot may begin at any number. [`Mirror`] is the reading side.
//! 3. Whoever misses a number says [`FromDashboard::Resync`] and gets a new snapshot. An agent whose
//!    reader is slow drops its deltas and begins a snapshot by itself, so that no queue grows.
//! 4. A heartbeat holds the number that was sent last; the dashboard sends a ping of the WebSocket as
//!    often. After three silent intervals the other side counts as gone.
//! 5. A [`FromDashboard::Request`] is answered by chunks and one end or failure. Each answer may have
//!    [`FIRST_CREDIT`] chunks on the way; every [`FromDashboard::Credit`] allows more.
//!
//! A token that is not an agent's is refused by the status of HTTP. Whoever is sent away later is told
//! why by [`FromDashboard::Error`], and tries again after a while: an agent of the same environment that
//! came later takes the place, the environment is not `observedBy: Agent`, the token has expired.
//!
//! Fields that are not known are ignored, and words that are not known become `Unknown`, so that either
//! side may be the newer one. A frame of a kind that is not known is answered by an error; the
//! connection stays.
//!
//! An agent that does not see its own cluster goes on to speak: the environment's state then says since
//! when it is [`Blind`], and all apps are told as they were before.
//!
//! What is long is cut: texts for people to [`MAX_TEXT`], lines of logs to [`MAX_LINE`]; apps by
//! [`AppState::fit`]; snapshots, deltas and answers into several frames.

mod app;
mod cut;
mod frame;
mod limit;
mod mirror;
mod request;
#[cfg(test)]
mod wire_tests;

pub use app::{
    Alert, AlertPhase, AppKey, AppState, Autoscaler, Blind, Cause, Container, ContainerState, Cron,
    EnvironmentState, FluxItem, Inventory, InventoryEntry, Link, Pod, Terminated, Word, Workload,
};
pub use frame::{Capability, DecodeError, FromAgent, FromDashboard, Kinds, decode, encode};
pub(crate) use limit::MAX_PARTS;
pub use limit::{
    FIRST_CREDIT, MAX_APPLIED, MAX_APPS, MAX_BYTES, MAX_FLUX, MAX_FRAME, MAX_LINE, MAX_PODS,
    MAX_TEXT, clip,
};
pub use mirror::{Applied, Mirror};
pub use request::{Answer, EventLine, LogLine, Logs, ObjectName, Person, PodUsage, Query, Refusal};

/// The newest version of the protocol that this side speaks.
pub const VERSION: u32 = 1;

/// Path of the dashboard's gateway for agents.
pub const PATH: &str = "/api/agent/v1/connect";
