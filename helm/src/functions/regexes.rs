//! Regular expressions.

mod pattern;
mod re2;

use std::sync::Arc;

use regex::Captures;
use smol_str::SmolStr;

use super::Kind::{Int, Text};
use super::{Call, Function, fixed};
use crate::print::quote;
use crate::template::fault::{Cause, Fault, Outcome};
use crate::value::{ListKind, Value};
pub(crate) use pattern::Pattern;
use pattern::Problem;

/// How a function fails on a broken pattern.
#[derive(Clone, Copy)]
enum Style {
    /// With an error.
    Error,
    /// By a panic, which names the pattern.
    Panic,
}

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", &[Text, Text], |call| match counted(call, Style::Error) {
        Ok((pattern, text)) => Ok(Value::Bool(pattern.is_match(&text))),
        Err(fault) if fault.cause == Cause::Limit => Err(fault),
        Err(_) => Ok(Value::Bool(false)),
    }),
    fixed("mustRegexMatch", &[Text, Text], |call| {
        let (pattern, text) = counted(call, Style::Error)?;
        Ok(Value::Bool(pattern.is_match(&text)))
    }),
    fixed("regexFind", &[Text, Text], |call| find(call, Style::Panic)),
    fixed("mustRegexFind", &[Text, Text], |call| find(call, Style::Error)),
    fixed("regexFindAll", &[Text, Text, Int], |call| find_all(call, Style::Panic)),
    fixed("mustRegexFindAll", &[Text, Text, Int], |call| find_all(call, Style::Error)),
    fixed("regexReplaceAll", &[Text, Text, Text], |call| replace(call, Style::Panic, true)),
    fixed("mustRegexReplaceAll", &[Text, Text, Text], |call| replace(call, Style::Error, true)),
    fixed("regexReplaceAllLiteral", &[Text, Text, Text], |call| replace(call, Style::Panic, false)),
    fixed("mustRegexReplaceAllLiteral", &[Text, Text, Text], |call| {
        replace(call, Style::Error, false)
    }),
    fixed("regexSplit", &[Text, Text, Int], |call| split(call, Style::Panic)),
    fixed("mustRegexSplit", &[Text, Text, Int], |call| split(call, Style::Error)),
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

fn compiled(call: &Call<'_>, style: Style) -> Outcome<Arc<Pattern>> {
    let text = call.text(0);
    let made = |text: &str| {
        Pattern::compile(text).map(Arc::new).or_else(|problem| {
            // What cannot be compiled is tried anew each time.
            call.engine.work(Pattern::parse_price(text))?;
            Err(match (problem, style) {
                (Problem::Limit(problem), _) => Fault::limit(problem),
                (Problem::Broken(problem), Style::Error) => Fault::new(problem),
                (Problem::Broken(problem), Style::Panic) => {
                    Fault::new(format!("regexp: Compile({}): {problem}", shown(text)))
                }
            })
        })
    };
    let pattern = call.engine.memo().patterns.get(&text, made)?;
    call.engine.count_pattern(&text, &pattern)?;
    Ok(pattern)
}

/// The pattern and the text it is searched for in once.
fn counted(call: &Call<'_>, style: Style) -> Outcome<(Arc<Pattern>, SmolStr)> {
    let (pattern, text) = (compiled(call, style)?, call.text(1));
    pattern.count(call.engine, &text)?;
    Ok((pattern, text))
}

/// A pattern as Go shows it: between backquotes where that can be.
fn shown(pattern: &str) -> String {
    let simple = !pattern.chars().any(|symbol| {
        matches!(symbol, '`' | '\u{feff}' | '\u{fffd}' | '\x7f') || (symbol < ' ' && symbol != '\t')
    });
    if simple { format!("`{pattern}`") } else { quote(pattern) }
}

fn find(call: &Call<'_>, style: Style) -> Outcome<Value> {
    let (pattern, text) = counted(call, style)?;
    Ok(Value::text(pattern.find(&text).map_or("", |found| found.as_str())))
}

/// A list of texts that is nil, not empty, when there are none.
fn texts_or_nil<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    let items: Vec<Value> = texts.map(Value::text).collect();
    let kind = if items.is_empty() { ListKind::NilText } else { ListKind::Text };
    Value::typed_list(items, kind)
}

fn find_all(call: &Call<'_>, style: Style) -> Outcome<Value> {
    let count = usize::try_from(call.int(2)).unwrap_or(usize::MAX);
    let (pattern, text) = (compiled(call, style)?, call.text(1));
    let found = pattern.matches(call.engine, &text, count)?;
    Ok(texts_or_nil(found.iter().map(regex::Match::as_str)))
}

fn replace(call: &Call<'_>, style: Style, expands: bool) -> Outcome<Value> {
    let (pattern, text, with) = (compiled(call, style)?, call.text(1), call.text(2));
    // Finding the groups of a match takes another search.
    pattern.count(call.engine, &text)?;
    pattern.count(call.engine, &text)?;
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in pattern.captures_iter(&text) {
        let Some(whole) = found.get(0) else { continue };
        pattern.count_match(call.engine, &text, &whole)?;
        out.push_str(&text[end..whole.start()]);
        if expands {
            expand(&with, &found, pattern.names(), &mut out);
        } else {
            out.push_str(&with);
        }
        call.engine.check_size(out.len())?;
        end = whole.end();
    }
    out.push_str(&text[end..]);
    Ok(out.into())
}

/// Puts groups where a template names them: `$1`, `$name`, `${name}`, and `$$` for a dollar.
fn expand(template: &str, found: &Captures<'_>, names: &[String], out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = group_name(rest) else {
            out.push('$');
            continue;
        };
        rest = after;
        let leading_zero = name.len() > 1 && name.starts_with('0');
        let number: Option<usize> = name.parse().ok().filter(|_| !leading_zero);
        let group = match number {
            Some(number) => found.get(number),
            None => (0..names.len())
                .filter(|index| names[*index] == name)
                .find_map(|index| found.get(index)),
        };
        out.push_str(group.map_or("", |group| group.as_str()));
    }
    out.push_str(rest);
}

/// The name after a dollar and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = text
        .find(|symbol: char| !(symbol.is_alphanumeric() || symbol == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

fn split(call: &Call<'_>, style: Style) -> Outcome<Value> {
    let (pattern, text, limit) = (compiled(call, style)?, call.text(1), call.int(2));
    if limit == 0 {
        return Ok(texts_or_nil(std::iter::empty()));
    }
    if text.is_empty() && !call.text(0).is_empty() {
        return Ok(Value::texts([""]));
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
