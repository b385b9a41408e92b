//! TOML, written as Helm's library does.

use std::fmt::Write as _;
use std::rc::Rc;

use smol_str::SmolStr;
use toml::value::Datetime;
use toml::{Table, Value as Toml};

use super::Kind::{Any, Text};
use super::{Call, Function, convert, fixed};
use crate::number::format_general;
use crate::print::display_short;
use crate::template::fault::{Fault, Outcome};
use crate::time;
use crate::value::{Entries, ListKind, Object, Value};

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
    fixed("fromToml", &[Text], |call| {
        Ok(match call.text(0).parse::<Table>() {
            Ok(table) => Value::map(entries(table)),
            Err(error) => convert::error_map(&format!("toml: {}", error.message())),
        })
    }),
];

fn entries(table: Table) -> Entries {
    table.into_iter().map(|(key, value)| (SmolStr::new(key), read(value))).collect()
}

fn read(value: Toml) -> Value {
    match value {
        Toml::String(text) => text.into(),
        Toml::Integer(number) => Value::Int64(number),
        Toml::Float(number) => Value::Float(number),
        Toml::Boolean(value) => Value::Bool(value),
        Toml::Datetime(time) => moment(&time),
        Toml::Array(items) => {
            let tables = !items.is_empty() && items.iter().all(Toml::is_table);
            let kind = if tables { ListKind::Maps } else { ListKind::Any };
            Value::typed_list(items.into_iter().map(read).collect(), kind)
        }
        Toml::Table(table) => Value::map(entries(table)),
    }
}

/// A time; where date or zone are not given, Go notes that in the name of the zone.
fn moment(found: &Datetime) -> Value {
    let date = found.date.map_or("0000-01-01".to_owned(), |date| date.to_string());
    let time = found.time.map_or("00:00:00".to_owned(), |time| time.to_string());
    let (layout, zone) = match (found.date, found.time, found.offset) {
        (_, _, Some(offset)) => ("2006-01-02T15:04:05Z07:00", offset.to_string()),
        (Some(_), Some(_), None) => ("2006-01-02T15:04:05", "datetime-local".to_owned()),
        (Some(_), None, None) => ("2006-01-02T15:04:05", "date-local".to_owned()),
        _ => ("2006-01-02T15:04:05", "time-local".to_owned()),
    };
    let zone_text = if found.offset.is_some() { zone.as_str() } else { "" };
    let parsed = time::parse(layout, &format!("{date}T{time}{zone_text}"));
    match parsed {
        Ok(moment) if found.offset.is_none() => {
            Value::object(Object::Time(moment.with_time_zone(time::fixed_zone(&zone, 0))))
        }
        Ok(moment) => Value::object(Object::Time(moment)),
        Err(_) => found.to_string().into(),
    }
}

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
