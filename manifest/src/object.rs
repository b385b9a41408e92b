//! A rendered Kubernetes object with a checked identity.

use std::fmt;

use serde_json::{Map, Value};

/// Longest name of an object.
const MAX_NAME: usize = 253;

/// Why something is not a Kubernetes object that Gimlet takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A document is not a map.
    #[error(
        "{start:?} is not a Kubernetes object: a document has to be a map with apiVersion, kind and metadata"
    )]
    NotAMap {
        /// Start of the document.
        start: String,
    },
    /// A field that every object has is missing.
    #[error(
        "{object} has no {field}: set it, every object needs apiVersion, kind and metadata.name"
    )]
    Missing {
        /// What is known of the object.
        object: String,
        /// The missing field.
        field: &'static str,
    },
    /// The object asks the cluster for a name.
    #[error(
        "{object} has metadata.generateName: an object in git needs a fixed name, set metadata.name"
    )]
    GenerateName {
        /// What is known of the object.
        object: String,
    },
    /// A field that makes up the identity is not valid.
    #[error("{object} has the {field} {value:?}, which no cluster takes: change it")]
    Invalid {
        /// What is known of the object.
        object: String,
        /// The field.
        field: &'static str,
        /// What it holds, cut.
        value: String,
    },
    /// `metadata.labels` is not a map.
    #[error("the metadata.labels of {object} are not a map: write them as `key: value`")]
    Labels {
        /// Which object.
        object: String,
    },
}

/// A Kubernetes object: a map with an API version, a kind and a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    value: Map<String, Value>,
}

impl Object {
    /// Checks the identity of an object.
    pub fn new(value: Value) -> Result<Self, ObjectError> {
        let Value::Object(value) = value else {
            return Err(ObjectError::NotAMap { start: start_of(&value) });
        };
        let known = description(&value);
        for field in ["apiVersion", "kind"] {
            if text(value.get(field)).is_empty() {
                return Err(ObjectError::Missing { object: known, field });
            }
        }
        let invalid = |field, value: &str| ObjectError::Invalid {
            object: known.clone(),
            field,
            value: value.chars().take(80).collect(),
        };
        if !is_api_version(text(value.get("apiVersion"))) {
            return Err(invalid("apiVersion", text(value.get("apiVersion"))));
        }
        if !is_kind(text(value.get("kind"))) {
            return Err(invalid("kind", text(value.get("kind"))));
        }
        let Some(Value::Object(metadata)) = value.get("metadata") else {
            return Err(ObjectError::Missing { object: known, field: "metadata.name" });
        };
        let name = text(metadata.get("name"));
        if name.is_empty() {
            return Err(match metadata.get("generateName") {
                Some(Value::String(_)) => ObjectError::GenerateName { object: known },
                _ => ObjectError::Missing { object: known, field: "metadata.name" },
            });
        }
        if !is_name(name) {
            return Err(invalid("metadata.name", name));
        }
        match metadata.get("namespace") {
            None | Some(Value::Null) => {}
            Some(Value::String(namespace)) if namespace.is_empty() || is_label(namespace) => {}
            Some(other) => return Err(invalid("metadata.namespace", &start_of(other))),
        }
        Ok(Self { value })
    }

    /// Returns the API version, such as `apps/v1`.
    pub fn api_version(&self) -> &str {
        text(self.value.get("apiVersion"))
    }

    /// Returns the API group; the core group is empty.
    pub fn group(&self) -> &str {
        self.api_version().rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Returns the version within the group, such as `v1`.
    pub fn version(&self) -> &str {
        let version = self.api_version();
        version.rsplit_once('/').map_or(version, |(_, version)| version)
    }

    /// Returns the kind.
    pub fn kind(&self) -> &str {
        text(self.value.get("kind"))
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        text(self.metadata().and_then(|metadata| metadata.get("name")))
    }

    /// Returns the namespace, if one is set.
    pub fn namespace(&self) -> Option<&str> {
        Some(text(self.metadata()?.get("namespace"))).filter(|namespace| !namespace.is_empty())
    }

    /// Returns the whole object.
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }

    /// Gives the whole object away.
    pub fn into_value(self) -> Value {
        Value::Object(self.value)
    }

    /// Tells whether the object is a plain Secret.
    pub fn is_secret(&self) -> bool {
        self.group().is_empty() && self.kind() == "Secret"
    }

    /// Sets the namespace.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        self.metadata_mut().insert("namespace".to_owned(), Value::String(namespace.to_owned()));
    }

    /// Removes the namespace.
    pub(crate) fn remove_namespace(&mut self) {
        self.metadata_mut().remove("namespace");
    }

    /// Returns the metadata to change it.
    pub(crate) fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let metadata = self.value.entry("metadata").or_insert(Value::Null);
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        metadata.as_object_mut().expect("metadata was made a map just above")
    }

    fn metadata(&self) -> Option<&Map<String, Value>> {
        self.value.get("metadata")?.as_object()
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&description(&self.value))
    }
}

/// Takes lists apart: the items of a `List` (or `ConfigMapList`, …) stand for themselves.
pub(crate) fn flatten(document: Value) -> Vec<Value> {
    let mut flat = Vec::new();
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        match list_items(value) {
            Ok(items) => pending.extend(items.into_iter().rev()),
            Err(value) => flat.push(value),
        }
    }
    flat
}

fn list_items(mut value: Value) -> Result<Vec<Value>, Value> {
    let kind = text(value.get("kind")).to_owned();
    let named = value.pointer("/metadata/name").is_some() || value.get("spec").is_some();
    let Some(element) = kind.strip_suffix("List").filter(|_| !named) else { return Err(value) };
    let element = element.to_owned();
    let api_version = value.get("apiVersion").cloned();
    let items = match value.get_mut("items") {
        Some(Value::Array(items)) => std::mem::take(items),
        Some(Value::Null) => Vec::new(),
        _ => return Err(value),
    };
    let complete = |mut item: Value| {
        // The items of a typed list may leave out what the list says for all.
        if let (false, Value::Object(map), Some(version)) =
            (element.is_empty(), &mut item, &api_version)
        {
            map.entry("apiVersion").or_insert_with(|| version.clone());
            map.entry("kind").or_insert_with(|| Value::String(element.clone()));
        }
        item
    };
    Ok(items.into_iter().map(complete).collect())
}

/// Names an object as well as it can be named.
pub(crate) fn description(value: &Map<String, Value>) -> String {
    let kind = match text(value.get("kind")) {
        "" => "object",
        kind => kind,
    };
    let metadata = value.get("metadata");
    let name = text(metadata.and_then(|metadata| metadata.get("name")));
    let namespace = text(metadata.and_then(|metadata| metadata.get("namespace")));
    let cut = |text: &str| text.chars().take(MAX_NAME).collect::<String>();
    match (name, namespace) {
        ("", _) => format!("{} without a name", cut(kind)),
        (name, "") => format!("{} {:?}", cut(kind), cut(name)),
        (name, namespace) => format!("{} \"{}/{}\"", cut(kind), cut(namespace), cut(name)),
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn start_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(40).collect(),
        other => other.to_string().chars().take(40).collect(),
    }
}

fn is_api_version(text: &str) -> bool {
    let (group, version) = text.rsplit_once('/').unwrap_or(("", text));
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    group.chars().all(part)
        && !version.is_empty()
        && version.len() <= 63
        && group.len() <= MAX_NAME
        && version.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_kind(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Checks for a path segment, the loosest rule that the API has for names.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text != "."
        && text != ".."
        && text.chars().all(|c| c.is_ascii_graphic() && c != '/' && c != '%' && c != '\\')
}

fn is_label(text: &str) -> bool {
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(value: Value) -> String {
        Object::new(value).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_is_named() {
        let object = json!({"kind": "A", "metadata": {"name": "n"}});
        assert!(refusal(object).starts_with("A \"n\" has no apiVersion"));
        let object = json!({"apiVersion": "v1", "metadata": {"name": "n"}});
        assert!(refusal(object).starts_with("object \"n\" has no kind"));
        let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {}});
        assert!(refusal(object).starts_with("A without a name has no metadata.name"));
        let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"generateName": "x-"}});
        assert!(refusal(object).contains("needs a fixed name"));
        assert!(refusal(json!("hello")).starts_with("\"hello\" is not a Kubernetes object"));
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["../x", "a/b", "..", "a b", "a\nb", "a%2fb", "a\\b", "ä", "\u{0}"] {
            let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": name}});
            assert!(refusal(object).contains("no cluster takes"), "{name:?}");
        }
        for (field, value) in [("kind", "../A"), ("kind", "A B"), ("apiVersion", "a/../v1")] {
            let mut object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "n"}});
            object[field] = json!(value);
            assert!(refusal(object).contains(field), "{value}");
        }
        let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "n", "namespace": "../x"}});
        assert!(refusal(object).contains("metadata.namespace"));
    }

    #[test]
    fn lists_are_taken_apart() {
        let item =
            |name: &str| json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": name}});
        let nested = json!({"apiVersion": "v1", "kind": "List", "items": [
            item("1"), {"apiVersion": "v1", "kind": "List", "items": [item("2")]}, item("3"),
        ]});
        let names: Vec<Value> =
            flatten(nested).iter().map(|value| value["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["1", "2", "3"]);
        let typed = json!({"apiVersion": "v1", "kind": "ConfigMapList",
            "items": [{"metadata": {"name": "c"}}]});
        assert_eq!(flatten(typed)[0]["kind"], "ConfigMap");
    }

    #[test]
    fn a_custom_resource_whose_kind_ends_with_list_stays_whole() {
        let value = json!({"apiVersion": "a.io/v1", "kind": "AllowList",
            "metadata": {"name": "n"}, "items": [{"a": 1}]});
        assert_eq!(flatten(value.clone()), [value]);
    }
}
