//! Notifications: who is told what happens in an Environment.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretRef;

/// Who is told what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notification {
    /// Name of the notification, for metrics and events.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What kind of receiver it is.
    pub provider: NotificationProvider,
    /// Secret with `address`, the URL of the receiver, and for a `Webhook` with `key`, by which it is
    /// signed: `whsec_` and 24 to 64 bytes in base64.
    pub secret_ref: SecretRef,
    /// What is told. Empty: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6))]
    pub events: Vec<NotificationKind>,
    /// Apps that are told of: names with `*` and `?`, `!` first for what is left out. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub apps: Vec<String>,
    /// Texts of one's own, in place of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<NotificationTemplate>,
}

/// Texts of one's own, in the template language of manifests, over the fields of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.title) || has(self.text)")
    .message("a template has a title, a text, or both"))]
pub struct NotificationTemplate {
    /// What stands first, such as `{{ .app }} {{ .version.text }} {{ .kind }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub title: Option<String>,
    /// What stands in place of the usual lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub text: Option<String>,
}

/// Kinds of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NotificationProvider {
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A workflow of Microsoft Teams that takes webhooks.
    Teams,
    /// Any receiver, with a signed JSON body.
    Webhook,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NotificationKind {
    /// A release is in git.
    Released,
    /// What was released runs.
    Healthy,
    /// A release failed, was rejected, or what it released does not run.
    Failed,
    /// An earlier release was put back.
    RolledBack,
    /// A release waits for approval.
    WaitingForApproval,
    /// Somebody changed an app's folder by hand.
    Drift,
}
