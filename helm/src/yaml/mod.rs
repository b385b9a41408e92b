//! YAML as `sigs.k8s.io/yaml` and go-yaml v2 read and write it.
//!
//! Kubernetes tools and Helm share this reader: YAML 1.1 booleans and octals, string keys, merge
//! keys. Other libraries disagree in exactly the values people trip over (`on`, `0777`, `1_000`),
//! so resolution and writing are our own on top of an event parser.

mod emit;
mod problem;
mod read;
mod resolve;
mod style;
mod tree;

use serde_json::Value;

use crate::octets;
pub(crate) use emit::{Layout, write};
pub(crate) use resolve::{Resolved, resolve};
pub(crate) use tree::{Built, Shape, Written};

/// A YAML text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    line: Option<usize>,
    message: String,
}

impl YamlError {
    /// Like go-yaml, a problem on the first line does not name its line.
    fn new(line: Option<usize>, message: impl AsRef<str>) -> Self {
        let message = message.as_ref();
        let message = match line {
            Some(line) if line > 1 => format!("yaml: line {line}: {message}"),
            _ => format!("yaml: {message}"),
        };
        Self { line, message }
    }

    /// A problem with the line go-yaml names, which counts from zero in its parser.
    fn counted_from_zero(line: usize, message: &str) -> Self {
        let place = if line == 0 { String::new() } else { format!("line {line}: ") };
        Self { line: Some(line + 1), message: format!("yaml: {place}{message}") }
    }

    /// What the step after YAML says.
    fn of_json(line: Option<usize>, message: String) -> Self {
        Self { line, message }
    }

    /// Returns the 1-based line of the problem where it is known.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

/// The text of a file, if it is UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, YamlError> {
    std::str::from_utf8(bytes)
        .map_err(|_| YamlError::new(None, octets::problem(bytes).unwrap_or_default()))
}

/// Whether go-yaml takes all characters of a text.
pub(crate) fn is_readable(text: &str) -> bool {
    text.chars().all(is_readable_symbol)
}

fn is_readable_symbol(symbol: char) -> bool {
    matches!(symbol, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether go-yaml takes a text that is written as JSON, where control characters are escapes.
pub(crate) fn passes(text: &str) -> bool {
    if text.is_ascii() {
        return !text.contains('\x7f');
    }
    text.chars().all(|symbol| symbol < ' ' || is_readable_symbol(symbol))
}

/// Reads the first document of a text; an empty text is null.
pub fn from_str(text: &str) -> Result<Value, YamlError> {
    read::first(text)
}

/// Reads the first document of a text into a tree of some kind.
pub(crate) fn read<T: Built>(text: &str) -> Result<T, YamlError> {
    read::first(text)
}

/// Reads every document of a text and drops the empty ones.
pub fn documents(text: &str) -> Result<Vec<Value>, YamlError> {
    read::all(text)
}

/// Writes a value as Helm's `toYaml` does, with a newline at the end.
pub fn to_string(value: &Value) -> String {
    write(value, Layout::Compact)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_resolve_as_yaml_1_1() {
        let text = "a: yes\nb: off\nc: 0777\nd: 1_000\ne: 0x1f\nf: 2024-01-01\ng: ~\nh: 1.50\ni: 1e3\nj: '1'\nk: 1:30\n";
        assert_eq!(
            from_str(text).unwrap(),
            json!({"a": true, "b": false, "c": 511, "d": 1000, "e": 31, "f": "2024-01-01",
                   "g": null, "h": 1.5, "i": 1000.0, "j": "1", "k": "1:30"})
        );
    }

    #[test]
    fn keys_become_strings() {
        assert_eq!(
            from_str("y: 1\n8080: 2\n1.10: 3\n").unwrap(),
            json!({"true": 1, "8080": 2, "1.1": 3})
        );
    }

    #[test]
    fn merge_keys_and_aliases_are_expanded() {
        let text = "base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  b: 3\nl: [*b]\n";
        assert_eq!(
            from_str(text).unwrap(),
            json!({"base": {"a": 1, "b": 2}, "x": {"b": 3, "a": 1}, "l": [{"a": 1, "b": 2}]})
        );
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            let aliases = vec![alias; 10].join(",");
            text.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
        }
        let error = from_str(&text).unwrap_err();
        assert!(error.to_string().contains("excessive aliasing"), "{error}");
    }

    #[test]
    fn an_alias_inside_its_own_anchor_is_refused() {
        assert!(from_str("a: &a [*a]\n").is_err());
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let error = from_str("a: 1\nb: c: d\n").unwrap_err();
        assert_eq!(error.line(), Some(2));
        assert!(error.to_string().starts_with("yaml: line 2: mapping values are not allowed"));
    }

    #[test]
    fn all_documents_are_read_and_empty_ones_dropped() {
        assert_eq!(
            documents("---\n# only a comment\n---\na: 1\n---\nb: 2\n").unwrap(),
            vec![json!({"a": 1}), json!({"b": 2})]
        );
    }

    #[test]
    fn a_block_scalar_at_the_end_of_the_text_keeps_its_bytes() {
        assert_eq!(from_str("a: |\n  x").unwrap(), json!({"a": "x"}));
        assert_eq!(from_str("a: |\n  x\n").unwrap(), json!({"a": "x\n"}));
        assert_eq!(from_str("a: |-\n  x").unwrap(), json!({"a": "x"}));
    }

    #[test]
    fn written_text_follows_go_yaml() {
        let value = json!({
            "b": [1, {"c": "on", "d": ""}], "a10": 1_000_000, "a9": 1.5, "t": "x: y", "m": "l1\nl2\n",
            "n": null, "e": {}, "l": [], "s": " lead", "z": "12:30", "q": "it's", "u": "\u{1F600}"
        });
        assert_eq!(
            to_string(&value),
            "a9: 1.5\na10: 1000000\nb:\n- 1\n- c: \"on\"\n  d: \"\"\ne: {}\nl: []\nm: |\n  l1\n  l2\n\
             \"n\": null\nq: it's\ns: ' lead'\nt: 'x: y'\nu: \"\\U0001F600\"\nz: \"12:30\"\n"
        );
    }

    #[test]
    fn long_strings_are_folded_at_eighty_columns() {
        let text = ["word"; 30].join(" ");
        let first = to_string(&json!({ "a": text }));
        assert_eq!(first.lines().count(), 2);
        assert_eq!(from_str(&first).unwrap(), json!({ "a": text }));
    }
}
