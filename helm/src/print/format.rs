//! `fmt.Sprintf`.

use std::fmt::Write as _;

use super::{DEPTH_LIMIT, display, push_quoted, quote, quote_bytes};
use crate::number::format_general;
use crate::value::{Unwalkable, Value};

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
    precision: Option<usize>,
}

struct Format<'a> {
    symbols: std::iter::Peekable<std::str::Chars<'a>>,
    values: &'a [Value],
    next: usize,
    reordered: bool,
    limit: usize,
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(format: &str, values: &[Value], limit: usize) -> Result<String, Unwalkable> {
    let symbols = format.chars().peekable();
    Format { symbols, values, next: 0, reordered: false, limit }.run()
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

    fn index(&mut self) {
        if self.symbols.next_if_eq(&'[').is_some() {
            let mut digits = String::new();
            for symbol in self.symbols.by_ref() {
                if symbol == ']' {
                    break;
                }
                digits.push(symbol);
            }
            if let Ok(number) = digits.parse::<usize>() {
                self.next = number.wrapping_sub(1);
                self.reordered = true;
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

    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next);
        self.next += 1;
        match value {
            Some(Value::Int(number) | Value::Int64(number)) => Some(*number),
            _ => None,
        }
    }

    fn verb(&mut self, out: &mut String) -> Result<(), Unwalkable> {
        let mut flags = self.flags();
        self.index();
        let width = if self.symbols.next_if_eq(&'*').is_some() {
            self.star().map(|number| {
                flags.minus |= number < 0;
                usize::try_from(number.unsigned_abs()).unwrap_or(WIDTH_LIMIT).min(WIDTH_LIMIT)
            })
        } else {
            self.number()
        };
        if self.symbols.next_if_eq(&'.').is_some() {
            flags.precision = if self.symbols.next_if_eq(&'*').is_some() {
                self.star().and_then(|number| usize::try_from(number).ok())
            } else {
                Some(self.number().unwrap_or(0))
            }
            .map(|precision| precision.min(1000));
        }
        self.index();
        let Some(verb) = self.symbols.next() else {
            out.push_str("%!(NOVERB)");
            return Ok(());
        };
        if verb == '%' {
            out.push('%');
            return Ok(());
        }
        let Some(value) = self.values.get(self.next) else {
            let _ = write!(out, "%!{verb}(MISSING)");
            self.next = self.next.saturating_add(1);
            return Ok(());
        };
        self.next += 1;
        let text = self.formatted(verb, value, flags, 0)?;
        let zero = flags.zero
            && !flags.minus
            && matches!(value, Value::Int(_) | Value::Int64(_) | Value::Float(_) | Value::Text(_));
        out.push_str(&padded(text, width, flags.minus, zero));
        Ok(())
    }

    fn bad(&self, verb: char, value: &Value) -> Result<String, Unwalkable> {
        if value.is_nil() {
            return Ok(format!("%!{verb}(<nil>)"));
        }
        Ok(format!("%!{verb}({}={})", value.type_name(), display(value, self.limit)?))
    }

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
        match (verb, value) {
            ('T', _) => Ok(value.type_name().to_owned()),
            ('v', Value::Text(text)) => Ok(match flags.precision {
                _ if flags.sharp => quote(text),
                Some(precision) => text.chars().take(precision).collect(),
                None => text.to_string(),
            }),
            ('v', Value::Int(number) | Value::Int64(number)) if flags.plus => {
                Ok(format!("{number:+}"))
            }
            ('v', _) | (_, Value::Object(_)) => display(value, self.limit),
            (_, Value::Int(number) | Value::Int64(number)) => match integer(verb, *number, flags) {
                Some(text) => Ok(text),
                None => self.bad(verb, value),
            },
            (_, Value::Float(number)) => match float(verb, *number, flags.precision) {
                Some(text) if flags.plus && !text.starts_with('-') => Ok(format!("+{text}")),
                Some(text) => Ok(text),
                None => self.bad(verb, value),
            },
            ('t', Value::Bool(value)) => Ok(value.to_string()),
            (_, Value::Nil | Value::Bool(_)) => self.bad(verb, value),
            (_, Value::Text(text)) => self.text(verb, text.as_bytes(), value, flags),
            (_, Value::Raw(bytes) | Value::Bytes(bytes)) => self.text(verb, bytes, value, flags),
            (_, Value::List(items, _)) => {
                let mut parts = Vec::new();
                for item in items.iter() {
                    parts.push(self.formatted(verb, item, flags, depth + 1)?);
                }
                Ok(format!("[{}]", parts.join(" ")))
            }
            (_, Value::Map(map, _)) => {
                let mut parts = Vec::new();
                for (key, value) in map.borrow().iter() {
                    let key = self.formatted(verb, &Value::Text(key.clone()), flags, depth + 1)?;
                    let value = self.formatted(verb, value, flags, depth + 1)?;
                    parts.push(format!("{key}:{value}"));
                }
                Ok(format!("map[{}]", parts.join(" ")))
            }
        }
    }

    fn text(
        &self,
        verb: char,
        bytes: &[u8],
        value: &Value,
        flags: Flags,
    ) -> Result<String, Unwalkable> {
        let text = String::from_utf8_lossy(bytes);
        Ok(match verb {
            's' => match flags.precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text.into_owned(),
            },
            'q' if flags.sharp && !text.contains('`') => format!("`{text}`"),
            'q' => quote_bytes(bytes),
            'x' => crate::encoding::hex(bytes),
            'X' => crate::encoding::hex(bytes).to_uppercase(),
            _ => return self.bad(verb, value),
        })
    }
}

fn padded(text: String, width: Option<usize>, left: bool, zero: bool) -> String {
    let count = text.chars().count();
    let Some(missing) = width.and_then(|width| width.checked_sub(count)).filter(|count| *count > 0)
    else {
        return text;
    };
    if left {
        return text + &" ".repeat(missing);
    }
    if !zero {
        return " ".repeat(missing) + &text;
    }
    match text.strip_prefix(['-', '+']) {
        Some(rest) => format!("{}{}{rest}", &text[..1], "0".repeat(missing)),
        None => "0".repeat(missing) + &text,
    }
}

fn integer(verb: char, number: i64, flags: Flags) -> Option<String> {
    let size = number.unsigned_abs();
    let sign = if number < 0 {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    let prefix = |text: &'static str| if flags.sharp { text } else { "" };
    let digits = match verb {
        'd' => size.to_string(),
        'x' => format!("{}{size:x}", prefix("0x")),
        'X' => format!("{}{size:X}", prefix("0X")),
        'o' => format!("{}{size:o}", prefix("0")),
        'O' => format!("0o{size:o}"),
        'b' => format!("{}{size:b}", prefix("0b")),
        'c' | 'q' => {
            let symbol = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            if verb == 'c' {
                return Some(symbol.to_string());
            }
            let mut out = String::from("'");
            push_quoted(symbol, '\'', &mut out);
            out.push('\'');
            return Some(out);
        }
        'U' => return Some(format!("U+{number:04X}")),
        _ => return None,
    };
    let precision = flags.precision.unwrap_or(0);
    let zeros = "0".repeat(precision.saturating_sub(digits.len()));
    Some(format!("{sign}{zeros}{digits}"))
}

/// A float in scientific form with a fixed number of digits.
fn scientific(number: f64, precision: usize, marker: char) -> (String, i32) {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    (format!("{mantissa}{marker}{sign}{:02}", exponent.abs()), exponent)
}

fn float(verb: char, number: f64, precision: Option<usize>) -> Option<String> {
    if !number.is_finite() {
        return matches!(verb, 'e' | 'E' | 'f' | 'F' | 'g' | 'G').then(|| format_general(number));
    }
    Some(match (verb, precision) {
        ('f' | 'F', _) => format!("{number:.*}", precision.unwrap_or(6)),
        ('e' | 'E', _) => scientific(number, precision.unwrap_or(6), verb).0,
        ('g' | 'G', None) => format_general(number),
        ('g' | 'G', Some(precision)) => {
            let precision = precision.max(1);
            let (text, exponent) = scientific(number, precision - 1, 'e');
            let digits = i32::try_from(precision).unwrap_or(i32::MAX);
            let trim = |text: &str| {
                if text.contains('.') {
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
        _ => return None,
    })
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
