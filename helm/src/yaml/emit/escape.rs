//! Characters as double quotes have them.

use crate::yaml::style::is_printable;

pub(super) fn escape(symbol: char) -> Option<String> {
    let short = match symbol {
        '\0' => "\\0",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        '\x1b' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => return None,
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(symbol) => return None,
        _ => return Some(coded(symbol)),
    };
    Some(short.to_owned())
}

pub(super) fn coded(symbol: char) -> String {
    let code = u32::from(symbol);
    match code {
        0..=0xff => format!("\\x{code:02X}"),
        0x100..=0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}
