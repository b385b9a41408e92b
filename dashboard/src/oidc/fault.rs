//! What can go wrong with an identity provider, and what to do about it.

use std::error::Error;

use axum::http::StatusCode;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{ClaimsVerificationError, RequestTokenError, StandardErrorResponse};

use super::http::Broken;
use crate::problem::Problem;

/// Why nobody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(
        "the issuer {issuer} cannot be reached: {why}: look at its address, the network, and the authority that is trusted for it (--oidc-ca)"
    )]
    Unreachable { issuer: String, why: String },
    #[error(
        "the issuer {issuer} does not say how people sign in: {why}: --oidc-issuer has to be the address that its own discovery document has as issuer"
    )]
    NoProvider { issuer: String, why: String },
    #[error("the provider says: {0}")]
    Provider(String),
    #[error(
        "the provider does not take the client: {0}: look at --oidc-client-id and the file of its secret"
    )]
    Client(String),
    #[error("the provider does not know this sign-in any more: {0}: sign in again")]
    Over(String),
    #[error("the provider gives no ID token: the scope openid has to be allowed for the client")]
    NoIdToken,
    #[error("the provider's ID token is signed by no key of it: {0}")]
    Signature(String),
    #[error("the provider's ID token is not good: {0}")]
    Token(String),
    #[error("{0}")]
    Settings(String),
}

impl Fault {
    /// Tells whether the sign-in is over for good.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Unreachable { .. } | Self::Settings(_))
    }

    /// Returns one word for it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "IssuerUnreachable",
            Self::NoProvider { .. } => "NoProvider",
            Self::Provider(_) => "ProviderRefused",
            Self::Client(_) => "ClientRefused",
            Self::Over(_) => "SignInOver",
            Self::NoIdToken => "NoIdToken",
            Self::Signature(_) | Self::Token(_) => "BadIdToken",
            Self::Settings(_) => "Settings",
        }
    }

    /// Tells a person.
    pub(crate) fn problem(&self) -> Problem {
        let status = match self {
            Self::Over(_) => StatusCode::UNAUTHORIZED,
            Self::Unreachable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        Problem::new(status, self.reason(), self.to_string())
    }

    pub(super) fn of_exchange(
        issuer: &str,
        error: &RequestTokenError<Broken, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> Self {
        match error {
            RequestTokenError::ServerResponse(said) => {
                let text = match said.error_description() {
                    Some(description) => format!("{}: {description}", said.error().as_ref()),
                    None => said.error().as_ref().to_owned(),
                };
                match said.error() {
                    CoreErrorResponseType::InvalidClient
                    | CoreErrorResponseType::UnauthorizedClient => Self::Client(text),
                    CoreErrorResponseType::InvalidGrant => Self::Over(text),
                    _ => Self::Provider(text),
                }
            }
            RequestTokenError::Request(broken) => {
                Self::Unreachable { issuer: issuer.to_owned(), why: broken.to_string() }
            }
            // What was answered is not told: it may hold tokens.
            RequestTokenError::Parse(..) => {
                Self::Provider("something that is no answer".to_owned())
            }
            RequestTokenError::Other(_) => {
                Self::Provider("something that was not understood".to_owned())
            }
        }
    }

    pub(super) fn of_claims(error: &ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(why) => Self::Signature(why.to_string()),
            ClaimsVerificationError::Expired(why) => {
                Self::Token(format!("{why}: compare the clocks of provider and dashboard"))
            }
            why => Self::Token(why.to_string()),
        }
    }
}

/// Returns what is at the bottom of an error: what is above only repeats the address.
pub(super) fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
