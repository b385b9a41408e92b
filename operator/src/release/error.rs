//! Why a release did not get further, and whether trying again helps.

use std::time::Duration;

use gimlet_crds::{Blocker, BlockerKind, Release};
use gimlet_gitops::{GitError, GitErrorKind, PathError};
use gimlet_hosts::HostError;

use gimlet_sops::{RecipientsError, SopsError};

use super::outcome::{End, Outcome};
use super::source::SourceError;
use crate::chart::ChartError;
use crate::error::{ApiError, Retry};
use crate::preview::PreviewError;
use crate::remotes::{RemoteError, refused_by_git, refused_by_host};
use crate::render::RenderFault;

/// How often an artifact that is not there is looked for.
const MISSING: Duration = Duration::from_secs(5);

/// How long until it is looked again whether an older release is in git.
const OLDER: Duration = Duration::from_secs(1);

/// Why a release did not get further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    #[error(transparent)]
    Name(#[from] gimlet_crds::name::InvalidName),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Preview(#[from] PreviewError),
    #[error(transparent)]
    Chart(#[from] ChartError),
    #[error(transparent)]
    Render(#[from] RenderFault),
    #[error(transparent)]
    Sops(#[from] SopsError),
    #[error("spec.encryption.age of the environment: {0}")]
    Recipients(#[from] RecipientsError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{message}")]
    Rollback { message: String },
    #[error(
        "the app's folder is not at {seen} any more, it is at {now}: look at what changed, and adopt that"
    )]
    Adopt { seen: String, now: String },
    #[error("{message}")]
    Set { reason: &'static str, message: String },
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(
        "{older} of the same app is on its way to git; what is to change is known when it is there"
    )]
    Older { older: String },
    #[error("the release changed while it was worked on")]
    Outdated,
}

impl ReleaseError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Name(_) => "InvalidName",
            Self::Source(error) => error.reason(),
            Self::Preview(error) => error.reason(),
            Self::Chart(error) => error.reason(),
            Self::Render(error) => error.reason(),
            Self::Sops(error) => error.reason(),
            Self::Recipients(_) => "InvalidRecipients",
            Self::Path(_) => "PathRefused",
            Self::Remote(error) => error.reason(),
            Self::Git(error) => error.reason(),
            Self::Host(error) => error.reason(),
            Self::Rollback { .. } => "NothingToRollBackTo",
            Self::Adopt { .. } => "BaseChanged",
            Self::Set { reason, .. } => reason,
            Self::Api(_) => "ApiError",
            Self::Older { .. } => "OlderOnItsWay",
            Self::Outdated => "Outdated",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Source(error) if error.may_come() => Retry::After(MISSING),
            Self::Older { .. } => Retry::After(OLDER),
            Self::Name(_)
            | Self::Preview(_)
            | Self::Path(_)
            | Self::Rollback { .. }
            | Self::Adopt { .. }
            | Self::Sops(_)
            | Self::Recipients(_)
            | Self::Set { .. }
            | Self::Source(_) => Retry::Stalled,
            Self::Chart(error) => error.retry(),
            Self::Render(fault) => fault.retry(),
            Self::Remote(error) => error.retry(),
            // Wrong credentials are the environment's fault and are mended there.
            Self::Git(error) if waits_for_the_environment(error) => Retry::Backoff,
            Self::Git(error) if error.is_terminal() => Retry::Stalled,
            Self::Git(error) => Retry::of_git(error),
            // So is what the host's API refuses.
            Self::Host(error) => Retry::of_host(error),
            Self::Api(_) | Self::Outdated => Retry::Backoff,
        }
    }

    /// Tells whether the credentials of the environment were refused, or lack a right.
    pub(crate) fn credentials_refused(&self) -> bool {
        match self {
            Self::Git(error) => refused_by_git(error),
            Self::Host(error) => refused_by_host(error),
            _ => false,
        }
    }

    /// Turns the error into what is recorded.
    pub(super) fn outcome(&self, release: &Release) -> Outcome {
        let reason = self.reason().to_owned();
        let message = self.to_string();
        let refused = matches!(self, Self::Preview(error) if error.is_refusal());
        if refused || matches!(self, Self::Adopt { .. }) {
            return Outcome::Ended(End::Rejected { reason, message });
        }
        if let Self::Git(error) = self {
            match error.kind() {
                GitErrorKind::BaseChanged => {
                    return Outcome::Ended(End::Rejected { reason, message });
                }
                GitErrorKind::Superseded => {
                    let by = error.superseded_by().unwrap_or("a newer release").to_owned();
                    return Outcome::Ended(End::Superseded { by });
                }
                _ => {}
            }
        }
        if self.retry() == Retry::Stalled {
            return Outcome::Failed { reason, message };
        }
        let kind = match self {
            Self::Git(error) if error.kind() == GitErrorKind::BranchTaken => {
                Some(BlockerKind::PullRequest)
            }
            Self::Git(_) | Self::Remote(_) | Self::Host(_) => Some(BlockerKind::Git),
            Self::Chart(_) => Some(BlockerKind::Chart),
            Self::Source(_) => Some(BlockerKind::Artifact),
            _ => None,
        };
        let blocker = kind.map(|kind| Blocker {
            kind,
            name: release.spec.environment.clone(),
            reason: message.clone(),
            until: None,
        });
        Outcome::Retrying { blocker, reason, message }
    }
}

fn waits_for_the_environment(error: &GitError) -> bool {
    matches!(
        error.kind(),
        GitErrorKind::Unauthorized
            | GitErrorKind::NotFound
            | GitErrorKind::BranchMissing
            | GitErrorKind::BranchTaken
            | GitErrorKind::Signing
    )
}
