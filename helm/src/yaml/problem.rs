//! Syntax errors in the words of go-yaml.

use super::YamlError;

/// Words what the parser says of a text as go-yaml would, as far as both look at the same thing.
pub(super) fn worded(text: &str, line: usize, info: &str) -> YamlError {
    let last = text.lines().count();
    match info {
        _ if info.starts_with("tabs disallowed") => {
            YamlError::new(Some(line), "found character that cannot start any token")
        }
        "unclosed quote" => {
            let line = if line > 1 { line } else { last };
            YamlError::new(Some(line), "found unexpected end of stream")
        }
        // It counts the lines of such errors from zero.
        "while parsing a block mapping, did not find expected key" => {
            YamlError::new(Some(line.saturating_sub(1)), "did not find expected key")
        }
        "while parsing node, found unknown anchor" => {
            let name = text.lines().nth(line.saturating_sub(1)).and_then(|text| {
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
