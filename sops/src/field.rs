//! The fields of a Secret that hold its values.

use serde_json::{Map, Value};

/// The fields whose values are secret, in the order in which they are written and authenticated.
pub(crate) const FIELDS: [&str; 2] = ["data", "stringData"];

/// The same fields, as SOPS is told.
pub(crate) const ENCRYPTED_REGEX: &str = "^(data|stringData)$";

/// Returns every value of a Secret with its field and key; nothing for fields of a wrong type.
pub(crate) fn values(secret: &Value) -> impl Iterator<Item = (&'static str, &str, &Value)> {
    FIELDS.into_iter().flat_map(move |field| {
        let map = secret.get(field).and_then(Value::as_object);
        map.into_iter().flatten().map(move |(key, value)| (field, key.as_str(), value))
    })
}

/// Tells whether a value says anything.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Returns the first place below `value` with a key that SOPS would take for a secret field.
///
/// SOPS compares its expression with every part of a path, not only with the first one.
pub(crate) fn misleading(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Object(map) => misleading_in(map, path),
        Value::Array(items) => items.iter().find_map(|item| misleading(item, path)),
        _ => None,
    }
}

fn misleading_in(map: &Map<String, Value>, path: &str) -> Option<String> {
    map.iter().find_map(|(key, value)| {
        let path = format!("{path}.{key}");
        if FIELDS.contains(&key.as_str()) && !value.is_null() {
            return Some(path);
        }
        misleading(value, &path)
    })
}
