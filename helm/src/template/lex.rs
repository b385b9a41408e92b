//! Tokens of a template.

mod token;

use std::borrow::Cow;

use crate::octets::is_stand_in;
use crate::print::quote;
use token::keyword;
pub(super) use token::{Item, Kind};

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
/// A trim marker with its blank.
const MARKER: usize = 2;

pub(super) struct Lexer<'a> {
    input: &'a str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    paren_depth: usize,
    inside_action: bool,
}

fn is_word(symbol: char) -> bool {
    symbol == '_' || symbol.is_alphabetic() || symbol.is_numeric()
}

/// A character as `%#U` shows it.
fn shown(symbol: Option<char>) -> String {
    match symbol {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(symbol) if is_stand_in(symbol) => shown(Some(char::REPLACEMENT_CHARACTER)),
        Some(symbol) if crate::print::is_printable(symbol) => {
            format!("U+{:04X} '{symbol}'", u32::from(symbol))
        }
        Some(symbol) => format!("U+{:04X}", u32::from(symbol)),
    }
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            inside_action: false,
        }
    }

    pub(super) fn next_item(&mut self) -> Item<'a> {
        if self.inside_action { self.inside() } else { self.text() }
    }

    fn rest(&self) -> &'a str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let symbol = self.peek()?;
        self.pos += symbol.len_utf8();
        if symbol == '\n' {
            self.line += 1;
        }
        Some(symbol)
    }

    fn emit(&mut self, kind: Kind) -> Item<'a> {
        let text = Cow::Borrowed(&self.input[self.start..self.pos]);
        let item = Item { kind, pos: self.start, text, line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    fn ignore_to(&mut self, pos: usize) {
        self.line += self.input[self.pos..pos].matches('\n').count();
        self.pos = pos;
        self.start = pos;
        self.start_line = self.line;
    }

    fn fail(&mut self, message: impl Into<Cow<'a, str>>) -> Item<'a> {
        let item = Item {
            kind: Kind::Error,
            pos: self.start,
            text: message.into(),
            line: self.start_line,
        };
        // Nothing sensible can follow.
        self.input = "";
        self.pos = 0;
        self.start = 0;
        item
    }

    fn text(&mut self) -> Item<'a> {
        loop {
            let Some(found) = self.rest().find(LEFT) else {
                if self.rest().is_empty() {
                    return self.emit(Kind::Eof);
                }
                self.line += self.rest().matches('\n').count();
                self.pos = self.input.len();
                return self.emit(Kind::Text);
            };
            let delimiter = self.pos + found;
            let after = &self.input[delimiter + LEFT.len()..];
            let trim = starts_with_marker(after);
            let before = &self.input[self.pos..delimiter];
            let kept = if trim { before.trim_end_matches(SPACE) } else { before };
            if !kept.is_empty() {
                self.line += kept.matches('\n').count();
                self.pos += kept.len();
                let item = self.emit(Kind::Text);
                self.ignore_to(delimiter);
                return item;
            }
            self.ignore_to(delimiter);
            let marker = if trim { MARKER } else { 0 };
            if after[marker..].starts_with("/*") {
                self.ignore_to(delimiter + LEFT.len() + marker);
                if let Some(error) = self.comment() {
                    return error;
                }
                continue;
            }
            self.pos = delimiter + LEFT.len();
            let item = self.emit(Kind::LeftDelim);
            self.ignore_to(self.pos + marker);
            self.inside_action = true;
            self.paren_depth = 0;
            return item;
        }
    }

    /// Skips a comment; gives back an error if it does not end properly.
    fn comment(&mut self) -> Option<Item<'a>> {
        let Some(end) = self.rest()[2..].find("*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.ignore_to(self.pos + end + 4);
        let Some(trim) = self.right_delimiter() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right(trim);
        None
    }

    /// Whether a right delimiter is next, and whether it trims.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if ends_with_marker(rest) && rest[MARKER..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn skip_right(&mut self, trim: bool) {
        let mut end = self.pos + RIGHT.len();
        if trim {
            end += MARKER;
            let after = &self.input[end..];
            end += after.len() - after.trim_start_matches(SPACE).len();
        }
        self.ignore_to(end);
    }

    fn right(&mut self, trim: bool) -> Item<'a> {
        if trim {
            self.ignore_to(self.pos + MARKER);
        }
        self.pos += RIGHT.len();
        let item = self.emit(Kind::RightDelim);
        if trim {
            let blank = self.rest().len() - self.rest().trim_start_matches(SPACE).len();
            self.ignore_to(self.pos + blank);
        }
        self.inside_action = false;
        item
    }

    fn inside(&mut self) -> Item<'a> {
        if let Some(trim) = self.right_delimiter() {
            if self.paren_depth == 0 {
                return self.right(trim);
            }
            return self.fail("unclosed left paren");
        }
        let Some(symbol) = self.peek() else { return self.fail("unclosed action") };
        if SPACE.contains(&symbol) {
            return self.space();
        }
        if is_word(symbol) && !symbol.is_ascii_digit() {
            return self.identifier();
        }
        if symbol.is_ascii_digit() || matches!(symbol, '+' | '-') {
            return self.number();
        }
        self.bump();
        match symbol {
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.bump() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.fail("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => {
                while let Some(symbol) = self.bump() {
                    if symbol == '`' {
                        return self.emit(Kind::RawString);
                    }
                }
                self.fail("unterminated raw quoted string")
            }
            '$' => self.field(Kind::Variable, Kind::Variable),
            '.' => {
                if self.peek().is_some_and(|next| next.is_ascii_digit()) {
                    self.pos -= 1;
                    return self.number();
                }
                self.field(Kind::Dot, Kind::Field)
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.emit(Kind::RightParen)
                }
                None => self.fail("unexpected right paren"),
            },
            _ if symbol.is_ascii() && crate::print::is_printable(symbol) => self.emit(Kind::Char),
            _ => self.fail(format!("unrecognized character in action: {}", shown(Some(symbol)))),
        }
    }

    fn space(&mut self) -> Item<'a> {
        let rest = self.rest();
        let count = rest.len() - rest.trim_start_matches(SPACE).len();
        // The last blank belongs to the trim marker of a right delimiter.
        let last = &rest[count - 1..];
        if ends_with_marker(last) && last[MARKER..].starts_with(RIGHT) {
            if count == 1 {
                return self.right(true);
            }
            self.advance(count - 1);
        } else {
            self.advance(count);
        }
        self.emit(Kind::Space)
    }

    fn advance(&mut self, bytes: usize) {
        self.line += self.rest()[..bytes].matches('\n').count();
        self.pos += bytes;
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(RIGHT),
        }
    }

    fn word(&mut self) {
        while self.peek().is_some_and(is_word) {
            self.bump();
        }
    }

    fn identifier(&mut self) -> Item<'a> {
        self.word();
        if !self.at_terminator() {
            let message = format!("bad character {}", shown(self.peek()));
            return self.fail(message);
        }
        match &self.input[self.start..self.pos] {
            "true" | "false" => self.emit(Kind::Bool),
            word => {
                let kind = keyword(word).unwrap_or(Kind::Identifier);
                self.emit(kind)
            }
        }
    }

    /// A field or variable after its first character; alone it is of the first kind.
    fn field(&mut self, alone: Kind, kind: Kind) -> Item<'a> {
        if self.at_terminator() {
            return self.emit(alone);
        }
        self.word();
        if !self.at_terminator() {
            let message = format!("bad character {}", shown(self.peek()));
            return self.fail(message);
        }
        self.emit(kind)
    }

    fn quoted(&mut self, end: char, kind: Kind, problem: &'static str) -> Item<'a> {
        loop {
            match self.bump() {
                Some('\\') => {
                    if matches!(self.bump(), None | Some('\n')) {
                        return self.fail(problem);
                    }
                }
                None | Some('\n') => return self.fail(problem),
                Some(symbol) if symbol == end => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn accept(&mut self, valid: &str) -> bool {
        let hit = self.peek().is_some_and(|symbol| valid.contains(symbol));
        if hit {
            self.bump();
        }
        hit
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn number(&mut self) -> Item<'a> {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.input[..self.pos].ends_with('i') {
                return self.bad_number();
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
    }

    fn bad_number(&mut self) -> Item<'a> {
        let text = quote(&self.input[self.start..self.pos]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if digits.len() == 11 && self.accept("eE") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        if digits.len() == 23 && self.accept("pP") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.bump();
            return false;
        }
        true
    }
}

fn starts_with_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn ends_with_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}
