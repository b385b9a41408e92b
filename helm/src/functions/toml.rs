//! TOML, written as Helm's library does.

use std::fmt::Write as _;

use smol_str::SmolStr;
use toml::value::Datetime;
use toml::{Table, Value as Toml};

use super::Kind::{Any, Text};
use super::{Call, Function, convert, fixed};
use crate::encoding::lossy;
use crate::number::format_general;
use crate::print::display_short;
use crate::template::fault::{Fault, Outcome};
use crate::time;
use crate::value::{Entries, ListKind, Object, Unwalkable, Value};

/// Nesting at which writing gives up.
const DEPTH_LIMIT: usize = 200;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toToml", &[Any], |call| {
        Ok(match to_toml(call)? {
            Ok(text) | Err(text) => text.into(),
        })
    }),
    fixed("fromToml", &[Text], |call| {
        Ok(match call.text(0).parse::<Table>() {
            Ok(table) => Value::map(entries(table)),
            Err(error) => convert::error_map(&format!("toml: {}", error.message())),
        })
    }),
];

/// What only Helm 4 knows.
pub(super) const HELM4: &[Function] =
    &[fixed("mustToToml", &[Any], |call| to_toml(call)?.map(Value::from).map_err(Fault::new))];

/// The text, or what the library says when it has none.
fn to_toml(call: &Call<'_>) -> Outcome<Result<String, String>> {
    // The walk below copies texts; measuring first keeps shared ones from multiplying.
    match call.walk(2, |budget| call.arg(0).to_json(budget))? {
        Ok(_) | Err(Unwalkable::Number(_)) => {}
        Err(problem) => return Err(problem.into()),
    }
    let mut writer = Writer { call, out: String::new() };
    match writer.document(call.arg(0)) {
        Ok(()) => Ok(Ok(writer.out)),
        Err(Stop::Message(message)) => Ok(Err(message)),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

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
    let date = found.date.map_or_else(|| "0000-01-01".to_owned(), |date| date.to_string());
    let time = found.time.map_or_else(|| "00:00:00".to_owned(), |time| time.to_string());
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

/// Why a value is not written.
enum Stop {
    /// What the function gives instead, as Helm does.
    Message(String),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Written<T> = Result<T, Stop>;

/// What TOML calls a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    Single,
    Table,
    Tables,
}

fn shape(value: &Value, depth: usize) -> Written<Shape> {
    if depth > DEPTH_LIMIT {
        return Err(Fault::limit("value is nested too deeply for TOML").into());
    }
    Ok(match value {
        Value::Nil | Value::List(_, ListKind::Nil | ListKind::NilText) => Shape::Nothing,
        Value::Map(..) => Shape::Table,
        Value::Object(object) => match &**object {
            Object::Struct(_) | Object::Files(_) => Shape::Table,
            _ => Shape::Single,
        },
        Value::List(items, _) => {
            let mut all_tables = !items.is_empty();
            for item in items.iter() {
                match shape(item, depth + 1)? {
                    Shape::Nothing => {
                        let message = "toml: cannot encode array with nil element";
                        return Err(Stop::Message(message.to_owned()));
                    }
                    shape => all_tables &= shape == Shape::Table,
                }
            }
            if all_tables { Shape::Tables } else { Shape::Single }
        }
        _ => Shape::Single,
    })
}

/// What a table holds, in the order in which it is written.
fn rows(table: &Value) -> Vec<(SmolStr, Value)> {
    match table {
        Value::Map(map, _) => {
            map.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Value::Object(object) => match &**object {
            Object::Struct(inner) => {
                let rows = inner.fields.iter();
                // Lists and maps of a chart that are not there are nil.
                let rows = rows.filter(|field| {
                    field.value.truth() || !matches!(field.value, Value::List(..) | Value::Map(..))
                });
                rows.map(|field| (SmolStr::new_static(field.name), field.value.clone())).collect()
            }
            Object::Files(files) => {
                files.iter().map(|(name, data)| (name.into(), Value::Bytes(data.into()))).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The rows that become a line each, then those that become tables.
fn sorted_rows(table: &Value, depth: usize) -> Written<Vec<(SmolStr, Value, Shape)>> {
    let (mut direct, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in rows(table) {
        match shape(&value, depth)? {
            Shape::Nothing => {}
            Shape::Single => direct.push((key, value, Shape::Single)),
            shape => tables.push((key, value, shape)),
        }
    }
    direct.append(&mut tables);
    Ok(direct)
}

struct Writer<'c> {
    call: &'c Call<'c>,
    out: String,
}

impl Writer<'_> {
    fn document(&mut self, value: &Value) -> Written<()> {
        match shape(value, 0)? {
            Shape::Table => self.table(value, "", 0),
            Shape::Tables => {
                Err(Stop::Message("toml: top-level values must be Go maps or structs".to_owned()))
            }
            Shape::Single => self.inline(value, 0),
            Shape::Nothing => {
                Err(Fault::new("reflect: call of reflect.Value.Type on zero Value").into())
            }
        }
    }

    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn table(&mut self, table: &Value, path: &str, depth: usize) -> Written<()> {
        self.call.engine.check_size(self.out.len())?;
        let indent = "  ".repeat(depth);
        for (key, value, shape) in sorted_rows(table, depth)? {
            let key = key_text(&key);
            if shape == Shape::Single {
                let _ = write!(self.out, "{indent}{key} = ");
                self.inline(&value, depth)?;
                self.out.push('\n');
                continue;
            }
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            match &value {
                Value::List(items, _) => {
                    for item in items.iter() {
                        self.new_line();
                        let _ = writeln!(self.out, "{indent}[[{path}]]");
                        self.table(item, &path, depth + 1)?;
                    }
                }
                single => {
                    if depth == 0 {
                        self.new_line();
                    }
                    let _ = writeln!(self.out, "{indent}[{path}]");
                    self.table(single, &path, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn inline(&mut self, value: &Value, depth: usize) -> Written<()> {
        match value {
            Value::Text(text) => self.out.push_str(&quoted(text)),
            Value::Raw(bytes) => self.out.push_str(&quoted(&lossy(bytes))),
            Value::Float(number) => self.out.push_str(&float(*number)),
            Value::List(items, _) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.out.push_str(if index > 0 { ", " } else { "" });
                    self.inline(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Bytes(bytes) => {
                let numbers: Vec<_> = bytes.iter().map(ToString::to_string).collect();
                let _ = write!(self.out, "[{}]", numbers.join(", "));
            }
            Value::Object(object) => match &**object {
                Object::Time(time) => self.out.push_str(&time::rfc3339(time)),
                Object::Versions(versions) => {
                    let texts: Vec<_> = versions.iter().map(|text| quoted(text)).collect();
                    let _ = write!(self.out, "[{}]", texts.join(", "));
                }
                Object::Struct(_) | Object::Files(_) => self.inline_table(value, depth)?,
                Object::Version(_) | Object::Duration(_) => {
                    self.out.push_str(&quoted(&display_short(value)));
                }
            },
            Value::Map(..) => self.inline_table(value, depth)?,
            other => self.out.push_str(&display_short(other)),
        }
        Ok(())
    }

    fn inline_table(&mut self, table: &Value, depth: usize) -> Written<()> {
        self.out.push('{');
        for (index, (key, value, _)) in sorted_rows(table, depth)?.into_iter().enumerate() {
            let _ = write!(self.out, "{}{} = ", if index > 0 { ", " } else { "" }, key_text(&key));
            self.inline(&value, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format_general(number);
    if text.contains(['.', 'e']) { text } else { text + ".0" }
}
