//! Go literals.

/// `strconv.Unquote` for the three kinds of quotes; a character constant gives its character.
pub(super) fn unquote(literal: &str) -> Option<String> {
    String::from_utf8(unquote_bytes(literal)?).ok()
}

/// Like [`unquote`], for literals whose escapes need not give UTF-8.
pub(super) fn unquote_bytes(literal: &str) -> Option<Vec<u8>> {
    let delimiter = literal.chars().next()?;
    let inner = literal.strip_prefix(delimiter)?.strip_suffix(delimiter)?;
    if delimiter == '`' {
        return Some(inner.replace('\r', "").into_bytes());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut symbols = inner.chars();
    while let Some(symbol) = symbols.next() {
        if symbol != '\\' {
            bytes.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let code = match symbols.next()? {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' => u32::from('\\'),
            quote @ ('"' | '\'') if quote == delimiter => u32::from(quote),
            'x' => {
                bytes.push(u8::try_from(hex(&mut symbols, 2)?).ok()?);
                continue;
            }
            'u' => hex(&mut symbols, 4)?,
            'U' => hex(&mut symbols, 8)?,
            first @ '0'..='7' => {
                let mut code = first.to_digit(8)?;
                for _ in 0..2 {
                    code = code * 8 + symbols.next()?.to_digit(8)?;
                }
                bytes.push(u8::try_from(code).ok()?);
                continue;
            }
            _ => return None,
        };
        bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(bytes)
}

fn hex(symbols: &mut std::str::Chars<'_>, count: usize) -> Option<u32> {
    let mut code = 0_u32;
    for _ in 0..count {
        code = code.checked_mul(16)?.checked_add(symbols.next()?.to_digit(16)?)?;
    }
    Some(code)
}

/// Removes underscores where Go allows them: between digits and after a base prefix.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let digits = text.trim_start_matches(['+', '-']);
    let ok = !digits.starts_with('_') && !text.contains("__") && !text.ends_with('_');
    ok.then(|| text.replace('_', ""))
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    i64::try_from(parse_whole(text)?).ok()
}

/// `strconv.ParseUint(text, 0, 64)`.
pub(super) fn parse_unsigned(text: &str) -> Option<u64> {
    u64::try_from(parse_whole(text)?).ok()
}

fn parse_whole(text: &str) -> Option<i128> {
    let text = without_underscores(text)?;
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, &text[..]),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -size } else { size })
}

/// `strconv.ParseFloat` for decimal numbers.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = without_underscores(text)?;
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.starts_with(|symbol: char| symbol.is_ascii_digit() || symbol == '.') {
        return None;
    }
    if digits.starts_with("0x") || digits.starts_with("0X") {
        return parse_hex_float(&text);
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A hexadecimal float such as `0x1p60`, whose exponent is a power of two.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = digits.get(2..)?.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let value = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(shift)?;
    #[expect(clippy::cast_precision_loss, reason = "a float has no more digits either")]
    let value = sign * value as f64 * 2_f64.powi(exponent);
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_are_unescaped() {
        assert_eq!(unquote(r#""a\tA\u00e9\"""#).as_deref(), Some("a\tAé\""));
        assert_eq!(unquote("`a\\n`").as_deref(), Some("a\\n"));
        assert_eq!(unquote(r#""\q""#), None);
    }

    #[test]
    fn integers_know_bases() {
        assert_eq!(parse_int("0x1F"), Some(31));
        assert_eq!(parse_int("010"), Some(8));
        assert_eq!(parse_int("-12"), Some(-12));
        assert_eq!(parse_int("1_000"), Some(1000));
        assert_eq!(parse_int("1e3"), None);
        assert_eq!(parse_float("0x1p10"), Some(1024.0));
    }
}
