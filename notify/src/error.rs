//! Why a message was not delivered, and whether trying again helps.

use std::time::Duration;

use gimlet_outbound::Refused;

/// Whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before somebody changes something.
    Stalled,
    /// Later; after this time if the receiver named one, at most an hour.
    Later(Option<Duration>),
}

/// Why a message was not delivered; nothing of the secret address but its host is ever shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// The address or the key in the Secret cannot be used.
    #[error("the webhook's {field} {problem}")]
    InvalidTarget {
        /// `address` or `signing key`.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },
    /// The address leads to a place that is never contacted.
    #[error("the webhook's address leads to {what}, which is not contacted; use another address")]
    AddressRefused {
        /// What sort of place.
        what: Refused,
    },
    /// The receiver does not take the message.
    #[error("{host} answers with status {status}: {mend}")]
    Refused {
        /// The receiver's host.
        host: String,
        /// The status.
        status: u16,
        /// What to do about it.
        mend: &'static str,
    },
    /// The receiver cannot take the message now.
    #[error("{host} answers with status {status}; it is tried again")]
    Busy {
        /// The receiver's host.
        host: String,
        /// The status.
        status: u16,
        /// When to come back, if it says so.
        after: Option<Duration>,
    },
    /// The receiver cannot be reached.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// The receiver's host.
        host: String,
        /// What happened.
        detail: &'static str,
    },
}

impl NotifyError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidTarget { .. } => "InvalidTarget",
            Self::AddressRefused { .. } => "AddressRefused",
            Self::Refused { .. } => "ReceiverRefused",
            Self::Busy { .. } => "ReceiverBusy",
            Self::Unreachable { .. } => "ReceiverUnreachable",
        }
    }

    /// Tells whether trying again helps.
    pub fn retry(&self) -> Retry {
        match self {
            Self::InvalidTarget { .. } | Self::AddressRefused { .. } | Self::Refused { .. } => {
                Retry::Stalled
            }
            Self::Busy { after, .. } => Retry::Later(*after),
            Self::Unreachable { .. } => Retry::Later(None),
        }
    }
}
