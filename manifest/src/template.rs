//! Template expressions in strings and in YAML texts.
//!
//! A YAML text is parsed first and its leaves are resolved afterwards, so that the value of a
//! variable can never add a key, a document or an object. For the parser each expression is
//! replaced by a number that does not occur in the text: quoted it stays a string, alone and
//! unquoted it is seen as a number, which tells the two apart.

use serde_json::{Map, Value};

/// Start of an expression.
const OPEN: &str = "{{";
/// End of an expression.
const CLOSE: &str = "}}";

/// Tells whether a text has any expression.
pub(crate) fn has_expression(text: &str) -> bool {
    text.contains(OPEN)
}

/// Finds the expressions of a text as byte ranges, braces included.
///
/// An expression that is not closed ends the search: what is wrong with it is for the template
/// language to say.
pub(crate) fn expressions(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(open) = text[start..].find(OPEN).map(|at| start + at) {
        let Some(end) = end_of_expression(text, open + OPEN.len()) else { break };
        found.push(open..end);
        start = end;
    }
    found
}

fn end_of_expression(text: &str, start: usize) -> Option<usize> {
    let inside = &text[start..];
    let body = inside.strip_prefix('-').unwrap_or(inside).trim_start();
    if body.starts_with("/*") {
        let comment = inside.find("*/")?;
        return inside[comment..].find(CLOSE).map(|at| start + comment + at + CLOSE.len());
    }
    unquoted(inside)
        .map(|(at, _)| at)
        .find(|at| inside[*at..].starts_with(CLOSE))
        .map(|at| start + at + CLOSE.len())
}

/// Walks over the characters that are not inside of a string of the template language.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| match quote {
        None => {
            quote = Some(*c).filter(|c| matches!(c, '"' | '\'' | '`'));
            quote.is_none()
        }
        Some(open) => {
            if escaped {
                escaped = false;
            } else if *c == '\\' && open != '`' {
                escaped = true;
            } else if *c == open {
                quote = None;
            }
            false
        }
    })
}

/// Names the variables that an expression mentions as `.NAME`.
pub(crate) fn mentions(expression: &str) -> Vec<&str> {
    let starts = unquoted(expression).filter(|(at, c)| {
        *c == '.' && starts_field(expression[..*at].chars().next_back().unwrap_or(' '))
    });
    starts
        .map(|(at, _)| {
            let rest = &expression[at + 1..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_numeric()))
        .collect()
}

/// Tells whether a dot after this character starts a field of the data itself.
fn starts_field(before: char) -> bool {
    // `$.NAME` is one too; `$x.NAME` and `(…).NAME` are fields of something else.
    before.is_whitespace() || matches!(before, '(' | '{' | '$' | '-' | '|' | '=' | ',')
}

/// A YAML text whose expressions were hidden from the parser.
pub(crate) struct Hidden<'a> {
    expressions: Vec<&'a str>,
    marker: String,
    /// The text for the parser.
    pub(crate) text: String,
}

impl<'a> Hidden<'a> {
    /// Hides the expressions of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        let marker = (0..=u32::MAX)
            .map(|n| format!("71{n:05}"))
            .find(|marker| !text.contains(marker.as_str()))
            .expect("a text has a finite number of digits");
        let mut hidden = Self { expressions: Vec::new(), marker, text: String::new() };
        let mut start = 0;
        for range in expressions(text) {
            hidden.text.push_str(&text[start..range.start]);
            hidden.text.push_str(&hidden.number(hidden.expressions.len()));
            hidden.expressions.push(&text[range.clone()]);
            start = range.end;
        }
        hidden.text.push_str(&text[start..]);
        hidden
    }

    fn number(&self, index: usize) -> String {
        format!("{}{index:07}", self.marker)
    }

    /// Puts the expressions back into a leaf or a key.
    pub(crate) fn reveal(&self, text: &str) -> String {
        let mut revealed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(&self.marker) {
            let number = &rest[at + self.marker.len()..];
            let digits = number.get(..7).and_then(|digits| digits.parse::<usize>().ok());
            let expression = digits.and_then(|index| self.expressions.get(index));
            revealed.push_str(&rest[..at]);
            if let Some(expression) = expression {
                revealed.push_str(expression);
                rest = &number[7..];
            } else {
                revealed.push_str(&self.marker);
                rest = number;
            }
        }
        revealed.push_str(rest);
        revealed
    }

    /// Returns the expression that stands alone and unquoted in the place of a number.
    pub(crate) fn alone(&self, value: &Value) -> Option<&'a str> {
        let number = value.as_u64()?.to_string();
        let index = number.strip_prefix(&self.marker)?.parse::<usize>().ok()?;
        self.expressions.get(index).copied()
    }
}

/// Reads a resolved text as YAML reads an unquoted scalar, but never as anything with structure.
pub(crate) fn plain_scalar(text: &str) -> Value {
    let quoted = || Value::String(text.to_owned());
    let scalar = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
    if !text.chars().all(scalar) {
        return quoted();
    }
    match crate::yaml::documents(&format!("v: {text}")) {
        Ok(documents) => match documents.as_slice() {
            [Value::Object(map)] if map.len() == 1 => match map.get("v") {
                Some(value @ (Value::Bool(_) | Value::Number(_))) => value.clone(),
                _ => quoted(),
            },
            _ => quoted(),
        },
        Err(_) => quoted(),
    }
}

/// Visits every string of a value, keys included, and rebuilds it.
pub(crate) fn map_strings<E>(
    value: &Value,
    path: &str,
    visit: &mut impl FnMut(&Value, &str) -> Result<Value, E>,
    key: &mut impl FnMut(&str, &str) -> Result<String, E>,
    twice: &impl Fn(&str, &str) -> E,
) -> Result<Value, E> {
    match value {
        Value::Object(map) => {
            let mut result = Map::new();
            for (name, value) in map {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let name = key(name, &place)?;
                let value = map_strings(value, &place, visit, key, twice)?;
                if result.insert(name.clone(), value).is_some() {
                    return Err(twice(path, &name));
                }
            }
            Ok(Value::Object(result))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                map_strings(item, &format!("{path}[{index}]"), visit, key, twice)
            });
            Ok(Value::Array(items.collect::<Result<_, E>>()?))
        }
        leaf => visit(leaf, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_end_where_the_template_language_ends_them() {
        let text = r#"a {{ .A }} b {{ "}}" }} c {{/* }} */}} {{- `}}` -}} {{ "\"}}" }} d {{ open"#;
        let found: Vec<&str> = expressions(text).into_iter().map(|range| &text[range]).collect();
        let expected =
            ["{{ .A }}", r#"{{ "}}" }}"#, "{{/* }} */}}", "{{- `}}` -}}", r#"{{ "\"}}" }}"#];
        assert_eq!(found, expected);
    }

    #[test]
    fn mentioned_variables_are_found() {
        let found =
            mentions("{{ if .A }}{{ $.B | default (.C.D) }}{{ $x.E }}{{ \".F\" }}{{ 1.5 }}");
        assert_eq!(found, ["A", "B", "C"]);
    }

    #[test]
    fn hidden_expressions_come_back_and_unquoted_ones_are_known() {
        let text = "a: {{ .A }}\nb: \"{{ .B }}\"\nc: x-{{ .C }}-y\n{{ .K }}: 7100000\n";
        let hidden = Hidden::new(text);
        let documents = crate::yaml::documents(&hidden.text).unwrap();
        let map = documents[0].as_object().unwrap();
        assert_eq!(hidden.alone(&map["a"]), Some("{{ .A }}"));
        assert_eq!(hidden.alone(&map["b"]), None);
        assert_eq!(hidden.reveal(map["b"].as_str().unwrap()), "{{ .B }}");
        assert_eq!(hidden.reveal(map["c"].as_str().unwrap()), "x-{{ .C }}-y");
        let key = map.keys().find(|key| hidden.reveal(key) == "{{ .K }}").unwrap();
        assert_eq!(map[key], 7_100_000);
    }

    #[test]
    fn a_plain_scalar_has_no_structure() {
        assert_eq!(plain_scalar("3"), 3);
        assert_eq!(plain_scalar("true"), true);
        for text in [
            "[a]", "{a: b}", "a: b", "a\nb: c", "*a", "&a b", "!!int 3", "null", "", "3 # c", "- 1",
        ] {
            assert_eq!(plain_scalar(text), text, "{text:?}");
        }
    }
}
