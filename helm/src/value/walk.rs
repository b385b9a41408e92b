//! Walks over whole values, within a budget: copies, comparisons and JSON.

use std::rc::Rc;

use serde_json::{Map, Number, Value as Json};

use super::{DEPTH_LIMIT, Entries, Object, Unwalkable, Value};

impl Value {
    /// Copies every nested list and map.
    pub(crate) fn deep_copy(&self, budget: &mut usize) -> Result<Self, Unwalkable> {
        self.copy_at(0, budget)
    }

    /// Counts what a copy would take, without making one.
    pub(crate) fn measure(&self, budget: &mut usize) -> Result<(), Unwalkable> {
        self.measure_at(0, budget)
    }

    fn measure_at(&self, depth: usize, budget: &mut usize) -> Result<(), Unwalkable> {
        spend(depth, budget, size_of::<Self>())?;
        match self {
            Self::List(items, _) => {
                items.iter().try_for_each(|item| item.measure_at(depth + 1, budget))
            }
            Self::Map(map, _) => {
                map.borrow().values().try_for_each(|value| value.measure_at(depth + 1, budget))
            }
            _ => Ok(()),
        }
    }

    fn copy_at(&self, depth: usize, budget: &mut usize) -> Result<Self, Unwalkable> {
        spend(depth, budget, size_of::<Self>())?;
        Ok(match self {
            Self::List(items, kind) => Self::typed_list(
                items
                    .iter()
                    .map(|item| item.copy_at(depth + 1, budget))
                    .collect::<Result<_, _>>()?,
                *kind,
            ),
            Self::Map(map, kind) => {
                let map = map.borrow();
                let mut copy = Entries::with_room(map.len());
                for (key, value) in map.iter() {
                    copy.insert(key.clone(), value.copy_at(depth + 1, budget)?);
                }
                Self::typed_map(copy, *kind)
            }
            other => other.clone(),
        })
    }

    /// `reflect.DeepEqual`: dynamic types must agree as well.
    pub(crate) fn deep_equal(&self, other: &Self, budget: &mut usize) -> Result<bool, Unwalkable> {
        self.equal_at(other, 0, budget)
    }

    fn equal_at(&self, other: &Self, depth: usize, left: &mut usize) -> Result<bool, Unwalkable> {
        spend(depth, left, 1)?;
        Ok(match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) | (Self::Int64(a), Self::Int64(b)) => a == b,
            #[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Raw(a), Self::Raw(b)) | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a, a_kind), Self::List(b, b_kind)) => {
                if a_kind != b_kind || a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a.equal_at(b, depth + 1, left)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Map(a, a_kind), Self::Map(b, b_kind)) => {
                if a_kind != b_kind {
                    return Ok(false);
                }
                if Rc::ptr_eq(a, b) {
                    return Ok(true);
                }
                let (a, b) = (a.borrow(), b.borrow());
                if a.len() != b.len() {
                    return Ok(false);
                }
                for ((a_key, a), (b_key, b)) in a.iter().zip(b.iter()) {
                    if a_key != b_key || !a.equal_at(b, depth + 1, left)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Object(a), Self::Object(b)) => Rc::ptr_eq(a, b),
            _ => false,
        })
    }

    /// Converts to JSON as `encoding/json` sees the value; maps come out sorted.
    pub(crate) fn to_json(&self, budget: &mut usize) -> Result<Json, Unwalkable> {
        self.json_at(0, budget)
    }

    fn json_at(&self, depth: usize, budget: &mut usize) -> Result<Json, Unwalkable> {
        spend(depth, budget, self.written_size(depth))?;
        Ok(match self {
            Self::Nil => Json::Null,
            _ if self.is_nil_in_go() => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) | Self::Int64(value) => Json::from(*value),
            Self::Float(value) => Json::Number(Number::from_f64(*value).ok_or_else(|| {
                Unwalkable::Number(crate::number::special(*value).unwrap_or_default())
            })?),
            Self::Text(text) => Json::String(text.to_string()),
            Self::Raw(bytes) => Json::String(crate::encoding::lossy(bytes)),
            Self::Bytes(bytes) => Json::String(crate::encoding::base64(bytes)),
            Self::List(items, _) => Json::Array(
                items
                    .iter()
                    .map(|item| item.json_at(depth + 1, budget))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Map(map, _) => {
                let mut entries = Map::new();
                for (key, value) in map.borrow().iter() {
                    spend(depth, budget, key.len())?;
                    entries.insert(key.to_string(), value.json_at(depth + 1, budget)?);
                }
                Json::Object(entries)
            }
            Self::Object(object) => match &**object {
                Object::Struct(inner) => {
                    let mut entries = Map::new();
                    for field in &inner.fields {
                        if !field.key.is_empty() && (field.value.truth() || !field.omit_empty) {
                            let value = field.value.json_at(depth + 1, budget)?;
                            entries.insert(field.key.to_owned(), value);
                        }
                    }
                    Json::Object(entries)
                }
                Object::Files(files) => {
                    spend(depth, budget, files.size().saturating_mul(2))?;
                    Json::Object(
                        files
                            .iter()
                            .map(|(name, data)| {
                                (name.to_owned(), Json::String(crate::encoding::base64(data)))
                            })
                            .collect(),
                    )
                }
                Object::Versions(versions) => {
                    versions.iter().map(|version| Json::String(version.to_string())).collect()
                }
                Object::Time(time) => Json::String(crate::time::rfc3339(time)),
                Object::Version(version) => Json::String(version.to_string()),
                Object::Duration(duration) => {
                    Json::from(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
                }
            },
        })
    }
}

fn spend(depth: usize, budget: &mut usize, cost: usize) -> Result<(), Unwalkable> {
    if depth > DEPTH_LIMIT {
        return Err(Unwalkable::Depth);
    }
    *budget = budget.checked_sub(cost).ok_or(Unwalkable::Size)?;
    Ok(())
}
