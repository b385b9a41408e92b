//! What YAML is read into and written from: JSON, and the values of templates.

use serde_json::{Map, Number, Value as Json};
use smol_str::{SmolStr, ToSmolStr as _};

/// A tree that can be written.
pub(crate) trait Written: Sized {
    /// What the tree is at its root.
    fn shape(&self) -> Shape<'_, Self>;

    /// Hands out the entries of a map, in any order.
    fn with_entries<R>(&self, then: impl FnOnce(Vec<(&str, &Self)>) -> R) -> R;
}

/// A node of a tree; maps tell their length only.
pub(crate) enum Shape<'a, T> {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
    List(&'a [T]),
    Map(usize),
}

/// A tree that can be read.
pub(crate) trait Built: Clone {
    /// A map that is not complete yet.
    type Entries: Default;

    fn null() -> Self;
    fn of_bool(value: bool) -> Self;
    fn of_int(value: i64) -> Self;
    fn of_unsigned(value: u64) -> Self;
    /// None for what is no number.
    fn of_float(value: f64) -> Option<Self>;
    fn of_text(text: &str) -> Self;
    fn of_list(items: Vec<Self>) -> Self;
    fn of_entries(entries: Self::Entries) -> Self;
    fn insert(entries: &mut Self::Entries, key: SmolStr, value: Self);
    /// Adds the entries of a map that are not there yet; false when it is none.
    fn merge(entries: &mut Self::Entries, source: Self) -> bool;
    /// The elements of a list, or the tree itself.
    fn into_items(self) -> Vec<Self>;
    /// The text of a scalar that is used as a key.
    fn to_key(&self) -> Option<SmolStr>;
    /// The tree for people to read; what JSON lacks is null.
    fn to_json(&self) -> Json;
    fn text_len(&self) -> usize;
    fn is_null(&self) -> bool;
}

impl Written for Json {
    fn shape(&self) -> Shape<'_, Self> {
        match self {
            Self::Null => Shape::Null,
            Self::Bool(value) => Shape::Bool(*value),
            Self::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Shape::Int(value),
                (_, Some(value)) => Shape::Unsigned(value),
                _ => Shape::Float(number.as_f64().unwrap_or_default()),
            },
            Self::String(text) => Shape::Text(text),
            Self::Array(items) => Shape::List(items),
            Self::Object(entries) => Shape::Map(entries.len()),
        }
    }

    fn with_entries<R>(&self, then: impl FnOnce(Vec<(&str, &Self)>) -> R) -> R {
        let entries = self.as_object().into_iter().flatten();
        then(entries.map(|(key, value)| (&**key, value)).collect())
    }
}

impl Built for Json {
    type Entries = Map<String, Self>;

    fn null() -> Self {
        Self::Null
    }

    fn of_bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn of_int(value: i64) -> Self {
        Self::from(value)
    }

    fn of_unsigned(value: u64) -> Self {
        Self::from(value)
    }

    fn of_float(value: f64) -> Option<Self> {
        Number::from_f64(value).map(Self::Number)
    }

    fn of_text(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    fn of_list(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn of_entries(entries: Self::Entries) -> Self {
        Self::Object(entries)
    }

    fn insert(entries: &mut Self::Entries, key: SmolStr, value: Self) {
        entries.insert(key.into(), value);
    }

    fn merge(entries: &mut Self::Entries, source: Self) -> bool {
        let Self::Object(source) = source else { return false };
        for (key, value) in source {
            entries.entry(key).or_insert(value);
        }
        true
    }

    fn into_items(self) -> Vec<Self> {
        match self {
            Self::Array(items) => items,
            single => vec![single],
        }
    }

    fn to_json(&self) -> Json {
        self.clone()
    }

    fn to_key(&self) -> Option<SmolStr> {
        match self {
            Self::String(name) => Some(name.into()),
            Self::Bool(_) | Self::Number(_) => Some(self.to_smolstr()),
            _ => None,
        }
    }

    fn text_len(&self) -> usize {
        self.as_str().map_or(0, str::len)
    }

    fn is_null(&self) -> bool {
        Self::is_null(self)
    }
}
