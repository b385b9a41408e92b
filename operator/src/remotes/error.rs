//! Why the way to a repository is not found, and whether it is looked for again.

use std::time::Duration;

use gimlet_gitops::{GitError, SigningError, UrlError};
use gimlet_hosts::{AddressError, AppError};
use jiff::Timestamp;

use crate::error::{ApiError, Retry};
use crate::hosting::HostingError;

/// Why an environment's repository cannot be addressed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error(
        "the Secret {name} that spec.gitops.secretRef names is not there: create it, or change the reference"
    )]
    SecretMissing { name: String },
    #[error(
        "the Secret {name} has no credentials: it needs username and password, identity and known_hosts, or githubAppID, githubAppInstallationID and githubAppPrivateKey"
    )]
    SecretEmpty { name: String },
    #[error("the key {key} of the Secret {name} is not text")]
    SecretNotText { name: String, key: &'static str },
    #[error("the Secret {name} has githubAppID, but no {key}")]
    AppIncomplete { name: String, key: &'static str },
    #[error(
        "the address of GitHub's API is not known: {error}; set githubAppBaseURL in the Secret {name}"
    )]
    AppAddress { name: String, error: String },
    #[error("the Secret {name}: {error}")]
    App { name: String, error: AppError },
    #[error("spec.gitops.url: {0}")]
    Url(#[from] UrlError),
    #[error("spec.gitops: {0}")]
    Remote(#[from] GitError),
    #[error("spec.gitops.url: {0}")]
    Address(#[from] AddressError),
    #[error("spec.gitops: {0}")]
    Hosting(#[from] HostingError),
    #[error("the Secret {name} that spec.gitops.signing names: {error}")]
    Signing { name: String, error: SigningError },
    #[error(
        "the Secret {name} that spec.gitops.signing names has no key: it needs identity or git.asc"
    )]
    NoSigningKey { name: String },
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl RemoteError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::SecretMissing { .. } => "SecretNotFound",
            Self::SecretEmpty { .. }
            | Self::SecretNotText { .. }
            | Self::AppIncomplete { .. }
            | Self::AppAddress { .. }
            | Self::NoSigningKey { .. } => "InvalidSecret",
            Self::App { error, .. } => error.reason(),
            Self::Signing { error, .. } => error.reason(),
            Self::Url(_) | Self::Remote(_) | Self::Address(_) => "InvalidRepository",
            Self::Hosting(error) => error.reason(),
            Self::Api(_) => "ApiError",
        }
    }

    pub(crate) fn retry(&self) -> Retry {
        match self {
            // A Secret is not watched, so that the operator needs no right to list Secrets.
            Self::SecretMissing { .. }
            | Self::SecretEmpty { .. }
            | Self::SecretNotText { .. }
            | Self::AppIncomplete { .. }
            | Self::AppAddress { .. }
            | Self::Signing { .. }
            | Self::NoSigningKey { .. } => Retry::After(Duration::from_secs(10)),
            Self::App { error, .. } => match error.retry(Timestamp::now()) {
                // As with any other fault of a Secret.
                gimlet_hosts::Retry::Stalled => Retry::After(Duration::from_secs(10)),
                gimlet_hosts::Retry::After(pause) => Retry::After(pause),
                gimlet_hosts::Retry::Backoff => match error {
                    AppError::Host(error) => Retry::of_host(error),
                    _ => Retry::Backoff,
                },
            },
            Self::Url(_) | Self::Remote(_) | Self::Address(_) | Self::Hosting(_) => Retry::Stalled,
            Self::Api(_) => Retry::Backoff,
        }
    }
}
