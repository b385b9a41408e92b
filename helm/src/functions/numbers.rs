//! Numbers.

use super::Kind::{Any, Float, Int, Text};
use super::{Call, Function, fixed, variadic};
use crate::template::exec::int_list;
use crate::template::fault::{Outcome, fail};
use crate::template::{parse_float, parse_int};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("atoi", &[Text], |call| Ok(Value::Int(saturating(&call.text(0))))),
    fixed("int", &[Any], |call| Ok(Value::Int(to_int(call.arg(0))))),
    fixed("int64", &[Any], |call| Ok(Value::Int64(to_int(call.arg(0))))),
    fixed("float64", &[Any], |call| Ok(Value::Float(to_float(call.arg(0))))),
    fixed("toDecimal", &[Any], |call| {
        let text = call.display(call.arg(0))?;
        Ok(Value::Int64(i64::from_str_radix(&text, 8).unwrap_or(0)))
    }),
    variadic("add", &[], Any, |call| Ok(fold(call, 0, i64::wrapping_add))),
    variadic("mul", &[Any], Any, |call| Ok(fold(call, 1, i64::wrapping_mul))),
    fixed("add1", &[Any], |call| Ok(Value::Int64(to_int(call.arg(0)).wrapping_add(1)))),
    fixed("sub", &[Any, Any], |call| {
        Ok(Value::Int64(to_int(call.arg(0)).wrapping_sub(to_int(call.arg(1)))))
    }),
    fixed("div", &[Any, Any], |call| divide(call, i64::wrapping_div)),
    fixed("mod", &[Any, Any], |call| divide(call, i64::wrapping_rem)),
    variadic("max", &[Any], Any, |call| Ok(best(call, |best, next| next > best))),
    variadic("biggest", &[Any], Any, |call| Ok(best(call, |best, next| next > best))),
    variadic("min", &[Any], Any, |call| Ok(best(call, |best, next| next < best))),
    variadic("maxf", &[Any], Any, |call| Ok(best_float(call, f64::max))),
    variadic("minf", &[Any], Any, |call| Ok(best_float(call, f64::min))),
    variadic("addf", &[], Any, |call| {
        Ok(decimals(call, Some(Decimal::ZERO), Decimal::add, |a, b| a + b))
    }),
    fixed("add1f", &[Any], |call| {
        Ok(decimals(call, Some(Decimal::ONE), Decimal::add, |a, b| a + b))
    }),
    variadic("mulf", &[Any], Any, |call| Ok(decimals(call, None, Decimal::multiply, |a, b| a * b))),
    variadic("subf", &[Any], Any, |call| Ok(decimals(call, None, Decimal::subtract, |a, b| a - b))),
    variadic("divf", &[Any], Any, |call| {
        if call.args.iter().skip(1).any(|divisor| to_float(divisor) == 0.0) {
            return fail("decimal division by 0");
        }
        Ok(decimals(call, None, Decimal::divide, |a, b| a / b))
    }),
    fixed("ceil", &[Any], |call| Ok(Value::Float(to_float(call.arg(0)).ceil()))),
    fixed("floor", &[Any], |call| Ok(Value::Float(to_float(call.arg(0)).floor()))),
    variadic("round", &[Any, Int], Float, |call| {
        let power = 10_f64.powi(i32::try_from(call.int(1)).unwrap_or(0));
        let digits = to_float(call.arg(0)) * power;
        let up = match call.args.get(2) {
            Some(Value::Float(value)) => *value,
            _ => 0.5,
        };
        let whole = if digits.fract() >= up { digits.ceil() } else { digits.floor() };
        Ok(Value::Float(whole / power))
    }),
    fixed("until", &[Int], |call| {
        let end = call.int(0);
        steps(call, 0, end, if end < 0 { -1 } else { 1 }).map(int_list)
    }),
    fixed("untilStep", &[Int, Int, Int], |call| {
        steps(call, call.int(0), call.int(1), call.int(2)).map(int_list)
    }),
    variadic("seq", &[], Int, sequence),
];

/// Sprig's `toInt64`: base prefixes and a trailing `.0` are accepted, anything else is zero.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        // What does not fit is the smallest number on the machines helm is built for.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        Value::Float(number) if (-9.3e18..9.223_372_036_854_776e18).contains(number) => {
            *number as i64
        }
        Value::Float(_) => i64::MIN,
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => {
            let whole = match text.split_once('.') {
                Some((whole, zeros))
                    if !whole.is_empty()
                        && !zeros.is_empty()
                        && zeros.bytes().all(|byte| byte == b'0') =>
                {
                    whole
                }
                _ => text,
            };
            parse_int(whole).unwrap_or(0)
        }
        _ => 0,
    }
}

/// `strconv.ParseFloat`.
fn parse_go_float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if ["inf", "infinity", "nan"].iter().any(|name| digits.eq_ignore_ascii_case(name)) {
        return text.parse().ok();
    }
    parse_float(text)
}

/// `strconv.ParseInt`, whose result is the nearest number even when it fails on the size.
pub(super) fn saturating(text: &str) -> i64 {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse().unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow => i64::MAX,
        NegOverflow => i64::MIN,
        _ => 0,
    })
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "Go rounds as well")]
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => parse_go_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn fold(call: &Call<'_>, start: i64, combine: fn(i64, i64) -> i64) -> Value {
    Value::Int64(call.args.iter().map(to_int).fold(start, combine))
}

fn divide(call: &Call<'_>, by: fn(i64, i64) -> i64) -> Outcome<Value> {
    match to_int(call.arg(1)) {
        0 => fail("runtime error: integer divide by zero"),
        divisor => Ok(Value::Int64(by(to_int(call.arg(0)), divisor))),
    }
}

fn best(call: &Call<'_>, better: fn(i64, i64) -> bool) -> Value {
    let numbers = call.args.iter().map(to_int);
    let found = numbers.reduce(|best, next| if better(best, next) { next } else { best });
    Value::Int64(found.unwrap_or(0))
}

fn best_float(call: &Call<'_>, better: fn(f64, f64) -> f64) -> Value {
    Value::Float(call.args.iter().map(to_float).reduce(better).unwrap_or(0.0))
}

fn steps(call: &Call<'_>, start: i64, end: i64, step: i64) -> Outcome<Vec<i64>> {
    let forward = end >= start;
    if step == 0 || forward != (step > 0) {
        return Ok(Vec::new());
    }
    let distance = i128::from(end) - i128::from(start);
    let count = distance.unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
    call.engine.check_length(i64::try_from(count).unwrap_or(i64::MAX))?;
    let mut numbers = Vec::new();
    let mut next = start;
    while if forward { next < end } else { next > end } {
        numbers.push(next);
        let Some(after) = next.checked_add(step) else { break };
        next = after;
    }
    Ok(numbers)
}

fn sequence(call: &mut Call<'_>) -> Outcome<Value> {
    let numbers: Vec<i64> = (0..call.args.len()).map(|index| call.int(index)).collect();
    let towards = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let found = match numbers[..] {
        [end] => {
            let step = towards(1, end);
            steps(call, 1, end.saturating_add(step), step)?
        }
        [start, end] => {
            let step = towards(start, end);
            steps(call, start, end.saturating_add(step), step)?
        }
        [start, step, end] if !(end < start && step > 0) => {
            steps(call, start, end.saturating_add(towards(start, end)), step)?
        }
        _ => Vec::new(),
    };
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    Ok(texts.join(" ").into())
}

/// A decimal number: Sprig computes with these, so that 0.1 and 0.2 make 0.3.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    /// Power of ten the digits are multiplied with; never positive.
    exponent: i32,
}

/// Digits after the point a division gives.
const DIVISION_PLACES: i32 = 16;

impl Decimal {
    const ZERO: Self = Self { digits: 0, exponent: 0 };
    const ONE: Self = Self { digits: 1, exponent: 0 };

    fn new(number: f64) -> Option<Self> {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let places = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: i128 = mantissa.replace('.', "").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(places).ok()?;
        let number = Self { digits, exponent };
        if exponent > 0 { number.scaled(0) } else { Some(number) }
    }

    /// The same number with a smaller or equal exponent.
    fn scaled(self, exponent: i32) -> Option<Self> {
        let power = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        let digits = self.digits.checked_mul(10_i128.checked_pow(power)?)?;
        Some(Self { digits, exponent })
    }

    fn value(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }

    fn aligned(self, other: Self) -> Option<(Self, Self)> {
        let exponent = self.exponent.min(other.exponent);
        Some((self.scaled(exponent)?, other.scaled(exponent)?))
    }

    fn add(self, other: Self) -> Option<Self> {
        let (left, right) = self.aligned(other)?;
        Some(Self { digits: left.digits.checked_add(right.digits)?, exponent: left.exponent })
    }

    fn subtract(self, other: Self) -> Option<Self> {
        self.add(Self { digits: -other.digits, ..other })
    }

    fn multiply(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, exponent: self.exponent + other.exponent })
    }

    fn divide(self, other: Self) -> Option<Self> {
        let (left, right) = self.aligned(other)?;
        let power = 10_i128.checked_pow(DIVISION_PLACES.unsigned_abs())?;
        let scaled = left.digits.checked_mul(power)?;
        let quotient = scaled.checked_div(right.digits)?;
        let rest = scaled.checked_rem(right.digits)?;
        let away = i128::from(rest.unsigned_abs() * 2 >= right.digits.unsigned_abs());
        let sign = if (scaled < 0) == (right.digits < 0) { 1 } else { -1 };
        Some(Self { digits: quotient + away * sign, exponent: -DIVISION_PLACES })
    }
}

/// Computes with decimals; numbers too large or small for them are computed as floats.
fn decimals(
    call: &Call<'_>,
    start: Option<Decimal>,
    combine: fn(Decimal, Decimal) -> Option<Decimal>,
    approximate: fn(f64, f64) -> f64,
) -> Value {
    let numbers: Vec<f64> = call.args.iter().map(to_float).collect();
    let exact = || {
        let mut total = start;
        for number in &numbers {
            let next = Decimal::new(*number)?;
            total = match total {
                None => Some(next),
                Some(so_far) => Some(combine(so_far, next)?),
            };
        }
        Some(total.map_or(0.0, Decimal::value))
    };
    let rough = || {
        let numbers = start.map(Decimal::value).into_iter().chain(numbers.iter().copied());
        numbers.reduce(approximate).unwrap_or(0.0)
    };
    Value::Float(exact().unwrap_or_else(rough))
}
