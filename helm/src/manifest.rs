//! Rendered files taken apart into manifests and hooks, in the order of installation.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use crate::render::{Document, Hook};
use crate::yaml;

const INSTALL_ORDER: [&str; 36] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";

/// Hooks Helm knows, and the event each stands for.
const EVENTS: [(&str, &str); 10] = [
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[\t\n\x0C\r ]*\n)---[\t\n\x0C\r ]*").expect("the separator pattern is valid")
});

/// What a rendered chart consists of.
#[derive(Default)]
pub(crate) struct Sorted {
    pub(crate) manifests: Vec<Document>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) warnings: Vec<String>,
}

/// A rendered file that does not hold manifests.
#[derive(Debug, thiserror::Error)]
#[error("YAML parse error on {file}: {message}")]
pub(crate) struct ManifestError {
    pub(crate) file: String,
    message: String,
    pub(crate) line: Option<usize>,
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    SEPARATOR.split(text.trim()).filter(|part| !part.is_empty()).map(str::trim)
}

fn compare(left: &str, right: &str) -> Ordering {
    let rank = |kind: &str| INSTALL_ORDER.iter().position(|known| *known == kind);
    match (rank(left), rank(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// The part of a manifest that decides where it goes.
#[derive(Default)]
struct Head {
    kind: String,
    name: String,
    hook: Option<String>,
    weight: i64,
}

fn text_of(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()),
        other @ (Json::Bool(_) | Json::Number(_)) => Some(other.to_string()),
        _ => None,
    }
}

fn head(document: &Json) -> Result<Head, String> {
    let go_kind = |value: &Json| match value {
        Json::Array(_) => "array",
        Json::String(_) => "string",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        _ => "object",
    };
    let wrong = |value: &Json, target: &str| {
        format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go {target}",
            go_kind(value)
        )
    };
    let entries = match document {
        Json::Null => return Ok(Head::default()),
        Json::Object(entries) => entries,
        other => return Err(wrong(other, "value of type releaseutil.SimpleHead")),
    };
    let mut found =
        Head { kind: text_of(entries.get("kind")).unwrap_or_default(), ..Head::default() };
    let metadata = match entries.get("metadata") {
        None | Some(Json::Null) => return Ok(found),
        Some(Json::Object(metadata)) => metadata,
        Some(other) => {
            let metadata = "struct field SimpleHead.metadata of type struct { Name string \
                \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";
            return Err(wrong(other, metadata));
        }
    };
    found.name = text_of(metadata.get("name")).unwrap_or_default();
    let annotations = match metadata.get("annotations") {
        None | Some(Json::Null) => return Ok(found),
        Some(Json::Object(annotations)) => annotations,
        Some(other) => {
            return Err(wrong(
                other,
                "struct field .metadata.annotations of type map[string]string",
            ));
        }
    };
    if let Some(bad) =
        annotations.values().find(|value| matches!(value, Json::Object(_) | Json::Array(_)))
    {
        return Err(wrong(bad, "struct field .metadata.annotations of type string"));
    }
    found.hook = annotations.get(HOOK).map(|hook| text_of(Some(hook)).unwrap_or_default());
    found.weight =
        text_of(annotations.get(HOOK_WEIGHT)).and_then(|weight| weight.parse().ok()).unwrap_or(0);
    Ok(found)
}

/// Takes rendered files apart.
pub(crate) fn sort(files: &BTreeMap<String, String>) -> Result<Sorted, ManifestError> {
    let mut manifests: Vec<(String, Document)> = Vec::new();
    let mut sorted = Sorted::default();
    for (file, text) in files {
        for content in split(text) {
            let document = yaml::from_str(content).map_err(|error| ManifestError {
                file: file.clone(),
                message: format!("error converting YAML to JSON: {error}"),
                line: error.line(),
            })?;
            let head = head(&document).map_err(|message| ManifestError {
                file: file.clone(),
                message,
                line: None,
            })?;
            let source = file.clone();
            let content = content.to_owned();
            let Some(hook) = head.hook else {
                manifests.push((head.kind, Document { source, content }));
                continue;
            };
            let events: Option<Vec<String>> = hook
                .split(',')
                .map(|event| {
                    let event = event.trim().to_lowercase();
                    let known = EVENTS.iter().find(|(name, _)| *name == event);
                    known.map(|(_, event)| (*event).to_owned())
                })
                .collect();
            match events {
                Some(events) => sorted.hooks.push(Hook {
                    source,
                    content,
                    name: head.name,
                    kind: head.kind,
                    events,
                    weight: head.weight,
                }),
                None => sorted.warnings.push(format!("skipping unknown hook {hook:?} in {file}")),
            }
        }
    }
    manifests.sort_by(|left, right| compare(&left.0, &right.0));
    sorted.hooks.sort_by(|left, right| compare(&left.kind, &right.kind));
    sorted.manifests = manifests.into_iter().map(|(_, document)| document).collect();
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("c/templates/a.yaml".to_owned(), text.to_owned())])
    }

    #[test]
    fn manifests_are_split_and_sorted_by_kind() {
        let text = "---\nkind: Zebra\n---\nkind: Service\n--- \nkind: Namespace\nx: |\n  a---b\n";
        let sorted = sort(&files(text)).unwrap();
        let contents: Vec<_> = sorted.manifests.iter().map(|found| &*found.content).collect();
        assert_eq!(contents, ["kind: Namespace\nx: |\n  a---b", "kind: Service", "kind: Zebra"]);
    }

    #[test]
    fn hooks_are_told_apart_and_unknown_ones_dropped() {
        let hook = |name: &str| {
            format!(
                "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: {name}\n    helm.sh/hook-weight: \"-5\"\n"
            )
        };
        let text = format!("{}---\n{}", hook("pre-install, TEST-success"), hook("odd"));
        let sorted = sort(&files(&text)).unwrap();
        assert_eq!(sorted.hooks.len(), 1);
        assert_eq!(sorted.hooks[0].events, ["pre-install", "test"]);
        assert_eq!(sorted.hooks[0].weight, -5);
        assert_eq!(sorted.warnings.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_map_is_an_error() {
        let error = sort(&files("- a\n")).err().unwrap();
        assert!(error.to_string().starts_with("YAML parse error on c/templates/a.yaml: error unm"));
    }
}
