//! Why a chart cannot be rendered.

use crate::template::fault::{Cause, Fault};
use crate::template::parse::SyntaxError;

/// The kind of a render error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The chart cannot be rendered at all, or not on this Kubernetes version.
    Chart,
    /// The values do not fit the chart.
    Values,
    /// A template has a syntax error.
    Parse,
    /// A template could not be executed.
    Execution,
    /// A template gave up on purpose, by `fail` or `required`.
    Raised,
    /// A limit was hit.
    Limit,
    /// A template rendered to something that is no manifest.
    Manifest,
}

/// A chart that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    /// The template with the problem, where known.
    pub template: Option<String>,
    /// The 1-based line in the template, where known.
    pub line: Option<usize>,
    /// The 0-based column in bytes, where known.
    pub column: Option<usize>,
}

impl RenderError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), template: None, line: None, column: None }
    }

    /// Returns what kind of problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Words a syntax error as Helm does.
    pub(super) fn from_syntax(file: &str, error: &SyntaxError) -> Self {
        let parts: Vec<&str> = error.message.split(": ").collect();
        let message = match parts[..] {
            [_, place, .., last] => format!("parse error at ({place}): {last}"),
            _ => format!("parse error in ({file}): {}", error.message),
        };
        Self {
            template: Some(file.to_owned()),
            line: Some(error.line),
            ..Self::new(if error.is_limit { ErrorKind::Limit } else { ErrorKind::Parse }, message)
        }
    }

    /// Words a fault as Helm does.
    pub(super) fn from_fault(fault: Fault) -> Self {
        let fault = fault.into_details();
        let kind = match fault.cause {
            Cause::Raised(_) => ErrorKind::Raised,
            Cause::Limit => ErrorKind::Limit,
            Cause::Execution | Cause::MissingKey(_) => ErrorKind::Execution,
        };
        let message = match (&fault.cause, &fault.outer) {
            (Cause::Raised(message), Some(place)) => format!(
                "execution error at ({}:{}:{}): {message}",
                place.template, place.line, place.column
            ),
            _ => fault.message,
        };
        let place = fault.inner;
        Self {
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            template: place.map(|place| place.template),
            ..Self::new(kind, message)
        }
    }
}
