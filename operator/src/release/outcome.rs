//! What a step of a release came to.

use gimlet_crds::{
    ArtifactRef, Blocker, ChartStatus, PlanStatus, PullRequestStatus, SourceVersion,
};
use gimlet_gitops::{CommitId, Edit};

use crate::preview::Binding;

/// What a step of a release came to; the status is computed from this alone.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The plan is all that was asked for.
    Planned(Prepared),
    /// Something holds the release back.
    Blocked { prepared: Option<Prepared>, blockers: Vec<Blocker> },
    /// It waits in a pull request, and on what else holds it back.
    Proposed { prepared: Option<Prepared>, pull: PullRequestStatus, blockers: Vec<Blocker> },
    /// The commit is on its way.
    Queued(Prepared),
    /// It is in git. `prepared` is missing where a commit was found that an earlier process made;
    /// the observation is there where it is known at once that nothing here can follow the commit.
    Committed { prepared: Option<Prepared>, commit: Committed, observation: Option<Observation> },
    /// Git has exactly this already. `prepared` is missing where an earlier process found that out.
    Unchanged { prepared: Option<Prepared>, head: CommitId },
    /// What became of the commit.
    Observed { commit: String, observation: Observation },
    /// It ended without reaching git, or was overtaken after.
    Ended(End),
    /// It failed for good.
    Failed { reason: String, message: String },
    /// It failed, and is tried again.
    Retrying { blocker: Option<Blocker>, reason: String, message: String },
}

/// How a release ended without success of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Cancelled,
    Superseded {
        by: String,
    },
    Rejected {
        reason: String,
        message: String,
    },
    /// The set that it is a part of ended before git.
    SetEnded {
        set: String,
        why: String,
    },
}

/// A release that is ready to be committed.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) edits: Vec<Edit>,
    pub(super) plan: PlanStatus,
    pub(super) chart: Option<ChartStatus>,
    pub(super) version: Option<String>,
    /// The artifact that it was made from.
    pub(super) artifact: Option<ArtifactRef>,
    /// Facts of the source commit.
    pub(super) source: Option<SourceVersion>,
    /// What binds the app to a branch from now on.
    pub(super) binding: Binding,
    /// Git has exactly this already.
    pub(super) unchanged: bool,
    /// The newest commit that changed the app's folder, where the optimistic lock asks for it.
    pub(super) last_touch: Option<CommitId>,
    /// Who approved it.
    pub(super) approved_by: Vec<String>,
    /// For a rollback: the commit whose folder is put back.
    pub(super) restores: Option<CommitId>,
    /// Policies have to leave the app alone afterwards: what is put back is not its newest release.
    pub(super) holds: bool,
    /// The newest commit of the branch when the plan was made.
    pub(super) head: Option<CommitId>,
}

/// A commit of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) sha: String,
    pub(super) branch: String,
    pub(super) path: String,
    pub(super) url: Option<String>,
    /// It was there already: an earlier attempt had reached git.
    pub(super) adopted: bool,
}

/// What the cluster tells of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Nothing here reports of the environment's cluster.
    NotObserved { reason: &'static str, message: String },
    /// The agent that reports of the environment's cluster says nothing for now, so nothing is known.
    Unheard { reason: &'static str, message: String },
    /// Flux has not applied it yet.
    Waiting { message: String },
    /// Flux applied it; the workloads are on their way.
    Applied { message: String },
    /// The workloads run.
    Healthy { message: String },
    /// Flux could not apply it.
    ApplyFailed { reason: String, message: String },
    /// It was applied, and the workloads do not run.
    Unhealthy { reason: String, message: String },
}
