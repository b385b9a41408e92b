//! How far a workload is with the present version of its template.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, DeploymentCondition, StatefulSet};
use k8s_openapi::api::core::v1::PodSpec;

use super::{Trouble, advice, cause};
use crate::protocol::{Cause, MAX_PARTS, Word, clip};

/// How far a workload is with the present version of its template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Replicas that are asked for.
    pub wanted: i32,
    /// Replicas that are ready, of whatever version.
    pub ready: i32,
    /// Replicas of the present version.
    pub updated: i32,
    /// Replicas that have been ready for long enough to count.
    pub available: i32,
    /// Replicas of the present version that count; none while the controller has not seen it.
    pub done: i32,
    /// Images of the template.
    pub images: Vec<String>,
    /// Why the controller has given up.
    pub over: Option<Cause>,
    /// Why the controller cannot go on at present.
    pub held: Option<Cause>,
}

impl Rollout {
    /// Reads a Deployment.
    pub fn deployment(object: &Deployment) -> Self {
        let Some(spec) = &object.spec else { return Self::default() };
        let status = object.status.clone().unwrap_or_default();
        let current = status.observed_generation >= object.metadata.generation;
        let (updated, available) =
            (status.updated_replicas.unwrap_or(0), status.available_replicas.unwrap_or(0));
        // Old pods are available too; as long as there are any, so many of the new ones are.
        let old = (status.replicas.unwrap_or(0) - updated).max(0);
        let condition = |kind: &str, value: &str| {
            let mut conditions = status.conditions.iter().flatten();
            conditions.find(|c| current && c.type_ == kind && c.status == value)
        };
        let words = |c: &DeploymentCondition| c.message.clone().unwrap_or_default();
        let over = condition("Progressing", "False")
            .filter(|c| c.reason.as_deref() == Some("ProgressDeadlineExceeded"))
            .map(|c| {
                cause(
                    "ProgressDeadlineExceeded",
                    words(c),
                    "look at the pods' events and logs, or raise progressDeadlineSeconds",
                )
            });
        let refused = condition("ReplicaFailure", "True").map(|c| refused(&words(c)));
        let paused = || {
            cause(
                "Paused",
                "the Deployment is paused".to_owned(),
                "resume it: `kubectl rollout resume`, or spec.paused in its manifest",
            )
        };
        Self {
            wanted: spec.replicas.unwrap_or(1),
            ready: status.ready_replicas.unwrap_or(0),
            updated,
            available,
            done: if current { updated.min(available - old).max(0) } else { 0 },
            images: images(spec.template.spec.as_ref()),
            over,
            held: refused.or_else(|| spec.paused.unwrap_or_default().then(paused)),
        }
    }

    /// Reads a `StatefulSet`.
    pub fn stateful_set(object: &StatefulSet) -> Self {
        let Some(spec) = &object.spec else { return Self::default() };
        let status = object.status.clone().unwrap_or_default();
        let current = status.observed_generation >= object.metadata.generation;
        let (wanted, updated, ready) = (
            spec.replicas.unwrap_or(1),
            status.updated_replicas.unwrap_or(0),
            status.ready_replicas.unwrap_or(0),
        );
        let strategy = spec.update_strategy.as_ref();
        // People who update by hand, or only a part, have what they want with old pods too.
        let by_hand = strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete");
        let partition = strategy.and_then(|s| s.rolling_update.as_ref()?.partition).unwrap_or(0);
        let enough = by_hand || updated >= wanted - partition;
        Self {
            wanted,
            ready,
            updated,
            available: status.available_replicas.unwrap_or(ready),
            done: match (current, enough) {
                (false, _) => 0,
                (true, true) => ready,
                (true, false) => updated.min(ready),
            },
            images: images(spec.template.spec.as_ref()),
            over: None,
            held: None,
        }
    }

    /// Reads a `DaemonSet`.
    pub fn daemon_set(object: &DaemonSet) -> Self {
        let Some(spec) = &object.spec else { return Self::default() };
        let status = object.status.clone().unwrap_or_default();
        let current = status.observed_generation >= object.metadata.generation;
        let by_hand =
            spec.update_strategy.as_ref().and_then(|s| s.type_.as_deref()) == Some("OnDelete");
        let updated = status.updated_number_scheduled.unwrap_or(0);
        let done = if by_hand { status.number_ready } else { updated.min(status.number_ready) };
        Self {
            wanted: status.desired_number_scheduled,
            ready: status.number_ready,
            updated,
            available: status.number_available.unwrap_or(status.number_ready),
            done: if current { done } else { 0 },
            images: images(spec.template.spec.as_ref()),
            over: None,
            held: None,
        }
    }

    /// Tells whether all that is asked for is there, in its present version.
    pub fn is_done(&self) -> bool {
        self.done >= self.wanted
    }
}

/// Puts a rollout and what keeps its pods together: a word, and why it is not Healthy.
///
/// The troubles are those of pods of the present version, the youngest first.
pub fn judge<'a>(
    rollout: &Rollout,
    troubles: impl IntoIterator<Item = &'a Trouble>,
) -> (Word, Option<Cause>) {
    if rollout.is_done() {
        return (Word::Healthy, None);
    }
    let mut passing = None;
    for trouble in troubles {
        if trouble.lasting {
            return (Word::Failed, Some(trouble.cause.clone()));
        }
        passing = passing.or(Some(&trouble.cause));
    }
    let known = rollout.held.as_ref().or(passing);
    match &rollout.over {
        // What keeps the pods says more than that time is over.
        Some(over) => (Word::Failed, Some(known.unwrap_or(over).clone())),
        None => (Word::Progressing, Some(known.cloned().unwrap_or_else(|| on_the_way(rollout)))),
    }
}

fn on_the_way(rollout: &Rollout) -> Cause {
    cause(
        "Progressing",
        format!("{}/{} replicas are ready", rollout.done, rollout.wanted),
        "wait: it is within its deadline",
    )
}

/// Tells why pods are refused before they are made.
pub(crate) fn refused(words: &str) -> Cause {
    let reason = if words.contains("exceeded quota") { "QuotaExceeded" } else { "FailedCreate" };
    cause(reason, format!("no pods can be made: {words}"), advice::creation(words))
}

pub(crate) fn images(pod: Option<&PodSpec>) -> Vec<String> {
    let mut images = Vec::new();
    for image in pod.into_iter().flat_map(|pod| &pod.containers).filter_map(|c| c.image.as_ref()) {
        if images.len() < MAX_PARTS && !images.contains(image) {
            images.push(clip(image));
        }
    }
    images
}
