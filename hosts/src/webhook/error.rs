//! Why a delivery is refused.

/// Says why a delivery is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no secret to check signatures with.
    #[error(
        "the webhook's secret is empty: no delivery can be trusted; set one here and at the host"
    )]
    NoSecret,
    /// The secret looks like a signing token of GitLab, but its key can not be read.
    #[error(
        "the webhook's secret starts with whsec_, but what follows is not base64: copy it again"
    )]
    InvalidSecret,
    /// The delivery has no signature.
    #[error("the delivery has no {header} header: set a secret for the webhook at the host")]
    MissingSignature {
        /// The header that was looked for.
        header: &'static str,
    },
    /// The signature is not that of the body and the secret.
    #[error("the delivery's signature is wrong: set the same secret here and at the host")]
    BadSignature,
    /// The signature was made too long ago, or in the future.
    #[error("the delivery was signed more than five minutes from now: check the clocks")]
    Stale,
    /// The body is larger than what is accepted.
    #[error("the delivery is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is not sent as JSON.
    #[error("the delivery is not JSON: choose the content type application/json for the webhook")]
    NotJson,
    /// The delivery does not say what happened.
    #[error("the delivery has no {header} header: is the provider the right one?")]
    MissingEvent {
        /// The header that was looked for.
        header: &'static str,
    },
    /// The body does not have the form of its event.
    #[error("the delivery is not a {event} event: {detail}")]
    Malformed {
        /// The event's name.
        event: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl WebhookError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSecret => "NoSecret",
            Self::InvalidSecret => "InvalidSecret",
            Self::MissingSignature { .. } => "MissingSignature",
            Self::BadSignature => "BadSignature",
            Self::Stale => "Stale",
            Self::TooLarge { .. } => "TooLarge",
            Self::NotJson => "NotJson",
            Self::MissingEvent { .. } => "MissingEvent",
            Self::Malformed { .. } => "Malformed",
        }
    }

    /// Returns the HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSecret | Self::InvalidSecret => 503,
            Self::MissingSignature { .. } | Self::BadSignature | Self::Stale => 401,
            Self::TooLarge { .. } => 413,
            Self::NotJson => 415,
            Self::MissingEvent { .. } | Self::Malformed { .. } => 400,
        }
    }
}
