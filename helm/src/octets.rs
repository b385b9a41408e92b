//! Bytes that are no UTF-8, on their way through texts.
//!
//! Go's strings hold any bytes. Where one of ours has to hold such a byte, because a template has
//! it or prints it, a character of the last private plane stands in for it.

use crate::yaml;

const FIRST: u32 = 0x0010_ff00;

fn stand_in(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character stands for.
fn octet(symbol: char) -> Option<u8> {
    u32::from(symbol).checked_sub(FIRST)?.try_into().ok().filter(|byte: &u8| !byte.is_ascii())
}

/// Whether a character stands for a byte.
pub(crate) fn is_stand_in(symbol: char) -> bool {
    octet(symbol).is_some()
}

/// Bytes as a text.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for piece in bytes.utf8_chunks() {
        text.push_str(piece.valid());
        text.extend(piece.invalid().iter().copied().map(stand_in));
    }
    text
}

/// The bytes of a text, if there are any in it that are no UTF-8.
pub(crate) fn of_text(text: &str) -> Option<Vec<u8>> {
    if !text.contains(is_stand_in) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for symbol in text.chars() {
        match octet(symbol) {
            Some(octet) => bytes.push(octet),
            None => bytes.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(bytes)
}

/// A text in which what is no UTF-8 is replaced, as Go does where it needs characters.
pub(crate) fn replaced(text: &str) -> String {
    text.replace(is_stand_in, "\u{fffd}")
}

/// What go-yaml says of bytes that are not UTF-8.
pub(crate) fn problem(bytes: &[u8]) -> Option<&'static str> {
    let good = std::str::from_utf8(bytes).err()?.valid_up_to();
    let (before, rest) = bytes.split_at(good);
    if !std::str::from_utf8(before).is_ok_and(yaml::is_readable) {
        return Some("control characters are not allowed");
    }
    let first = *rest.first()?;
    let (width, bits) = match first {
        0xc0..=0xdf => (2, first & 0x1f),
        0xe0..=0xef => (3, first & 0x0f),
        0xf0..=0xf7 => (4, first & 0x07),
        _ => return Some("invalid leading UTF-8 octet"),
    };
    let Some(sequence) = rest.get(..width) else { return Some("incomplete UTF-8 octet sequence") };
    if sequence[1..].iter().any(|octet| octet & 0xc0 != 0x80) {
        return Some("invalid trailing UTF-8 octet");
    }
    let code = |code: u32, octet: &u8| code << 6 | u32::from(octet & 0x3f);
    let code = sequence[1..].iter().fold(u32::from(bits), code);
    let least = [0x80, 0x800, 0x1_0000][width - 2];
    Some(if code < least {
        "invalid length of a UTF-8 sequence"
    } else {
        "invalid Unicode character"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        let bytes = b"caf\xe9 \xc3\xa9 \xff\xfe\x80.";
        let text = to_text(bytes);
        assert_eq!(of_text(&text).as_deref(), Some(&bytes[..]));
        assert_eq!(replaced(&text), "caf\u{fffd} é \u{fffd}\u{fffd}\u{fffd}.");
        assert_eq!(of_text("café \u{fffd}"), None);
    }

    #[test]
    fn what_is_wrong_with_bytes_is_said_as_by_go_yaml() {
        for (bytes, expected) in [
            (&b"caf\xe9\n"[..], "incomplete UTF-8 octet sequence"),
            (b"caf\xe9 x y z\n", "invalid trailing UTF-8 octet"),
            (b"\xff\n", "invalid leading UTF-8 octet"),
            (b"a: \xc0\x80", "invalid length of a UTF-8 sequence"),
            (b"a: \xed\xa0\x80", "invalid Unicode character"),
            (b"a: \xf7\xbf\xbf\xbf", "invalid Unicode character"),
            (b"a: \xe2\x82", "incomplete UTF-8 octet sequence"),
            (b"\x01\xff", "control characters are not allowed"),
        ] {
            assert_eq!(problem(bytes), Some(expected), "{bytes:?}");
        }
        assert_eq!(problem("é\u{10ffff}".as_bytes()), None);
    }
}
