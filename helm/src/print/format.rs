//! `fmt.Sprintf`.

mod flags;
mod float;
mod integer;

use std::cell::Cell;
use std::fmt::Write as _;

use self::flags::Flags;
use self::float::float;
use self::integer::{integer, quote_ascii};
use super::{DEPTH_LIMIT, display, quote, quote_bytes};
use crate::value::{ListKind, Unwalkable, Value};

/// Widths and precisions beyond this are cut; Go stops at a million.
const WIDTH_LIMIT: usize = 100_000;

struct Format<'a> {
    symbols: std::iter::Peekable<std::str::Chars<'a>>,
    values: &'a [Value],
    next: usize,
    reordered: bool,
    /// Whether the operand of the current verb was named wrongly.
    misplaced: bool,
    limit: usize,
    /// Bytes formatted so far; elements of lists are held before they are printed.
    spent: Cell<usize>,
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(format: &str, values: &[Value], limit: usize) -> Result<String, Unwalkable> {
    let symbols = format.chars().peekable();
    let mut format = Format {
        symbols,
        values,
        next: 0,
        reordered: false,
        misplaced: false,
        limit,
        spent: Cell::new(0),
    };
    format.run()
}

impl Format<'_> {
    fn run(&mut self) -> Result<String, Unwalkable> {
        let mut out = String::new();
        while let Some(symbol) = self.symbols.next() {
            if symbol == '%' {
                self.verb(&mut out)?;
            } else {
                out.push(symbol);
            }
            if out.len() > self.limit {
                return Err(Unwalkable::Size);
            }
        }
        if !self.reordered && self.next < self.values.len() {
            out.push_str("%!(EXTRA ");
            for (index, value) in self.values[self.next..].iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                if value.is_nil() {
                    out.push_str("<nil>");
                } else {
                    let text = display(value, self.limit)?;
                    let _ = write!(out, "{}={text}", value.type_name());
                }
                if out.len() > self.limit {
                    return Err(Unwalkable::Size);
                }
            }
            out.push(')');
        }
        Ok(out)
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(symbol) = self.symbols.peek() {
            match symbol {
                '-' => flags.minus = true,
                '+' => flags.plus = true,
                '#' => flags.sharp = true,
                '0' => flags.zero = true,
                ' ' => flags.space = true,
                _ => break,
            }
            self.symbols.next();
        }
        flags
    }

    /// `[3]` in front of a verb, a width or a precision; tells whether there was one.
    fn index(&mut self) -> bool {
        if self.symbols.peek() != Some(&'[') {
            return false;
        }
        self.reordered = true;
        let mut ahead = self.symbols.clone();
        ahead.next();
        let digits: String = ahead.by_ref().take_while(|symbol| *symbol != ']').collect();
        let closed = digits.chars().count() + 2
            <= self.symbols.clone().count().saturating_sub(ahead.clone().count());
        if !closed {
            // Without a bracket that closes, only this one is skipped.
            self.symbols.next();
            self.misplaced = true;
            return false;
        }
        self.symbols = ahead;
        match digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
            Some(index) if index < self.values.len() => {
                self.next = index;
                true
            }
            _ => {
                self.misplaced = true;
                true
            }
        }
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.symbols.peek().and_then(|symbol| symbol.to_digit(10)) {
            let so_far: usize = number.unwrap_or(0);
            number = Some((so_far * 10 + digit as usize).min(WIDTH_LIMIT));
            self.symbols.next();
        }
        number
    }

    /// The operand a star stands for, if it is a sensible number.
    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value {
            Value::Int(number) | Value::Int64(number) if number.abs() <= 1_000_000 => Some(*number),
            _ => None,
        }
    }

    fn verb(&mut self, out: &mut String) -> Result<(), Unwalkable> {
        let mut flags = self.flags();
        self.misplaced = false;
        let mut after_index = self.index();
        if self.symbols.next_if_eq(&'*').is_some() {
            match self.star() {
                Some(number) => {
                    flags.minus |= number < 0;
                    let size = usize::try_from(number.unsigned_abs()).unwrap_or(WIDTH_LIMIT);
                    flags.width = Some(size.min(WIDTH_LIMIT));
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.misplaced = true;
            }
        }
        if self.symbols.next_if_eq(&'.').is_some() {
            if after_index {
                self.misplaced = true;
            }
            after_index = self.index();
            if self.symbols.next_if_eq(&'*').is_some() {
                match self.star().and_then(|number| usize::try_from(number).ok()) {
                    Some(precision) => flags.precision = Some(precision),
                    None => out.push_str("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
            flags.precision = flags.precision.map(|precision| precision.min(WIDTH_LIMIT));
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.symbols.next() else {
            out.push_str("%!(NOVERB)");
            return Ok(());
        };
        if verb == '%' {
            out.push('%');
            return Ok(());
        }
        if self.misplaced {
            let _ = write!(out, "%!{verb}(BADINDEX)");
            return Ok(());
        }
        let Some(value) = self.values.get(self.next) else {
            let _ = write!(out, "%!{verb}(MISSING)");
            self.next = self.next.saturating_add(1);
            return Ok(());
        };
        self.next += 1;
        let text = match value {
            // Only the operand itself prints like this; inside of others nil is plain.
            Value::Nil if !matches!(verb, 'v' | 'T') => format!("%!{verb}(<nil>)"),
            _ => self.formatted(verb, value, flags, 0)?,
        };
        out.push_str(&text);
        Ok(())
    }

    /// A value its verb is not for, with its type.
    fn bad(&self, verb: char, value: &Value, flags: Flags) -> Result<String, Unwalkable> {
        let shown = match value {
            Value::Nil => return Ok(format!("%!{verb}(<nil>)")),
            Value::Float(number) => float('g', *number, flags).map(|text| flags.padded(text, true)),
            Value::Int(number) | Value::Int64(number) => integer('d', *number, flags),
            Value::Bool(value) => Some(flags.padded(value.to_string(), false)),
            Value::Text(text) => Some(flags.padded(flags.cut(text), false)),
            _ => None,
        };
        let shown = match shown {
            Some(shown) => shown,
            None => display(value, self.limit)?,
        };
        Ok(format!("%!{verb}({}={shown})", value.type_name()))
    }

    /// An operand, or an element of one, with its width.
    fn formatted(
        &self,
        verb: char,
        value: &Value,
        flags: Flags,
        depth: usize,
    ) -> Result<String, Unwalkable> {
        if depth > DEPTH_LIMIT {
            return Err(Unwalkable::Depth);
        }
        let spent = self.spent.get().saturating_add(value.reach()).saturating_add(8);
        self.spent.set(spent);
        if spent > self.limit {
            return Err(Unwalkable::Size);
        }
        let numeric = matches!(value, Value::Int(_) | Value::Int64(_) | Value::Float(_));
        let simple = match (verb, value) {
            ('T', _) => flags.padded(value.type_name().to_owned(), false),
            ('v', _) if flags.sharp => self.syntax(value, flags, depth)?,
            (_, Value::List(items, _)) => {
                let mut parts = Vec::new();
                for item in items.iter() {
                    parts.push(self.formatted(verb, item, flags, depth + 1)?);
                }
                format!("[{}]", parts.join(" "))
            }
            (_, Value::Map(map, _)) => {
                let mut parts = Vec::new();
                for (key, value) in map.borrow().iter() {
                    let key = self.formatted(verb, &Value::Text(key.clone()), flags, depth + 1)?;
                    let value = self.formatted(verb, value, flags, depth + 1)?;
                    parts.push(format!("{key}:{value}"));
                }
                format!("map[{}]", parts.join(" "))
            }
            (_, Value::Nil) => flags.padded("<nil>".to_owned(), false),
            ('v', Value::Float(number)) => match float('g', *number, flags.shortest()) {
                Some(text) => flags.padded(text, true),
                None => self.bad(verb, value, flags)?,
            },
            ('v', Value::Int(number) | Value::Int64(number)) => {
                integer('d', *number, flags.without_plus()).unwrap_or_default()
            }
            ('v', Value::Text(text)) => flags.padded(flags.cut(text), false),
            ('v' | 't', Value::Bool(value)) => flags.padded(value.to_string(), false),
            ('v', _) | (_, Value::Object(_)) => flags.padded(display(value, self.limit)?, false),
            (_, Value::Int(number) | Value::Int64(number)) => match integer(verb, *number, flags) {
                Some(text) => text,
                None => self.bad(verb, value, flags)?,
            },
            (_, Value::Float(number)) => match float(verb, *number, flags) {
                Some(text) => flags.padded(text, numeric),
                None => self.bad(verb, value, flags)?,
            },
            (_, Value::Bool(_)) => self.bad(verb, value, flags)?,
            (_, Value::Text(text)) => self.text(verb, text.as_bytes(), value, flags)?,
            (_, Value::Bytes(bytes)) if !matches!(verb, 's' | 'q' | 'x' | 'X') => {
                let numbers = bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect();
                self.formatted(verb, &Value::list(numbers), flags, depth + 1)?
            }
            (_, Value::Raw(bytes) | Value::Bytes(bytes)) => self.text(verb, bytes, value, flags)?,
        };
        Ok(simple)
    }

    /// `%#v`: the value as Go source.
    fn syntax(&self, value: &Value, flags: Flags, depth: usize) -> Result<String, Unwalkable> {
        if depth > DEPTH_LIMIT {
            return Err(Unwalkable::Depth);
        }
        Ok(match value {
            Value::Nil if depth > 0 => "interface {}(nil)".to_owned(),
            Value::Nil => flags.padded("<nil>".to_owned(), false),
            Value::Text(text) => flags.padded(quote(&flags.cut(text)), false),
            Value::Raw(bytes) => quote_bytes(bytes),
            Value::Float(number) => {
                flags.padded(float('g', *number, flags.shortest()).unwrap_or_default(), true)
            }
            Value::List(items, kind) => {
                if matches!(kind, ListKind::Nil | ListKind::NilText) {
                    return Ok(format!("{}(nil)", value.type_name()));
                }
                let mut parts = Vec::new();
                for item in items.iter() {
                    parts.push(self.syntax(item, flags, depth + 1)?);
                }
                format!("{}{{{}}}", value.type_name(), parts.join(", "))
            }
            Value::Map(map, _) => {
                let mut parts = Vec::new();
                for (key, value) in map.borrow().iter() {
                    parts.push(format!("{}:{}", quote(key), self.syntax(value, flags, depth + 1)?));
                }
                format!("{}{{{}}}", value.type_name(), parts.join(", "))
            }
            other => flags.padded(display(other, self.limit)?, false),
        })
    }

    fn text(
        &self,
        verb: char,
        bytes: &[u8],
        value: &Value,
        flags: Flags,
    ) -> Result<String, Unwalkable> {
        let text = match verb {
            's' => match std::str::from_utf8(bytes) {
                Ok(text) => flags.cut(text),
                Err(_) => return Err(Unwalkable::Encoding),
            },
            'q' => {
                let text = String::from_utf8_lossy(bytes);
                let text = flags.cut(&text);
                if flags.sharp && !text.contains(['`', '\u{feff}']) && !text.contains(is_control) {
                    format!("`{text}`")
                } else if flags.plus {
                    quote_ascii(&text)
                } else if flags.precision.is_some() {
                    quote(&text)
                } else {
                    quote_bytes(bytes)
                }
            }
            'x' | 'X' => {
                let count = flags.precision.unwrap_or(usize::MAX).min(bytes.len());
                let digits = hex_text(&bytes[..count], flags);
                if verb == 'X' { digits.to_uppercase() } else { digits }
            }
            _ => return self.bad(verb, value, flags),
        };
        Ok(flags.padded(text, false))
    }
}

fn is_control(symbol: char) -> bool {
    symbol.is_control() && symbol != '\t'
}

/// Bytes in hexadecimal, with a blank between and `0x` before them where flags say so.
fn hex_text(bytes: &[u8], flags: Flags) -> String {
    let prefix = if flags.sharp { "0x" } else { "" };
    if !flags.space {
        let digits = crate::encoding::hex(bytes);
        return if digits.is_empty() { digits } else { format!("{prefix}{digits}") };
    }
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{prefix}{byte:02x}")).collect();
    parts.join(" ")
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
