//! Texts.

use std::collections::HashSet;

use super::Kind::{Any, Int, Text};
use super::{Call, Function, fixed, variadic};
use crate::print::quote;
use crate::template::fault::{Outcome, fail};
use crate::value::{Entries, MapKind, Value};

fn map_text(call: &Call<'_>, change: impl FnOnce(&str) -> String) -> Value {
    change(&call.text(0)).into()
}

const TRIM_ALL: super::Body = |call| {
    let set: HashSet<char> = call.text(0).chars().collect();
    Ok(Value::text(call.text(1).trim_matches(|symbol| set.contains(&symbol))))
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("hello", &[], |_| Ok("Hello!".into())),
    fixed("upper", &[Text], |call| Ok(map_text(call, str::to_uppercase))),
    fixed("lower", &[Text], |call| Ok(map_text(call, str::to_lowercase))),
    fixed("title", &[Text], |call| Ok(map_text(call, title))).effort(2),
    fixed("untitle", &[Text], |call| Ok(map_text(call, untitle))).effort(2),
    fixed("swapcase", &[Text], |call| Ok(map_text(call, swap_case))).effort(4),
    fixed("trim", &[Text], |call| Ok(map_text(call, |text| text.trim().to_owned()))),
    fixed("trimAll", &[Text, Text], TRIM_ALL),
    fixed("trimall", &[Text, Text], TRIM_ALL),
    fixed("trimSuffix", &[Text, Text], |call| {
        let (suffix, text) = (call.text(0), call.text(1));
        Ok(Value::text(text.strip_suffix(&*suffix).unwrap_or(&text)))
    }),
    fixed("trimPrefix", &[Text, Text], |call| {
        let (prefix, text) = (call.text(0), call.text(1));
        Ok(Value::text(text.strip_prefix(&*prefix).unwrap_or(&text)))
    }),
    fixed("nospace", &[Text], |call| {
        Ok(map_text(call, |text| text.chars().filter(|symbol| !symbol.is_whitespace()).collect()))
    }),
    fixed("initials", &[Text], |call| {
        Ok(map_text(call, |text| {
            text.split_whitespace().filter_map(|word| word.chars().next()).collect()
        }))
    }),
    fixed("trunc", &[Int, Text], |call| Ok(truncate(call.int(0), &call.text(1)).into())),
    fixed("substr", &[Int, Int, Text], substring),
    fixed("abbrev", &[Int, Text], |call| Ok(abbreviate(&call.text(1), 0, call.int(0)).into())),
    fixed("abbrevboth", &[Int, Int, Text], |call| {
        Ok(abbreviate(&call.text(2), call.int(0), call.int(1)).into())
    }),
    fixed("repeat", &[Int, Text], |call| {
        let text = call.text(1);
        let Ok(count) = usize::try_from(call.int(0)) else {
            return fail("strings: negative Repeat count");
        };
        call.engine.check_size(text.len().saturating_mul(count))?;
        Ok(text.repeat(count).into())
    }),
    fixed("contains", &[Text, Text], |call| Ok(Value::Bool(call.text(1).contains(&*call.text(0))))),
    fixed("hasPrefix", &[Text, Text], |call| {
        Ok(Value::Bool(call.text(1).starts_with(&*call.text(0))))
    }),
    fixed("hasSuffix", &[Text, Text], |call| {
        Ok(Value::Bool(call.text(1).ends_with(&*call.text(0))))
    }),
    variadic("quote", &[], Any, |call| joined(call, |value| Ok(quote(&call.text_of(value)?)))),
    variadic("squote", &[], Any, |call| {
        joined(call, |value| Ok(format!("'{}'", call.display(value)?)))
    }),
    variadic("cat", &[], Any, |call| joined(call, |value| call.display(value))),
    fixed("indent", &[Int, Text], |call| Ok(indented(call)?.into())),
    fixed("nindent", &[Int, Text], |call| Ok(format!("\n{}", indented(call)?).into())),
    fixed("replace", &[Text, Text, Text], |call| {
        let (old, new, text) = (call.text(0), call.text(1), call.text(2));
        let count = if old.is_empty() { text.len() + 1 } else { text.matches(&*old).count() };
        call.engine.check_size(text.len() + count.saturating_mul(new.len()))?;
        Ok(text.replace(&*old, &new).into())
    }),
    fixed("plural", &[Text, Text, Int], |call| Ok(call.take(usize::from(call.int(2) != 1)))),
    fixed("toString", &[Any], |call| Ok(call.text_of(call.arg(0))?.into())),
    fixed("toStrings", &[Any], |call| Ok(Value::texts(call.texts(call.arg(0))?))),
    fixed("snakecase", &[Text], |call| Ok(map_text(call, |text| words(text, '_')))).effort(4),
    fixed("kebabcase", &[Text], |call| Ok(map_text(call, |text| words(text, '-')))).effort(4),
    fixed("camelcase", &[Text], |call| Ok(map_text(call, camel_case))).effort(8),
    fixed("wrap", &[Int, Text], |call| {
        let width = usize::try_from(call.int(0)).unwrap_or(1);
        Ok(wrap(&call.text(1), width, "\n", false).into())
    }),
    fixed("wrapWith", &[Int, Text, Text], |call| {
        let (width, separator, text) = (call.int(0), call.text(1), call.text(2));
        call.engine.check_size(text.len().saturating_mul(separator.len() + 1))?;
        Ok(wrap(&text, usize::try_from(width).unwrap_or(1), &separator, true).into())
    }),
    fixed("join", &[Text, Any], |call| {
        let (separator, parts) = (call.text(0), call.texts(call.arg(1))?);
        let size: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
        call.engine.check_size(size)?;
        Ok(parts.join(&separator).into())
    }),
    fixed("sortAlpha", &[Any], |call| {
        let mut texts = match call.arg(0) {
            value @ (Value::List(..) | Value::Object(_)) => call.texts(value)?,
            value => vec![call.text_of(value)?],
        };
        texts.sort();
        Ok(Value::texts(texts))
    }),
    fixed("splitList", &[Text, Text], |call| Ok(Value::texts(split(call, 1, None)?))),
    fixed("split", &[Text, Text], |call| Ok(numbered(split(call, 1, None)?))),
    fixed("splitn", &[Text, Int, Text], |call| Ok(numbered(split(call, 2, Some(call.int(1)))?))),
];

fn joined(call: &Call<'_>, each: impl Fn(&Value) -> Outcome<String>) -> Outcome<Value> {
    let parts =
        call.args.iter().filter(|value| !value.is_nil()).map(each).collect::<Outcome<Vec<_>>>()?;
    Ok(parts.join(" ").into())
}

/// Bytes of a text; a cut inside a character leaves a replacement character.
fn cut(text: &str, from: usize, to: usize) -> String {
    let to = to.min(text.len());
    let from = from.min(to);
    String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()
}

fn truncate(count: i64, text: &str) -> String {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        text.to_owned()
    } else if count < 0 {
        cut(text, text.len() - size, text.len())
    } else {
        cut(text, 0, size)
    }
}

fn substring(call: &mut Call<'_>) -> Outcome<Value> {
    let (start, end, text) = (call.int(0), call.int(1), call.text(2));
    let bounded = |number: i64| usize::try_from(number).ok().filter(|at| *at <= text.len());
    let out_of_range = || fail("runtime error: slice bounds out of range");
    if start < 0 {
        return match bounded(end) {
            Some(end) => Ok(cut(&text, 0, end).into()),
            None => out_of_range(),
        };
    }
    match (bounded(start), bounded(end)) {
        (Some(start), None) => Ok(cut(&text, start, text.len()).into()),
        (Some(start), Some(end)) if start <= end => Ok(cut(&text, start, end).into()),
        _ => out_of_range(),
    }
}

/// Cuts a text on both sides, if it is long enough, and marks the cuts.
fn abbreviate(text: &str, offset: i64, width: i64) -> String {
    let offset = usize::try_from(offset).unwrap_or(0);
    let width = usize::try_from(width).unwrap_or(0);
    if width < 4 || (offset > 0 && width < 7) || text.len() <= width {
        return text.to_owned();
    }
    let kept = width - 3;
    let offset = offset.min(text.len() - kept);
    if offset <= 4 {
        return format!("{}...", cut(text, 0, kept));
    }
    if offset + kept < text.len() {
        return format!("...{}...", cut(text, offset, offset + kept - 3));
    }
    format!("...{}", cut(text, text.len() - kept, text.len()))
}

fn indented(call: &Call<'_>) -> Outcome<String> {
    let text = call.text(1);
    let Ok(width) = usize::try_from(call.int(0)) else {
        return fail("strings: negative Repeat count");
    };
    let lines = text.matches('\n').count() + 1;
    call.engine.check_size(lines.saturating_mul(width).saturating_add(text.len()))?;
    let pad = " ".repeat(width);
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for symbol in text.chars() {
        if before.is_alphanumeric() || before == '_' || before == '\'' {
            out.push(symbol);
        } else {
            out.extend(symbol.to_uppercase());
        }
        before = symbol;
    }
    out
}

fn untitle(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for symbol in text.chars() {
        if before.is_whitespace() {
            out.extend(symbol.to_lowercase());
        } else {
            out.push(symbol);
        }
        before = symbol;
    }
    out
}

fn swap_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        if symbol.is_uppercase() {
            out.extend(symbol.to_lowercase());
        } else {
            out.extend(symbol.to_uppercase());
        }
    }
    out
}

/// Lower case words joined by a separator, split where the case changes.
fn words(text: &str, separator: char) -> String {
    let symbols: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (index, &symbol) in symbols.iter().enumerate() {
        if matches!(symbol, '_' | '-' | ' ') {
            if !out.is_empty() && !out.ends_with(separator) {
                out.push(separator);
            }
            continue;
        }
        if symbol.is_uppercase() && index > 0 {
            let before = symbols[index - 1];
            let next_is_lower = symbols.get(index + 1).is_some_and(|next| next.is_lowercase());
            let starts = before.is_lowercase()
                || before.is_numeric()
                || (before.is_uppercase() && next_is_lower);
            if starts && !out.ends_with(separator) {
                out.push(separator);
            }
        }
        out.extend(symbol.to_lowercase());
    }
    out
}

fn camel_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in words(text, '_').split('_') {
        let mut symbols = word.chars();
        if let Some(first) = symbols.next() {
            out.extend(first.to_uppercase());
            out.push_str(symbols.as_str());
        }
    }
    out
}

fn wrap(text: &str, width: usize, separator: &str, break_words: bool) -> String {
    let width = width.max(1);
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let size = word.chars().count();
        if column > 0 {
            if column + 1 + size > width {
                out.push_str(separator);
                column = 0;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        if break_words && size > width {
            for (index, symbol) in word.chars().enumerate() {
                if index > 0 && index % width == 0 {
                    out.push_str(separator);
                }
                out.push(symbol);
            }
            column = size % width;
        } else {
            out.push_str(word);
            column += size;
        }
    }
    out
}

/// `strings.SplitN`; without a limit all parts are given.
fn split(call: &Call<'_>, index: usize, limit: Option<i64>) -> Outcome<Vec<String>> {
    let (separator, text) = (call.text(0), call.text(index));
    let (separator, text) = (&*separator, &*text);
    let count = match limit {
        Some(0) => return Ok(Vec::new()),
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let found = if separator.is_empty() { text.len() } else { text.matches(separator).count() + 1 };
    let parts = found.min(count);
    call.engine.check_length(i64::try_from(parts).unwrap_or(i64::MAX))?;
    call.engine.allocate(parts.saturating_mul(64))?;
    if separator.is_empty() {
        let mut parts: Vec<String> = Vec::new();
        for symbol in text.chars() {
            let full = parts.len() == count;
            match parts.last_mut() {
                Some(last) if full => last.push(symbol),
                _ => parts.push(symbol.to_string()),
            }
        }
        return Ok(parts);
    }
    Ok(text.splitn(count, separator).map(str::to_owned).collect())
}

fn numbered(parts: Vec<String>) -> Value {
    let entries: Entries = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (format!("_{index}").into(), Value::from(part)))
        .collect();
    Value::typed_map(entries, MapKind::Text)
}
