//! YAML events turned into JSON, or into the values of templates.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value;
use smol_str::{SmolStr, ToSmolStr as _};

use super::YamlError;
use super::problem::{NO_NAME, anchor, worded};
use super::resolve::{Resolved, resolve};
use super::tree::Built;
use crate::number::{format_general, format_general_32};
use crate::print::quote;

/// Bytes that anchors and aliases may add to a text.
const ALIAS_BUDGET: usize = 64 << 20;
/// Nodes a text may have.
const NODE_LIMIT: usize = 1_000_000;
/// Memory of a node besides its text.
const NODE_BYTES: usize = 96;
/// Bytes of a key that an error shows.
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
    check_start(text)?;
    Ok(Reader::new(text).document()?.unwrap_or_else(T::null))
}

pub(super) fn all<T: Built>(text: &str) -> Result<Vec<T>, YamlError> {
    check_start(text)?;
    let mut reader = Reader::<T>::new(text);
    let mut found = Vec::new();
    while let Some(document) = reader.document()? {
        if !document.is_null() {
            found.push(document);
        }
    }
    Ok(found)
}

/// Refuses what go-yaml refuses and the parser below takes.
fn check_start(text: &str) -> Result<(), YamlError> {
    let suspicious =
        |byte: u8| byte >= 0x7f || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    if text.bytes().any(suspicious) && !super::is_readable(text) {
        return Err(YamlError::new(None, "control characters are not allowed"));
    }
    if text.trim_start_matches([' ', '\n', '\r']).starts_with('\t') {
        return Err(YamlError::new(None, "found character that cannot start any token"));
    }
    Ok(())
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

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<Option<Done<T>>, YamlError> {
        let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
        let core = core.as_deref();
        let resolved = match (tag, core) {
            (None, _) if style == ScalarStyle::Plain => resolve(text),
            (Some(_), Some("int" | "float" | "bool" | "null" | "timestamp")) => resolve(text),
            _ => Resolved::Text,
        };
        if let Some(wanted) = core
            && let Some(problem) = misfit(wanted, text, resolved)
        {
            return Err(YamlError::new(None, problem));
        }
        if self.awaits_key() {
            let key = key(text, resolved);
            if anchor > 0 {
                self.keep(anchor, &Done::scalar(T::of_text(text)))?;
            }
            if let Some(Frame { shape: Shape::Mapping { key: slot, .. }, .. }) =
                self.frames.last_mut()
            {
                *slot = Some(key);
            }
            return Ok(None);
        }
        let value = match resolved {
            Resolved::Null => T::null(),
            Resolved::Bool(value) => T::of_bool(value),
            Resolved::Int(value) => T::of_int(value),
            Resolved::Uint(value) => T::of_unsigned(value),
            Resolved::Float(value) => {
                let Some(number) = T::of_float(value) else {
                    let line = (self.line > 0).then_some(self.line);
                    let shown = crate::number::special(value).unwrap_or_default();
                    let message = format!("json: unsupported value: {shown}");
                    return Err(YamlError::of_json(line, message));
                };
                number
            }
            Resolved::Text | Resolved::Merge | Resolved::Timestamp => {
                T::of_text(&decoded(text, core))
            }
        };
        let built = Done::scalar(value);
        self.keep(anchor, &built)?;
        Ok(Some(built))
    }
}

/// Whether a quoted text has half a character as an escape, as JSON may and go-yaml does not.
fn has_surrogate(place: &Span, text: &str) -> bool {
    let mut rest = place.slice(text).unwrap_or_default();
    while let Some((_, escape)) = rest.split_once('\\') {
        let code = escape.strip_prefix('u').and_then(|code| code.get(..4));
        if code
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .is_some_and(|code| (0xd800..0xe000).contains(&code))
        {
            return true;
        }
        let mut escape = escape.chars();
        escape.next();
        rest = escape.as_str();
    }
    false
}

fn key(text: &str, resolved: Resolved) -> Key {
    Key::Name(match resolved {
        Resolved::Merge => return Key::Merge,
        Resolved::Text | Resolved::Timestamp => SmolStr::new(text),
        Resolved::Null => return Key::Null,
        Resolved::Bool(value) => value.to_smolstr(),
        Resolved::Int(value) => value.to_smolstr(),
        Resolved::Uint(value) => value.to_smolstr(),
        Resolved::Float(value) => format_general_32(value).into(),
    })
}

/// What go-yaml says of a scalar whose tag wants another type.
fn misfit(wanted: &str, text: &str, resolved: Resolved) -> Option<String> {
    let found = match resolved {
        Resolved::Null => "null",
        Resolved::Bool(_) => "bool",
        Resolved::Int(_) | Resolved::Uint(_) => "int",
        Resolved::Float(_) => "float",
        Resolved::Timestamp => "timestamp",
        Resolved::Text | Resolved::Merge => "str",
    };
    let fits = match wanted {
        "float" => matches!(found, "float" | "int"),
        "int" | "bool" | "null" | "timestamp" => found == wanted,
        _ => true,
    };
    let text = &text[..text.floor_char_boundary(SHOWN_LIMIT)];
    (!fits).then(|| format!("cannot decode !!{found} `{text}` as a !!{wanted}"))
}

/// A tree as an error shows it.
fn shown(tree: &impl Built) -> String {
    let mut text = syntax(&tree.to_json());
    if text.len() > SHOWN_LIMIT {
        text.truncate(text.floor_char_boundary(SHOWN_LIMIT));
        text.push_str("...");
    }
    text
}

/// A value as Go source, as `%#v` prints what go-yaml reads.
fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => {
            format_general(number.as_f64().unwrap_or_default())
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entry =
                |(key, value): (&String, &Value)| format!("{}:{}", quote(key), syntax(value));
            let entries: Vec<_> = entries.into_iter().map(entry).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}

fn decoded<'a>(text: &'a str, core: Option<&str>) -> Cow<'a, str> {
    if core == Some("binary") {
        let compact: String = text.chars().filter(|symbol| !symbol.is_whitespace()).collect();
        if let Ok(bytes) = STANDARD.decode(compact) {
            return String::from_utf8_lossy(&bytes).into_owned().into();
        }
    }
    text.into()
}
