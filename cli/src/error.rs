//! How a command ends when it does not succeed.
//!
//! The kind of an error decides the exit code, so that scripts can tell a lock from a failure:
//! 0 done, 1 error (for `diff`: differences), 2 usage (for `diff`: any error), 3 the release ended
//! without success, 4 timed out, 5 not allowed, 6 not found, 7 the base changed, 8 waits for a
//! person, 130 interrupted.

mod api;

use clap::builder::styling::{AnsiColor, Style};
use std::fmt::Write as _;

pub(crate) use api::{Request, is_of_dashboard};

/// How a command ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It did what it was asked to.
    Done,
    /// A comparison found differences.
    Differences,
    /// A check found faults.
    Findings,
}

/// What kind of end an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that has no kind of its own.
    General,
    /// The command line makes no sense, or a comparison did not come about.
    Usage,
    /// The release ended Failed, Rejected, Superseded or Cancelled.
    ReleaseEnded,
    /// The time was over.
    TimedOut,
    /// The cluster does not let this person do it.
    Forbidden,
    /// The thing is not there.
    NotFound,
    /// The app is no longer what the release was made for.
    BaseChanged,
    /// A lock or a hold has to be lifted first.
    Waiting,
    /// The person pressed Ctrl-C.
    Interrupted,
    /// Nobody reads the output any more.
    Closed,
}

/// An error of a command, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandError {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn general(message: impl Into<String>) -> Self {
        Self::new(Kind::General, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Says what to do next; only the last hint is kept.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to do next, where that is known.
    pub(crate) fn next(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes the error one of a comparison, for which 1 means differences.
    pub(crate) fn of_comparison(mut self) -> Self {
        if self.kind == Kind::General {
            self.kind = Kind::Usage;
        }
        self
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.kind == Kind::Closed
    }

    pub(crate) fn exit_code(&self) -> i32 {
        match self.kind {
            Kind::Closed => 0,
            Kind::General => 1,
            Kind::Usage => 2,
            Kind::ReleaseEnded => 3,
            Kind::TimedOut => 4,
            Kind::Forbidden => 5,
            Kind::NotFound => 6,
            Kind::BaseChanged => 7,
            Kind::Waiting => 8,
            Kind::Interrupted => 130,
        }
    }

    /// Returns the error with colours, which the stream takes out where nobody can see them.
    pub(crate) fn styled(&self) -> String {
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into())).bold();
        let mut text = format!("{red}error:{red:#} {}\n", self.message);
        if let Some(hint) = &self.hint {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{cyan}hint:{cyan:#} {hint}");
        }
        text
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Kind::Closed, "nobody reads the output");
        }
        Self::general(format!("the output cannot be written: {error}"))
    }
}

impl From<gimlet_crds::name::InvalidName> for CommandError {
    fn from(error: gimlet_crds::name::InvalidName) -> Self {
        Self::usage(error.to_string())
    }
}

/// Joins an error with its causes, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_a_hint_another() {
        let error = CommandError::usage("a reason is required").hint("gimlet rollback …");
        let plain = anstream::adapter::strip_str(&error.styled()).to_string();
        assert_eq!(plain, "error: a reason is required\nhint: gimlet rollback …\n");
    }

    #[test]
    fn an_error_of_a_comparison_is_not_taken_for_differences() {
        assert_eq!(CommandError::general("x").of_comparison().exit_code(), 2);
        assert_eq!(CommandError::new(Kind::Forbidden, "x").of_comparison().exit_code(), 5);
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let error = CommandError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(error.is_silent());
        assert_eq!(error.exit_code(), 0);
    }
}
