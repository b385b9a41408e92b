//! What Flux says of its objects.

use kube::core::DynamicObject;
use serde_json::Value;

use super::cause;
use crate::protocol::{Cause, FluxItem, Word};

/// Reads an object of Flux; what is missing in it is unknown, never an error.
pub fn flux_item(kind: &str, object: &DynamicObject) -> FluxItem {
    let (spec, status) = (&object.data["spec"], &object.data["status"]);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let ready = condition(object, "Ready");
    let applied = match kind {
        "GitRepository" | "OCIRepository" => text(&status["artifact"]["revision"]),
        // Flux 2.3 and later keep a history of what was installed.
        "HelmRelease" => text(&status["history"][0]["chartVersion"])
            .or_else(|| text(&status["lastAppliedRevision"])),
        _ => text(&status["lastAppliedRevision"]),
    };
    FluxItem {
        kind: kind.to_owned(),
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.metadata.name.clone().unwrap_or_default(),
        ready: ready.and_then(|ready| match ready["status"].as_str() {
            Some("True") => Some(true),
            Some("False") => Some(false),
            _ => None,
        }),
        reason: ready.and_then(|ready| text(&ready["reason"])).unwrap_or_default(),
        message: ready.and_then(|ready| text(&ready["message"])).unwrap_or_default(),
        last_applied_revision: applied,
        last_attempted_revision: text(&status["lastAttemptedRevision"]),
        suspended: spec["suspend"].as_bool().unwrap_or_default(),
    }
}

/// Finds a condition of the present generation; one of an older says nothing about it.
fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    let current = match (found["observedGeneration"].as_i64(), object.metadata.generation) {
        (Some(observed), Some(generation)) => observed >= generation,
        _ => true,
    };
    current.then_some(found)
}

/// Reasons that Flux gives while it is at work, or will be soon.
const AT_WORK: [&str; 5] =
    ["Progressing", "ProgressingWithRetry", "DependencyNotReady", "ArtifactFailed", "Suspended"];

/// Judges an object of Flux: a word, and why it is not Healthy.
pub fn flux_verdict(item: &FluxItem) -> (Word, Option<Cause>) {
    let object = format!("{} {}/{}", item.kind, item.namespace, item.name);
    if item.suspended {
        let message = format!("{object} is suspended");
        let next_step =
            format!("flux resume {} {} -n {}", command(item), item.name, item.namespace);
        return (Word::Unknown, Some(cause("Suspended", message, &next_step)));
    }
    let told = || format!("{object}: {}", item.message);
    match item.ready {
        Some(true) => (Word::Healthy, None),
        Some(false) => {
            let word = if AT_WORK.contains(&item.reason.as_str()) {
                Word::Progressing
            } else {
                Word::Failed
            };
            (word, Some(cause(&item.reason, told(), next_step(&item.reason))))
        }
        // Flux looks at everything again now and then; that alone is no news.
        None if settled(item) => (Word::Healthy, None),
        None if item.message.is_empty() => {
            let message = format!("{object}: Flux has not looked at it yet");
            (Word::Progressing, Some(cause("Progressing", message, "wait for Flux")))
        }
        None => (Word::Progressing, Some(cause("Progressing", told(), "wait for Flux"))),
    }
}

/// Whether what was tried last was applied.
fn settled(item: &FluxItem) -> bool {
    item.last_applied_revision.is_some()
        && item
            .last_attempted_revision
            .as_ref()
            .is_none_or(|tried| item.last_applied_revision.as_ref() == Some(tried))
}

fn command(item: &FluxItem) -> &'static str {
    match item.kind.as_str() {
        "GitRepository" => "source git",
        "OCIRepository" => "source oci",
        "HelmRelease" => "helmrelease",
        _ => "kustomization",
    }
}

fn next_step(reason: &str) -> &'static str {
    match reason {
        "HealthCheckFailed" => "look at the workloads: they did not become healthy in time",
        "BuildFailed" => {
            "the manifests cannot be built: correct what the message names, and release"
        }
        "ReconciliationFailed" => {
            "the API server refused an object: correct what the message names, and release"
        }
        "PruneFailed" => "an object could not be removed: see who holds it (finalizers)",
        "ArtifactFailed" => "look at the source: Flux could not fetch it",
        "DependencyNotReady" => "what it depends on has to become ready first",
        "AuthenticationFailed" => "renew the credentials in the Secret that the source names",
        "GitOperationFailed" | "OCIArtifactPullFailed" | "OCIPullFailed" => {
            "check the address, the network and the credentials of the source"
        }
        "VerificationError" | "VerificationFailed" => {
            "what was fetched is not signed by a trusted key"
        }
        "InstallFailed" | "UpgradeFailed" | "RollbackFailed" | "UninstallFailed" => {
            "Helm failed: correct what the message names, and release"
        }
        "TestFailed" => "the chart's tests failed: read the log of the test pod",
        "RollbackSucceeded" | "UninstallSucceeded" => {
            "Helm took a failed upgrade back: mend it, and release again"
        }
        "RetriesExceeded" => "Flux has given up: mend it, and `flux reconcile helmrelease --reset`",
        _ => "see the object's conditions, and Flux' own log",
    }
}
