//! JSON patches (RFC 6902) on the objects that a target selects.

use gimlet_crds::{Json6902Patch, PatchTarget};
use json_patch::Patch;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{PatchError, hint};
use crate::object::Object;
use crate::yaml;

/// Largest compiled pattern of a target, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

pub(super) fn apply(
    objects: &mut [Object],
    patch: &Json6902Patch,
    namespace: &str,
    field: &str,
) -> Result<(), PatchError> {
    let operations = operations(&patch.patch, field)?;
    let selector = Selector::new(&patch.target, field)?;
    let mut matched = false;
    for object in objects.iter_mut() {
        if selector.matches(object, namespace) {
            matched = true;
            *object = apply_to(object, &operations, field)?;
        }
    }
    if matched {
        return Ok(());
    }
    let PatchTarget { group, version, kind, name, namespace } = &patch.target;
    let parts = [("name", name), ("namespace", namespace), ("group", group), ("version", version)];
    let set =
        parts.into_iter().filter_map(|(part, value)| Some(format!(" {part} {}", value.as_ref()?)));
    let target = format!("{kind}{}", set.collect::<Vec<_>>().join(","));
    let hint = hint(objects, kind, name.as_deref().unwrap_or_default());
    Err(PatchError::NoMatch { field: field.to_owned(), target, hint })
}

fn operations(text: &str, field: &str) -> Result<Patch, PatchError> {
    let fault = |message: String| PatchError::Yaml { field: format!("{field}.patch"), message };
    let mut documents = yaml::documents(text).map_err(|error| fault(error.to_string()))?;
    let (Some(document), true) = (documents.pop(), documents.is_empty()) else {
        return Err(fault("expected one list of operations".to_owned()));
    };
    if !document.is_array() {
        return Err(fault("expected a list of operations, such as `- op: add`".to_owned()));
    }
    serde_json::from_value(document).map_err(|error| fault(error.to_string()))
}

fn apply_to(object: &Object, operations: &Patch, field: &str) -> Result<Object, PatchError> {
    let fault = |message: String| PatchError::Fault {
        field: field.to_owned(),
        target: object.to_string(),
        message,
    };
    let mut value: Value = object.clone().into_value();
    // What fails is thrown away with the copy; to undo it step by step may fail too, and then panics.
    json_patch::patch_unsafe(&mut value, operations).map_err(|error| fault(error.to_string()))?;
    Object::new(value).map_err(|error| fault(error.to_string()))
}

/// A target with its parts as patterns that have to match whole, as kustomize reads them.
struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
}

impl Selector {
    fn new(target: &PatchTarget, field: &str) -> Result<Self, PatchError> {
        let PatchTarget { group, version, kind, name, namespace } = target;
        let pattern = |part: Option<&str>| {
            part.filter(|part| !part.is_empty()).map(|part| anchored(part, field)).transpose()
        };
        Ok(Self {
            group: pattern(group.as_deref())?,
            version: pattern(version.as_deref())?,
            kind: pattern(Some(kind))?,
            name: pattern(name.as_deref())?,
            namespace: pattern(namespace.as_deref())?,
        })
    }

    fn matches(&self, object: &Object, namespace: &str) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
        };
        fits(&self.group, object.group())
            && fits(&self.version, object.version())
            && fits(&self.kind, object.kind())
            && fits(&self.name, object.name())
            && fits(&self.namespace, object.namespace().unwrap_or(namespace))
    }
}

fn anchored(pattern: &str, field: &str) -> Result<Regex, PatchError> {
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_SIZE).build().map_err(
        |error| PatchError::Pattern {
            field: field.to_owned(),
            pattern: pattern.to_owned(),
            message: error.to_string(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objects() -> Vec<Object> {
        let make = |api: &str, kind: &str, name: &str| {
            Object::new(json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}}))
                .unwrap()
        };
        vec![
            make("apps/v1", "Deployment", "web"),
            make("apps/v1", "Deployment", "web-worker"),
            make("v1", "Service", "web"),
        ]
    }

    fn patched(target: PatchTarget) -> Result<Vec<String>, PatchError> {
        let mut objects = objects();
        let patch =
            Json6902Patch { patch: "- op: add\n  path: /spec\n  value: 1\n".into(), target };
        apply(&mut objects, &patch, "default", "json6902Patches[0]")?;
        let changed = objects.iter().filter(|object| object.value().contains_key("spec"));
        Ok(changed.map(ToString::to_string).collect())
    }

    fn target(kind: &str, name: Option<&str>) -> PatchTarget {
        PatchTarget { kind: kind.into(), name: name.map(Into::into), ..PatchTarget::default() }
    }

    #[test]
    fn a_name_matches_whole() {
        let web = patched(target("Deployment", Some("web"))).unwrap();
        assert_eq!(web, ["Deployment \"web\""]);
        let pattern = patched(target("Deployment", Some("web.*"))).unwrap();
        assert_eq!(pattern, ["Deployment \"web\"", "Deployment \"web-worker\""]);
        assert_eq!(patched(target("Deployment", None)).unwrap().len(), 2);
        assert_eq!(patched(target("Deployment|Service", Some("web"))).unwrap().len(), 2);
    }

    #[test]
    fn group_version_and_namespace_are_compared() {
        let with = |group: &str, version: &str, namespace: &str| PatchTarget {
            group: Some(group.into()),
            version: Some(version.into()),
            namespace: Some(namespace.into()),
            ..target("Deployment", None)
        };
        assert_eq!(patched(with("apps", "v1", "default")).unwrap().len(), 2);
        assert!(patched(with("batch", "v1", "default")).is_err());
        assert!(patched(with("apps", "v2", "default")).is_err());
        assert!(patched(with("apps", "v1", "other")).is_err());
    }

    #[test]
    fn a_target_without_an_object_is_named() {
        let error = patched(target("Deployment", Some("wbe"))).unwrap_err().to_string();
        let expected = "json6902Patches[0] matches no object: there is no Deployment name wbe; did you \
                        mean \"web\"?";
        assert_eq!(error, expected);
        let error = patched(target("Job", None)).unwrap_err().to_string();
        assert!(error.ends_with("nothing of kind Job was rendered"), "{error}");
        let error = patched(target("(", None)).unwrap_err().to_string();
        assert!(error.contains("not a valid regular expression"), "{error}");
    }

    #[test]
    fn an_operation_that_fails_names_the_object_and_the_path() {
        let mut objects = objects();
        let patch = Json6902Patch {
            patch: "- op: replace\n  path: /spec/replicas\n  value: 1\n".into(),
            target: target("Service", None),
        };
        let error =
            apply(&mut objects, &patch, "default", "json6902Patches[3]").unwrap_err().to_string();
        assert!(error.starts_with("json6902Patches[3] does not fit Service \"web\""), "{error}");
        assert!(error.contains("/spec/replicas"), "{error}");
    }

    #[test]
    fn a_failure_behind_operations_that_cannot_be_undone_is_an_error() {
        let mut objects = objects();
        let text = "- {op: add, path: /metadata/labels, value: {a: b}}\n\
                    - {op: remove, path: /metadata/labels/a}\n\
                    - {op: copy, from: /metadata/name, path: /metadata/labels/c~1d}\n\
                    - {op: move, from: /metadata/labels, path: /nowhere/labels}\n";
        let patch = Json6902Patch { patch: text.into(), target: target("Service", None) };
        let error = apply(&mut objects, &patch, "d", "f").unwrap_err();
        assert!(matches!(error, PatchError::Fault { .. }), "{error}");
        assert!(!objects[2].value()["metadata"].as_object().unwrap().contains_key("labels"));
    }

    #[test]
    fn operations_that_are_no_list_are_refused() {
        for text in ["op: add", "", "a: [", "- op: jump\n  path: /a", "[]\n---\n[]"] {
            let mut objects = objects();
            let patch = Json6902Patch { patch: text.into(), target: target("Service", None) };
            let error = apply(&mut objects, &patch, "d", "f").unwrap_err();
            assert!(matches!(error, PatchError::Yaml { .. }), "{text:?}: {error}");
        }
    }
}
