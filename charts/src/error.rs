//! Why a chart could not be fetched, and whether trying again can help.

use gimlet_outbound::Refused;

/// Why a chart could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum ChartFetchError {
    /// The chart, repository, tag or file does not exist.
    #[error("{what} was not found; check the chart's repository and name")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The host refused the credentials, or wants some.
    #[error("{host} refuses access to {what}; check the credentials for this host")]
    Unauthorized {
        /// The host that refused.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// No version of the chart satisfies the wanted one.
    #[error("chart {chart} has no version {wanted}; {}", nearest_text(.nearest))]
    VersionNotFound {
        /// The chart's name.
        chart: String,
        /// The version or range that was asked for.
        wanted: String,
        /// The nearest versions that exist.
        nearest: Vec<String>,
    },
    /// What arrived is not what was announced or pinned.
    #[error("{what} has digest {actual}, expected {expected}; it was changed since it was pinned")]
    DigestMismatch {
        /// What was fetched.
        what: String,
        /// The announced or pinned digest.
        expected: String,
        /// The digest of what arrived.
        actual: String,
    },
    /// The host is not on the allow-list.
    #[error("host {host} is not allowed; add it to the allowed chart hosts or use another source")]
    HostNotAllowed {
        /// The host that was to be contacted.
        host: String,
    },
    /// The host's address is one that is never contacted.
    #[error("host {host} is {what}, which is not contacted; {}", .what.advice())]
    AddressRefused {
        /// The host that was to be contacted.
        host: String,
        /// What sort of place it is.
        what: Refused,
    },
    /// Credentials or content would travel unprotected.
    #[error("{host} would be contacted over plain http; use https")]
    Insecure {
        /// The host that was to be contacted.
        host: String,
    },
    /// The source may not be used in this process.
    #[error("{what} is a local source, which only the command line can read; publish the chart")]
    LocalRefused {
        /// The source.
        what: String,
    },
    /// A body is larger than what is accepted.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was being read.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// What was fetched is not a usable chart.
    #[error("{what} is not a usable chart: {detail}")]
    InvalidChart {
        /// What was fetched.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The repository's answer cannot be understood.
    #[error("{what} is not a chart repository that can be read: {detail}")]
    InvalidRepository {
        /// The repository.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The host did not answer, or not usefully.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// The host that was contacted.
        host: String,
        /// What happened.
        detail: String,
    },
    /// The `git` program failed.
    #[error("git failed to fetch {what}: {detail}")]
    Git {
        /// The repository.
        what: String,
        /// What git said.
        detail: String,
    },
    /// The settings of the fetch are wrong.
    #[error("{what} cannot be used: {detail}")]
    InvalidAccess {
        /// The setting.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// This machine failed: disk or processes.
    #[error("failed to {doing}")]
    Local {
        /// What was being done.
        doing: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A dependency of the chart could not be fetched.
    #[error("failed to fetch dependency {name}")]
    Dependency {
        /// The dependency's name.
        name: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
}

impl ChartFetchError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::Unauthorized { .. } => "Unauthorized",
            Self::VersionNotFound { .. } => "VersionNotFound",
            Self::DigestMismatch { .. } => "DigestMismatch",
            Self::HostNotAllowed { .. } => "HostNotAllowed",
            Self::AddressRefused { .. } => "AddressRefused",
            Self::Insecure { .. } => "Insecure",
            Self::LocalRefused { .. } => "LocalRefused",
            Self::TooLarge { .. } => "TooLarge",
            Self::InvalidChart { .. } => "InvalidChart",
            Self::InvalidRepository { .. } => "InvalidRepository",
            Self::Unreachable { .. } => "Unreachable",
            Self::Git { .. } => "GitFailed",
            Self::InvalidAccess { .. } => "InvalidAccess",
            Self::Local { .. } => "LocalFailure",
            Self::Dependency { source, .. } => source.reason(),
        }
    }

    /// Tells whether the same fetch may succeed later without a change by anyone.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Git { .. } | Self::Local { .. } => true,
            Self::Dependency { source, .. } => source.is_transient(),
            _ => false,
        }
    }

    pub(crate) fn local(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Local { doing, source }
    }

    pub(crate) fn invalid_chart(what: &str, detail: impl Into<String>) -> Self {
        Self::InvalidChart { what: what.to_owned(), detail: detail.into() }
    }
}

fn nearest_text(nearest: &[String]) -> String {
    if nearest.is_empty() {
        "it has no stable version at all".to_owned()
    } else {
        format!("the nearest are {}", nearest.join(", "))
    }
}
