//! Rendered files taken apart into manifests and hooks, in the order of installation.

mod head;
mod quick;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::octets;
use crate::render::{Document, HelmVersion, Hook};
use crate::yaml;
use head::Head;

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

/// What Helm 4 puts after all these.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

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

static SEPARATOR4: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^---[ \t]*").expect("the separator pattern is valid"));

/// What a rendered chart consists of.
#[derive(Default)]
pub(crate) struct Sorted {
    pub(crate) manifests: Vec<Document>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) warnings: Vec<String>,
}

/// A rendered file that does not hold manifests.
#[derive(Debug, thiserror::Error)]
#[error("YAML parse error on {}: {problem}", file.as_deref().unwrap_or_default())]
pub(crate) struct ManifestError {
    pub(crate) file: Option<String>,
    pub(crate) problem: Problem,
    pub(crate) line: Option<usize>,
}

/// What is wrong with a rendered file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    Invalid(String),
    #[error("too many objects")]
    TooMany,
}

fn split(text: &str, helm: HelmVersion) -> Vec<&str> {
    match helm {
        HelmVersion::V3 => {
            SEPARATOR.split(text.trim()).filter(|part| !part.is_empty()).map(str::trim).collect()
        }
        HelmVersion::V4 => SEPARATOR4
            .split(text.trim_start())
            .filter(|part| !part.trim().is_empty())
            .map(str::trim_start)
            .collect(),
    }
}

fn compare(left: &str, right: &str, helm: HelmVersion) -> Ordering {
    let last = LAST.iter().filter(|_| helm == HelmVersion::V4);
    let order = || INSTALL_ORDER.iter().chain(last.clone());
    let rank = |kind: &str| order().position(|known| *known == kind);
    match (rank(left), rank(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

fn parsed_head(file: &str, content: &str, has_octets: bool) -> Result<Head, ManifestError> {
    let failed = |message, line| {
        let (file, problem) = (Some(file.to_owned()), Problem::Invalid(message));
        ManifestError { file, problem, line }
    };
    let octets = if has_octets { octets::of_text(content) } else { None };
    let text = octets.as_deref().map_or(Ok(content), yaml::text);
    let document = text
        .and_then(yaml::from_str)
        .map_err(|error| failed(format!("error converting YAML to JSON: {error}"), error.line()))?;
    head::head(&document).map_err(|message| failed(message, None))
}

/// Takes rendered files apart, as long as they hold no more than so many objects.
pub(crate) fn sort(
    files: &BTreeMap<String, String>,
    has_octets: bool,
    most: usize,
    helm: HelmVersion,
) -> Result<Sorted, ManifestError> {
    let mut count = 0;
    let mut manifests: Vec<(String, Document)> = Vec::new();
    let mut sorted = Sorted::default();
    for (file, text) in files {
        for content in split(text, helm) {
            count += 1;
            if count > most {
                return Err(ManifestError { file: None, problem: Problem::TooMany, line: None });
            }
            let head = match quick::head(content) {
                Some(head) => head,
                None => parsed_head(file, content, has_octets)?,
            };
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
    manifests.sort_by(|left, right| compare(&left.0, &right.0, helm));
    sorted.hooks.sort_by(|left, right| compare(&left.kind, &right.kind, helm));
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
        let sorted = sort(&files(text), false, 100, HelmVersion::V3).unwrap();
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
        let sorted = sort(&files(&text), false, 100, HelmVersion::V3).unwrap();
        assert_eq!(sorted.hooks.len(), 1);
        assert_eq!(sorted.hooks[0].events, ["pre-install", "test"]);
        assert_eq!(sorted.hooks[0].weight, -5);
        assert_eq!(sorted.warnings.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_map_is_an_error() {
        let error = sort(&files("- a\n"), false, 100, HelmVersion::V3).err().unwrap();
        assert!(error.to_string().starts_with("YAML parse error on c/templates/a.yaml: error unm"));
    }
}
