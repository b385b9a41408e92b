//! The frames, and how they become text.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::app::{AppKey, AppState, EnvironmentState};
use super::cut;
use super::limit::{self, MAX_FRAME};
use super::request::{Answer, Person, Query, Refusal};

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromAgent {
    /// The first frame.
    Hello {
        /// Newest version of the protocol that the agent speaks.
        protocol: u32,
        /// Version of the agent.
        version: String,
        /// UID of the namespace `kube-system`: what a cluster is known by.
        cluster: String,
        /// Environment that it speaks for, as `<namespace>/<name>` in the management cluster. The
        /// dashboard checks that the token is one of that environment.
        environment: String,
        /// What it can be asked for.
        #[serde(default)]
        capabilities: Vec<Capability>,
    },
    /// All that was said before is void; what follows is all there is.
    SnapshotBegin {
        /// Number of the frame.
        seq: u64,
    },
    /// Some apps of a snapshot.
    SnapshotPart {
        /// Number of the frame.
        seq: u64,
        /// The apps.
        apps: Vec<AppState>,
    },
    /// What is known of the environment as a whole; it takes the place of what was said before. In a
    /// snapshot it is a part of it.
    EnvironmentState {
        /// Number of the frame.
        seq: u64,
        /// What is known.
        #[serde(flatten)]
        state: EnvironmentState,
    },
    /// The snapshot is whole.
    SnapshotEnd {
        /// Number of the frame.
        seq: u64,
    },
    /// What changed.
    Delta {
        /// Number of the frame.
        seq: u64,
        /// Apps that are new or different, each as a whole.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        upserts: Vec<AppState>,
        /// Apps that are gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removals: Vec<AppKey>,
    },
    /// The agent is there.
    Heartbeat {
        /// Number of the numbered frame that was sent last.
        seq: u64,
        /// Time by the agent's clock, to show how far it is off.
        time: Timestamp,
    },
    /// A part of an answer.
    Chunk {
        /// Request that it answers.
        id: u64,
        /// The part.
        answer: Answer,
    },
    /// An answer is complete.
    End {
        /// Request that was answered.
        id: u64,
    },
    /// A request was not carried out, or not to its end.
    Failed {
        /// Request that failed.
        id: u64,
        /// Why.
        reason: Refusal,
        /// What a person should know and do next.
        message: String,
    },
    /// A frame of the dashboard was not understood. It is never answered.
    Error {
        /// What was wrong with it.
        message: String,
    },
}

/// What a dashboard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromDashboard {
    /// The answer to Hello.
    Welcome {
        /// Version of the protocol that is spoken from now on.
        protocol: u32,
        /// Seconds between two heartbeats.
        heartbeat_seconds: u32,
    },
    /// Asks for a new snapshot.
    Resync,
    /// Asks for something on behalf of a person.
    Request {
        /// Number of the request; each is used once in a connection.
        id: u64,
        /// Who asks.
        #[serde(rename = "as")]
        person: Person,
        /// What for.
        query: Query,
    },
    /// Nobody waits for an answer any more.
    Cancel {
        /// Request that is given up.
        id: u64,
    },
    /// Allows more chunks of an answer.
    Credit {
        /// Request whose answer it is.
        id: u64,
        /// How many more.
        chunks: u32,
    },
    /// A frame of the agent was not understood, what it reports cannot be written, or it is about to be
    /// sent away. It is never answered.
    Error {
        /// What was wrong.
        message: String,
    },
}

/// What an agent can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capability {
    /// [`Query::Logs`].
    Logs,
    /// [`Query::Events`].
    Events,
    /// [`Query::Describe`].
    Describe,
    /// [`Query::ReconcileFlux`].
    ReconcileFlux,
    /// [`Query::ResumeFlux`].
    ResumeFlux,
    /// [`Query::Restart`].
    Restart,
    /// [`Query::Usage`].
    Usage,
    /// Something newer than this side.
    #[serde(other)]
    Unknown,
}

/// Why a text is no frame; the message is for the other side.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is longer than [`MAX_FRAME`].
    #[error("the frame has {0} bytes, and at most {MAX_FRAME} are taken")]
    TooLong(usize),
    /// It is a frame of a newer version.
    #[error("frames of the kind {0:?} are not known: this side may be too old")]
    UnknownKind(String),
    /// It is no frame.
    #[error("the frame is malformed: {0}")]
    Malformed(String),
}

impl FromAgent {
    /// Cuts a snapshot into frames, numbered from `first`.
    pub fn snapshot(
        first: u64,
        environment: impl Into<EnvironmentState>,
        apps: impl IntoIterator<Item = AppState>,
    ) -> Vec<Self> {
        cut::snapshot(first, environment.into(), apps)
    }

    /// Cuts what changed into frames, numbered from `first`; none where nothing changed.
    ///
    /// Removals come first: what is both removed and new is there afterwards.
    pub fn deltas(
        first: u64,
        upserts: impl IntoIterator<Item = AppState>,
        removals: Vec<AppKey>,
    ) -> Vec<Self> {
        cut::deltas(first, upserts, removals)
    }

    /// Returns the number of a frame of a snapshot or delta, or of the environment's state.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::SnapshotBegin { seq }
            | Self::SnapshotPart { seq, .. }
            | Self::EnvironmentState { seq, .. }
            | Self::SnapshotEnd { seq }
            | Self::Delta { seq, .. } => Some(*seq),
            Self::Hello { .. }
            | Self::Heartbeat { .. }
            | Self::Chunk { .. }
            | Self::End { .. }
            | Self::Failed { .. }
            | Self::Error { .. } => None,
        }
    }
}

/// Writes a frame; one that would be too long is not sent.
pub fn encode<T: Serialize>(frame: &T) -> Result<String, DecodeError> {
    let text =
        serde_json::to_string(frame).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if text.len() > MAX_FRAME { Err(DecodeError::TooLong(text.len())) } else { Ok(text) }
}

/// Reads a frame.
pub fn decode<T: DeserializeOwned + Kinds>(text: &str) -> Result<T, DecodeError> {
    #[derive(Deserialize)]
    struct Any {
        kind: String,
    }
    if text.len() > MAX_FRAME {
        return Err(DecodeError::TooLong(text.len()));
    }
    serde_json::from_str(text).map_err(|error| match serde_json::from_str(text) {
        Ok(Any { kind }) if !T::KINDS.contains(&kind.as_str()) => {
            DecodeError::UnknownKind(limit::clip(&kind))
        }
        _ => DecodeError::Malformed(limit::clip(&error.to_string())),
    })
}

/// The kinds of frames that one side sends.
pub trait Kinds {
    /// Their names on the wire.
    const KINDS: &'static [&'static str];
}

impl Kinds for FromAgent {
    const KINDS: &'static [&'static str] = &[
        "hello",
        "snapshotBegin",
        "snapshotPart",
        "environmentState",
        "snapshotEnd",
        "delta",
        "heartbeat",
        "chunk",
        "end",
        "failed",
        "error",
    ];
}

impl Kinds for FromDashboard {
    const KINDS: &'static [&'static str] =
        &["welcome", "resync", "request", "cancel", "credit", "error"];
}
