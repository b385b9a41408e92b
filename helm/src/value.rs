//! Values with Go's reference semantics: maps are shared and mutable, lists are not.
//!
//! Dropping walks collections with a stack of its own, because a template can nest lists far
//! deeper than any thread stack allows.

mod entries;
mod kind;
mod tree;
mod walk;

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use jiff::{SignedDuration, Zoned};
use serde_json::Value as Json;
use smol_str::SmolStr;

pub(crate) use self::entries::Entries;
pub(crate) use self::kind::{ListKind, MapKind};
use crate::files::Files;
use crate::semver::Version;

/// Nesting at which walks over values give up; catches maps that contain themselves.
pub(crate) const DEPTH_LIMIT: usize = 1000;

/// A shared, mutable map.
pub(crate) type SharedMap = Rc<RefCell<Entries>>;

/// A value a template can hold.
#[derive(Clone)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Int64(i64),
    Float(f64),
    Text(SmolStr),
    /// A Go string that is not UTF-8.
    Raw(Rc<[u8]>),
    Bytes(Rc<[u8]>),
    List(Rc<Items>, ListKind),
    Map(SharedMap, MapKind),
    Object(Rc<Object>),
}

/// A Go value with fields or methods.
pub(crate) enum Object {
    Struct(Struct),
    Files(Files),
    Versions(Vec<SmolStr>),
    Time(Zoned),
    Duration(SignedDuration),
    Version(Version),
}

impl Object {
    /// What printing the object itself gives, where its type has a `String` method on pointers;
    /// inside other values Go prints its fields.
    pub(crate) fn display(&self) -> Option<&str> {
        match self {
            Self::Struct(inner) => inner.display.as_deref(),
            _ => None,
        }
    }
}

/// A Go struct.
pub(crate) struct Struct {
    pub(crate) type_name: &'static str,
    pub(crate) pointer: bool,
    /// How many of the fields, the first ones, stand in a struct inside of this one.
    pub(crate) embedded: usize,
    pub(crate) fields: Vec<Field>,
    /// What `String()` returns, for the types that have it.
    pub(crate) display: Option<SmolStr>,
}

/// A field of a struct.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The key in JSON; empty when the field is not written at all.
    pub(crate) key: &'static str,
    pub(crate) omit_empty: bool,
    pub(crate) value: Value,
}

/// The elements of a list.
#[derive(Default)]
pub(crate) struct Items(Vec<Value>);

impl Deref for Items {
    type Target = Vec<Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.0.iter().any(Value::is_collection) {
            dismantle(std::mem::take(&mut self.0));
        }
    }
}

fn dismantle(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(list, _) => {
                if let Ok(mut items) = Rc::try_unwrap(list) {
                    pending.append(&mut items.0);
                }
            }
            Value::Map(map, _) => {
                if let Ok(entries) = Rc::try_unwrap(map) {
                    entries.into_inner().move_values(&mut pending);
                }
            }
            _ => {}
        }
    }
}

/// Why a value could not be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwalkable {
    /// The value is nested too deeply or contains itself.
    Depth,
    /// The value is larger than allowed when written out.
    Size,
    /// The value holds a number JSON cannot express.
    Number(&'static str),
    /// The value holds a text that is not UTF-8.
    Encoding,
}

impl Value {
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(SmolStr::new(text))
    }

    /// A Go string made of arbitrary bytes.
    pub(crate) fn byte_text(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::from(text),
            Err(error) => Self::Raw(Rc::from(error.into_bytes())),
        }
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(Items(items)), ListKind::Any)
    }

    pub(crate) fn typed_list(items: Vec<Self>, kind: ListKind) -> Self {
        Self::List(Rc::new(Items(items)), kind)
    }

    pub(crate) fn texts<I, T>(texts: I) -> Self
    where
        I: IntoIterator<Item = T>,
        T: AsRef<str>,
    {
        Self::typed_list(texts.into_iter().map(Self::text).collect(), ListKind::Text)
    }

    pub(crate) fn map(entries: Entries) -> Self {
        Self::Map(Rc::new(RefCell::new(entries)), MapKind::Any)
    }

    pub(crate) fn typed_map(entries: Entries, kind: MapKind) -> Self {
        Self::Map(Rc::new(RefCell::new(entries)), kind)
    }

    pub(crate) fn object(object: Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// Builds from JSON; all numbers become floats, as they do on their way through YAML in Go.
    pub(crate) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or_default()),
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => Self::map(
                entries
                    .iter()
                    .map(|(key, value)| (SmolStr::new(key.as_str()), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// Takes values over in which whole numbers are integers.
    pub(crate) fn from_set(json: &Json) -> Self {
        match json {
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Self::from_json(json), Self::Int64)
            }
            Json::Array(items) => Self::list(items.iter().map(Self::from_set).collect()),
            Json::Object(entries) => Self::map(
                entries
                    .iter()
                    .map(|(key, value)| (SmolStr::new(key), Self::from_set(value)))
                    .collect(),
            ),
            other => Self::from_json(other),
        }
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether a collection is one that Go has no memory for, which JSON has as null.
    fn is_nil_in_go(&self) -> bool {
        match self {
            Self::List(_, ListKind::Nil | ListKind::NilText) => true,
            // A chart that has none.
            Self::List(items, ListKind::Maintainers | ListKind::Dependencies) => items.is_empty(),
            Self::Map(map, MapKind::Text) => map.borrow().is_empty(),
            _ => false,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_map(&self) -> Option<&SharedMap> {
        if let Self::Map(map, _) = self { Some(map) } else { None }
    }

    fn is_collection(&self) -> bool {
        matches!(self, Self::List(..) | Self::Map(..))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Map(..))
    }

    /// Looks a key up in a map.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        self.as_map().and_then(|map| map.borrow().get(key).cloned())
    }

    /// Template truth; the negation of Sprig's `empty`.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Raw(bytes) | Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items, _) => !items.is_empty(),
            Self::Map(map, _) => !map.borrow().is_empty(),
            Self::Object(object) => match &**object {
                Object::Files(files) => !files.is_empty(),
                Object::Versions(versions) => !versions.is_empty(),
                Object::Duration(duration) => !duration.is_zero(),
                _ => true,
            },
        }
    }

    /// What the result of a function costs against the allocation limit.
    pub(crate) fn shallow_size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Raw(bytes) | Self::Bytes(bytes) => bytes.len(),
            Self::List(items, _) => items.len() * size_of::<Self>(),
            _ => 0,
        }
    }

    /// What writing the value takes with two blanks per level in front of every line.
    fn written_size(&self, depth: usize) -> usize {
        let lines = match self {
            // Deep down, long lines are folded at every blank.
            Self::Text(text) if depth > 16 => {
                text.bytes().filter(|byte| matches!(byte, b'\n' | b' ')).count() + 1
            }
            Self::Text(text) => text.len() / 32 + 1,
            _ => 1,
        };
        self.shallow_size() + 32 + lines.saturating_mul(2 * depth)
    }

    /// What a function that goes through the value once counts in work.
    pub(crate) fn reach(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items, _) => items.len() * 2,
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(SmolStr::new(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
