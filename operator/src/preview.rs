//! Previews: apps that are bound to a branch, and go with it.

mod binding;
mod branch;
mod comment;
pub(crate) mod comments;
mod fate;
mod removal;

pub(crate) use binding::{Binding, Bound, admit, bind, name, patch};
pub(crate) use branch::default_branch;
pub(crate) use fate::{Fate, Outlook};
pub(crate) use removal::{look, remove};

/// The reason of a removal because of the end of a branch.
pub(crate) const BRANCH_DELETED: &str = "BranchDeleted";

/// Why a manifest is not released for a branch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviewError {
    #[error("a preview is of a branch, and the artifact is of a tag: release one of a push")]
    NoBranch,
    #[error(transparent)]
    Name(#[from] gimlet_manifest::preview::NameTooLong),
    #[error(
        "the preview needs a host, and the Environment {environment} has no domain: set its \
         spec.domain, or take ingress.host out of the values"
    )]
    NoDomain { environment: String },
    #[error(
        "cleanup.app is {cleanup} and app is {app}: name the same app, for it is what the branch makes"
    )]
    OtherApp { cleanup: String, app: String },
    #[error("{app} is taken by {by}: give one of them another name")]
    Taken { app: String, by: String },
    #[error("the host {host} is taken by {by}: give one of the environments another spec.domain")]
    HostTaken { host: String, by: String },
    #[error("{repository} has no branch {branch} any more")]
    BranchGone { repository: String, branch: String },
}

impl PreviewError {
    /// Returns one word for conditions, events and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoBranch => "NoBranch",
            Self::Name(_) => "NameTooLong",
            Self::NoDomain { .. } => "NoDomain",
            Self::OtherApp { .. } => "InvalidCleanup",
            Self::Taken { .. } => "NameTaken",
            Self::HostTaken { .. } => "HostTaken",
            Self::BranchGone { .. } => BRANCH_DELETED,
        }
    }

    /// Tells whether the manifest is right, and only may not be released now.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Taken { .. } | Self::HostTaken { .. } | Self::BranchGone { .. })
    }
}
