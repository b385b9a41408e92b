//! What holds a release back.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that holds a release back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// What kind of thing it is.
    pub kind: BlockerKind,
    /// Name of the thing.
    pub name: String,
    /// Why it holds the release back, and what to do.
    pub reason: String,
    /// When it ends by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Kinds of things that hold a release back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BlockerKind {
    /// The environment is locked.
    Lock,
    /// The app is on hold.
    Hold,
    /// The environment is suspended.
    Suspend,
    /// The environment is not there.
    Environment,
    /// The app is being uninstalled.
    Uninstall,
    /// The git host cannot be written.
    Git,
    /// The chart cannot be fetched.
    Chart,
    /// The artifact is not there.
    Artifact,
    /// No deploy window is open.
    Window,
    /// What it removes has to be confirmed.
    Confirm,
    /// It has to be approved.
    Approval,
    /// It has to be healthy elsewhere first, for long enough.
    Promotion,
    /// Others of its ReleaseSet are not ready yet.
    Set,
    /// Somebody has to merge its pull request, or to look after it.
    PullRequest,
    /// Its pull request is merged by itself, and the host does not let it yet.
    Merge,
}
