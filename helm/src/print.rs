//! Go's `fmt`: `%v`, `Sprint`, `Sprintf` and quoting.

mod format;

use std::fmt::Write as _;

use crate::number::format_general;
pub(crate) use format::sprintf;

use crate::value::{Field, Object, Unwalkable, Value};

/// Nesting at which printing gives up.
const DEPTH_LIMIT: usize = 500;

/// Go's `strconv.IsPrint`, near enough for texts people write.
pub(crate) fn is_printable(symbol: char) -> bool {
    !(symbol.is_control()
        || (symbol.is_whitespace() && symbol != ' ')
        || matches!(symbol, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..))
}

/// `strconv.Quote`.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for symbol in text.chars() {
        push_quoted(symbol, '"', &mut out);
    }
    out.push('"');
    out
}

fn push_quoted(symbol: char, delimiter: char, out: &mut String) {
    let code = u32::from(symbol);
    match symbol {
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        _ if symbol == delimiter => {
            out.push('\\');
            out.push(symbol);
        }
        _ if code < 0x20 || code == 0x7f => {
            let _ = write!(out, "\\x{code:02x}");
        }
        _ if code >= 0x80 && !is_printable(symbol) => {
            let _ = if code < 0x10000 {
                write!(out, "\\u{code:04x}")
            } else {
                write!(out, "\\U{code:08x}")
            };
        }
        _ => out.push(symbol),
    }
}

/// Quotes bytes; those that are not UTF-8 become `\x` escapes.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for symbol in chunk.valid().chars() {
            push_quoted(symbol, '"', &mut out);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Prints `%v` into a buffer of limited size.
struct Printer {
    out: String,
    limit: usize,
}

impl Printer {
    fn put(&mut self, text: &str) -> Result<(), Unwalkable> {
        if self.out.len() + text.len() > self.limit {
            return Err(Unwalkable::Size);
        }
        self.out.push_str(text);
        Ok(())
    }

    fn sequence<T>(
        &mut self,
        open: &str,
        items: impl Iterator<Item = T>,
        mut each: impl FnMut(&mut Self, T) -> Result<(), Unwalkable>,
        close: &str,
    ) -> Result<(), Unwalkable> {
        self.put(open)?;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.put(" ")?;
            }
            each(self, item)?;
        }
        self.put(close)
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Unwalkable> {
        if depth > DEPTH_LIMIT {
            return Err(Unwalkable::Depth);
        }
        match value {
            Value::Nil => self.put("<nil>"),
            Value::Bool(value) => self.put(if *value { "true" } else { "false" }),
            Value::Int(value) | Value::Int64(value) => self.put(&value.to_string()),
            Value::Float(value) => self.put(&format_general(*value)),
            Value::Text(text) => self.put(text),
            Value::Raw(_) => Err(Unwalkable::Encoding),
            Value::Bytes(bytes) => {
                self.sequence("[", bytes.iter(), |out, byte| out.put(&byte.to_string()), "]")
            }
            Value::List(items, _) => {
                self.sequence("[", items.iter(), |out, item| out.value(item, depth + 1), "]")
            }
            Value::Map(map, _) => self.sequence(
                "map[",
                map.borrow().iter(),
                |out, (key, value)| {
                    out.put(key)?;
                    out.put(":")?;
                    out.value(value, depth + 1)
                },
                "]",
            ),
            Value::Object(object) => self.object(object, depth),
        }
    }

    fn object(&mut self, object: &Object, depth: usize) -> Result<(), Unwalkable> {
        match object {
            Object::Struct(inner) => {
                // A pointer prints its fields at the top only, like Go.
                let open = match (inner.pointer, depth) {
                    (true, 0) => "&{",
                    (true, _) => return self.put("0xc000000000"),
                    _ => "{",
                };
                let (embedded, own) = inner.fields.split_at(inner.embedded);
                let each = |out: &mut Self, field: &Field| out.value(&field.value, depth + 1);
                if !embedded.is_empty() {
                    self.put(open)?;
                    self.sequence("{", embedded.iter(), each, "} ")?;
                    return self.sequence("", own.iter(), each, "}");
                }
                self.sequence(open, own.iter(), each, "}")
            }
            Object::Files(files) => self.sequence(
                "map[",
                files.iter(),
                |out, (name, data)| {
                    out.put(name)?;
                    out.put(":")?;
                    out.value(&Value::Bytes(data.into()), depth + 1)
                },
                "]",
            ),
            Object::Versions(versions) => {
                self.sequence("[", versions.iter(), |out, version| out.put(version), "]")
            }
            Object::Time(time) => self.put(&crate::time::display(time)),
            Object::Version(version) => self.put(&version.to_string()),
            Object::Duration(duration) => self.put(&crate::time::duration_text(*duration)),
        }
    }
}

/// `%v` of a value, no longer than the limit.
pub(crate) fn display(value: &Value, limit: usize) -> Result<String, Unwalkable> {
    if let Value::Text(text) = value {
        return Ok(text.to_string());
    }
    let mut printer = Printer { out: String::new(), limit };
    printer.value(value, 0)?;
    Ok(printer.out)
}

/// `%v` of what a value is or points to, as actions print it.
pub(crate) fn printable(value: &Value, limit: usize) -> Result<String, Unwalkable> {
    let text = display(value, limit)?;
    let points = matches!(value, Value::Object(object) if matches!(&**object, Object::Struct(inner) if inner.pointer));
    Ok(match text.strip_prefix('&') {
        Some(rest) if points => rest.to_owned(),
        _ => text,
    })
}

/// `%v` for use in an error message.
pub(crate) fn display_short(value: &Value) -> String {
    display(value, 4096).unwrap_or_else(|_| "...".to_owned())
}

/// Sprig's idea of a value as text: bytes are text as well.
pub(crate) fn text_of(value: &Value, limit: usize) -> Result<String, Unwalkable> {
    match value {
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).map_err(|_| Unwalkable::Encoding),
        other => display(other, limit),
    }
}

/// `fmt.Sprint`: blanks between operands when neither is a string.
pub(crate) fn sprint(values: &[Value], limit: usize) -> Result<String, Unwalkable> {
    let mut printer = Printer { out: String::new(), limit };
    let mut after_text = true;
    for (index, value) in values.iter().enumerate() {
        let is_text = matches!(value, Value::Text(_));
        if index > 0 && !is_text && !after_text {
            printer.put(" ")?;
        }
        printer.value(value, 0)?;
        after_text = is_text;
    }
    Ok(printer.out)
}

/// `fmt.Sprintln`.
pub(crate) fn sprintln(values: &[Value], limit: usize) -> Result<String, Unwalkable> {
    let mut printer = Printer { out: String::new(), limit };
    printer.sequence("", values.iter(), |out, value| out.value(value, 0), "\n")?;
    Ok(printer.out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sprint_puts_blanks_between_non_strings_only() {
        let values = [Value::Int(1), Value::Int(2), Value::text("a"), Value::Int(3)];
        assert_eq!(sprint(&values, 100).unwrap(), "1 2a3");
    }
}
