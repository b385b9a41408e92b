//! Deploy windows: when a release may go out.
//!
//! A window opens at the times of a cron expression, or of a recurrence rule of RFC 5545, and
//! stays open for a duration. [`Windows::state`] says whether a release may go out at a moment,
//! and until when that holds. It is pure, and looks ten years ahead at most.
//!
//! Windows begin by the clock on the wall and last as long as a stop watch says:
//!
//! - A beginning that a zone skips (clocks go forward) is moved by what was skipped.
//! - A beginning that happens twice (clocks go back) counts the first time; with a cron expression
//!   that names every hour, both times.

mod cron;
mod error;
mod recurrence;
mod state;
mod window;

pub use error::ScheduleError;
pub use state::{State, Windows};
pub use window::{Window, WindowSpec};

#[cfg(test)]
mod tests;
