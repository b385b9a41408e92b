//! Secret values hidden from a diff.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{object, yaml};

/// Fields of a Secret that hold its values.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// Annotation in which kubectl keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Masks both sides of a changed file if either holds a Secret.
pub(super) fn secrets(before: &str, after: &str) -> Option<(Cow<'static, str>, Cow<'static, str>)> {
    // A text that does not say the word cannot be read as a Secret; escapes could spell it.
    let suspicious = |text: &str| text.contains("Secret") || text.contains('\\');
    if !suspicious(before) && !suspicious(after) {
        return None;
    }
    let (Some(mut old), Some(mut new)) = (read(before), read(after)) else {
        let hidden = |text: &str| {
            let lines = text.lines().count();
            Cow::Owned(format!("(hidden: {lines} lines that may hold a Secret)\n"))
        };
        return Some((hidden(before), hidden(after)));
    };
    if !old.iter().chain(&new).any(is_secret) {
        return None;
    }
    let originals = (old.clone(), new.clone());
    for (index, value) in old.iter_mut().enumerate() {
        mask(value, originals.1.get(index), "(removed)", "(hidden)");
    }
    for (index, value) in new.iter_mut().enumerate() {
        mask(value, originals.0.get(index), "(added)", "(changed)");
    }
    Some((write(&old), write(&new)))
}

fn read(text: &str) -> Option<Vec<Value>> {
    let documents = yaml::documents(text).ok()?;
    Some(documents.into_iter().flat_map(object::flatten).collect())
}

fn write(values: &[Value]) -> Cow<'static, str> {
    let texts: Vec<String> = values
        .iter()
        .map(|value| yaml::object_to_string(value).unwrap_or_else(|_| "(hidden)\n".to_owned()))
        .collect();
    Cow::Owned(texts.join("---\n"))
}

fn is_secret(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("Secret")
}

fn mask(value: &mut Value, other: Option<&Value>, alone: &str, different: &str) {
    if !is_secret(value) {
        return;
    }
    for field in FIELDS {
        let other = other.and_then(|other| other.get(field)).and_then(Value::as_object);
        match value.get_mut(field) {
            Some(Value::Object(entries)) => mask_entries(entries, other, alone, different),
            Some(anything) => *anything = Value::String("(hidden)".to_owned()),
            None => {}
        }
    }
    let annotations = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(copy) = annotations.and_then(|annotations| annotations.get_mut(LAST_APPLIED)) {
        *copy = Value::String("(hidden)".to_owned());
    }
}

fn mask_entries(
    entries: &mut Map<String, Value>,
    other: Option<&Map<String, Value>>,
    alone: &str,
    different: &str,
) {
    for (key, value) in entries {
        let shown = match other.and_then(|other| other.get(key)) {
            None => alone,
            Some(before) if before == value => "(hidden)",
            Some(_) => different,
        };
        *value = Value::String(shown.to_owned());
    }
}
