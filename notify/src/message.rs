//! What happened, without any form.

use jiff::Timestamp;
use serde::Serialize;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Kind {
    /// A release was written to the gitops repository.
    Released,
    /// What was released runs.
    Healthy,
    /// A release failed, or what it released does not run.
    Failed,
    /// An earlier release was put back.
    RolledBack,
    /// A release waits for somebody's approval.
    WaitingForApproval,
    /// What is in the repository is not what was released.
    Drift,
}

impl Kind {
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Released => "was released",
            Self::Healthy => "is healthy",
            Self::Failed => "failed",
            Self::RolledBack => "was rolled back",
            Self::WaitingForApproval => "waits for approval",
            Self::Drift => "differs from what was released",
        }
    }

    /// The colour of a message, as `0xRRGGBB`, and the name that Adaptive Cards have for it.
    pub(crate) fn colour(self) -> (u32, &'static str) {
        match self {
            Self::Released => (0x002f_81f7, "accent"),
            Self::Healthy => (0x002d_a44e, "good"),
            Self::Failed => (0x00cf_222e, "attention"),
            Self::RolledBack | Self::WaitingForApproval | Self::Drift => (0x00bf_8700, "warning"),
        }
    }
}

/// A text with an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What is shown.
    pub text: String,
    /// Where it leads; only http and https addresses become links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How many objects a release adds, changes and removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanSize {
    /// Objects that were not there before.
    pub added: u32,
    /// Objects with other content.
    pub changed: u32,
    /// Objects that go.
    pub removed: u32,
}

/// What happened, to what, by whom, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What it is about.
    pub kind: Kind,
    /// When it happened.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The version or commit of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Link>,
    /// The commit in the gitops repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitops_commit: Option<Link>,
    /// How much changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSize>,
    /// Why it was asked for, such as the reason of a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it failed or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// What stands first in place of the usual words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What stands in place of the usual lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// More to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

fn as_text<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

impl Message {
    /// Makes a message that says no more than what happened to which app.
    pub fn new(kind: Kind, app: &str, environment: &str, time: Timestamp) -> Self {
        Self {
            kind,
            time,
            app: app.to_owned(),
            environment: environment.to_owned(),
            who: None,
            version: None,
            gitops_commit: None,
            plan: None,
            reason: None,
            cause: None,
            next_step: None,
            title: None,
            text: None,
            links: Vec::new(),
        }
    }
}
