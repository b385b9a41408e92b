//! The JSON value at the start of a text.

use serde_json::Value as Json;

/// Reads one value and returns it with its length; what follows it may be anything.
pub(super) fn prefix(text: &str) -> Option<(Json, usize)> {
    let start = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len();
    let rest = &text[start..];
    if rest.starts_with(['{', '[', '"']) {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        return Some((value, start + values.byte_offset()));
    }
    let length = ["true", "false", "null"]
        .into_iter()
        .find(|word| rest.starts_with(word))
        .map_or_else(|| number(rest), |word| Some(word.len()))?;
    Some((serde_json::from_str(&rest[..length]).ok()?, start + length))
}

/// The length of the number at the start of a text.
fn number(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let count = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let start = usize::from(bytes.first() == Some(&b'-'));
    let mut end = match bytes.get(start) {
        Some(b'0') => start + 1,
        _ => digits(start)?,
    };
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(end + 1 + signed)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_is_complete() {
        for (text, length) in [
            ("5abc", 1),
            ("-0.5e+3,x", 7),
            ("05", 1),
            ("\"a,b\"c", 5),
            (" {\"a\":[1]}}", 10),
            ("truex", 4),
        ] {
            assert_eq!(prefix(text).unwrap().1, length, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told() {
        for text in ["", "-", "1.", "1e", "nul", "{", "\"a", "x"] {
            assert!(prefix(text).is_none(), "{text}");
        }
    }
}
