//! The head of a manifest that is written in the plain part of YAML, found in one pass.
//!
//! Most rendered manifests use block collections, one-line scalars and literal blocks only. Such a
//! text is known to be valid after one look at each line, several times faster than by a YAML
//! parser. Whatever is not plainly of that form, valid or not, is left to the parser: to accept a
//! text here means that the parser accepts it too and finds the same head.

use std::iter::Peekable;

use super::head::Head;
use crate::yaml::{Resolved, resolve};

/// Nesting that is followed.
const DEPTH_LIMIT: usize = 64;
/// Longest key; YAML itself allows 1024 bytes.
const KEY_LIMIT: usize = 256;

/// What a collection means for the head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Metadata,
    Annotations,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Map,
    List,
}

/// An open block collection.
struct Level {
    indent: usize,
    shape: Shape,
    role: Role,
}

/// What follows a key or a dash on its line.
enum Rest<'t> {
    /// Nothing: the value is on the next lines, or null.
    Open,
    Scalar(Scalar<'t>),
    /// A literal or folded block: its lines follow.
    Block,
    /// An empty or plain collection in brackets.
    Flow,
}

enum Scalar<'t> {
    Plain(&'t str),
    /// The text between the quotes, if it has no escapes.
    Quoted(Option<&'t str>),
}

/// Finds the head of a manifest; `None` leaves the text to the parser.
pub(super) fn head(text: &str) -> Option<Head> {
    // Counted piece by piece, which is done for many bytes at once.
    let is_odd = |byte: &&u8| (**byte < b' ' && **byte != b'\n') || **byte >= 0x7f;
    if text.as_bytes().chunks(192).any(|piece| piece.iter().filter(is_odd).count() > 0) {
        return None;
    }
    let mut scan = Scan { levels: Vec::new(), open: None, head: Head::default() };
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match scan.line(line.len() - content.len(), content)? {
            Next::Item => {}
            Next::Block { owner } => skip_block(&mut lines, owner)?,
        }
    }
    (!scan.levels.is_empty()).then_some(scan.head)
}

/// Passes over the lines of a block scalar in a collection of some indentation.
fn skip_block<'t>(lines: &mut Peekable<impl Iterator<Item = &'t str>>, owner: usize) -> Option<()> {
    let mut indent = None;
    while let Some(line) = lines.peek() {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if spaces == line.len() {
            // A blank line may not be deeper than the first line of the text.
            if indent.is_none() && spaces > 0 {
                return None;
            }
        } else if spaces <= owner {
            break;
        } else if spaces < *indent.get_or_insert(spaces) {
            return None;
        }
        lines.next();
    }
    Some(())
}

/// What the lines after the one just read are.
enum Next {
    Item,
    /// The text of a block scalar, as long as it is deeper than its owner.
    Block {
        owner: usize,
    },
}

struct Scan {
    levels: Vec<Level>,
    /// The role of the collection that may follow where a value is still missing.
    open: Option<Role>,
    head: Head,
}

impl Scan {
    fn line(&mut self, mut indent: usize, mut content: &str) -> Option<Next> {
        if indent == 0 && ["---", "..."].iter().any(|mark| content.starts_with(mark)) {
            return None;
        }
        let mut continues_line = false;
        loop {
            if let Some(after) = content.strip_prefix('-')
                && (after.is_empty() || after.starts_with(' '))
            {
                self.enter(indent, Shape::List, continues_line)?;
                let inner = after.trim_start_matches(' ');
                if inner.is_empty() || inner.starts_with('#') {
                    self.open = Some(Role::Other);
                    return Some(Next::Item);
                }
                let start = indent + content.len() - inner.len();
                if is_entry(inner) {
                    self.open = Some(Role::Other);
                    (indent, content, continues_line) = (start, inner, true);
                    continue;
                }
                return Some(next(&rest(inner)?, indent));
            }
            let (key, value) = entry(content)?;
            self.enter(indent, Shape::Map, continues_line)?;
            let rest = rest(value)?;
            self.value(key, &rest)?;
            return Some(next(&rest, indent));
        }
    }

    /// Finds the collection that an item belongs to, or opens it.
    fn enter(&mut self, indent: usize, shape: Shape, continues_line: bool) -> Option<()> {
        let open = self.open.take();
        let deeper = match self.levels.last() {
            None => return self.push(indent, shape, Role::Root),
            Some(last) if indent > last.indent => true,
            Some(last) => {
                open.is_some()
                    && indent == last.indent
                    && (last.shape, shape) == (Shape::Map, Shape::List)
            }
        };
        if deeper {
            return self.push(indent, shape, open?);
        }
        if continues_line {
            return None;
        }
        while self.levels.last().is_some_and(|last| last.indent > indent) {
            self.levels.pop();
        }
        // A list may stand at the indentation of the map that holds it.
        if let [.., below, last] = &self.levels[..]
            && last.shape == Shape::List
            && shape == Shape::Map
            && below.indent == last.indent
        {
            self.levels.pop();
        }
        let last = self.levels.last()?;
        (last.indent == indent && last.shape == shape).then_some(())
    }

    fn push(&mut self, indent: usize, shape: Shape, role: Role) -> Option<()> {
        let fits = shape == Shape::Map || role == Role::Other;
        if !fits || self.levels.len() == DEPTH_LIMIT {
            return None;
        }
        self.levels.push(Level { indent, shape, role });
        Some(())
    }

    /// Notes the value of a key.
    fn value(&mut self, key: &str, rest: &Rest<'_>) -> Option<()> {
        let role = self.levels.last()?.role;
        match (role, key) {
            (Role::Root, "metadata") => {
                self.head = Head { kind: std::mem::take(&mut self.head.kind), ..Head::default() };
                self.open = Some(Role::Metadata);
                return matches!(rest, Rest::Open).then_some(());
            }
            (Role::Metadata, "annotations") => {
                self.head.hook = None;
                self.head.weight = 0;
                self.open = Some(Role::Annotations);
                return matches!(rest, Rest::Open).then_some(());
            }
            (Role::Root, "apiVersion") => return matches!(rest, Rest::Scalar(_)).then_some(()),
            (Role::Root, "kind") => text(rest)?.clone_into(&mut self.head.kind),
            (Role::Metadata, "name") => text(rest)?.clone_into(&mut self.head.name),
            (Role::Annotations, key) => {
                if key.starts_with("helm.sh/hook") {
                    self.head.annotate(key, text(rest)?);
                }
                // Go refuses annotations that are no strings, and reads others than text.
                return matches!(rest, Rest::Scalar(_) | Rest::Block).then_some(());
            }
            _ => {}
        }
        if matches!(rest, Rest::Open) {
            self.open = Some(Role::Other);
        }
        Some(())
    }
}

fn next(rest: &Rest<'_>, indent: usize) -> Next {
    if matches!(rest, Rest::Block) { Next::Block { owner: indent } } else { Next::Item }
}

/// The text of a value that is text without doubt.
fn text<'t>(rest: &Rest<'t>) -> Option<&'t str> {
    match rest {
        Rest::Scalar(Scalar::Quoted(text)) => *text,
        Rest::Scalar(Scalar::Plain(text)) => {
            matches!(resolve(text), Resolved::Text).then_some(*text)
        }
        _ => None,
    }
}

/// Whether a text is the first entry of a map or list rather than a scalar.
fn is_entry(content: &str) -> bool {
    content == "-" || content.starts_with("- ") || entry(content).is_some()
}

/// Splits `key: value`; only keys of ordinary characters count.
fn entry(content: &str) -> Option<(&str, &str)> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
    let end = content.bytes().take_while(|byte| is_plain(byte)).count();
    let (key, after) = content.split_at(end);
    let value = after.strip_prefix(':')?;
    let separated = value.is_empty() || value.starts_with(' ');
    let odd = key.is_empty()
        || key.len() > KEY_LIMIT
        || key.starts_with('-')
        || key.eq_ignore_ascii_case("null");
    (separated && !odd).then(|| (key, value.trim_start_matches(' ')))
}

fn rest(value: &str) -> Option<Rest<'_>> {
    let scalar = |scalar| Some(Rest::Scalar(scalar));
    match value.as_bytes().first() {
        None | Some(b'#') => Some(Rest::Open),
        Some(b'|' | b'>') => {
            let known = ["|", "|-", "|+", ">", ">-", ">+"];
            known.contains(&value.trim_end_matches(' ')).then_some(Rest::Block)
        }
        Some(quote @ (b'"' | b'\'')) => {
            let (inner, after) = quoted(&value[1..], *quote)?;
            is_end(after).then_some(Rest::Scalar(Scalar::Quoted(inner)))
        }
        Some(b'[') => is_end(list(&value[1..])?).then_some(Rest::Flow),
        Some(b'{') => is_end(value[1..].strip_prefix('}')?).then_some(Rest::Flow),
        Some(first) => {
            let second = value.as_bytes().get(1);
            let starts = first.is_ascii_alphanumeric()
                || b"/._$(<=+^~;\\".contains(first)
                || (*first == b'-'
                    && second.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'));
            let plain = value.trim_end_matches(' ');
            let ends = plain.ends_with(':')
                || plain.as_bytes().windows(2).any(|pair| matches!(pair, b": " | b" #"));
            if !starts || ends || is_infinite(plain) {
                return None;
            }
            scalar(Scalar::Plain(plain))
        }
    }
}

/// Numbers that JSON lacks are an error, and rare.
fn is_infinite(plain: &str) -> bool {
    let first = plain.as_bytes().first();
    first.is_some_and(|first| first.is_ascii_digit() || b"+-.".contains(first))
        && plain.bytes().any(|byte| b"eEiInN".contains(&byte))
        && matches!(resolve(plain), Resolved::Float(value) if !value.is_finite())
}

fn is_end(after: &str) -> bool {
    let trimmed = after.trim_start_matches(' ');
    trimmed.is_empty() || (trimmed.starts_with('#') && trimmed.len() < after.len())
}

/// Takes a quoted scalar apart, from behind its first quote; the text is given when it is literal.
fn quoted(text: &str, quote: u8) -> Option<(Option<&str>, &str)> {
    let bytes = text.as_bytes();
    let mut literal = true;
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => {
                if !b"\\\"/ntr0abefv".contains(bytes.get(at + 1)?) {
                    return None;
                }
                literal = false;
                at += 2;
            }
            byte if byte == quote => {
                if quote == b'\'' && bytes.get(at + 1) == Some(&quote) {
                    literal = false;
                    at += 2;
                    continue;
                }
                return Some((literal.then_some(&text[..at]), &text[at + 1..]));
            }
            _ => at += 1,
        }
    }
}

/// Skips a list of quoted or simple scalars, from behind its bracket.
fn list(text: &str) -> Option<&str> {
    let mut left = text.trim_start_matches(' ');
    if let Some(after) = left.strip_prefix(']') {
        return Some(after);
    }
    loop {
        let first = *left.as_bytes().first()?;
        left = if first == b'"' || first == b'\'' {
            quoted(&left[1..], first)?.1
        } else {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_/".contains(byte);
            let end = left.bytes().take_while(|byte| is_plain(byte)).count();
            if end == 0 || is_infinite(&left[..end]) {
                return None;
            }
            &left[end..]
        };
        left = left.trim_start_matches(' ');
        if let Some(after) = left.strip_prefix(']') {
            return Some(after);
        }
        left = left.strip_prefix(',')?.trim_start_matches(' ');
    }
}

#[cfg(test)]
#[path = "quick_tests.rs"]
mod tests;
