//! Integers, and the characters that they stand for.

use std::fmt::Write as _;

use super::super::{is_printable, push_quoted};
use super::flags::Flags;

/// An integer as a verb prints it, with its width; nothing if the verb is not for integers.
pub(super) fn integer(verb: char, number: i64, flags: Flags) -> Option<String> {
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

/// Quotes with everything beyond ASCII escaped.
pub(super) fn quote_ascii(text: &str) -> String {
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
