//! Regular expressions in Go's (RE2's) syntax.

mod pattern;

use std::sync::Arc;

use regex::NoExpand;
use smol_str::SmolStr;

use super::Kind::{Int, Text};
use super::{Call, Function, fixed};
use crate::template::fault::{Cause, Outcome};
use crate::value::Value;
pub(crate) use pattern::Pattern;

const FIND: super::Body = |call| {
    let (pattern, text) = counted(call)?;
    Ok(Value::text(pattern.find(&text).map_or("", |found| found.as_str())))
};
const FIND_ALL: super::Body = |call| {
    let count = usize::try_from(call.int(2)).unwrap_or(usize::MAX);
    let (pattern, text) = (compiled(call)?, call.text(1));
    let found = pattern.matches(call.engine, &text, count)?;
    Ok(Value::texts(found.iter().map(regex::Match::as_str)))
};
const REPLACE: super::Body = |call| {
    let (pattern, text, with) = (compiled(call)?, call.text(1), call.text(2));
    check_replacement(call, &pattern, &text, &with)?;
    Ok(pattern.replace_all(&text, &*with).into_owned().into())
};
const REPLACE_LITERAL: super::Body = |call| {
    let (pattern, text, with) = (compiled(call)?, call.text(1), call.text(2));
    check_replacement(call, &pattern, &text, &with)?;
    Ok(pattern.replace_all(&text, NoExpand(&with)).into_owned().into())
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", &[Text, Text], |call| match counted(call) {
        Ok((pattern, text)) => Ok(Value::Bool(pattern.is_match(&text))),
        Err(fault) if fault.cause == Cause::Limit => Err(fault),
        Err(_) => Ok(Value::Bool(false)),
    }),
    fixed("mustRegexMatch", &[Text, Text], |call| {
        let (pattern, text) = counted(call)?;
        Ok(Value::Bool(pattern.is_match(&text)))
    }),
    fixed("regexFind", &[Text, Text], FIND),
    fixed("mustRegexFind", &[Text, Text], FIND),
    fixed("regexFindAll", &[Text, Text, Int], FIND_ALL),
    fixed("mustRegexFindAll", &[Text, Text, Int], FIND_ALL),
    fixed("regexReplaceAll", &[Text, Text, Text], REPLACE),
    fixed("mustRegexReplaceAll", &[Text, Text, Text], REPLACE),
    fixed("regexReplaceAllLiteral", &[Text, Text, Text], REPLACE_LITERAL),
    fixed("mustRegexReplaceAllLiteral", &[Text, Text, Text], REPLACE_LITERAL),
    fixed("regexSplit", &[Text, Text, Int], split),
    fixed("mustRegexSplit", &[Text, Text, Int], split),
    fixed("regexQuoteMeta", &[Text], |call| {
        let mut out = String::new();
        for symbol in call.text(0).chars() {
            if "\\.+*?()|[]{}^$".contains(symbol) {
                out.push('\\');
            }
            out.push(symbol);
        }
        Ok(out.into())
    }),
];

fn compiled(call: &Call<'_>) -> Outcome<Arc<Pattern>> {
    let text = call.text(0);
    let made = |text: &str| {
        let pattern = Pattern::compile(&translated(text));
        // What cannot be compiled is tried anew each time.
        pattern.map(Arc::new).or_else(|fault| {
            call.engine.work(Pattern::parse_price(text))?;
            Err(fault)
        })
    };
    let pattern = call.engine.memo().patterns.get(&text, made)?;
    call.engine.count_pattern(&text, &pattern)?;
    Ok(pattern)
}

/// The pattern and the text it is searched for in once.
fn counted(call: &Call<'_>) -> Outcome<(Arc<Pattern>, SmolStr)> {
    let (pattern, text) = (compiled(call)?, call.text(1));
    pattern.count(call.engine, &text)?;
    Ok((pattern, text))
}

/// The result must stay within the limits even when every match grows.
fn check_replacement(call: &Call<'_>, pattern: &Pattern, text: &str, with: &str) -> Outcome<()> {
    let groups = with.matches('$').count();
    let mut size = text.len();
    pattern.count(call.engine, text)?;
    for found in pattern.find_iter(text) {
        pattern.count_match(call.engine, text, &found)?;
        size = size.saturating_add(with.len()).saturating_add(groups.saturating_mul(found.len()));
        call.engine.check_size(size)?;
    }
    Ok(())
}

fn split(call: &mut Call<'_>) -> Outcome<Value> {
    let (pattern, text, limit) = (compiled(call)?, call.text(1), call.int(2));
    if limit == 0 {
        return Ok(Value::texts(Vec::<String>::new()));
    }
    let limit = usize::try_from(limit).ok();
    let mut parts: Vec<&str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    let most = limit.unwrap_or(usize::MAX);
    for found in pattern.matches(call.engine, &text, most)? {
        if limit.is_some_and(|limit| parts.len() + 1 == limit) {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(&text[begin..end]);
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(&text[begin..]);
    }
    Ok(Value::texts(parts))
}

/// Rewrites what RE2 and the regex crate read differently: Perl classes are ASCII in RE2, and
/// `[`, `&`, `~` and `--` have no meaning inside its classes.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(symbol) = rest.chars().next() {
        let after = &rest[symbol.len_utf8()..];
        match symbol {
            '\\' => {
                rest = escape(after, in_class, &mut out);
                continue;
            }
            '[' if in_class && after.starts_with(':') => {
                let end = rest.find(":]").map_or(rest.len(), |end| end + 2);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            '[' if in_class => out.push_str("\\["),
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(symbol);
            }
            '-' if in_class && after.starts_with('-') => out.push_str("\\-"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' => {
                in_class = true;
                out.push('[');
                let mut inner = after;
                if let Some(negated) = inner.strip_prefix('^') {
                    out.push('^');
                    inner = negated;
                }
                if let Some(literal) = inner.strip_prefix(']') {
                    out.push_str("\\]");
                    inner = literal;
                }
                rest = inner;
                continue;
            }
            _ => out.push(symbol),
        }
        rest = after;
    }
    out
}

fn escape<'a>(after: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(symbol) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[symbol.len_utf8()..];
    let ascii = match (symbol, in_class) {
        ('d', true) => "0-9",
        ('d', false) => "[0-9]",
        ('w', true) => "0-9A-Za-z_",
        ('w', false) => "[0-9A-Za-z_]",
        ('s', true) => r"\t\n\x0C\r ",
        ('s', false) => r"[\t\n\x0C\r ]",
        ('D', _) => "[^0-9]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('S', _) => r"[^\t\n\x0C\r ]",
        ('b', false) => r"(?-u:\b)",
        ('B', false) => r"(?-u:\B)",
        ('Q', _) => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return rest;
        }
        _ => {
            out.push('\\');
            out.push(symbol);
            return rest;
        }
    };
    out.push_str(ascii);
    rest
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn re2_syntax_is_translated() {
        for (pattern, text, matches) in [
            (r"^\d+$", "٣", false),
            ("[[]", "[", true),
            ("[]a]", "]", true),
            (r"\Qa.b\E", "a.b", true),
            ("[a&&b]", "&", true),
            ("[[:alpha:]]+", "ab", true),
            (r"[\w.-]+$", "a-b.c", true),
        ] {
            let compiled = Regex::new(&translated(pattern)).unwrap();
            assert_eq!(compiled.is_match(text), matches, "{pattern}");
        }
    }
}
