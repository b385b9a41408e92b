//! The entries of a map.

use std::collections::{BTreeMap, btree_map};
use std::{mem, slice};

use smol_str::SmolStr;

use super::{Value, dismantle};

/// Entries up to which a map is a list. Most maps of charts are small, and a tree would take
/// several times the memory for them.
const LIST_LIMIT: usize = 32;

/// The entries of a map, in Go's printing order.
#[derive(Default)]
pub(crate) struct Entries(Kept);

/// Sorted by key either way.
enum Kept {
    List(Vec<(SmolStr, Value)>),
    Tree(BTreeMap<SmolStr, Value>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Goes through the entries of a map in order.
pub(crate) enum Iter<'a> {
    List(slice::Iter<'a, (SmolStr, Value)>),
    Tree(btree_map::Iter<'a, SmolStr, Value>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a SmolStr, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::List(entries) => entries.next().map(|(key, value)| (key, value)),
            Self::Tree(entries) => entries.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::List(entries) => entries.size_hint(),
            Self::Tree(entries) => entries.size_hint(),
        }
    }
}

fn find(entries: &[(SmolStr, Value)], key: &str) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| known.as_str().cmp(key))
}

impl Entries {
    /// An empty map with room for some entries.
    pub(crate) fn with_room(count: usize) -> Self {
        Self(Kept::List(Vec::with_capacity(count.min(LIST_LIMIT))))
    }

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Kept::List(entries) => entries.len(),
            Kept::Tree(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match &self.0 {
            Kept::List(entries) => find(entries, key).ok().map(|index| &entries[index].1),
            Kept::Tree(entries) => entries.get(key),
        }
    }

    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets an entry, and gives back what it was before.
    pub(crate) fn insert(&mut self, key: SmolStr, value: Value) -> Option<Value> {
        let entries = match &mut self.0 {
            Kept::Tree(entries) => return entries.insert(key, value),
            Kept::List(entries) => entries,
        };
        let at = match entries.last() {
            // What comes in order is only put at the end.
            Some((last, _)) if *last >= key => find(entries, &key),
            _ => Err(entries.len()),
        };
        match at {
            Ok(index) => Some(mem::replace(&mut entries[index].1, value)),
            Err(index) if entries.len() < LIST_LIMIT => {
                entries.insert(index, (key, value));
                None
            }
            Err(_) => {
                let mut tree: BTreeMap<_, _> = mem::take(entries).into_iter().collect();
                tree.insert(key, value);
                self.0 = Kept::Tree(tree);
                None
            }
        }
    }

    /// Sets an entry that is not there yet.
    pub(crate) fn insert_new(&mut self, key: &SmolStr, value: &Value) {
        if !self.contains_key(key) {
            self.insert(key.clone(), value.clone());
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        match &mut self.0 {
            Kept::List(entries) => find(entries, key).ok().map(|index| entries.remove(index).1),
            Kept::Tree(entries) => entries.remove(key),
        }
    }

    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&SmolStr, &Value) -> bool) {
        match &mut self.0 {
            Kept::List(entries) => entries.retain(|(key, value)| wanted(key, value)),
            Kept::Tree(entries) => entries.retain(|key, value| wanted(key, value)),
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Kept::List(entries) => Iter::List(entries.iter()),
            Kept::Tree(entries) => Iter::Tree(entries.iter()),
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &SmolStr> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }

    /// Moves all values out.
    pub(super) fn move_values(&mut self, into: &mut Vec<Value>) {
        match mem::take(&mut self.0) {
            Kept::List(entries) => into.extend(entries.into_iter().map(|(_, value)| value)),
            Kept::Tree(entries) => into.extend(entries.into_values()),
        }
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        // Only collections can be nested too deeply for the stack.
        if self.values().any(Value::is_collection) {
            let mut values = Vec::new();
            self.move_values(&mut values);
            dismantle(values);
        }
    }
}

impl FromIterator<(SmolStr, Value)> for Entries {
    fn from_iter<I: IntoIterator<Item = (SmolStr, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut found = Self::with_room(entries.size_hint().0);
        for (key, value) in entries {
            found.insert(key, value);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_of_any_size_does_what_a_tree_does(
            steps in prop::collection::vec((0..4_u8, "[a-h]{1,2}", any::<i64>()), 0..200),
        ) {
            let mut entries = Entries::default();
            let mut tree = BTreeMap::new();
            let number = |value: Option<Value>| match value {
                Some(Value::Int(number)) => Some(number),
                _ => None,
            };
            for (step, key, value) in steps {
                match step {
                    0 => prop_assert_eq!(number(entries.remove(&key)), tree.remove(&key)),
                    1 => prop_assert_eq!(number(entries.get(&key).cloned()), tree.get(&key).copied()),
                    _ => {
                        let old = entries.insert(key.as_str().into(), Value::Int(value));
                        prop_assert_eq!(number(old), tree.insert(key, value));
                    }
                }
                prop_assert_eq!(entries.len(), tree.len());
            }
            entries.retain(|key, _| key.len() == 1);
            tree.retain(|key, _| key.len() == 1);
            let found: Vec<_> =
                entries.iter().map(|(key, value)| (key.to_string(), number(Some(value.clone())))).collect();
            let wanted: Vec<_> = tree.into_iter().map(|(key, value)| (key, Some(value))).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
