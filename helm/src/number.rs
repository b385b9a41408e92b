//! Numbers printed as Go prints them.

use std::fmt::Write as _;

/// Shortest decimal digits of a float and its decimal exponent (`d.ddd` times ten to the exponent).
fn digits(value: f64) -> (String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn scientific(negative: bool, digits: &str, exponent: i32) -> String {
    let mut out = String::new();
    if negative {
        out.push('-');
    }
    out.push_str(&digits[..1]);
    if digits.len() > 1 {
        out.push('.');
        out.push_str(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "e{sign}{:02}", exponent.abs());
    out
}

pub(crate) fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// Formats as `strconv.FormatFloat(value, 'g', -1, 64)`, which is also `%v`.
pub(crate) fn format_general(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    let (digits, exponent) = digits(value);
    if (-4..6).contains(&exponent) {
        format!("{value}")
    } else {
        scientific(value < 0.0, &digits, exponent)
    }
}

/// Formats a 32-bit float in the same way, as Go prints floats used for map keys and metadata.
pub(crate) fn format_general_32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "Go narrows to float32 here as well")]
    let narrow = value as f32;
    format!("{narrow}").parse().map_or_else(|_| format_general(value), format_general)
}

/// Formats as `encoding/json` writes a float.
pub(crate) fn format_json(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let (digits, exponent) = digits(value);
        let text = scientific(value < 0.0, &digits, exponent);
        return match text.split_once("e-0") {
            Some((mantissa, exponent)) => format!("{mantissa}e-{exponent}"),
            None => text,
        };
    }
    format!("{value}")
}
