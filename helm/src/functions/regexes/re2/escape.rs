//! Escape sequences, and the classes of characters that have names.

use regex::RegexBuilder;

use super::error;

/// The ASCII classes of Perl.
pub(super) fn perl_class(symbol: char) -> Option<&'static str> {
    Some(match symbol {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0C\r ]",
        'S' => r"[^\t\n\x0C\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        _ => return None,
    })
}

pub(super) fn is_posix(name: &str) -> bool {
    matches!(
        name.strip_prefix('^').unwrap_or(name),
        "alnum"
            | "alpha"
            | "ascii"
            | "blank"
            | "cntrl"
            | "digit"
            | "graph"
            | "lower"
            | "print"
            | "punct"
            | "space"
            | "upper"
            | "word"
            | "xdigit"
    )
}

/// `\pL`, `\p{Greek}`, `\P{..}` and their negations; gives back what follows.
pub(super) fn unicode_class(text: &str) -> Result<(String, &str), String> {
    let mut negative = text.starts_with(r"\P");
    let after = &text[2..];
    let (name, end) = if after.starts_with('{') {
        match text.find('}') {
            Some(end) => (&text[3..end], end + 1),
            None => return error("invalid character class range", text),
        }
    } else {
        let size = after.chars().next().map_or(0, char::len_utf8);
        (&after[..size], 2 + size)
    };
    let plain = name.strip_prefix('^').unwrap_or(name);
    negative ^= plain.len() != name.len();
    let known = !plain.is_empty()
        && plain.chars().all(|symbol| symbol == '_' || symbol.is_ascii_alphanumeric());
    let class = format!(r"\{}{{{plain}}}", if negative { 'P' } else { 'p' });
    if !known || RegexBuilder::new(&class).build().is_err() {
        return error("invalid character class range", &text[..end]);
    }
    Ok((class, &text[end..]))
}

/// The character an escape sequence stands for.
pub(super) fn escaped(text: &str) -> Result<(u32, &str), String> {
    let mut rest = &text[1..];
    let Some(symbol) = rest.chars().next() else {
        return error("trailing backslash at end of expression", "");
    };
    rest = &rest[symbol.len_utf8()..];
    let invalid = |rest: &str| error("invalid escape sequence", &text[..text.len() - rest.len()]);
    let octal = |rest: &str| rest.starts_with(|next: char| next.is_digit(8));
    let code = match symbol {
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '0'..='7' if symbol == '0' || octal(rest) => {
            let mut code = symbol.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = rest.chars().next().and_then(|next| next.to_digit(8)) else {
                    break;
                };
                code = code * 8 + digit;
                rest = &rest[1..];
            }
            code
        }
        'x' => return hexadecimal(text, rest),
        _ if symbol.is_ascii() && !symbol.is_ascii_alphanumeric() => symbol.into(),
        _ => return invalid(rest),
    };
    Ok((code, rest))
}

/// `\x41` and `\x{e9}`.
fn hexadecimal<'t>(text: &'t str, mut rest: &'t str) -> Result<(u32, &'t str), String> {
    let invalid = |rest: &str| error("invalid escape sequence", &text[..text.len() - rest.len()]);
    let mut next = || {
        let symbol = rest.chars().next()?;
        rest = &rest[symbol.len_utf8()..];
        Some(symbol)
    };
    let Some(first) = next() else { return invalid("") };
    if first != '{' {
        let second = next();
        let digit = |symbol: char| symbol.to_digit(16);
        return match (digit(first), second.and_then(digit)) {
            (Some(high), Some(low)) => Ok((high * 16 + low, rest)),
            _ => invalid(rest),
        };
    }
    let mut code = None;
    loop {
        match next() {
            Some('}') => break,
            Some(symbol) => match symbol.to_digit(16) {
                Some(digit) if code.unwrap_or(0) * 16 + digit <= 0x10_ffff => {
                    code = Some(code.unwrap_or(0) * 16 + digit);
                }
                _ => return invalid(rest),
            },
            None => return invalid(""),
        }
    }
    match code {
        Some(code) => Ok((code, rest)),
        None => invalid(rest),
    }
}
