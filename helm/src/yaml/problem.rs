//! Syntax errors in the words of go-yaml.

use super::YamlError;

const NO_CONTENT: &str = "did not find expected node content";
const NO_TOKEN: &str = "found character that cannot start any token";

/// Words what the parser says of a text as go-yaml would, as far as both look at the same thing.
pub(super) fn worded(text: &str, line: usize, info: &str) -> YamlError {
    let last = text.lines().count();
    let before = line.saturating_sub(1);
    match info {
        _ if info.starts_with("tabs disallowed") => YamlError::new(Some(line), NO_TOKEN),
        _ if info.starts_with("unexpected character: ") => YamlError::new(Some(line), NO_TOKEN),
        "while scanning a plain scalar, found a tab" => {
            let tab = text
                .lines()
                .skip(before)
                .position(|text| text.trim_start_matches(' ').starts_with('\t'));
            let line = line + tab.unwrap_or(0);
            YamlError::new(Some(line), "found a tab character that violates indentation")
        }
        "unclosed quote" => {
            let line = if line > 1 { line } else { last };
            YamlError::new(Some(line), "found unexpected end of stream")
        }
        "unclosed bracket '['" => unclosed(text, last, "did not find expected ',' or ']'"),
        "unclosed bracket '{'" => unclosed(text, last, "did not find expected ',' or '}'"),
        "misplaced bracket" => YamlError::counted_from_zero(before, misplaced(text)),
        "while parsing a quoted scalar, did not find expected hexadecimal number" => {
            YamlError::new(Some(line), "did not find expected hexdecimal number")
        }
        "while parsing a block mapping, did not find expected key" => {
            YamlError::counted_from_zero(before, "did not find expected key")
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            YamlError::counted_from_zero(before, "did not find expected '-' indicator")
        }
        "while parsing node, found unknown anchor" => {
            let name = text.lines().nth(before).and_then(|text| {
                let (_, rest) = text.split_once('*')?;
                let end = |symbol: char| !(symbol.is_ascii_alphanumeric() || "_-".contains(symbol));
                rest.split(end).next()
            });
            YamlError::new(
                None,
                format!("unknown anchor '{}' referenced", name.unwrap_or_default()),
            )
        }
        _ => YamlError::new(Some(line), info),
    }
}

/// What is missing at the end of the text depends on what stands there.
fn unclosed(text: &str, last: usize, after_value: &str) -> YamlError {
    let wants_value = text.trim_end().ends_with(['[', '{', ',', ':']);
    YamlError::counted_from_zero(last, if wants_value { NO_CONTENT } else { after_value })
}

/// A bracket too many either stands where a value is wanted or after one.
fn misplaced(text: &str) -> &'static str {
    let mut open = 0_usize;
    for (at, symbol) in text.char_indices() {
        match symbol {
            '[' | '{' => open += 1,
            ']' | '}' if open == 0 => {
                let before = text[..at].trim_end();
                let wants_value = before.is_empty() || before.ends_with([':', '-']);
                return if wants_value { NO_CONTENT } else { "did not find expected key" };
            }
            ']' | '}' => open -= 1,
            _ => {}
        }
    }
    "did not find expected key"
}
