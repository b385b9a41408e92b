//! The go-yaml emitter: same styles, same folding, same bytes.

mod escape;
mod order;

use escape::{coded, escape};
use order::natural_order;

use super::style::{Simple, Style, is_break, simple_style, style_of};
use super::tree::{Shape, Written};
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

pub(crate) fn write<T: Written>(value: &T, layout: Layout) -> String {
    let width = if layout == Layout::Compact { 80 } else { usize::MAX };
    let mut emitter =
        Emitter { out: String::new(), column: 0, width, indent_lists: layout == Layout::Pretty };
    emitter.node(value, Parent::Root);
    if !emitter.out.ends_with('\n') {
        emitter.out.push('\n');
    }
    emitter.out
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

    fn node<T: Written>(&mut self, value: &T, parent: Parent) {
        match value.shape() {
            Shape::Null => self.put("null"),
            Shape::Bool(true) => self.put("true"),
            Shape::Bool(false) => self.put("false"),
            Shape::Int(value) => self.put(&value.to_string()),
            Shape::Unsigned(value) => self.put(&value.to_string()),
            Shape::Float(value) if self.indent_lists => self.put(&format_general(value)),
            Shape::Float(value) => self.put(&float_text(value)),
            Shape::Text(text) => self.scalar(text, parent.scalar_indent(), false),
            Shape::List([]) => self.put("[]"),
            Shape::Map(0) => self.put("{}"),
            Shape::List(items) => self.list(items, parent),
            Shape::Map(_) => value.with_entries(|mut entries| {
                entries.sort_by(|left, right| natural_order(left.0, right.0, self.indent_lists));
                self.mapping(&entries, parent);
            }),
        }
    }

    fn list<T: Written>(&mut self, items: &[T], parent: Parent) {
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

    fn mapping<T: Written>(&mut self, entries: &[(&str, &T)], parent: Parent) {
        let indent = parent.below();
        for (index, (key, value)) in entries.iter().enumerate() {
            if index == 0 && !matches!(parent, Parent::Mapping(_)) {
                self.pad(indent);
            } else {
                self.new_line(indent);
            }
            let complex = key.contains(is_break) || key.len() > SIMPLE_KEY_LIMIT;
            if complex {
                self.put("? ");
            }
            self.scalar(key, indent + 2, !complex);
            if complex {
                self.new_line(indent);
            }
            self.put(":");
            if complex && is_filled(*value) {
                self.put(" ");
                self.node(*value, Parent::List(indent));
                continue;
            }
            if !is_filled(*value) {
                self.put(" ");
            }
            self.node(*value, Parent::Mapping(indent));
        }
    }

    fn scalar(&mut self, text: &str, indent: usize, key: bool) {
        match simple_style(text) {
            Some(Simple::Plain) if key || self.fits(text) => return self.put_ascii(text),
            Some(Simple::Quoted) => {
                self.put("\"");
                self.put_ascii(text);
                return self.put("\"");
            }
            Some(Simple::Literal) if !key => return self.simple_literal(text, indent),
            _ => {}
        }
        self.any_scalar(text, indent, key);
    }

    fn any_scalar(&mut self, text: &str, indent: usize, key: bool) {
        let symbols: Vec<char> = text.chars().collect();
        match style_of(text, &symbols, key, self.indent_lists) {
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

    /// Whether a text ends before the column at which lines are folded, or cannot be folded.
    fn fits(&self, text: &str) -> bool {
        self.column + text.len() <= self.width || !text.contains(' ')
    }

    fn put_ascii(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
    }

    /// Lines of printable ASCII as a block.
    fn simple_literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        if !text.ends_with('\n') {
            self.put("-");
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put("+");
        }
        for line in text.split('\n') {
            self.out.push('\n');
            self.column = 0;
            if !line.is_empty() {
                self.pad(indent);
                self.put_ascii(line);
            }
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

/// Whether a tree is a collection that takes lines of its own.
fn is_filled<T: Written>(tree: &T) -> bool {
    match tree.shape() {
        Shape::List(items) => !items.is_empty(),
        Shape::Map(length) => length > 0,
        _ => false,
    }
}

fn float_text(value: f64) -> String {
    let text = format_json(value);
    if text == "-0" {
        return "0".to_owned();
    }
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return text;
    }
    format_general(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn emitter(column: usize) -> Emitter {
        Emitter { out: "x".repeat(column), column, width: 80, indent_lists: false }
    }

    proptest! {
        #[test]
        fn simple_texts_are_written_as_after_a_closer_look(
            text in "[ -~\n]{0,90}|[a-c0-9_y .:#'\"{}?!&*|>%@`,\n\\[\\]-]{0,9}|[ab \n]{0,6}|[a-z]{1,9}( [a-z]{1,9}){0,16}",
            column in 0..100_usize,
            key: bool,
        ) {
            let mut quick = emitter(column);
            quick.scalar(&text, 4, key);
            let mut careful = emitter(column);
            careful.any_scalar(&text, 4, key);
            prop_assert_eq!(&quick.out, &careful.out);
            prop_assert_eq!(quick.column, careful.column);
        }
    }
}
