//! One word and one sign for the state of an app.

use clap::builder::styling::AnsiColor;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::{App, LiveState};

use crate::output::Cell;

/// The state of an app in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) struct AppState {
    health: Health,
    drifted: bool,
    pending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Healthy,
    Progressing,
    Failed,
    Waiting,
    Unknown,
    Absent,
}

impl AppState {
    /// Tells the state of an app. What is wrong comes before what is held, for it cannot wait.
    pub(in crate::command) fn of(app: &App) -> Self {
        let status = app.status.clone().unwrap_or_default();
        let drifted = status.drift.as_ref().is_some_and(|drift| drift.git.is_some());
        let ready = condition::find(&status.conditions, READY);
        let health = match ready.map(|ready| (ready.status.as_str(), ready.reason.as_str())) {
            _ if app.metadata.deletion_timestamp.is_some() => Health::Progressing,
            None if status.current.is_none() => Health::Absent,
            Some(("False", "NotReleased")) => Health::Absent,
            Some(("False", _)) => Health::Failed,
            _ if app.spec.hold.is_some() => Health::Waiting,
            Some(("True", _)) => match status.live.map(|live| live.state) {
                Some(LiveState::Healthy) => Health::Healthy,
                Some(LiveState::Progressing) => Health::Progressing,
                Some(LiveState::Failed) => Health::Failed,
                Some(LiveState::Unknown) | None => Health::Unknown,
            },
            Some((
                "Unknown",
                condition::AGENT_SILENT | condition::AGENT_BLIND | condition::NO_AGENT,
            )) => Health::Unknown,
            Some(("Unknown", _)) => Health::Progressing,
            _ => Health::Unknown,
        };
        Self { health, drifted, pending: status.pending.is_some() }
    }

    /// Returns the state as a word.
    pub(in crate::command) fn word(self) -> &'static str {
        match self.health {
            Health::Healthy => "Healthy",
            Health::Progressing => "Progressing",
            Health::Failed => "Failed",
            Health::Waiting => "Held",
            Health::Unknown => "Unknown",
            Health::Absent => "Absent",
        }
    }

    /// Returns sign and word in the colour of the state.
    pub(in crate::command) fn words(self) -> Cell {
        let drifted = if self.drifted { " ≠ drifted" } else { "" };
        let pending = if self.pending { " → releasing" } else { "" };
        let text = format!("{} {}{drifted}{pending}", self.sign(), self.word());
        Cell::colored(text, self.color())
    }

    /// Returns the version of an app with the sign of its state.
    pub(super) fn cell(self, app: &App) -> Cell {
        let current = app.status.as_ref().and_then(|status| status.current.as_ref());
        let commit = || current.and_then(|c| c.commit.get(..7)).map(str::to_owned);
        let version = current.and_then(|current| current.version.clone()).or_else(commit);
        let drifted = if self.drifted { " ≠" } else { "" };
        let pending = if self.pending { " →" } else { "" };
        let sign = self.sign();
        let text = format!("{} {sign}{drifted}{pending}", version.unwrap_or_default());
        Cell::colored(text.trim_start(), self.color())
    }

    fn sign(self) -> &'static str {
        match self.health {
            Health::Healthy => "✓",
            Health::Progressing => "⠿",
            Health::Failed => "✕",
            Health::Waiting => "⏸",
            Health::Unknown => "?",
            Health::Absent => "–",
        }
    }

    fn color(self) -> AnsiColor {
        match self.health {
            Health::Healthy if self.drifted => AnsiColor::Yellow,
            Health::Healthy => AnsiColor::Green,
            Health::Progressing => AnsiColor::Blue,
            Health::Failed => AnsiColor::Red,
            Health::Waiting | Health::Unknown => AnsiColor::Yellow,
            Health::Absent => AnsiColor::BrightBlack,
        }
    }
}
