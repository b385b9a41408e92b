//! The kinds of Gimlet's Kubernetes API: `gimlet.io/v1alpha1`.
//!
//! The crate knows no runtime and no client. With the feature `client` it offers what every
//! thin client does with the kinds: create a release, watch it, wait for it.

mod agent;
mod app;
#[expect(clippy::duplicated_attributes, reason = "columns of one type are no duplicates")]
mod approval;
mod artifact;
mod blocker;
mod component;
pub mod condition;
#[expect(clippy::duplicated_attributes, reason = "columns of one type are no duplicates")]
mod config_change;
mod environment;
mod gate;
pub mod labels;
mod manifest;
pub mod name;
mod notification;
mod preview;
mod pull_request;
mod reference;
mod release;
mod release_set;
mod repository;

#[cfg(feature = "client")]
pub mod client;

pub use agent::{
    AgentBlind, AgentStatus, FluxObject, FluxState, Observer, SILENT_AFTER_SECONDS, agent_account,
    agent_of,
};
pub use app::{App, AppRelease, AppSpec, AppStatus, DeletionPolicy, Drift, Hold, Live, LiveState};
pub use approval::{Approval, ApprovalSpec, Decision};
pub use artifact::{
    Artifact, ArtifactEvent, ArtifactSpec, ArtifactStatus, ManifestResult, ManifestSource,
    ManifestVerdict,
};
pub use blocker::{Blocker, BlockerKind};
pub use component::{Component, ComponentChart, ComponentStatus};
pub use config_change::{
    ChangeCommit, ChangePullRequest, ConfigChange, ConfigChangePhase, ConfigChangeSpec,
    ConfigChangeStatus, FoundFile,
};
pub use environment::{
    Artifacts, ChartSecret, Encryption, Environment, EnvironmentSpec, EnvironmentStatus, Flux,
    GitAuthor, GitEngine, Gitops, Head, Render, Retention, Signing, Visibility,
};
pub use gate::{
    ApprovalRule, AutomaticRollback, DeletionGuard, Lock, Promotion, PromotionMode, Window, Windows,
};
pub use manifest::{Chart, DeployManifest, HookPolicy, Json6902Patch, PatchTarget, Values};
pub use notification::{
    Notification, NotificationKind, NotificationProvider, NotificationTemplate,
};
pub use preview::{Preview, PreviewRemoval, PreviewStatus};
pub use pull_request::{AutoMerge, PullRequestStatus, PushMode};
pub use reference::{SecretRef, Variables};
pub use release::{
    Adopt, ArtifactRef, ChartStatus, CommitStatus, Phase, PlanStatus, PromoteFrom, Release,
    ReleaseSpec, ReleaseStatus, RollbackTo, SourceVersion, Timestamps, Trigger,
};
pub use release_set::{
    ReleaseSet, ReleaseSetSpec, ReleaseSetStatus, SetCommit, SetMember, SetRollback, SetTimestamps,
};
pub use repository::{HostProvider, Repository, RepositoryHead, RepositorySpec, RepositoryStatus};

/// API group of every kind.
pub const GROUP: &str = "gimlet.io";
/// API version of every kind.
pub const VERSION: &str = "v1alpha1";

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// Lists the definitions of all kinds, in the order in which they are best applied.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        Environment::crd(),
        App::crd(),
        Release::crd(),
        ReleaseSet::crd(),
        Artifact::crd(),
        Approval::crd(),
        Repository::crd(),
        ConfigChange::crd(),
    ]
}
