//! What can go wrong while a template runs.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use crate::value::Unwalkable;

/// Longest message; nested calls with long arguments make one grow without end.
const MESSAGE_LIMIT: usize = 64 << 10;
/// What is kept of both ends of a text that is put in front of a message.
const PREFIX_END: usize = 4 << 10;

/// The origin of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An expression could not be evaluated.
    Execution,
    /// The template itself gave up, by `fail` or `required`, with this message.
    Raised(String),
    /// A limit was hit.
    Limit,
    /// A map has no such key, where that matters.
    MissingKey(String),
}

/// Where a fault happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) template: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A fault on its way out of nested templates; boxed, because it rides in every result.
#[derive(Debug, Clone)]
pub(crate) struct Fault(Box<Details>);

/// What is known about a fault.
#[derive(Debug, Clone)]
pub(crate) struct Details {
    pub(crate) message: String,
    pub(crate) cause: Cause,
    /// Whether the message already starts with the current template's place.
    pub(crate) located: bool,
    /// The place in the outermost template, which Helm names.
    pub(crate) outer: Option<Place>,
    /// The place in the innermost template.
    pub(crate) inner: Option<Place>,
}

pub(crate) type Outcome<T> = Result<T, Fault>;

impl Deref for Fault {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::of(Cause::Execution, message)
    }

    fn of(cause: Cause, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self(Box::new(Details {
            message: shortened(&message, MESSAGE_LIMIT / 2).into_owned(),
            cause,
            located: false,
            outer: None,
            inner: None,
        }))
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::of(Cause::Limit, message)
    }

    /// A message the template raised on purpose.
    pub(crate) fn raised(message: &str) -> Self {
        let message = shortened(message, MESSAGE_LIMIT / 2);
        Self::of(Cause::Raised(message.clone().into_owned()), message)
    }

    pub(crate) fn missing_key(key: &str) -> Self {
        let message = format!("map has no entry for key {}", crate::print::quote(key));
        Self::of(Cause::MissingKey(key.to_owned()), message)
    }

    pub(crate) fn into_details(self) -> Details {
        *self.0
    }

    /// Puts a text in front, as far as there is room for it.
    pub(crate) fn prepend(&mut self, prefix: &str) {
        if self.message.len() < MESSAGE_LIMIT {
            self.message.insert_str(0, &shortened(prefix, PREFIX_END));
        }
    }

    /// Puts a text in the place of the one the message starts with.
    pub(crate) fn replaced(mut self, start: &str, with: &str) -> Self {
        if let Some(rest) = self.message.strip_prefix(start) {
            self.message = format!("{with}{rest}");
        }
        self
    }

    /// Puts a text in front and lets the next template add its own place.
    pub(crate) fn wrapped(mut self, prefix: &str) -> Self {
        self.prepend(prefix);
        self.located = false;
        self
    }
}

/// A text without its middle, if it is long.
fn shortened(text: &str, end: usize) -> Cow<'_, str> {
    if text.len() <= 2 * end {
        return Cow::Borrowed(text);
    }
    let (first, last) = (text.floor_char_boundary(end), text.ceil_char_boundary(text.len() - end));
    Cow::Owned(format!("{} ... {}", &text[..first], &text[last..]))
}

impl From<Unwalkable> for Fault {
    fn from(problem: Unwalkable) -> Self {
        match problem {
            Unwalkable::Depth => Self::limit("value is nested too deeply or contains itself"),
            Unwalkable::Size => Self::limit("value is larger than the output limit"),
            Unwalkable::Encoding => Self::new("text is not valid UTF-8, as all output must be"),
            Unwalkable::Number(value) => Self::new(format!("json: unsupported value: {value}")),
        }
    }
}

/// Fails with a plain message.
pub(crate) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Fault::new(message))
}
