//! Text encodings shared by values and functions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::number::format_json;

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Lower case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// How JSON is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonStyle {
    /// Escape `<`, `>` and `&` as `encoding/json` does by default.
    pub(crate) escape_html: bool,
    pub(crate) pretty: bool,
}

/// Writes JSON as `encoding/json` does, with objects in the order they are in.
pub(crate) fn write_json(value: &Json, style: JsonStyle) -> String {
    let mut out = String::new();
    json_at(value, style, 0, &mut out);
    out
}

fn break_line(style: JsonStyle, depth: usize, out: &mut String) {
    if style.pretty {
        out.push('\n');
        for _ in 0..depth {
            out.push_str("  ");
        }
    }
}

fn json_at(value: &Json, style: JsonStyle, depth: usize, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => {
            if number.is_f64() {
                out.push_str(&format_json(number.as_f64().unwrap_or_default()));
            } else {
                out.push_str(&number.to_string());
            }
        }
        Json::String(text) => json_text(text, style.escape_html, out),
        Json::Array(items) if items.is_empty() => out.push_str("[]"),
        Json::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                break_line(style, depth + 1, out);
                json_at(item, style, depth + 1, out);
            }
            break_line(style, depth, out);
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                break_line(style, depth + 1, out);
                json_text(key, style.escape_html, out);
                out.push_str(if style.pretty { ": " } else { ":" });
                json_at(value, style, depth + 1, out);
            }
            break_line(style, depth, out);
            out.push('}');
        }
    }
}

fn json_text(text: &str, escape_html: bool, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for symbol in text.chars() {
        match symbol {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' if !escape_html => out.push(symbol),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(symbol));
            }
            _ => out.push(symbol),
        }
    }
    out.push('"');
}
