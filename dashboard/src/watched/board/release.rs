//! Releases, in short.

use std::sync::Arc;

use gimlet_crds::{Release, labels};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use super::place;
use crate::word::{self, State, Word};

/// A release.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleaseRow {
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) namespace: String,
    name: String,
    app: String,
    pub(crate) environment: String,
    kind: &'static str,
    phase: &'static str,
    word: Word,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

impl ReleaseRow {
    pub(super) fn of(release: &Release) -> Self {
        let (namespace, name) = place(release);
        let State { word, text } = word::of_release(release);
        let spec = &release.spec;
        let status = release.status.as_ref();
        let kind = if spec.rollback_to.is_some() {
            "rollback"
        } else if spec.promote_from.is_some() {
            "promote"
        } else if spec.adopt.is_some() {
            "adopt"
        } else {
            "release"
        };
        let creator = release.annotations().get(labels::CREATED_BY);
        let commit = status.and_then(|status| status.commit.as_ref());
        Self {
            id: format!("rel:{namespace}/{name}").into(),
            namespace,
            name,
            app: spec.app.clone(),
            environment: spec.environment.clone(),
            kind,
            phase: status.map(|status| status.phase).unwrap_or_default().as_str(),
            word,
            text,
            version: status.and_then(|status| status.version.clone()),
            user: creator.or(spec.requested_by.as_ref()).cloned(),
            reason: spec.reason.clone(),
            created: release.metadata.creation_timestamp.clone(),
            ended: status.and_then(|status| status.timestamps.ended.clone()),
            commit: commit.map(|commit| commit.short.clone()),
        }
    }
}
