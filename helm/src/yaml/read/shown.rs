//! Trees as errors show them.

use serde_json::Value;

use super::SHOWN_LIMIT;
use crate::number::format_general;
use crate::print::quote;
use crate::yaml::tree::Built;

/// A tree as an error shows it.
pub(super) fn shown(tree: &impl Built) -> String {
    let mut text = syntax(&tree.to_json());
    if text.len() > SHOWN_LIMIT {
        text.truncate(text.floor_char_boundary(SHOWN_LIMIT));
        text.push_str("...");
    }
    text
}

/// A value as Go source, as `%#v` prints what go-yaml reads.
fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => {
            format_general(number.as_f64().unwrap_or_default())
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entry =
                |(key, value): (&String, &Value)| format!("{}:{}", quote(key), syntax(value));
            let entries: Vec<_> = entries.into_iter().map(entry).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}
