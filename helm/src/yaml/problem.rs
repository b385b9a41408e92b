//! Syntax errors in the words of go-yaml.

use super::YamlError;

const NO_CONTENT: &str = "did not find expected node content";
const NO_TOKEN: &str = "found character that cannot start any token";

const NO_KEY: &str = "did not find expected key";

const NO_COMMA_IN_LIST: &str = "did not find expected ',' or ']'";
const NO_COMMA_IN_MAP: &str = "did not find expected ',' or '}'";

/// What go-yaml notices in its parser has other words only.
const OTHER_WORDS: [(&str, &str); 10] = [
    ("while parsing a flow mapping, did not find expected ',' or '}'", NO_COMMA_IN_MAP),
    ("mismatched bracket '{' closed by ']'", NO_COMMA_IN_MAP),
    ("while parsing a flow sequence, expected ',' or ']'", NO_COMMA_IN_LIST),
    ("mismatched bracket '[' closed by '}'", NO_COMMA_IN_LIST),
    ("unexpected EOF while parsing an implicit flow mapping", NO_CONTENT),
    ("unexpected EOF while parsing a block mapping", NO_CONTENT),
    ("wrongly indented line in block scalar", NO_KEY),
    ("while parsing a block mapping, did not find expected key", NO_KEY),
    (
        "while parsing a block collection, did not find expected '-' indicator",
        "did not find expected '-' indicator",
    ),
    ("the handle wasn't declared", "found undefined tag handle"),
];

/// Words what the parser says of a text as go-yaml would, as far as both look at the same thing.
///
/// The parser stopped on a line, at a number of bytes.
pub(super) fn worded(text: &str, line: usize, at: usize, info: &str) -> YamlError {
    let last = text.lines().count();
    let before = line.saturating_sub(1);
    let seen = text.get(..at).unwrap_or(text);
    if let Some((_, message)) = OTHER_WORDS.iter().find(|(known, _)| *known == info) {
        return YamlError::counted_from_zero(before, message);
    }
    match info {
        "simple key expected ':'" => {
            // It is noticed only where the next token begins.
            let is_token =
                |text: &str| !matches!(text.trim_start().chars().next(), None | Some('#'));
            let next = text.lines().skip(line).position(is_token);
            let line = next.map_or(last, |next| line + next) + 1;
            YamlError::new(Some(line), "could not find expected ':'")
        }
        "a block scalar content cannot start with a tab" => {
            let tab = |text: &str| text.trim_start_matches(' ').starts_with('\t');
            let line = text.lines().skip(before).position(tab).map_or(line, |tab| line + tab);
            let message = "found a tab character where an indentation space is expected";
            YamlError::new(Some(line), message)
        }
        "illegal placement of ':' indicator" => {
            YamlError::counted_from_zero(before, after_value(seen))
        }
        _ if info.starts_with("invalid trailing content after ") => {
            YamlError::counted_from_zero(before, after_value(seen))
        }
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
            let line = text.matches('\n').count() + 1;
            YamlError::new(Some(line), "found unexpected end of stream")
        }
        "unclosed bracket '['" => unclosed(text, last, NO_COMMA_IN_LIST),
        "unclosed bracket '{'" => unclosed(text, last, NO_COMMA_IN_MAP),
        "misplaced bracket" => YamlError::counted_from_zero(before, misplaced(text)),
        "while parsing a quoted scalar, did not find expected hexadecimal number" => {
            YamlError::new(Some(line), "did not find expected hexdecimal number")
        }
        "while parsing node, found unknown anchor" => {
            let alias = text.lines().nth(before).and_then(|text| text.split_once('*'));
            let end = |symbol: char| symbol.is_whitespace() || ",[]{}".contains(symbol);
            let name = alias.and_then(|(_, rest)| rest.split(end).next()).unwrap_or_default();
            match anchor(name) {
                Some(name) => YamlError::new(None, format!("unknown anchor '{name}' referenced")),
                None => YamlError::new(Some(line), NO_NAME),
            }
        }
        _ => {
            // Only the parser at hand says what it was about.
            let message = match info.split_once(", ") {
                Some((context, message)) if context.starts_with("while scanning ") => message,
                Some(("while parsing a quoted scalar", message)) => message,
                _ => info,
            };
            YamlError::new(Some(line), message)
        }
    }
}

/// What go-yaml refuses in front of the first document and the parser takes, or says otherwise.
pub(super) fn at_start(text: &str) -> Option<YamlError> {
    for (before, line) in text.lines().enumerate() {
        let failed = |message: &str| Some(YamlError::new(Some(before + 1), message));
        if let Some(directive) = line.strip_prefix('%') {
            let is_part =
                |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-');
            let end = directive.find(|symbol| !is_part(symbol)).unwrap_or(directive.len());
            let (name, rest) = directive.split_at(end);
            match name {
                "" => return failed("could not find expected directive name"),
                _ if !rest.is_empty() && !rest.starts_with([' ', '\t']) => {
                    return failed("found unexpected non-alphabetical character");
                }
                "YAML" => {
                    let version = rest.trim_start_matches([' ', '\t']);
                    if !version.starts_with(|symbol: char| symbol.is_ascii_digit()) {
                        return failed("did not find expected version number");
                    }
                    if version.split([' ', '\t', '#']).next() != Some("1.1") {
                        let message = "found incompatible YAML document";
                        return Some(YamlError::counted_from_zero(before, message));
                    }
                }
                "TAG" => {}
                _ => return failed("found unknown directive name"),
            }
        } else if line == "..." || line.starts_with("... ") {
            return Some(YamlError::counted_from_zero(before, NO_CONTENT));
        } else if !line.trim_start_matches(' ').is_empty() && !line.starts_with('#') {
            return None;
        }
    }
    None
}

/// What go-yaml says of an anchor or alias that has no name.
pub(super) const NO_NAME: &str = "did not find expected alphabetic or numeric character";

/// The part of a name of an anchor that go-yaml takes, if it takes what follows.
pub(super) fn anchor(name: &str) -> Option<&str> {
    let is_part = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-');
    let end = name.find(|symbol| !is_part(symbol)).unwrap_or(name.len());
    let follows = name[end..].chars().next();
    let fits =
        end > 0 && follows.is_none_or(|symbol| matches!(symbol, '?' | ':' | '%' | '@' | '`'));
    fits.then_some(&name[..end])
}

/// What is missing behind a value depends on the collection that is open there.
fn after_value(seen: &str) -> &'static str {
    let mut open = Vec::new();
    let mut quote = None;
    let mut before = '\n';
    for symbol in seen.chars() {
        match symbol {
            _ if quote == Some(symbol) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' if matches!(before, '\n' | ':' | '-' | ',' | '[' | '{') => {
                quote = Some(symbol);
            }
            '[' | '{' => open.push(symbol),
            ']' | '}' => drop(open.pop()),
            _ => {}
        }
        if symbol != ' ' {
            before = symbol;
        }
    }
    match open.last() {
        Some('[') => NO_COMMA_IN_LIST,
        Some(_) => NO_COMMA_IN_MAP,
        None => NO_KEY,
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
                return if wants_value { NO_CONTENT } else { NO_KEY };
            }
            ']' | '}' => open -= 1,
            _ => {}
        }
    }
    NO_KEY
}
