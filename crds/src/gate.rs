//! Gates: what a release has to pass before git, as an Environment says it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::release::Trigger;

/// Why no releases are taken, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// What people are told.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
    /// When it ends by itself. Left out, somebody has to remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl Lock {
    /// Tells whether the lock stands at a time.
    pub fn stands(&self, now: jiff::Timestamp) -> bool {
        self.until.as_ref().is_none_or(|until| until.0 > now)
    }
}

/// When releases are committed: while one of the allowed windows is open and none of the denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Windows {
    /// When releases go on; at any time where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub allow: Vec<Window>,
    /// When they wait, also while a window of `allow` is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub deny: Vec<Window>,
}

impl Windows {
    /// Tells whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

/// A time that comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.cron) != has(self.rrule)")
        .message("a window opens by cron or by rrule: set exactly one"),
    validation = Rule::new("has(self.rrule) == has(self.start)")
        .message("rrule and start go together: start is the first time at which the rule opens the window")
)]
pub struct Window {
    /// When it opens: minute, hour, day, month and weekday, such as `0 9 * * mon-fri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub cron: Option<String>,
    /// When it opens, as a recurrence rule of RFC 5545, such as `FREQ=MONTHLY;BYDAY=1MO`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub rrule: Option<String>,
    /// The first time of `rrule`, such as `2026-01-05T09:00`, in the time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub start: Option<String>,
    /// How long it stays open, such as `8h` or `1h30m`.
    #[schemars(length(max = 32))]
    pub duration: String,
    /// IANA name of the time zone, such as `Europe/Vienna`. Left out: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub time_zone: Option<String>,
}

/// What becomes of a release that removes much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionGuard {
    /// A release that removes a `Namespace`, a `PersistentVolumeClaim`, a
    /// `CustomResourceDefinition` or more than half of the app's objects waits until its
    /// `spec.confirm` is set.
    #[default]
    Confirm,
    /// Releases remove what they do not render.
    Off,
}

impl DeletionGuard {
    /// Tells whether this is the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who has to agree to a release before it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRule {
    /// People who have to approve the plan.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10))]
    pub count: i32,
    /// Whether whoever made the release may approve it too.
    #[serde(default)]
    pub own: bool,
    /// Releases that have to be approved, by what made them. Empty: all but rollbacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub triggers: Vec<Trigger>,
}

/// Where an app has to be healthy before it is released here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promotion {
    /// Name of the environment, in the same namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub from: String,
    /// How long a version has to be healthy there, such as `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$')").message("use a duration such as 30s, 10m or 24h"))]
    pub soak: Option<String>,
    /// Whether somebody has to release it, or it comes by itself.
    #[serde(default)]
    pub mode: PromotionMode,
}

/// Whether a version is promoted by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PromotionMode {
    /// Somebody releases it.
    #[default]
    Manual,
    /// A version that was healthy for long enough is released here.
    Automatic,
}

/// Takes back what does not become healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutomaticRollback {
    /// How long a release may take from its commit until it is healthy, such as `10m`. One that
    /// fails before is rolled back then.
    #[serde(default = "ten_minutes")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$')").message("use a duration such as 30s, 10m or 1h"))]
    pub after: String,
}

const fn one() -> i32 {
    1
}
fn ten_minutes() -> String {
    "10m".into()
}
