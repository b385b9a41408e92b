//! Values and names as helm's schema errors show them.

use jsonschema::error::TypeKind;
use jsonschema::types::JsonType;
use serde_json::Value as Json;

use crate::number::format_general;
use crate::print;

pub(super) fn json_type(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The types a value may have, in a fixed order.
pub(super) fn want(kind: &TypeKind) -> String {
    let wanted = |known: JsonType| match kind {
        TypeKind::Single(single) => *single == known,
        TypeKind::Multiple(several) => several.contains(known),
    };
    let names: Vec<&str> = [
        (JsonType::Null, "null"),
        (JsonType::Boolean, "boolean"),
        (JsonType::Number, "number"),
        (JsonType::Integer, "integer"),
        (JsonType::String, "string"),
        (JsonType::Array, "array"),
        (JsonType::Object, "object"),
    ]
    .into_iter()
    .filter(|(known, _)| wanted(*known))
    .map(|(_, name)| name)
    .collect();
    names.join(" or ")
}

/// Quotes with single quotes.
pub(super) fn quote(text: &str) -> String {
    let quoted = print::quote(text).replace("\\\"", "\"").replace('\'', "\\'");
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    format!("'{inner}'")
}

pub(super) fn list(names: Vec<&str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(quote).collect();
    quoted.join(", ")
}

pub(super) fn display(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::String(text) => quote(text),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        Json::Number(number) if number.is_f64() => {
            number.as_f64().map(format_general).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

/// A count with the thousands of English.
pub(super) fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number as English writes it, from a million on with a power of ten.
pub(super) fn localized(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    let scientific = format!("{:e}", number.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let raised: String = format!("{:02}", exponent.abs())
            .chars()
            .filter_map(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit.to_digit(10)? as usize))
            .collect();
        let minus = if exponent < 0 { "⁻" } else { "" };
        return format!("{sign}{digits}×10{minus}{raised}");
    }
    let text = number.abs().to_string();
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", grouped(whole)),
        None => format!("{sign}{}", grouped(&text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_and_powers() {
        for (number, text) in [
            (0.0, "0"),
            (999.5, "999.5"),
            (-1000.0, "-1,000"),
            (123_456.25, "123,456.25"),
            (1e7, "1×10⁰⁷"),
            (12_345_678_901.0, "1.2345678901×10¹⁰"),
        ] {
            assert_eq!(localized(number), text);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn quotes_are_single() {
        assert_eq!(quote("a\"b'c\n"), "'a\"b\\'c\\n'");
    }
}
