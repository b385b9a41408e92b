//! Go's (RE2's) syntax of regular expressions, checked and rewritten for the `regex` crate.
//!
//! The two read differently: Perl classes are ASCII in RE2, `[`, `&`, `~` and `--` have no
//! meaning inside its classes, `\Q..\E` quotes, and a broken pattern has to be explained in
//! Go's words.

mod escape;

use std::fmt::Write as _;

use self::escape::{escaped, is_posix, perl_class, unicode_class};

/// What a pattern became.
pub(super) struct Translated {
    pub(super) pattern: String,
    /// The names of the groups, the whole match being group 0.
    pub(super) names: Vec<String>,
}

/// The largest count of a repetition, nested ones multiplied.
const REPEAT_LIMIT: u64 = 1000;
/// Nesting of groups.
const DEPTH_LIMIT: usize = 1000;

/// A pattern that cannot be understood, in Go's words.
fn error<T>(problem: &str, part: &str) -> Result<T, String> {
    Err(format!("error parsing regexp: {problem}: `{part}`"))
}

/// What stands before a repetition operator.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    /// Something repeatable with the product of the counts inside.
    Operand(u64),
}

struct Parser<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    names: Vec<String>,
    /// For each open group, the largest product of counts beside it.
    groups: Vec<u64>,
    before: Before,
    /// The largest product of counts in the group that is open.
    inner: u64,
}

/// Checks a pattern and rewrites it.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut parser = Parser {
        whole: pattern,
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        names: vec![String::new()],
        groups: Vec::new(),
        before: Before::Nothing,
        inner: 1,
    };
    parser.run()?;
    Ok(Translated { pattern: parser.out, names: parser.names })
}

impl<'p> Parser<'p> {
    fn run(&mut self) -> Result<(), String> {
        let mut last_repeat: Option<&str> = None;
        while let Some(symbol) = self.rest.chars().next() {
            let before = self.rest;
            let after = &before[symbol.len_utf8()..];
            let mut repeat = None;
            match symbol {
                '(' if after.starts_with('?') => self.flags()?,
                '(' => {
                    self.open("(")?;
                    self.names.push(String::new());
                    self.rest = after;
                }
                '|' => {
                    self.out.push('|');
                    self.before = Before::Nothing;
                    self.rest = after;
                }
                ')' => {
                    let Some(outer) = self.groups.pop() else {
                        return error("unexpected )", self.whole);
                    };
                    self.out.push(')');
                    let product = self.inner;
                    self.inner = outer.max(product);
                    self.before = Before::Operand(product);
                    self.rest = after;
                }
                '^' | '$' | '.' => {
                    self.out.push(symbol);
                    self.before = Before::Operand(1);
                    self.rest = after;
                }
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.repeat(after, None, last_repeat)?;
                    repeat = Some(before);
                }
                '{' => {
                    if let Some((least, most, after)) = counts(after) {
                        self.repeat(after, Some((least, most)), last_repeat)?;
                        repeat = Some(before);
                    } else {
                        self.literal('{');
                        self.rest = after;
                    }
                }
                '\\' => self.escape()?,
                _ => {
                    self.literal(symbol);
                    self.rest = after;
                }
            }
            last_repeat = repeat;
        }
        if self.groups.is_empty() { Ok(()) } else { error("missing closing )", self.whole) }
    }

    fn literal(&mut self, symbol: char) {
        self.before = Before::Operand(1);
        push_char(&mut self.out, symbol);
    }

    fn open(&mut self, text: &str) -> Result<(), String> {
        if self.groups.len() >= DEPTH_LIMIT {
            return error("expression nests too deeply", self.whole);
        }
        self.out.push_str(text);
        self.groups.push(std::mem::replace(&mut self.inner, 1));
        self.before = Before::Nothing;
        Ok(())
    }

    /// `*`, `+`, `?` and counts.
    fn repeat(
        &mut self,
        after: &'p str,
        counts: Option<(Option<u64>, Option<u64>)>,
        previous: Option<&str>,
    ) -> Result<(), String> {
        let before = self.rest;
        if let Some((least, most)) = counts {
            let out_of_range = least.is_none_or(|least| least > REPEAT_LIMIT)
                || most.is_some_and(|most| most > REPEAT_LIMIT)
                || matches!((least, most), (Some(least), Some(most)) if least > most);
            if out_of_range {
                return error("invalid repeat count", &before[..before.len() - after.len()]);
            }
        }
        let end = after.strip_prefix('?').unwrap_or(after);
        let shown = &before[..before.len() - end.len()];
        if let Some(previous) = previous {
            let both = &previous[..previous.len() - end.len()];
            return error("invalid nested repetition operator", both);
        }
        let Before::Operand(product) = self.before else {
            return error("missing argument to repetition operator", shown);
        };
        let count = match counts {
            Some((least, most)) => most.or(least).unwrap_or(1),
            None => 1,
        };
        let product = product.saturating_mul(count.max(1));
        if product > REPEAT_LIMIT {
            return error("invalid repeat count", shown);
        }
        self.inner = self.inner.max(product);
        self.before = Before::Operand(product);
        self.out.push_str(shown);
        self.rest = end;
        Ok(())
    }

    /// A group that starts with a question mark.
    fn flags(&mut self) -> Result<(), String> {
        let start = self.rest;
        let named = ["(?P<", "(?<"].into_iter().find(|open| start.starts_with(open));
        if let Some(open) = named
            && start.len() > open.len()
        {
            let Some(end) = start.find('>') else {
                return error("invalid named capture", start);
            };
            let name = start.get(open.len()..end).unwrap_or_default();
            let valid = |symbol: char| symbol == '_' || symbol.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(valid) {
                return error("invalid named capture", &start[..=end]);
            }
            self.open("(")?;
            self.names.push(name.to_owned());
            self.rest = &start[end + 1..];
            return Ok(());
        }
        let (mut on, mut off) = (String::new(), String::new());
        let (mut negative, mut seen) = (false, false);
        let mut rest = &start[2..];
        while let Some(symbol) = rest.chars().next() {
            rest = &rest[symbol.len_utf8()..];
            match symbol {
                'i' | 'm' | 's' | 'U' => {
                    seen = true;
                    let (set, other) =
                        if negative { (&mut off, &mut on) } else { (&mut on, &mut off) };
                    other.retain(|known| known != symbol);
                    if !set.contains(symbol) {
                        set.push(symbol);
                    }
                }
                '-' if !negative => {
                    negative = true;
                    seen = false;
                }
                ':' | ')' if !negative || seen => {
                    let minus = if off.is_empty() { "" } else { "-" };
                    let flags = format!("{on}{minus}{off}");
                    if symbol == ':' {
                        self.open(&format!("(?{flags}:"))?;
                    } else if !flags.is_empty() {
                        let _ = write!(self.out, "(?{flags})");
                    }
                    self.rest = rest;
                    return Ok(());
                }
                _ => break,
            }
        }
        error("invalid or unsupported Perl syntax", &start[..start.len() - rest.len()])
    }

    fn escape(&mut self) -> Result<(), String> {
        let start = self.rest;
        let after = &start[1..];
        let Some(symbol) = after.chars().next() else {
            return error("trailing backslash at end of expression", "");
        };
        let rest = &after[symbol.len_utf8()..];
        let asserted = match symbol {
            'A' => r"\A",
            'z' => r"\z",
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'C' => return error("invalid escape sequence", r"\C"),
            'Q' => {
                let (quoted, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
                for symbol in quoted.chars() {
                    self.literal(symbol);
                }
                self.rest = rest;
                return Ok(());
            }
            'p' | 'P' => {
                let (class, rest) = unicode_class(start)?;
                self.out.push_str(&class);
                self.before = Before::Operand(1);
                self.rest = rest;
                return Ok(());
            }
            _ => {
                let Some(class) = perl_class(symbol) else {
                    let (code, rest) = escaped(start)?;
                    self.before = Before::Operand(1);
                    push_code(&mut self.out, code);
                    self.rest = rest;
                    return Ok(());
                };
                class
            }
        };
        self.out.push_str(asserted);
        self.before = Before::Operand(1);
        self.rest = rest;
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        let mut rest = &start[1..];
        let mut class = String::from("[");
        if let Some(after) = rest.strip_prefix('^') {
            class.push('^');
            rest = after;
        }
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if rest.starts_with("[:")
                && let Some(end) = rest[2..].find(":]")
            {
                let name = &rest[..end + 4];
                if !is_posix(&name[2..name.len() - 2]) {
                    return error("invalid character class range", name);
                }
                class.push_str(name);
                rest = &rest[name.len()..];
                continue;
            }
            if rest.starts_with(r"\p") || rest.starts_with(r"\P") {
                let (found, after) = unicode_class(rest)?;
                class.push_str(&found);
                rest = after;
                continue;
            }
            let escaped_class = rest.strip_prefix('\\').and_then(|after| {
                let symbol = after.chars().next()?;
                Some((perl_class(symbol)?, &after[symbol.len_utf8()..]))
            });
            if let Some((found, after)) = escaped_class {
                class.push_str(found);
                rest = after;
                continue;
            }
            let range = rest;
            let (low, after) = class_char(rest, start)?;
            rest = after;
            let mut high = low;
            if let Some(after) = rest.strip_prefix('-')
                && !after.is_empty()
                && !after.starts_with(']')
            {
                let (found, after) = class_char(after, start)?;
                (high, rest) = (found, after);
                if high < low {
                    let shown = &range[..range.len() - rest.len()];
                    return error("invalid character class range", shown);
                }
            }
            push_range(&mut class, low, high);
        }
        class.push(']');
        self.out.push_str(&class);
        self.before = Before::Operand(1);
        self.rest = &rest[1..];
        Ok(())
    }
}

fn push_char(out: &mut String, symbol: char) {
    out.push_str(&regex::escape(symbol.encode_utf8(&mut [0; 4])));
}

/// A character by its code; what is no character matches nothing.
fn push_code(out: &mut String, code: u32) {
    match char::from_u32(code) {
        Some(symbol) => push_char(out, symbol),
        None => out.push_str(r"[^\x{0}-\x{10FFFF}]"),
    }
}

/// A range within a class, without the codes that are no characters.
fn push_range(class: &mut String, low: u32, high: u32) {
    for (start, end) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
        if start <= end {
            let _ = write!(class, r"\x{{{start:x}}}-\x{{{end:x}}}");
        }
    }
}

/// The bounds of `{n}`, `{n,}` and `{n,m}`; a number that is far too large is `None`.
fn counts(text: &str) -> Option<(Option<u64>, Option<u64>, &str)> {
    fn number(text: &str) -> Option<(Option<u64>, &str)> {
        let count = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = text.split_at(count);
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        Some((digits.parse().ok().filter(|number| *number <= 100_000_000), rest))
    }
    let (least, rest) = number(text)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((least, Some(least.unwrap_or(u64::MAX)), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((least, None, rest));
    }
    let (most, rest) = number(rest)?;
    Some((least, Some(most.unwrap_or(u64::MAX)), rest.strip_prefix('}')?))
}

fn class_char<'t>(text: &'t str, whole: &str) -> Result<(u32, &'t str), String> {
    match text.chars().next() {
        None => error("missing closing ]", whole),
        Some('\\') => escaped(text),
        Some(symbol) => Ok((symbol.into(), &text[symbol.len_utf8()..])),
    }
}

#[cfg(test)]
#[path = "re2_tests.rs"]
mod tests;
