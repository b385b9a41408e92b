//! Text encodings shared by values and functions.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use serde_json::Value as Json;

use crate::number::format_json;

/// Like Go, does not care about bits that are cut off.
const TOLERANT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes standard base64 with padding; like Go, line ends are skipped.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|symbol| !matches!(symbol, '\n' | '\r')).collect();
    TOLERANT.decode(compact).ok()
}

/// Bytes as text; each byte that is no part of a character is replaced, as Go does it.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
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
