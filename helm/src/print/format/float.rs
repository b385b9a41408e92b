//! Floating-point numbers.

use super::flags::Flags;
use crate::number::format_general;

/// Digits behind the point beyond which every float has zeros only; the formatter has a limit.
const MOST_DIGITS: usize = 1100;

/// A float in scientific form with a fixed number of digits.
fn scientific(number: f64, precision: usize, marker: char) -> (String, i32) {
    let digits = precision.min(MOST_DIGITS);
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let zeros = "0".repeat(precision - digits);
    (format!("{mantissa}{zeros}{marker}{sign}{:02}", exponent.abs()), exponent)
}

/// A float with a fixed number of digits behind the point.
fn plain(number: f64, precision: usize) -> String {
    let digits = precision.min(MOST_DIGITS);
    format!("{number:.digits$}") + &"0".repeat(precision - digits)
}

/// A float as a verb prints it; nothing if the verb is not for floats.
pub(super) fn float(verb: char, number: f64, flags: Flags) -> Option<String> {
    let text = unsigned_float(verb, number, flags)?;
    let text = match verb {
        'x' | 'X' if flags.sharp && number.is_finite() => with_point(&text, verb, flags.precision),
        _ => text,
    };
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
        ('f' | 'F', precision) => plain(number, precision.unwrap_or(6)),
        ('e' | 'E', precision) => scientific(number, precision.unwrap_or(6), verb).0,
        ('g' | 'G', precision) if flags.sharp => {
            upper(general(number, precision.unwrap_or(6), false))
        }
        // Only the shortest form is kept plain up to this size.
        ('g' | 'G', None) => upper(format_general(number)),
        ('g' | 'G', Some(precision)) => upper(general(number, precision, true)),
        ('b', _) => binary(number),
        ('x' | 'X', precision) => {
            let text = hexadecimal(number, precision);
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
        trim(&plain(number, places))
    }
}

/// A hexadecimal float with its point, and with zeros up to six digits if no number of digits is
/// asked for. Go counts the `x` of `0x` among the digits, and none at all where it is upper case.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let (mantissa, exponent) = text.split_at(text.find(['p', 'P']).unwrap_or(text.len()));
    let wanted = if verb == 'x' { precision.unwrap_or(6) } else { 0 };
    let digits = mantissa.trim_start_matches('0').chars().filter(|symbol| *symbol != '.').count();
    let point = if mantissa.contains('.') { "" } else { "." };
    let zeros = "0".repeat(wanted.saturating_sub(digits));
    format!("{mantissa}{point}{zeros}{exponent}")
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

/// A float in hexadecimal, with all digits or a number of them, the last one rounded.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mantissa, exponent) = parts(number);
    let shift = mantissa.leading_zeros().min(63) - 11;
    let mut mantissa = mantissa << shift;
    let mut exponent = if number == 0.0 { 0 } else { exponent + 52 - i64::from(shift) };
    let digits = precision.unwrap_or(13).min(13);
    let dropped = 4 * (13 - digits);
    if dropped > 0 {
        let (half, rest) = (1 << (dropped - 1), mantissa & ((1 << dropped) - 1));
        mantissa >>= dropped;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        if mantissa >> (4 * digits) > 1 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let whole = mantissa >> (4 * digits);
    let fraction = match digits {
        0 => String::new(),
        _ => format!("{:0digits$x}", mantissa & ((1 << (4 * digits)) - 1)),
    };
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(13));
    let fraction = match precision {
        Some(_) => fraction + &zeros,
        None => fraction.trim_end_matches('0').to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{whole}{point}{fraction}p{sign}{:02}", exponent.abs())
}
