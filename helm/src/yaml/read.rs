//! YAML events turned into JSON values.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::YamlError;
use super::problem::worded;
use super::resolve::{Resolved, resolve};
use crate::number::format_general_32;

/// Bytes that anchors and aliases may add to a text.
const ALIAS_BUDGET: usize = 64 << 20;
/// Nodes a text may have.
const NODE_LIMIT: usize = 1_000_000;
/// Memory of a node besides its text.
const NODE_BYTES: usize = 96;
/// Nesting that aliases may build up; the parser itself stops literal nesting earlier.
const DEPTH_LIMIT: usize = 500;

/// A finished node with its measures, so that an alias is priced without walking the node.
#[derive(Clone)]
struct Built {
    value: Value,
    depth: usize,
    bytes: usize,
}

impl Built {
    fn scalar(value: Value) -> Self {
        let text = value.as_str().map_or(0, str::len);
        Self { value, depth: 1, bytes: NODE_BYTES + text }
    }
}

enum Key {
    Name(String),
    Merge,
}

enum Shape {
    List(Vec<Value>),
    Mapping { entries: Map<String, Value>, merges: Vec<Value>, key: Option<Key> },
}

struct Frame {
    shape: Shape,
    anchor: usize,
    depth: usize,
    bytes: usize,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Built>,
    frames: Vec<Frame>,
    budget: usize,
    nodes: usize,
    line: usize,
}

pub(super) fn first(text: &str) -> Result<Value, YamlError> {
    check_start(text)?;
    Ok(Reader::new(text).document()?.unwrap_or(Value::Null))
}

pub(super) fn all(text: &str) -> Result<Vec<Value>, YamlError> {
    check_start(text)?;
    let mut reader = Reader::new(text);
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

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let mut options = Options::default();
        options.block_scalar_eof_without_line_feed = true;
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

    fn fail<T>(&self, message: impl AsRef<str>) -> Result<T, YamlError> {
        Err(YamlError::new((self.line > 0).then_some(self.line), message))
    }

    /// Reads up to the end of the next document; `None` at the end of the stream.
    fn document(&mut self) -> Result<Option<Value>, YamlError> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) =
                next.map_err(|error| worded(self.text, error.marker().line(), &error.info()))?;
            self.line = span.start.line();
            self.count_node()?;
            let built = match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => return Ok(Some(root.unwrap_or(Value::Null))),
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(&text, style, anchor, tag.as_deref())?
                }
                Event::Alias(anchor) => Some(self.alias(anchor)?),
                Event::UnresolvedAlias(name) => {
                    return self.fail(format!("unknown anchor '{name}' referenced"));
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.open(Shape::List(Vec::new()), anchor)?;
                    None
                }
                Event::MappingStart(_, anchor, _) => {
                    let shape =
                        Shape::Mapping { entries: Map::new(), merges: Vec::new(), key: None };
                    self.open(shape, anchor)?;
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

    fn open(&mut self, shape: Shape, anchor: usize) -> Result<(), YamlError> {
        if self.awaits_key() {
            return self.fail("invalid map key");
        }
        self.frames.push(Frame { shape, anchor, depth: 1, bytes: NODE_BYTES });
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { shape: Shape::Mapping { key: None, .. }, .. }))
    }

    fn close(&mut self) -> Result<Option<Built>, YamlError> {
        let Some(frame) = self.frames.pop() else { return Ok(None) };
        let value = match frame.shape {
            Shape::List(items) => Value::Array(items),
            Shape::Mapping { mut entries, merges, .. } => {
                for merge in merges {
                    self.merge(&mut entries, merge)?;
                }
                Value::Object(entries)
            }
        };
        let built = Built { value, depth: frame.depth, bytes: frame.bytes };
        self.keep(frame.anchor, &built)?;
        Ok(Some(built))
    }

    /// Keeps a node for aliases, if it has an anchor.
    fn keep(&mut self, anchor: usize, built: &Built) -> Result<(), YamlError> {
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

    fn merge(&self, entries: &mut Map<String, Value>, merge: Value) -> Result<(), YamlError> {
        let sources = match merge {
            Value::Array(items) => items,
            single => vec![single],
        };
        for source in sources {
            let Value::Object(source) = source else {
                return self.fail("map merge requires map or sequence of maps as the value");
            };
            for (key, value) in source {
                entries.entry(key).or_insert(value);
            }
        }
        Ok(())
    }

    /// Puts a finished node into the open collection; gives it back when it is the root.
    fn place(&mut self, built: Built) -> Result<Option<Built>, YamlError> {
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
                    entries.insert(name, built.value);
                }
                None => {
                    let name = match built.value {
                        Value::String(name) => name,
                        Value::Bool(_) | Value::Number(_) => built.value.to_string(),
                        _ => return self.fail("invalid map key"),
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

    fn alias(&mut self, anchor: usize) -> Result<Built, YamlError> {
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
    ) -> Result<Option<Built>, YamlError> {
        let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
        let core = core.as_deref();
        let resolved = match (tag, core) {
            (None, _) if style == ScalarStyle::Plain => resolve(text),
            (Some(_), Some("int" | "float" | "bool" | "null")) => resolve(text),
            _ => Resolved::Text,
        };
        if self.awaits_key() {
            let key = self.key(text, resolved)?;
            if anchor > 0 {
                self.keep(anchor, &Built::scalar(Value::String(text.to_owned())))?;
            }
            if let Some(Frame { shape: Shape::Mapping { key: slot, .. }, .. }) =
                self.frames.last_mut()
            {
                *slot = Some(key);
            }
            return Ok(None);
        }
        let value = match resolved {
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => Value::Bool(value),
            Resolved::Int(value) => Value::from(value),
            Resolved::Uint(value) => Value::from(value),
            Resolved::Float(value) => {
                let Some(number) = Number::from_f64(value) else {
                    let line = (self.line > 0).then_some(self.line);
                    let shown = crate::number::special(value).unwrap_or_default();
                    let message = format!("json: unsupported value: {shown}");
                    return Err(YamlError::of_json(line, message));
                };
                Value::Number(number)
            }
            Resolved::Text | Resolved::Merge | Resolved::Timestamp => {
                Value::String(decoded(text, core))
            }
        };
        let built = Built::scalar(value);
        self.keep(anchor, &built)?;
        Ok(Some(built))
    }

    fn key(&self, text: &str, resolved: Resolved) -> Result<Key, YamlError> {
        Ok(Key::Name(match resolved {
            Resolved::Merge => return Ok(Key::Merge),
            Resolved::Text | Resolved::Timestamp => text.to_owned(),
            Resolved::Null => return self.fail("unsupported map key of type: null"),
            Resolved::Bool(value) => value.to_string(),
            Resolved::Int(value) => value.to_string(),
            Resolved::Uint(value) => value.to_string(),
            Resolved::Float(value) => format_general_32(value),
        }))
    }
}

fn decoded(text: &str, core: Option<&str>) -> String {
    if core == Some("binary") {
        let compact: String = text.chars().filter(|symbol| !symbol.is_whitespace()).collect();
        if let Ok(bytes) = STANDARD.decode(compact) {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    text.to_owned()
}
