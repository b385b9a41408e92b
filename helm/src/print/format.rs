//! `fmt.Sprintf`.

use std::cell::Cell;
use std::fmt::Write as _;

use super::{DEPTH_LIMIT, display, is_printable, push_quoted, quote, quote_bytes};
use crate::number::format_general;
use crate::value::{ListKind, Unwalkable, Value};

/// Widths and precisions beyond this are cut; Go stops at a million.
const WIDTH_LIMIT: usize = 100_000;

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are the five flags of a Go verb")]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    zero: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

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

    fn bad(&self, verb: char, value: &Value) -> Result<String, Unwalkable> {
        if value.is_nil() {
            return Ok(format!("%!{verb}(<nil>)"));
        }
        Ok(format!("%!{verb}({}={})", value.type_name(), display(value, self.limit)?))
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
                None => self.bad(verb, value)?,
            },
            ('v', Value::Int(number) | Value::Int64(number)) => {
                integer('d', *number, flags.without_plus()).unwrap_or_default()
            }
            ('v', Value::Text(text)) => flags.padded(flags.cut(text), false),
            ('v' | 't', Value::Bool(value)) => flags.padded(value.to_string(), false),
            ('v', _) | (_, Value::Object(_)) => flags.padded(display(value, self.limit)?, false),
            (_, Value::Int(number) | Value::Int64(number)) => match integer(verb, *number, flags) {
                Some(text) => text,
                None => self.bad(verb, value)?,
            },
            (_, Value::Float(number)) => match float(verb, *number, flags) {
                Some(text) => flags.padded(text, numeric),
                None => self.bad(verb, value)?,
            },
            (_, Value::Bool(_)) => self.bad(verb, value)?,
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
            _ => return self.bad(verb, value),
        };
        Ok(flags.padded(text, false))
    }
}

fn is_control(symbol: char) -> bool {
    symbol.is_control() && symbol != '\t'
}

/// Quotes with everything beyond ASCII escaped.
fn quote_ascii(text: &str) -> String {
    let mut out = String::from("\"");
    for symbol in text.chars() {
        push_ascii(symbol, '"', &mut out);
    }
    out.push('"');
    out
}

fn push_ascii(symbol: char, delimiter: char, out: &mut String) {
    let code = u32::from(symbol);
    let _ = match code {
        0..0x80 => {
            push_quoted(symbol, delimiter, out);
            Ok(())
        }
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
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

impl Flags {
    /// Brings a text to its width.
    fn padded(self, text: String, numeric: bool) -> String {
        let count = text.chars().count();
        let missing = self.width.and_then(|width| width.checked_sub(count));
        let Some(missing) = missing.filter(|count| *count > 0) else { return text };
        if self.minus {
            return text + &" ".repeat(missing);
        }
        if !self.zero {
            return " ".repeat(missing) + &text;
        }
        match text.strip_prefix(['-', '+', ' ']) {
            Some(rest) if numeric => format!("{}{}{rest}", &text[..1], "0".repeat(missing)),
            _ => "0".repeat(missing) + &text,
        }
    }

    /// The first characters of a text, as many as the precision says.
    fn cut(self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        }
    }

    /// The flags of `%v`, where a plus asks for names of fields, not for a sign.
    fn without_plus(self) -> Self {
        Self { plus: false, ..self }
    }

    /// The flags of `%v` for floats, which print as short as can be.
    fn shortest(self) -> Self {
        Self { plus: false, sharp: false, ..self }
    }
}

fn integer(verb: char, number: i64, flags: Flags) -> Option<String> {
    let size = number.unsigned_abs();
    let digits = match verb {
        'd' => size.to_string(),
        'x' => format!("{size:x}"),
        'X' => format!("{size:X}"),
        'o' | 'O' => format!("{size:o}"),
        'b' => format!("{size:b}"),
        'c' | 'q' => {
            let symbol = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            if verb == 'c' {
                return Some(flags.padded(symbol.to_string(), false));
            }
            let mut out = String::from("'");
            if flags.plus {
                push_ascii(symbol, '\'', &mut out);
            } else {
                push_quoted(symbol, '\'', &mut out);
            }
            out.push('\'');
            return Some(flags.padded(out, false));
        }
        'U' => {
            let mut out = format!("U+{number:04X}");
            let symbol = u32::try_from(number).ok().and_then(char::from_u32);
            if let Some(symbol) = symbol.filter(|symbol| flags.sharp && is_printable(*symbol)) {
                let _ = write!(out, " '{symbol}'");
            }
            return Some(Flags { zero: false, ..flags }.padded(out, false));
        }
        _ => return None,
    };
    if flags.precision == Some(0) && size == 0 {
        return Some(Flags { zero: false, ..flags }.padded(String::new(), false));
    }
    let sign = match number {
        ..0 => "-",
        _ if flags.plus => "+",
        _ if flags.space => " ",
        _ => "",
    };
    let prefix = match (verb, flags.sharp) {
        ('O', _) => "0o",
        ('x', true) => "0x",
        ('X', true) => "0X",
        ('b', true) => "0b",
        ('o', true) if !digits.starts_with('0') => "0",
        _ => "",
    };
    // A width with zeros is a precision, unless one is given; the prefix comes on top.
    let wanted = match (flags.precision, flags.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    let text = format!("{sign}{prefix}{zeros}{digits}");
    Some(Flags { zero: false, ..flags }.padded(text, false))
}

/// A float in scientific form with a fixed number of digits.
fn scientific(number: f64, precision: usize, marker: char) -> (String, i32) {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    (format!("{mantissa}{marker}{sign}{:02}", exponent.abs()), exponent)
}

fn float(verb: char, number: f64, flags: Flags) -> Option<String> {
    let text = unsigned_float(verb, number, flags)?;
    let sign = match number.is_sign_negative() && !number.is_nan() {
        true => "-",
        false if flags.plus => "+",
        false if flags.space => " ",
        false => "",
    };
    Some(format!("{sign}{text}"))
}

fn unsigned_float(verb: char, number: f64, flags: Flags) -> Option<String> {
    let known = matches!(verb, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'b' | 'x' | 'X');
    if !number.is_finite() {
        let text = if number.is_nan() { "NaN" } else { "Inf" };
        let plus = if flags.plus || number.is_nan() || number < 0.0 { "" } else { "+" };
        return known.then(|| format!("{plus}{text}"));
    }
    let number = number.abs();
    let upper = |text: String| if verb == 'G' { text.to_uppercase() } else { text };
    Some(match (verb, flags.precision) {
        ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
        ('e' | 'E', precision) => scientific(number, precision.unwrap_or(6), verb).0,
        ('g' | 'G', precision) if flags.sharp => {
            upper(general(number, precision.unwrap_or(6), false))
        }
        // Only the shortest form is kept plain up to this size.
        ('g' | 'G', None) => upper(format_general(number)),
        ('g' | 'G', Some(precision)) => upper(general(number, precision, true)),
        ('b', _) => binary(number),
        ('x' | 'X', None) => {
            let text = hexadecimal(number);
            if verb == 'X' { text.to_uppercase() } else { text }
        }
        _ => return None,
    })
}

/// `%g` with a number of digits.
fn general(number: f64, precision: usize, trims: bool) -> String {
    let precision = precision.max(1);
    let (text, exponent) = scientific(number, precision - 1, 'e');
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    let trim = |text: &str| {
        if trims && text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if exponent < -4 || exponent >= digits {
        let (mantissa, rest) = text.split_once('e').unwrap_or((&text, "+00"));
        format!("{}e{rest}", trim(mantissa))
    } else {
        let places = usize::try_from(digits - 1 - exponent).unwrap_or(0);
        trim(&format!("{number:.places$}"))
    }
}

/// The 53 bits of a float and the power of two they are multiplied with.
fn parts(number: f64) -> (u64, i64) {
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent - 1075),
    }
}

fn binary(number: f64) -> String {
    let (mantissa, exponent) = parts(number);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(number: f64) -> String {
    if number == 0.0 {
        return "0x0p+00".to_owned();
    }
    let (mantissa, exponent) = parts(number);
    let shift = mantissa.leading_zeros() - 11;
    let fraction = format!("{:013x}", (mantissa << shift) & ((1 << 52) - 1));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent = exponent + 52 - i64::from(shift);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x1{point}{fraction}p{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(format: &str, values: &[Value]) -> String {
        sprintf(format, values, 1 << 20).unwrap()
    }

    #[test]
    fn verbs_print_as_in_go() {
        for (format, value, expected) in [
            ("%05d", Value::Int(42), "00042"),
            ("%-5s|", Value::text("ab"), "ab   |"),
            ("%q", Value::text("a\"\n"), "\"a\\\"\\n\""),
            ("%.2f", Value::Float(1.005), "1.00"),
            ("%v", Value::Float(1_000_000.0), "1e+06"),
            ("%d", Value::Float(3.0), "%!d(float64=3)"),
            ("%s", Value::Int(3), "%!s(int=3)"),
            ("%x", Value::text("hi"), "6869"),
            ("%t", Value::Bool(true), "true"),
            ("%s", Value::texts(["a", "b"]), "[a b]"),
            ("%%|%v", Value::Nil, "%|<nil>"),
        ] {
            assert_eq!(formatted(format, &[value]), expected, "{format}");
        }
    }

    #[test]
    fn missing_and_extra_operands_are_shown() {
        assert_eq!(formatted("%s %s", &[Value::text("a")]), "a %!s(MISSING)");
        assert_eq!(formatted("x", &[Value::Int(1)]), "x%!(EXTRA int=1)");
    }
}
