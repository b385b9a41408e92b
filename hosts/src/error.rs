//! What can go wrong at a host, and whether trying again helps.

use std::time::Duration;

use gimlet_outbound::Refused;
use jiff::Timestamp;

use crate::provider::Provider;

/// Says when a failed request is worth repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before somebody changes something.
    Stalled,
    /// After a while, which the host says.
    After(Duration),
    /// Later and later.
    Backoff,
}

/// Says why a host did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The host does not know the token, or wants one.
    #[error("{host} does not accept the token to {doing}: make a new one, with the right {right}")]
    Unauthorized {
        /// The host.
        host: String,
        /// What was to be done.
        doing: &'static str,
        /// What the token needs.
        right: &'static str,
    },
    /// The token is known, but may not do this.
    #[error("the token may not {doing} at {host}: it needs the right {right}{}", said(.detail))]
    Forbidden {
        /// The host.
        host: String,
        /// What was to be done.
        doing: &'static str,
        /// What the token needs.
        right: &'static str,
        /// What the host says.
        detail: String,
    },
    /// It is not there, or the token can not see it.
    #[error(
        "{host} has no {what}, or the token can not see it: check the name, and that the token has the right {right}"
    )]
    NotFound {
        /// The host.
        host: String,
        /// What was looked for.
        what: String,
        /// What the token needs.
        right: &'static str,
    },
    /// There is one already.
    #[error("{what} exists already")]
    Exists {
        /// What was to be made.
        what: String,
    },
    /// The branch has other commits than those that were to be merged.
    #[error("pull request {number} has a newer commit than the one to be merged: look at it again")]
    HeadChanged {
        /// Its number.
        number: u64,
    },
    /// The file is not what it was when it was read.
    #[error("{path} was changed meanwhile: read it again")]
    FileChanged {
        /// The file.
        path: String,
    },
    /// The host does not allow the merge now.
    #[error("pull request {number} can not be merged now{}", said(.detail))]
    NotMergeable {
        /// Its number.
        number: u64,
        /// What the host says.
        detail: String,
    },
    /// The host refuses the request for another reason.
    #[error("{host} refuses to {doing} with status {status}{}", said(.detail))]
    Refused {
        /// The host.
        host: String,
        /// What was to be done.
        doing: &'static str,
        /// The status of its answer.
        status: u16,
        /// What the host says.
        detail: String,
    },
    /// Too many requests were made.
    #[error("{host} takes no more requests until {until}: its rate limit is used up")]
    RateLimited {
        /// The host.
        host: String,
        /// When there may be requests again.
        until: Timestamp,
    },
    /// The host does not answer, or not usefully.
    #[error("{host} can not be reached: {detail}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        detail: String,
    },
    /// The answer is not what this API answers.
    #[error(
        "{host} does not answer as {provider} does: {detail}; check the provider and the address of its API"
    )]
    Invalid {
        /// The host.
        host: String,
        /// The kind of host that was expected.
        provider: Provider,
        /// What is wrong with the answer.
        detail: String,
    },
    /// There is more of it than what is read.
    #[error("{what} of {host} is more than what is read: {limit}")]
    TooLarge {
        /// The host.
        host: String,
        /// What was being read.
        what: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// The repository lives elsewhere now.
    #[error(
        "{host} sends on to {to}, which is not followed: was the repository renamed? Change its address"
    )]
    Moved {
        /// The host.
        host: String,
        /// Where to: host, or host and path.
        to: String,
    },
    /// The token would travel unprotected.
    #[error("{host} would be sent a token over plain http: use https")]
    Insecure {
        /// The host.
        host: String,
    },
    /// The host's address is one that is never contacted.
    #[error("{host} is {what}, which is not contacted: {}", .what.advice())]
    AddressRefused {
        /// The host.
        host: String,
        /// What sort of place it is.
        what: Refused,
    },
    /// The host has nothing of this kind.
    #[error("{provider} has no {what}")]
    Unsupported {
        /// The kind of host.
        provider: Provider,
        /// What it has not.
        what: &'static str,
    },
    /// What was given does not make sense.
    #[error("{what} can not be used: {detail}")]
    InvalidInput {
        /// What was given.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

impl HostError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "Unauthorized",
            Self::Forbidden { .. } => "Forbidden",
            Self::NotFound { .. } => "NotFound",
            Self::Exists { .. } => "AlreadyExists",
            Self::HeadChanged { .. } => "HeadChanged",
            Self::FileChanged { .. } => "FileChanged",
            Self::NotMergeable { .. } => "NotMergeable",
            Self::Refused { .. } => "HostRefused",
            Self::RateLimited { .. } => "RateLimited",
            Self::Unreachable { .. } => "HostUnreachable",
            Self::Invalid { .. } => "InvalidAnswer",
            Self::TooLarge { .. } => "TooLarge",
            Self::Moved { .. } => "RepositoryMoved",
            Self::Insecure { .. } => "Insecure",
            Self::AddressRefused { .. } => "AddressRefused",
            Self::Unsupported { .. } => "Unsupported",
            Self::InvalidInput { .. } => "InvalidInput",
        }
    }

    /// Says when the same request is worth repeating.
    pub fn retry(&self, now: Timestamp) -> Retry {
        match self {
            Self::RateLimited { until, .. } => {
                let left = until.duration_since(now);
                Retry::After(
                    Duration::try_from(left).unwrap_or_default().max(Duration::from_secs(1)),
                )
            }
            // A check may still be running, which decides whether it can be merged; and a proxy in
            // front of the host may answer in its place.
            Self::Unreachable { .. } | Self::NotMergeable { .. } | Self::Invalid { .. } => {
                Retry::Backoff
            }
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::HeadChanged { .. }
            | Self::FileChanged { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::Moved { .. }
            | Self::Insecure { .. }
            | Self::AddressRefused { .. }
            | Self::Unsupported { .. }
            | Self::InvalidInput { .. } => Retry::Stalled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_waited_for_and_never_less_than_a_second() {
        let until = Timestamp::from_second(100).unwrap();
        let error = HostError::RateLimited { host: "github.com".into(), until };
        let at = |second| error.retry(Timestamp::from_second(second).unwrap());
        assert_eq!(at(40), Retry::After(Duration::from_mins(1)));
        assert_eq!(at(140), Retry::After(Duration::from_secs(1)));
    }

    #[test]
    fn what_the_host_says_is_part_of_the_text_only_if_it_says_something() {
        let text =
            |detail: &str| HostError::NotMergeable { number: 7, detail: detail.into() }.to_string();
        assert_eq!(text(""), "pull request 7 can not be merged now");
        assert_eq!(text("checks fail"), "pull request 7 can not be merged now: checks fail");
    }
}
