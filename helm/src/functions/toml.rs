//! TOML, written as Helm's library does.

use std::fmt::Write as _;
use std::rc::Rc;

use super::Kind::{Any, Text};
use super::{Call, Function, convert, fixed};
use crate::number::format_general;
use crate::print::display_short;
use crate::template::fault::{Fault, Outcome};
use crate::value::{Entries, Value};

/// Nesting at which writing gives up.
const DEPTH_LIMIT: usize = 200;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toToml", &[Any], |call| {
        let Some(map) = call.arg(0).as_map().cloned() else { return Ok("".into()) };
        // The walk below copies texts; measuring first keeps shared ones from multiplying.
        if call.walk(2, |budget| call.arg(0).to_json(budget))?.is_err() {
            return Ok("".into());
        }
        let mut out = String::new();
        write_table(call, &map.borrow(), "", &mut out, 0)?;
        Ok(out.into())
    }),
    fixed("fromToml", &[Text], |_| convert::unsupported("fromToml")),
];

fn key_text(key: &str) -> String {
    let bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for symbol in text.chars() {
        match symbol {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            _ if u32::from(symbol) < 0x20 || symbol == '\x7f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(symbol));
            }
            _ => out.push(symbol),
        }
    }
    out.push('"');
    out
}

fn inline(value: &Value, depth: usize) -> Outcome<String> {
    if depth > DEPTH_LIMIT {
        return Err(Fault::limit("value is nested too deeply for TOML"));
    }
    Ok(match value {
        Value::Text(text) => quoted(text),
        Value::Float(number) => {
            let text = format_general(*number);
            if text.contains(['.', 'e', 'n', 'I']) { text } else { text + ".0" }
        }
        Value::List(items, _) => {
            let parts: Outcome<Vec<_>> = items.iter().map(|item| inline(item, depth + 1)).collect();
            format!("[{}]", parts?.join(", "))
        }
        Value::Map(map, _) => {
            let mut parts = Vec::new();
            for (key, value) in map.borrow().iter() {
                parts.push(format!("{} = {}", key_text(key), inline(value, depth + 1)?));
            }
            format!("{{{}}}", parts.join(", "))
        }
        other => display_short(other),
    })
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Map(..) => true,
        Value::List(items, _) => !items.is_empty() && items.iter().all(Value::is_map),
        _ => false,
    }
}

fn write_table(
    call: &Call<'_>,
    entries: &Entries,
    path: &str,
    out: &mut String,
    depth: usize,
) -> Outcome<()> {
    if depth > DEPTH_LIMIT {
        return Err(Fault::limit("value is nested too deeply for TOML"));
    }
    let indent = "  ".repeat(depth);
    for (key, value) in entries.iter().filter(|(_, value)| !is_table(value) && !value.is_nil()) {
        let _ = writeln!(out, "{indent}{} = {}", key_text(key), inline(value, depth)?);
    }
    for (key, value) in entries.iter().filter(|(_, value)| is_table(value)) {
        let key = key_text(key);
        let path = if path.is_empty() { key } else { format!("{path}.{key}") };
        let (open, close, tables): (_, _, Vec<Value>) = match value {
            Value::List(items, _) => ("[[", "]]", items.to_vec()),
            single => ("[", "]", vec![single.clone()]),
        };
        for table in tables {
            if let Value::Map(map, _) = &table {
                if depth == 0 && !out.is_empty() {
                    out.push('\n');
                }
                let _ = writeln!(out, "{indent}{open}{path}{close}");
                call.engine.check_size(out.len())?;
                write_table(call, &Rc::clone(map).borrow(), &path, out, depth + 1)?;
            }
        }
    }
    Ok(())
}
