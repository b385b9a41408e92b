//! The keywords of a schema: their order, and what is said when one fails.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value as Json;

use super::Item;
use crate::schema::format;
use crate::schema::text::{display, json_type, list, localized, quote, thousands, want};

/// Keywords in the order helm's validator looks at them.
pub(super) const ORDER: [&str; 36] = [
    "$ref",
    "minProperties",
    "maxProperties",
    "required",
    "dependencies",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentSchemas",
    "dependentRequired",
    "minItems",
    "maxItems",
    "uniqueItems",
    "items",
    "prefixItems",
    "additionalItems",
    "contains",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "$recursiveRef",
    "$dynamicRef",
    "not",
    "allOf",
    "anyOf",
    "oneOf",
    "then",
    "else",
    "unevaluatedProperties",
    "unevaluatedItems",
];

/// Keywords after which helm's validator looks no further.
pub(super) const FINAL: [&str; 4] = ["type", "const", "enum", "format"];

pub(super) fn missing(items: &[Item<'_>]) -> String {
    let names: Vec<&str> = items
        .iter()
        .filter_map(|item| match item.error.kind() {
            Kind::Required { property } => property.as_str(),
            _ => None,
        })
        .collect();
    let plural = if names.len() == 1 { "property" } else { "properties" };
    format!("missing {plural} {}", list(names))
}

pub(super) fn final_text(error: &ValidationError<'_>) -> String {
    let value = error.instance();
    match error.kind() {
        Kind::Type { kind } => format!("got {}, want {}", json_type(value), want(kind)),
        Kind::Constant { expected_value } => match &**expected_value {
            Json::Array(_) | Json::Object(_) => "'const' failed".to_owned(),
            wanted => format!("value must be {}", display(wanted)),
        },
        Kind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            if options.iter().any(|option| option.is_array() || option.is_object()) {
                return "'enum' failed".to_owned();
            }
            let shown: Vec<_> = options.iter().map(display).collect();
            let one = if shown.len() == 1 { "" } else { "one of " };
            format!("value must be {one}{}", shown.join(", "))
        }
        Kind::Format { format } => format::refusal(value, format),
        _ => text(error),
    }
}

/// The text of a keyword with a bound.
pub(super) fn text(error: &ValidationError<'_>) -> String {
    let value = error.instance();
    let number = value.as_f64().unwrap_or_default();
    let count = |keyword: &str, limit: u64| {
        let got = match &**value {
            Json::String(text) => text.chars().count(),
            Json::Array(items) => items.len(),
            Json::Object(entries) => entries.len(),
            _ => 0,
        };
        format!("{keyword}: got {}, want {}", thousands(got as u64), thousands(limit))
    };
    let bound = |keyword: &str, limit: f64| {
        format!("{keyword}: got {}, want {}", localized(number), localized(limit))
    };
    let float = |limit: &Json| limit.as_f64().unwrap_or_default();
    match error.kind() {
        Kind::MinProperties { limit } => count("minProperties", *limit),
        Kind::MaxProperties { limit } => count("maxProperties", *limit),
        Kind::MinItems { limit } => count("minItems", *limit),
        Kind::MaxItems { limit } => count("maxItems", *limit),
        Kind::MinLength { limit } => count("minLength", *limit),
        Kind::MaxLength { limit } => count("maxLength", *limit),
        Kind::Minimum { limit } => bound("minimum", float(limit)),
        Kind::Maximum { limit } => bound("maximum", float(limit)),
        Kind::ExclusiveMinimum { limit } => bound("exclusiveMinimum", float(limit)),
        Kind::ExclusiveMaximum { limit } => bound("exclusiveMaximum", float(limit)),
        Kind::MultipleOf { multiple_of } => bound("multipleOf", *multiple_of),
        Kind::Pattern { pattern } => {
            let found = value.as_str().unwrap_or_default();
            format!("{} does not match pattern {}", quote(found), quote(pattern))
        }
        Kind::AdditionalProperties { unexpected } => {
            let mut names: Vec<&str> = unexpected.iter().map(String::as_str).collect();
            names.sort_unstable();
            format!("additional properties {} not allowed", list(names))
        }
        Kind::AdditionalItems { limit } => {
            let count = value.as_array().map_or(0, Vec::len).saturating_sub(*limit);
            format!("last {count} additionalItem(s) not allowed")
        }
        Kind::UniqueItems => {
            let items = value.as_array().map_or(&[][..], Vec::as_slice);
            let twin = items.iter().enumerate().find_map(|(second, item)| {
                let first = items[..second].iter().position(|earlier| earlier == item)?;
                Some((first, second))
            });
            let (first, second) = twin.unwrap_or_default();
            format!("items at {first} and {second} are equal")
        }
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Not { .. } => "'not' failed".to_owned(),
        _ => error.to_string(),
    }
}
