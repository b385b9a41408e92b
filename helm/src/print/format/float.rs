//! Floating-point numbers.

use super::flags::Flags;
use crate::number::format_general;

/// A float in scientific form with a fixed number of digits.
fn scientific(number: f64, precision: usize, marker: char) -> (String, i32) {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    (format!("{mantissa}{marker}{sign}{:02}", exponent.abs()), exponent)
}

/// A float as a verb prints it; nothing if the verb is not for floats.
pub(super) fn float(verb: char, number: f64, flags: Flags) -> Option<String> {
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
