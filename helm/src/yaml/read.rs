//! YAML events turned into JSON, or into the values of templates.

mod scalar;
mod shown;

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};
use smol_str::SmolStr;

use self::scalar::has_surrogate;
use self::shown::shown;
use super::YamlError;
use super::problem::{NO_NAME, anchor, at_start, worded};
use super::tree::Built;

/// Bytes that anchors and aliases may add to a text.
const ALIAS_BUDGET: usize = 64 << 20;
/// Nodes a text may have.
const NODE_LIMIT: usize = 1_000_000;
/// Memory of a node besides its text.
const NODE_BYTES: usize = 96;
/// Bytes of a key or scalar that an error shows.
const SHOWN_LIMIT: usize = 4096;
/// Nesting that aliases may build up; the parser itself stops literal nesting earlier.
const DEPTH_LIMIT: usize = 500;

/// A finished node with its measures, so that an alias is priced without walking the node.
#[derive(Clone)]
struct Done<T> {
    value: T,
    depth: usize,
    bytes: usize,
}

impl<T: Built> Done<T> {
    fn scalar(value: T) -> Self {
        let text = value.text_len();
        Self { value, depth: 1, bytes: NODE_BYTES + text }
    }
}

enum Key {
    Name(SmolStr),
    Merge,
    Null,
}

enum Shape<T: Built> {
    List(Vec<T>),
    Mapping { entries: T::Entries, merges: Vec<T>, key: Option<Key> },
}

struct Frame<T: Built> {
    shape: Shape<T>,
    anchor: usize,
    depth: usize,
    bytes: usize,
}

struct Reader<'a, T: Built> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Done<T>>,
    frames: Vec<Frame<T>>,
    budget: usize,
    nodes: usize,
    line: usize,
}

pub(super) fn first<T: Built>(text: &str) -> Result<T, YamlError> {
    let text = &*readable(text)?;
    Ok(Reader::new(text).document()?.unwrap_or_else(T::null))
}

pub(super) fn all<T: Built>(text: &str) -> Result<Vec<T>, YamlError> {
    let text = &*readable(text)?;
    let mut reader = Reader::<T>::new(text);
    let mut found = Vec::new();
    while let Some(document) = reader.document()? {
        if !document.is_null() {
            found.push(document);
        }
    }
    Ok(found)
}

/// Refuses what go-yaml refuses and the parser below takes, and has `\n` for all ends of lines.
fn readable(text: &str) -> Result<Cow<'_, str>, YamlError> {
    let suspicious =
        |byte: u8| byte >= 0x7f || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    let suspicious = text.bytes().any(suspicious);
    if suspicious && !super::is_readable(text) {
        return Err(YamlError::new(None, "control characters are not allowed"));
    }
    if text.trim_start_matches([' ', '\n', '\r']).starts_with('\t') {
        return Err(YamlError::new(None, "found character that cannot start any token"));
    }
    if let Some(problem) = at_start(text) {
        return Err(problem);
    }
    // A line end in YAML 1.1, but not in 1.2.
    if suspicious && text.contains('\u{85}') {
        return Ok(text.replace('\u{85}', "\n").into());
    }
    Ok(text.into())
}

impl<'a, T: Built> Reader<'a, T> {
    fn new(text: &'a str) -> Self {
        let mut options = Options::default();
        options.block_scalar_eof_without_line_feed = true;
        options.emit_anchor_events = true;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            text,
            parser: Parser::new_from_str_with_options(text, options),
            anchors: HashMap::new(),
            frames: Vec::new(),
            budget: ALIAS_BUDGET,
            nodes: NODE_LIMIT,
            line: 0,
        }
    }

    fn fail<R>(&self, message: impl AsRef<str>) -> Result<R, YamlError> {
        Err(YamlError::new((self.line > 0).then_some(self.line), message))
    }

    /// Reads up to the end of the next document; `None` at the end of the stream.
    fn document(&mut self) -> Result<Option<T>, YamlError> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next.map_err(|error| {
                let marker = error.marker();
                let at = marker.byte_offset().unwrap_or(self.text.len());
                worded(self.text, marker.line(), at, &error.info())
            })?;
            self.line = span.start.line();
            self.count_node()?;
            let built = match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => return Ok(Some(root.unwrap_or_else(T::null))),
                Event::Scalar(_, _, 0, None) if span.is_empty() && self.lacks_key(&span) => {
                    let line = self.line.saturating_sub(1);
                    return Err(YamlError::counted_from_zero(line, "did not find expected key"));
                }
                Event::Scalar(text, ScalarStyle::DoubleQuoted, ..)
                    if text.bytes().any(|byte| byte >= 0xf0) && has_surrogate(&span, self.text) =>
                {
                    return self.fail("found invalid Unicode character escape code");
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(&text, style, anchor, tag.as_deref())?
                }
                Event::Anchor(_, name) if anchor(&name).is_none() => return self.fail(NO_NAME),
                Event::Alias(anchor) => Some(self.alias(anchor)?),
                Event::UnresolvedAlias(name) => {
                    return self.fail(format!("unknown anchor '{name}' referenced"));
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.open(Shape::List(Vec::new()), anchor);
                    None
                }
                Event::MappingStart(_, anchor, _) => {
                    let shape = Shape::Mapping {
                        entries: T::Entries::default(),
                        merges: Vec::new(),
                        key: None,
                    };
                    self.open(shape, anchor);
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.close()?,
                _ => None,
            };
            if let Some(built) = built
                && let Some(built) = self.place(built)?
            {
                root = Some(built.value);
            }
        }
        Ok(None)
    }

    fn open(&mut self, shape: Shape<T>, anchor: usize) {
        self.frames.push(Frame { shape, anchor, depth: 1, bytes: NODE_BYTES });
    }

    /// Whether a key is missing in front of a colon.
    fn lacks_key(&self, place: &Span) -> bool {
        let Some(at) = place.start.byte_offset().filter(|_| self.awaits_key()) else {
            return false;
        };
        let before = self.text.get(..at).unwrap_or_default().trim_end_matches(' ');
        let after = self.text.get(at..).unwrap_or_default();
        after.starts_with(':') && (before.is_empty() || before.ends_with('\n'))
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { shape: Shape::Mapping { key: None, .. }, .. }))
    }

    fn close(&mut self) -> Result<Option<Done<T>>, YamlError> {
        let Some(frame) = self.frames.pop() else { return Ok(None) };
        let value = match frame.shape {
            Shape::List(items) => T::of_list(items),
            Shape::Mapping { mut entries, merges, .. } => {
                for merge in merges {
                    self.merge(&mut entries, merge)?;
                }
                T::of_entries(entries)
            }
        };
        let built = Done { value, depth: frame.depth, bytes: frame.bytes };
        self.keep(frame.anchor, &built)?;
        Ok(Some(built))
    }

    /// Keeps a node for aliases, if it has an anchor.
    fn keep(&mut self, anchor: usize, built: &Done<T>) -> Result<(), YamlError> {
        if anchor > 0 {
            self.spend(built.bytes)?;
            self.anchors.insert(anchor, built.clone());
        }
        Ok(())
    }

    /// Counts what anchors and aliases copy.
    fn spend(&mut self, bytes: usize) -> Result<(), YamlError> {
        match self.budget.checked_sub(bytes) {
            Some(rest) => self.budget = rest,
            None => {
                return self.fail(format!(
                    "document contains excessive aliasing: the limit is {ALIAS_BUDGET} bytes"
                ));
            }
        }
        Ok(())
    }

    fn count_node(&mut self) -> Result<(), YamlError> {
        match self.nodes.checked_sub(1) {
            Some(rest) => self.nodes = rest,
            None => {
                return self
                    .fail(format!("document has more than the limit of {NODE_LIMIT} nodes"));
            }
        }
        Ok(())
    }

    fn merge(&self, entries: &mut T::Entries, merge: T) -> Result<(), YamlError> {
        for source in merge.into_items() {
            if !T::merge(entries, source) {
                return self.fail("map merge requires map or sequence of maps as the value");
            }
        }
        Ok(())
    }

    /// Puts a finished node into the open collection; gives it back when it is the root.
    fn place(&mut self, built: Done<T>) -> Result<Option<Done<T>>, YamlError> {
        let Some(frame) = self.frames.last_mut() else { return Ok(Some(built)) };
        frame.depth = frame.depth.max(built.depth + 1);
        frame.bytes += built.bytes;
        let deep = frame.depth > DEPTH_LIMIT;
        match &mut frame.shape {
            Shape::List(items) => items.push(built.value),
            Shape::Mapping { entries, merges, key } => match key.take() {
                Some(Key::Merge) => merges.push(built.value),
                Some(Key::Name(name)) => {
                    frame.bytes += name.len();
                    T::insert(entries, name, built.value);
                }
                Some(Key::Null) => {
                    let value = shown(&built.value);
                    return Err(YamlError::of_json(
                        (self.line > 0).then_some(self.line),
                        format!(
                            "unsupported map key of type: %!s(<nil>), key: <nil>, value: {value}"
                        ),
                    ));
                }
                None => {
                    let Some(name) = built.value.to_key() else {
                        let key = shown(&built.value);
                        return Err(YamlError::new(None, format!("invalid map key: {key}")));
                    };
                    *key = Some(Key::Name(name));
                }
            },
        }
        if deep {
            return self.fail(format!("exceeded max depth: the limit is {DEPTH_LIMIT} levels"));
        }
        Ok(None)
    }

    fn alias(&mut self, anchor: usize) -> Result<Done<T>, YamlError> {
        let Some(built) = self.anchors.get(&anchor) else {
            return self.fail("anchor value contains itself");
        };
        let bytes = built.bytes;
        self.spend(bytes)?;
        match self.anchors.get(&anchor) {
            Some(built) => Ok(built.clone()),
            None => self.fail("anchor value contains itself"),
        }
    }
}
