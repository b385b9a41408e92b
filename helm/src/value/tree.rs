//! Values read from YAML and written as YAML, without a detour through JSON.

use serde_json::Value as Json;
use smol_str::{SmolStr, ToSmolStr as _};

use super::{DEPTH_LIMIT, Entries, Unwalkable, Value};
use crate::number::special;
use crate::render::make_integral;
use crate::yaml::{Built, Shape, Written, passes};

impl Value {
    /// Counts what writing takes, as a walk to JSON does; false where JSON would change something.
    pub(crate) fn is_plain_tree(&self, budget: &mut usize) -> Result<bool, Unwalkable> {
        self.plain_at(0, budget)
    }

    fn plain_at(&self, depth: usize, budget: &mut usize) -> Result<bool, Unwalkable> {
        if depth > DEPTH_LIMIT {
            return Err(Unwalkable::Depth);
        }
        *budget = budget.checked_sub(self.written_size(depth)).ok_or(Unwalkable::Size)?;
        match self {
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Int64(_) => Ok(true),
            Self::Float(value) => Ok(special(*value).is_none()),
            Self::Text(text) => Ok(passes(text) && !text.contains('\u{85}')),
            Self::List(items, _) => {
                for item in items.iter() {
                    if !item.plain_at(depth + 1, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Map(map, _) => {
                for (key, value) in map.borrow().iter() {
                    *budget = budget.checked_sub(key.len()).ok_or(Unwalkable::Size)?;
                    if !passes(key) || !value.plain_at(depth + 1, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Raw(_) | Self::Bytes(_) | Self::Object(_) => Ok(false),
        }
    }
}

impl Written for Value {
    fn shape(&self) -> Shape<'_, Self> {
        match self {
            Self::Bool(value) => Shape::Bool(*value),
            Self::Int(value) | Self::Int64(value) => Shape::Int(*value),
            Self::Float(value) => Shape::Float(*value),
            Self::Text(text) => Shape::Text(text),
            _ if self.is_nil_in_go() => Shape::Null,
            Self::List(items, _) => Shape::List(items),
            Self::Map(map, _) => Shape::Map(map.borrow().len()),
            Self::Nil | Self::Raw(_) | Self::Bytes(_) | Self::Object(_) => Shape::Null,
        }
    }

    fn with_entries<R>(&self, then: impl FnOnce(Vec<(&str, &Self)>) -> R) -> R {
        match self {
            Self::Map(map, _) => {
                then(map.borrow().iter().map(|(key, value)| (&**key, value)).collect())
            }
            _ => then(Vec::new()),
        }
    }
}

/// Numbers become floats, as with JSON in Go.
impl Built for Value {
    type Entries = Entries;

    fn null() -> Self {
        Self::Nil
    }

    fn of_bool(value: bool) -> Self {
        Self::Bool(value)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go's decoder of JSON loses it as well")]
    fn of_int(value: i64) -> Self {
        Self::Float(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go's decoder of JSON loses it as well")]
    fn of_unsigned(value: u64) -> Self {
        Self::Float(value as f64)
    }

    fn of_float(value: f64) -> Option<Self> {
        special(value).is_none().then_some(Self::Float(value))
    }

    fn of_text(text: &str) -> Self {
        Self::text(text)
    }

    fn of_list(items: Vec<Self>) -> Self {
        Self::list(items)
    }

    fn of_entries(entries: Self::Entries) -> Self {
        Self::map(entries)
    }

    fn insert(entries: &mut Self::Entries, key: SmolStr, value: Self) {
        entries.insert(key, value);
    }

    fn merge(entries: &mut Self::Entries, source: Self) -> bool {
        let Self::Map(source, _) = source else { return false };
        for (key, value) in source.borrow().iter() {
            entries.insert_new(key, value);
        }
        true
    }

    fn into_items(self) -> Vec<Self> {
        match self {
            Self::List(items, _) => items.to_vec(),
            single => vec![single],
        }
    }

    fn to_key(&self) -> Option<SmolStr> {
        match self {
            Self::Text(name) => Some(name.clone()),
            Self::Bool(value) => Some(value.to_smolstr()),
            Self::Float(value) => Some(value.to_smolstr()),
            _ => None,
        }
    }

    fn to_json(&self) -> Json {
        let mut json = Self::to_json(self, &mut usize::MAX.clone()).unwrap_or_default();
        make_integral(&mut json);
        json
    }

    fn text_len(&self) -> usize {
        self.as_text().map_or(0, str::len)
    }

    fn is_null(&self) -> bool {
        self.is_nil()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Layout};

    const TEXTS: [&str; 12] = [
        "a: 1\nb: [x, 1.5, null, true, {c: d}]\n",
        "a10: 1\na9: 2\nb.c/d: -0\n\"\": e\n1: f\ntrue: g\nz-1: h\nz_1: i\né: j\n",
        "<<: {a: 1, b: 2}\nb: 3\n",
        "a: &x {b: 1}\nc: *x\n",
        "t: |\n  one\n\n    two\nu: |-\n  x\nv: |+\n  y\n\nw: \"  lead\\n\"\nx: \"a \\nb\"\ny: \"\\n\"\n",
        "p: \"a: b\"\nq: 'it''s #1'\nr: \"#x\"\ns: \"x #y\"\nt: \"- x\"\nu: \"---\"\nv: a:b\nw: \"a:\"\n",
        "n: \"1\"\nm: \"yes\"\no: \"1:30\"\nk: \"2024-01-01\"\nl: \"null\"\nj: \"\"\ni: \"1 0\"\n",
        "long: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc ddddddd eeee f\n",
        "tab: \"a\\tb\"\nbell: \"\\a\"\nface: \"\\U0001F600\"\nnel: \"a\\Nb\"\ndel: \"\\x7F\"\n",
        "- 1\n- - 2\n  - {}\n- []\n",
        "",
        "5\n",
    ];

    #[test]
    fn values_are_read_and_written_as_by_way_of_json() {
        for text in TEXTS {
            let json = yaml::from_str(text).unwrap();
            let value: Value = yaml::read(text).unwrap();
            let detour = Value::from_json(&json);
            assert!(value.deep_equal(&detour, &mut usize::MAX.clone()).unwrap(), "{text}");
            for layout in [Layout::Compact, Layout::Pretty] {
                let json = Value::to_json(&value, &mut usize::MAX.clone()).unwrap();
                assert_eq!(yaml::write(&value, layout), yaml::write(&json, layout), "{text}");
            }
        }
    }

    #[test]
    fn what_json_would_change_is_no_plain_tree() {
        let plain = |value: Value| value.is_plain_tree(&mut 1000).unwrap();
        assert!(plain(Value::list(vec![Value::text("a\n"), Value::Int(1), Value::Nil])));
        for odd in [
            Value::text("\u{7f}"),
            Value::text("a\u{85}b"),
            Value::Float(f64::NAN),
            Value::byte_text(vec![0xff]),
            Value::map([("\u{7f}".into(), Value::Nil)].into_iter().collect()),
        ] {
            assert!(!plain(Value::list(vec![odd])));
        }
        assert_eq!(Value::text("x".repeat(2000)).is_plain_tree(&mut 1000), Err(Unwalkable::Size));
    }
}
