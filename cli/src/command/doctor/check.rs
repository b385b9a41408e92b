//! A check and what it came to.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum State {
    /// As it should be.
    Fine,
    /// Not as it should be, and somebody has to act.
    Wrong,
    /// It works, and may not for long.
    Doubtful,
    /// It could not be looked at.
    Unknown,
}

/// A check and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) what: String,
    /// How it ended.
    pub(super) state: State,
    /// The cause, or what is fine.
    pub(super) said: String,
    /// What to do, or the command to run next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl Check {
    pub(super) fn fine(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Fine, said: said.into(), next: None }
    }

    pub(super) fn wrong(
        what: impl Into<String>,
        said: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let next = Some(next.into());
        Self { what: what.into(), state: State::Wrong, said: said.into(), next }
    }

    pub(super) fn doubtful(
        what: impl Into<String>,
        said: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let next = Some(next.into());
        Self { what: what.into(), state: State::Doubtful, said: said.into(), next }
    }

    pub(super) fn unknown(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Unknown, said: said.into(), next: None }
    }
}
