//! The go-yaml emitter: same styles, same folding, same bytes.

use std::cmp::Ordering;

use serde_json::Value;

use super::resolve::{Resolved, is_base_60, resolve};
use crate::number::{format_general, format_json};

/// How collections are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// go-yaml v2 (`toYaml`): lists not indented under their key, folded at 80 columns.
    Compact,
    /// go-yaml v3 (`toYamlPretty`): lists indented under their key, never folded.
    Pretty,
}

/// Keys longer than this cannot be written in front of a colon.
const SIMPLE_KEY_LIMIT: usize = 128;

pub(crate) fn write(value: &Value, layout: Layout) -> String {
    let width = if layout == Layout::Compact { 80 } else { usize::MAX };
    let mut emitter =
        Emitter { out: String::new(), column: 0, width, indent_lists: layout == Layout::Pretty };
    emitter.node(value, Parent::Root);
    if !emitter.out.ends_with('\n') {
        emitter.out.push('\n');
    }
    emitter.out
}

/// Orders keys as go-yaml does: digits by value, letters after other symbols.
pub(super) fn natural_order(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    for index in 0..left.len().min(right.len()) {
        let (a, b) = (left[index], right[index]);
        if a == b {
            continue;
        }
        match (a.is_alphabetic(), b.is_alphabetic()) {
            (true, true) => return a.cmp(&b),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let (mut a_number, mut b_number) = (0_i64, 0_i64);
        if a == '0' || b == '0' {
            // Leading zeros count only when a non-zero digit stands before them.
            let before = left[..index].iter().rev().take_while(|symbol| symbol.is_numeric());
            if before.clone().any(|symbol| *symbol != '0') {
                (a_number, b_number) = (1, 1);
            }
        }
        let (a_end, b_end) = (run(&left, index, &mut a_number), run(&right, index, &mut b_number));
        return a_number.cmp(&b_number).then(a_end.cmp(&b_end)).then(a.cmp(&b));
    }
    left.len().cmp(&right.len())
}

fn run(text: &[char], start: usize, number: &mut i64) -> usize {
    let mut end = start;
    while let Some(digit) = text.get(end).and_then(|symbol| symbol.to_digit(10)) {
        *number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    end
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

#[derive(Clone, Copy)]
enum Parent {
    Root,
    Mapping(usize),
    List(usize),
}

impl Parent {
    /// Indentation for what hangs below this parent.
    fn below(self) -> usize {
        match self {
            Self::Root => 0,
            Self::Mapping(indent) | Self::List(indent) => indent + 2,
        }
    }

    /// Continuation lines of a scalar are indented even at the root.
    fn scalar_indent(self) -> usize {
        match self {
            Self::Root => 2,
            Self::Mapping(indent) | Self::List(indent) => indent + 2,
        }
    }
}

struct Emitter {
    out: String,
    column: usize,
    width: usize,
    indent_lists: bool,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn pad(&mut self, indent: usize) {
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
        }
    }

    fn new_line(&mut self, indent: usize) {
        if !(self.column == 0 && self.out.ends_with('\n')) {
            self.out.push('\n');
        }
        self.column = 0;
        self.pad(indent);
    }

    fn node(&mut self, value: &Value, parent: Parent) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(true) => self.put("true"),
            Value::Bool(false) => self.put("false"),
            Value::Number(number) if self.indent_lists && number.is_f64() => {
                self.put(&format_general(number.as_f64().unwrap_or_default()));
            }
            Value::Number(number) => self.put(&number_text(number)),
            Value::String(text) => self.scalar(text, parent.scalar_indent(), false),
            Value::Array(items) if items.is_empty() => self.put("[]"),
            Value::Object(entries) if entries.is_empty() => self.put("{}"),
            Value::Array(items) => self.list(items, parent),
            Value::Object(entries) => {
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by(|left, right| natural_order(left.0, right.0));
                self.mapping(&sorted, parent);
            }
        }
    }

    fn list(&mut self, items: &[Value], parent: Parent) {
        let indent = match parent {
            Parent::Mapping(indent) if !self.indent_lists => indent,
            other => other.below(),
        };
        for (index, item) in items.iter().enumerate() {
            if index > 0 || matches!(parent, Parent::Mapping(_)) {
                self.new_line(indent);
            }
            self.put("- ");
            self.node(item, Parent::List(indent));
        }
    }

    fn mapping(&mut self, entries: &[(&String, &Value)], parent: Parent) {
        let indent = parent.below();
        for (index, (key, value)) in entries.iter().enumerate() {
            if index == 0 && !matches!(parent, Parent::Mapping(_)) {
                self.pad(indent);
            } else {
                self.new_line(indent);
            }
            let complex = key.contains('\n') || key.len() > SIMPLE_KEY_LIMIT;
            if complex {
                self.put("? ");
            }
            self.scalar(key, indent + 2, !complex);
            if complex {
                self.new_line(indent);
            }
            self.put(":");
            let inline = match value {
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                _ => true,
            };
            if inline {
                self.put(" ");
            }
            self.node(value, Parent::Mapping(indent));
        }
    }

    fn scalar(&mut self, text: &str, indent: usize, key: bool) {
        let symbols: Vec<char> = text.chars().collect();
        match style_of(text, &symbols, key) {
            Style::Plain => self.folded(&symbols, indent, !key, false),
            Style::Single => {
                self.put("'");
                self.folded(&symbols, indent, !key, true);
                self.put("'");
            }
            Style::Literal => self.literal(&symbols, indent),
            Style::Double => self.escaped(&symbols, indent, !key),
        }
    }

    fn literal(&mut self, symbols: &[char], indent: usize) {
        self.put("|");
        if matches!(symbols.first(), Some(&first) if first == ' ' || is_break(first)) {
            self.put("2");
        }
        match symbols {
            [.., last] if !is_break(*last) => self.put("-"),
            [_] => self.put("+"),
            [.., before, _] if is_break(*before) => self.put("+"),
            _ => {}
        }
        self.out.push('\n');
        self.column = 0;
        let mut at_start = true;
        for &symbol in symbols {
            if is_break(symbol) {
                self.out.push(symbol);
                self.column = 0;
                at_start = true;
                continue;
            }
            if at_start {
                self.pad(indent);
                at_start = false;
            }
            self.out.push(symbol);
            self.column += 1;
        }
    }

    fn escaped(&mut self, symbols: &[char], indent: usize, may_fold: bool) {
        self.put("\"");
        let mut after_space = false;
        let last = symbols.len().saturating_sub(1);
        // go-yaml looks for a byte order mark at the start of the text for every character.
        let all_escaped = symbols.first() == Some(&'\u{feff}');
        for (index, &symbol) in symbols.iter().enumerate() {
            if symbol == ' ' && !all_escaped {
                let fold = may_fold && !after_space && self.column > self.width;
                if fold && index > 0 && index < last {
                    self.new_line(indent);
                    if symbols[index + 1] == ' ' {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
            } else {
                if all_escaped {
                    self.put(&coded(symbol));
                } else if let Some(escaped) = escape(symbol) {
                    self.put(&escaped);
                } else {
                    self.out.push(symbol);
                    self.column += 1;
                }
                after_space = false;
            }
        }
        self.put("\"");
    }

    fn folded(&mut self, symbols: &[char], indent: usize, may_fold: bool, single: bool) {
        let (mut after_space, mut after_break) = (false, false);
        let last = symbols.len().saturating_sub(1);
        for (index, &symbol) in symbols.iter().enumerate() {
            if symbol == ' ' {
                let fold = may_fold
                    && !after_space
                    && self.column > self.width
                    && symbols.get(index + 1) != Some(&' ')
                    && (!single || (index > 0 && index < last));
                if fold {
                    self.new_line(indent);
                } else {
                    self.put(" ");
                }
                after_space = true;
            } else if is_break(symbol) {
                if !after_break && symbol == '\n' {
                    self.out.push('\n');
                }
                self.out.push(symbol);
                self.column = 0;
                after_break = true;
            } else {
                if after_break {
                    self.pad(indent);
                }
                if single && symbol == '\'' {
                    self.put("'");
                }
                self.out.push(symbol);
                self.column += 1;
                after_space = false;
                after_break = false;
            }
        }
    }
}

fn number_text(number: &serde_json::Number) -> String {
    if let Some(value) = number.as_i64() {
        return value.to_string();
    }
    if let Some(value) = number.as_u64() {
        return value.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    let text = format_json(value);
    if text == "-0" {
        return "0".to_owned();
    }
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return text;
    }
    format_general(value)
}

fn is_break(symbol: char) -> bool {
    matches!(symbol, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(symbol: char) -> bool {
    matches!(symbol, ' ' | '\t' | '\0') || is_break(symbol)
}

/// go-yaml v2 takes symbols outside the basic plane for unprintable.
fn is_printable(symbol: char) -> bool {
    matches!(symbol, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn escape(symbol: char) -> Option<String> {
    let short = match symbol {
        '\0' => "\\0",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        '\x1b' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => return None,
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(symbol) => return None,
        _ => return Some(coded(symbol)),
    };
    Some(short.to_owned())
}

fn coded(symbol: char) -> String {
    let code = u32::from(symbol);
    match code {
        0..=0xff => format!("\\x{code:02X}"),
        0x100..=0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}

/// What the analysis of a text forbids.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent finding")]
struct Traits {
    indicators: bool,
    line_breaks: bool,
    special: bool,
    leading: bool,
    trailing_space: bool,
    trailing_break: bool,
    break_space: bool,
    space_break: bool,
}

fn traits_of(text: &str, symbols: &[char]) -> Traits {
    let mut found = Traits {
        indicators: text.starts_with("---") || text.starts_with("..."),
        ..Traits::default()
    };
    let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
    for (index, &symbol) in symbols.iter().enumerate() {
        let next = symbols.get(index + 1);
        let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t') || is_break(*next));
        let indicator = match symbol {
            '#' => index == 0 || after_blank,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => index == 0,
            '?' | '-' => index == 0 && before_blank,
            ':' => before_blank,
            _ => false,
        };
        found.indicators |= indicator;
        found.special |= !is_printable(symbol);
        if symbol == ' ' {
            found.leading |= index == 0;
            found.trailing_space |= next.is_none();
            found.break_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(symbol) {
            found.line_breaks = true;
            found.leading |= index == 0;
            found.trailing_break |= next.is_none();
            found.space_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        after_blank = is_blank(symbol);
    }
    found
}

fn style_of(text: &str, symbols: &[char], key: bool) -> Style {
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve(text), Resolved::Text | Resolved::Merge) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    let found = traits_of(text, symbols);
    let broken = found.space_break || found.special;
    let plain = !(found.leading
        || found.trailing_space
        || found.trailing_break
        || found.break_space
        || broken
        || found.line_breaks
        || found.indicators);
    let single = !(found.break_space || broken);
    let block = !(symbols.is_empty() || found.trailing_space || broken);
    match wanted {
        _ if key && found.line_breaks => Style::Double,
        Style::Plain if plain => Style::Plain,
        Style::Plain if single => Style::Single,
        Style::Literal if block && !key => Style::Literal,
        _ => Style::Double,
    }
}
