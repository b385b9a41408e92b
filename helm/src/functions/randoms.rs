//! Random values, drawn from the seed of the render.

use super::Kind::{Int, Text};
use super::{Call, Function, RandomKind, fixed};
use crate::encoding::{base64, hex};
use crate::template::fault::{Outcome, fail};
use crate::value::Value;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";

const DRAWN: RandomKind = RandomKind::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("randAlphaNum", &[Int], |call| text(call, ALPHANUMERIC)).draws(DRAWN),
    fixed("randAlpha", &[Int], |call| text(call, LETTERS)).draws(DRAWN),
    fixed("randNumeric", &[Int], |call| text(call, DIGITS)).draws(DRAWN),
    fixed("randAscii", &[Int], |call| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        text(call, &printable)
    })
    .draws(DRAWN),
    fixed("randBytes", &[Int], |call| {
        if call.int(0) < 0 {
            return fail("runtime error: makeslice: len out of range");
        }
        let count = count(call)?;
        Ok(base64(&call.engine.random().bytes(count)).into())
    })
    .draws(DRAWN),
    fixed("randInt", &[Int, Int], |call| {
        let (low, high) = (call.int(0), call.int(1));
        let Some(span) = high.checked_sub(low).filter(|span| *span > 0) else {
            return fail("invalid argument to Intn");
        };
        let drawn = call.engine.random().below(span.unsigned_abs());
        Ok(Value::Int(low.saturating_add_unsigned(drawn)))
    })
    .draws(DRAWN),
    fixed("uuidv4", &[], |call| {
        let mut bytes = call.engine.random().bytes(16);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        Ok(parts.join("-").into())
    })
    .draws(DRAWN),
    fixed("shuffle", &[Text], |call| {
        let mut symbols: Vec<char> = call.text(0).chars().collect();
        let mut random = call.engine.random();
        for index in (1..symbols.len()).rev() {
            let other = random.below(index as u64 + 1);
            symbols.swap(index, usize::try_from(other).unwrap_or(index));
        }
        Ok(symbols.into_iter().collect::<String>().into())
    })
    .draws(DRAWN),
];

fn count(call: &Call<'_>) -> Outcome<usize> {
    let count = usize::try_from(call.int(0)).unwrap_or(0);
    call.engine.check_size(count)?;
    Ok(count)
}

fn text(call: &Call<'_>, set: &[u8]) -> Outcome<Value> {
    let count = count(call)?;
    Ok(call.engine.random().text(count, set).into())
}
