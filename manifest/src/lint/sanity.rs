//! Objects that an API server would refuse, or that could not work.

use serde_json::{Map, Value};

use crate::object::Object;

/// Kinds of Kubernetes, each with the group in which it is.
const GROUPS: [(&str, &str); 24] = [
    ("ConfigMap", ""),
    ("Secret", ""),
    ("Service", ""),
    ("ServiceAccount", ""),
    ("PersistentVolumeClaim", ""),
    ("Namespace", ""),
    ("Pod", ""),
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("ReplicaSet", "apps"),
    ("Job", "batch"),
    ("CronJob", "batch"),
    ("HorizontalPodAutoscaler", "autoscaling"),
    ("PodDisruptionBudget", "policy"),
    ("NetworkPolicy", "networking.k8s.io"),
    ("Role", "rbac.authorization.k8s.io"),
    ("RoleBinding", "rbac.authorization.k8s.io"),
    ("ClusterRole", "rbac.authorization.k8s.io"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io"),
    ("StorageClass", "storage.k8s.io"),
    ("PriorityClass", "scheduling.k8s.io"),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("Lease", "coordination.k8s.io"),
];

/// API versions that no supported cluster has any more.
const REMOVED: [(&str, &str); 9] = [
    ("extensions/v1beta1", "apps/v1 or networking.k8s.io/v1"),
    ("apps/v1beta1", "apps/v1"),
    ("apps/v1beta2", "apps/v1"),
    ("batch/v1beta1", "batch/v1"),
    ("policy/v1beta1", "policy/v1"),
    ("autoscaling/v2beta1", "autoscaling/v2"),
    ("autoscaling/v2beta2", "autoscaling/v2"),
    ("networking.k8s.io/v1beta1", "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1"),
];

/// A fault of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the object.
    pub(super) path: Vec<String>,
    pub(super) message: String,
}

fn fault(path: &[&str], message: impl Into<String>) -> Fault {
    let path = path.iter().map(|&step| step.to_owned()).collect();
    Fault { path, message: message.into() }
}

/// Lists what is wrong with an object.
pub(super) fn faults(object: &Object) -> Vec<Fault> {
    let mut found = Vec::new();
    api_version(object, &mut found);
    texts(object, &mut found);
    if let Some(template) = pod_template(object) {
        selector(object, &template, &mut found);
        containers(&template, &mut found);
    }
    found
}

fn api_version(object: &Object, found: &mut Vec<Fault>) {
    let version = object.api_version();
    if let Some((_, now)) = REMOVED.iter().find(|(removed, _)| *removed == version) {
        found.push(fault(&["apiVersion"], format!("{version} is gone from Kubernetes: use {now}")));
        return;
    }
    let group = GROUPS.iter().find(|(kind, _)| *kind == object.kind());
    // Other groups may have a kind of the same name; those of Kubernetes do not.
    let is_own =
        object.group().is_empty() || GROUPS.iter().any(|(_, group)| *group == object.group());
    if let Some((kind, group)) = group
        && is_own
        && *group != object.group()
    {
        let wanted = match *group {
            "" => "v1".to_owned(),
            "autoscaling" => "autoscaling/v2".to_owned(),
            group => format!("{group}/v1"),
        };
        found.push(fault(&["apiVersion"], format!("{kind} is of {wanted}, not of {version}")));
    }
}

/// Labels, annotations and the data of a `ConfigMap` are texts.
fn texts(object: &Object, found: &mut Vec<Fault>) {
    let mut maps = vec![vec!["metadata", "labels"], vec!["metadata", "annotations"]];
    if object.group().is_empty() && object.kind() == "ConfigMap" {
        maps.push(vec!["data"]);
    }
    for path in maps {
        let mut map = Some(object.value());
        for step in &path {
            map = map.and_then(|map| map.get(*step)).and_then(Value::as_object);
        }
        let Some(map) = map else { continue };
        for (key, value) in map {
            if !value.is_string() && !value.is_null() {
                let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                let message =
                    format!("{} has to be a text: write {:?}", path.join("."), value.to_string());
                found.push(fault(&path, message));
            }
        }
    }
}

/// A pod template, and where it is.
struct Template<'a> {
    path: &'static [&'static str],
    value: &'a Value,
}

fn pod_template(object: &Object) -> Option<Template<'_>> {
    let path: &[&str] = match (object.group(), object.kind()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            &["spec", "template"]
        }
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
        ("", "Pod") => &[],
        _ => return None,
    };
    let mut steps = path.iter();
    let Some(first) = steps.next() else {
        // A Pod is its own template.
        return object.value().get("spec").map(|value| Template { path: &["spec"], value });
    };
    let value = steps.try_fold(object.value().get(*first)?, |value, step| value.get(*step))?;
    Some(Template { path, value })
}

/// A workload has to select its own pods.
fn selector(object: &Object, template: &Template<'_>, found: &mut Vec<Fault>) {
    if object.group() != "apps" {
        return;
    }
    let path = ["spec", "selector", "matchLabels"];
    let wanted = object.value().get("spec").and_then(|spec| spec.get("selector"));
    let Some(wanted) = wanted else {
        found.push(fault(&["spec"], "spec.selector is missing: it says which pods are its own"));
        return;
    };
    let Some(Value::Object(wanted)) = wanted.get("matchLabels") else { return };
    let empty = Map::new();
    let labels = template.value.get("metadata").and_then(|metadata| metadata.get("labels"));
    let labels = labels.and_then(Value::as_object).unwrap_or(&empty);
    for (key, value) in wanted {
        if labels.get(key) != Some(value) {
            let message = match labels.get(key) {
                None => format!("the selector wants the label {key}, which the pod template lacks"),
                Some(other) => format!(
                    "the selector wants the label {key}: {value}, which is {other} in the pod template"
                ),
            };
            let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
            found.push(fault(&path, message));
        }
    }
}

fn containers(template: &Template<'_>, found: &mut Vec<Fault>) {
    let (spec, base): (Option<&Value>, Vec<&str>) = match template.path {
        ["spec"] => (Some(template.value), vec!["spec"]),
        path => (template.value.get("spec"), path.iter().copied().chain(["spec"]).collect()),
    };
    let Some(spec) = spec else {
        found.push(fault(template.path, "the pod template has no spec"));
        return;
    };
    let at = |more: &[&'static str]| -> Vec<&str> {
        base.iter().copied().chain(more.iter().copied()).collect()
    };
    let Some(Value::Array(list)) = spec.get("containers") else {
        found.push(fault(&at(&[]), "there are no containers"));
        return;
    };
    if list.is_empty() {
        found.push(fault(&at(&["containers"]), "there are no containers"));
    }
    let mut names = Vec::new();
    for (index, container) in list.iter().enumerate() {
        let number = index.to_string();
        let mut path = at(&["containers"]);
        path.push(&number);
        match container.get("name").and_then(Value::as_str) {
            None | Some("") => found.push(fault(&path, "a container has no name")),
            Some(name) if names.contains(&name) => {
                found.push(fault(&path, format!("two containers are called {name}")));
            }
            Some(name) => names.push(name),
        }
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        if image.is_empty() || image.ends_with(':') || image.starts_with(':') {
            let message = if image.is_empty() {
                "a container has no image".to_owned()
            } else {
                format!("the image {image:?} is not complete")
            };
            path.push("image");
            found.push(fault(&path, message));
        }
    }
}
