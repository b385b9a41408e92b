//! What `encoding/json` says of texts that are no JSON.

use serde_json::Value as Json;

use crate::print::quote;

/// Reads a text, or says what is wrong with it as Go does.
pub(crate) fn read(text: &str) -> Result<Json, String> {
    let error = match serde_json::from_str(text) {
        Ok(json) => return Ok(json),
        Err(error) => error,
    };
    if let Some(problem) = problem(text) {
        return Err(problem);
    }
    if let Some(number) = too_large(text) {
        return Err(format!(
            "json: cannot unmarshal number {number} into Go value of type float64"
        ));
    }
    let paired = with_pairs_only(text);
    serde_json::from_str(&paired).map_err(|_| error.to_string())
}

/// Replaces escapes of surrogates that stand alone, as Go does.
fn with_pairs_only(text: &str) -> String {
    let escape = |at: usize| -> Option<u32> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(symbol) = text[at..].chars().next() {
        let length = match (symbol, escape(at)) {
            ('\\', Some(0xd800..=0xdbff)) => match escape(at + 6) {
                Some(0xdc00..=0xdfff) => 12,
                _ => 0,
            },
            ('\\', Some(0xdc00..=0xdfff)) => 0,
            // What is escaped must not be taken for the beginning of an escape.
            ('\\', _) => 2,
            _ => symbol.len_utf8(),
        };
        let end = at + if length == 0 { 6 } else { length };
        out.push_str(if length == 0 { "\\ufffd" } else { text.get(at..end).unwrap_or_default() });
        at = end.min(text.len());
    }
    out
}

/// Says what is wrong with a text as Go's scanner does; `None` when it finds nothing.
fn problem(text: &str) -> Option<String> {
    let mut scanner = Scanner { rest: text.bytes(), open: Vec::new() };
    match scanner.document() {
        Ok(()) => None,
        Err(Stop::End) => Some("unexpected end of JSON input".to_owned()),
        Err(Stop::Found(byte, place)) => Some(format!("invalid character {} {place}", shown(byte))),
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = quote(char::from(byte).encode_utf8(&mut [0; 4]));
            format!("'{}'", quoted.trim_matches('"'))
        }
    }
}

enum Stop {
    End,
    Found(u8, &'static str),
}

/// What a value stands in.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Object,
    Array,
}

/// What is looked for next.
enum Next {
    Value,
    /// A value, or the end of an array without any.
    FirstItem,
    Key,
    /// A key, or the end of an object without any.
    FirstKey,
    AfterValue,
}

/// Goes through a text with a stack of its own, for texts can nest deeper than a thread's.
struct Scanner<'t> {
    rest: std::str::Bytes<'t>,
    open: Vec<Open>,
}

const LITERALS: [(&str, [&str; 4]); 3] = [
    (
        "true",
        [
            "in literal true (expecting 'r')",
            "in literal true (expecting 'u')",
            "in literal true (expecting 'e')",
            "",
        ],
    ),
    (
        "false",
        [
            "in literal false (expecting 'a')",
            "in literal false (expecting 'l')",
            "in literal false (expecting 's')",
            "in literal false (expecting 'e')",
        ],
    ),
    (
        "null",
        [
            "in literal null (expecting 'u')",
            "in literal null (expecting 'l')",
            "in literal null (expecting 'l')",
            "",
        ],
    ),
];

impl Scanner<'_> {
    /// Go ends every text with a blank, which a literal that is cut off stumbles over.
    fn byte(&mut self) -> Result<u8, Stop> {
        self.rest.next().ok_or(Stop::End)
    }

    fn peek(&self) -> Option<u8> {
        self.rest.clone().next()
    }

    fn after_blanks(&mut self) -> Option<u8> {
        self.rest.find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    }

    fn document(&mut self) -> Result<(), Stop> {
        let mut next = Next::Value;
        loop {
            let found = self.after_blanks();
            if let (Next::AfterValue, true) = (&next, self.open.is_empty()) {
                return match found {
                    None => Ok(()),
                    Some(byte) => Err(Stop::Found(byte, "after top-level value")),
                };
            }
            let byte = found.ok_or(Stop::End)?;
            next = self.step(next, byte)?;
        }
    }

    fn step(&mut self, next: Next, byte: u8) -> Result<Next, Stop> {
        match (next, byte) {
            (Next::FirstItem, b']') | (Next::FirstKey, b'}') => {
                self.open.pop();
                Ok(Next::AfterValue)
            }
            (Next::Value | Next::FirstItem, _) => self.value(byte),
            (Next::Key | Next::FirstKey, b'"') => {
                self.text()?;
                match self.after_blanks().ok_or(Stop::End)? {
                    b':' => Ok(Next::Value),
                    other => Err(Stop::Found(other, "after object key")),
                }
            }
            (Next::Key | Next::FirstKey, _) => {
                Err(Stop::Found(byte, "looking for beginning of object key string"))
            }
            (Next::AfterValue, _) => self.after_value(byte),
        }
    }

    fn after_value(&mut self, byte: u8) -> Result<Next, Stop> {
        let in_object = self.open.last() == Some(&Open::Object);
        match (in_object, byte) {
            (true, b',') => Ok(Next::Key),
            (false, b',') => Ok(Next::Value),
            (true, b'}') | (false, b']') => {
                self.open.pop();
                Ok(Next::AfterValue)
            }
            (true, _) => Err(Stop::Found(byte, "after object key:value pair")),
            (false, _) => Err(Stop::Found(byte, "after array element")),
        }
    }

    fn value(&mut self, byte: u8) -> Result<Next, Stop> {
        match byte {
            b'{' => {
                self.open.push(Open::Object);
                return Ok(Next::FirstKey);
            }
            b'[' => {
                self.open.push(Open::Array);
                return Ok(Next::FirstItem);
            }
            b'"' => self.text()?,
            b'-' | b'0'..=b'9' => self.number(byte)?,
            _ => self.literal(byte)?,
        }
        Ok(Next::AfterValue)
    }

    fn literal(&mut self, first: u8) -> Result<(), Stop> {
        let found = LITERALS.iter().find(|(literal, _)| literal.as_bytes()[0] == first);
        let Some((literal, places)) = found else {
            return Err(Stop::Found(first, "looking for beginning of value"));
        };
        for (expected, place) in literal.bytes().skip(1).zip(places) {
            let byte = self.rest.next().unwrap_or(b' ');
            if byte != expected {
                return Err(Stop::Found(byte, place));
            }
        }
        Ok(())
    }

    fn text(&mut self) -> Result<(), Stop> {
        loop {
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.byte()?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(Stop::Found(
                                    byte,
                                    "in \\u hexadecimal character escape",
                                ));
                            }
                        }
                    }
                    other => return Err(Stop::Found(other, "in string escape code")),
                },
                byte @ ..0x20 => return Err(Stop::Found(byte, "in string literal")),
                _ => {}
            }
        }
    }

    /// At least one digit, and all that follow.
    fn digits(&mut self, first: u8, place: &'static str) -> Result<(), Stop> {
        if !first.is_ascii_digit() {
            return Err(Stop::Found(first, place));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.rest.next();
        }
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), Stop> {
        let first = if first == b'-' { self.rest.next().unwrap_or(b' ') } else { first };
        if first != b'0' {
            self.digits(first, "in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.rest.next();
            let digit = self.rest.next().unwrap_or(b' ');
            self.digits(digit, "after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.rest.next();
            let mut digit = self.rest.next().unwrap_or(b' ');
            if matches!(digit, b'+' | b'-') {
                digit = self.rest.next().unwrap_or(b' ');
            }
            self.digits(digit, "in exponent of numeric literal")?;
        }
        Ok(())
    }
}

/// A number that is too large for a float, as it stands in the text.
fn too_large(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let belongs = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let end = bytes[at..].iter().position(|byte| !belongs(byte));
                let end = end.map_or(bytes.len(), |count| at + count);
                let number = text.get(at..end)?;
                if number.parse::<f64>().is_ok_and(f64::is_infinite) {
                    return Some(number);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_the_words_of_go() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("[", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("-", "invalid character ' ' in numeric literal"),
            ("{\"a\":1.}", "invalid character '}' after decimal point in numeric literal"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("\"\t\"", "invalid character '\\t' in string literal"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            ("1 2", "invalid character '2' after top-level value"),
        ];
        for (text, expected) in cases {
            assert_eq!(problem(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["null", " [1, -0.5e+3, {\"a\": [], \"b\": {}}] ", "\"\\ud83d\""] {
            assert_eq!(problem(text), None, "{text}");
        }
    }

    #[test]
    fn surrogates_that_stand_alone_are_replaced() {
        let read = |text: &str| read(text).unwrap();
        assert_eq!(
            read(r#""\ud83d\ude00 \ud83d x \\ude00 \ude00""#),
            "😀 \u{fffd} x \\ude00 \u{fffd}"
        );
    }

    #[test]
    fn numbers_that_are_too_large_are_found_outside_of_texts() {
        assert_eq!(too_large(r#"{"1e999\"": [1, -1e400]}"#), Some("-1e400"));
        assert_eq!(too_large(r#"["1e999", 1e3]"#), None);
    }
}
