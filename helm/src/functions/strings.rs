//! Texts.

use std::collections::HashSet;

use super::Kind::{Any, Int, Text};
use super::{Call, Function, cases, fixed, variadic};
use crate::print::{quote, quote_bytes};
use crate::template::fault::{Outcome, fail};
use crate::value::{Entries, MapKind, Unwalkable, Value};

fn map_text(call: &Call<'_>, change: impl FnOnce(&str) -> String) -> Value {
    change(&call.text(0)).into()
}

const TRIM_ALL: super::Body = |call| {
    let set: HashSet<char> = call.text(0).chars().collect();
    Ok(Value::text(call.text(1).trim_matches(|symbol| set.contains(&symbol))))
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("hello", &[], |_| Ok("Hello!".into())),
    fixed("upper", &[Text], |call| {
        Ok(map_text(call, |text| text.chars().map(cases::upper).collect()))
    }),
    fixed("lower", &[Text], |call| {
        Ok(map_text(call, |text| text.chars().map(cases::lower).collect()))
    }),
    fixed("title", &[Text], |call| Ok(map_text(call, cases::titled))).effort(2),
    fixed("untitle", &[Text], |call| Ok(map_text(call, cases::untitled))).effort(2),
    fixed("swapcase", &[Text], |call| Ok(map_text(call, cases::swapped))).effort(4),
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
        let bytes = call.bytes(0);
        // Sprig's library takes bytes for characters.
        let kept: String =
            bytes.iter().copied().map(char::from).filter(|byte| !byte.is_whitespace()).collect();
        Ok(if kept.chars().count() == bytes.len() { call.take(0) } else { kept.into() })
    }),
    fixed("initials", &[Text], |call| {
        let mut start = true;
        let symbols = call.bytes(0);
        let symbols = symbols.iter().copied().map(char::from);
        let initials: String = symbols
            .filter(|symbol| {
                let blank = symbol.is_whitespace();
                std::mem::replace(&mut start, blank) && !blank
            })
            .collect();
        Ok(initials.into())
    }),
    fixed("trunc", &[Int, Text], |call| Ok(truncate(call.int(0), &call.bytes(1)))),
    fixed("substr", &[Int, Int, Text], substring),
    fixed("abbrev", &[Int, Text], |call| Ok(abbreviate(&call.bytes(1), 0, call.int(0)))),
    fixed("abbrevboth", &[Int, Int, Text], |call| {
        Ok(abbreviate(&call.bytes(2), call.int(0), call.int(1)))
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
    variadic("quote", &[], Any, |call| {
        joined(call, |value| {
            Ok(match value {
                Value::Raw(bytes) | Value::Bytes(bytes) => quote_bytes(bytes),
                _ => quote(&call.text_of(value)?),
            })
        })
    }),
    variadic("squote", &[], Any, |call| {
        joined(call, |value| Ok(format!("'{}'", call.display(value)?)))
    }),
    variadic("cat", &[], Any, |call| joined(call, |value| call.display(value))),
    fixed("indent", &[Int, Text], |call| Ok(indented(call, "")?.into())),
    fixed("nindent", &[Int, Text], |call| Ok(indented(call, "\n")?.into())),
    fixed("replace", &[Text, Text, Text], |call| {
        if call.args.iter().any(|value| matches!(value, Value::Raw(_))) {
            return replace_bytes(call);
        }
        let (old, new, text) = (call.text(0), call.text(1), call.text(2));
        let count = if old.is_empty() { text.len() + 1 } else { text.matches(&*old).count() };
        call.engine.check_size(text.len() + count.saturating_mul(new.len()))?;
        Ok(text.replace(&*old, &new).into())
    }),
    fixed("plural", &[Text, Text, Int], |call| Ok(call.take(usize::from(call.int(2) != 1)))),
    fixed("toString", &[Any], |call| Ok(call.text_of(call.arg(0))?.into())),
    fixed("toStrings", &[Any], |call| Ok(Value::texts(call.texts(call.arg(0))?))),
    fixed("snakecase", &[Text], |call| Ok(map_text(call, |text| cases::joined_words(text, '_'))))
        .effort(4),
    fixed("kebabcase", &[Text], |call| Ok(map_text(call, |text| cases::joined_words(text, '-'))))
        .effort(4),
    fixed("camelcase", &[Text], |call| Ok(map_text(call, cases::pascal))).effort(8),
    fixed("wrap", &[Int, Text], |call| Ok(wrap(&call.bytes(1), call.int(0), b"", false))),
    fixed("wrapWith", &[Int, Text, Text], |call| {
        let (width, separator, text) = (call.int(0), call.bytes(1), call.bytes(2));
        call.engine.check_size(text.len().saturating_mul(separator.len() + 1))?;
        Ok(wrap(&text, width, &separator, true))
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

fn truncate(count: i64, text: &[u8]) -> Value {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = match text.len().checked_sub(size) {
        None | Some(0) => text,
        Some(start) if count < 0 => &text[start..],
        Some(_) => &text[..size],
    };
    Value::byte_text(kept.to_vec())
}

fn substring(call: &mut Call<'_>) -> Outcome<Value> {
    let (start, end, text) = (call.int(0), call.int(1), call.bytes(2));
    let size = text.len();
    let out_of_range =
        |range: String| fail(format!("runtime error: slice bounds out of range {range}"));
    if start >= 0 && (end < 0 || usize::try_from(end).is_ok_and(|end| end > size)) {
        return match usize::try_from(start).ok().and_then(|start| text.get(start..)) {
            Some(found) => Ok(Value::byte_text(found.to_vec())),
            None => out_of_range(format!("[{start}:{size}]")),
        };
    }
    let Some(end) = usize::try_from(end).ok().filter(|end| *end <= size) else {
        let shown = if end < 0 { String::new() } else { format!(" with length {size}") };
        return out_of_range(format!("[:{end}]{shown}"));
    };
    match usize::try_from(start.max(0)).ok().and_then(|start| text.get(start..end)) {
        Some(found) => Ok(Value::byte_text(found.to_vec())),
        None => out_of_range(format!("[{start}:{end}]")),
    }
}

/// Cuts a text on both sides, if it is long enough, and marks the cuts.
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Value {
    let width = usize::try_from(width).unwrap_or(0);
    let whole = || Value::byte_text(text.to_vec());
    if width < 4 || (offset > 0 && width < 7) || text.len() <= width {
        return whole();
    }
    let kept = width - 3;
    let offset = usize::try_from(offset).unwrap_or(0).min(text.len() - kept);
    let mut out = Vec::with_capacity(width);
    if offset <= 4 {
        out.extend_from_slice(&text[..kept]);
        out.extend_from_slice(b"...");
        return Value::byte_text(out);
    }
    out.extend_from_slice(b"...");
    if offset + kept < text.len() {
        let rest = &text[offset..];
        if rest.len() <= kept {
            out.extend_from_slice(rest);
        } else {
            out.extend_from_slice(&rest[..kept - 3]);
            out.extend_from_slice(b"...");
        }
    } else {
        out.extend_from_slice(&text[text.len() - kept..]);
    }
    Value::byte_text(out)
}

/// A text with blanks in front of every line, and something before it all.
fn indented(call: &Call<'_>, start: &str) -> Outcome<String> {
    let text = call.text(1);
    let Ok(width) = usize::try_from(call.int(0)) else {
        return fail("strings: negative Repeat count");
    };
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let size = lines.saturating_mul(width).saturating_add(text.len());
    call.engine.check_size(size)?;
    let pad = " ".repeat(width);
    let mut out = String::with_capacity(start.len() + size);
    out.push_str(start);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(&pad);
        out.push_str(line);
    }
    Ok(out)
}

/// Breaks lines at spaces, so that they are no longer than some bytes where that can be.
fn wrap(text: &[u8], width: i64, separator: &[u8], breaks_words: bool) -> Value {
    let separator = if separator.is_empty() { b"\n" } else { separator };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let space = rest[..=width].iter().rposition(|byte| *byte == b' ');
        let (end, next) = match space {
            Some(space) => (space, space + 1),
            None if breaks_words => (width, width),
            None => match rest[width..].iter().position(|byte| *byte == b' ') {
                Some(space) => (width + space, width + space + 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(separator);
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    Value::byte_text(out)
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

/// `replace` where some text is not UTF-8.
fn replace_bytes(call: &Call<'_>) -> Outcome<Value> {
    let (old, new, text) = (call.bytes(0), call.bytes(1), call.bytes(2));
    if old.is_empty() {
        return Err(Unwalkable::Encoding.into());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(&byte) = rest.first() {
        if let Some(after) = rest.strip_prefix(&*old) {
            out.extend_from_slice(&new);
            call.engine.check_size(out.len())?;
            rest = after;
        } else {
            out.push(byte);
            rest = &rest[1..];
        }
    }
    Ok(Value::byte_text(out))
}
