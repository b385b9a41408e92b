//! What two trees have in common, and what is different.

use std::collections::HashMap;

use gix_hash::ObjectId;

use crate::tree::{Entries, Entry, EntryKind, Tree};

/// One name that is not the same in both trees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) old: Option<(EntryKind, ObjectId)>,
    pub(crate) new: Option<(EntryKind, ObjectId)>,
}

/// Compares two trees. They mostly have the beginning and the end in common, of which no entry is looked at
/// twice.
pub(crate) fn differences<'a>(old: &'a Tree, new: &'a Tree) -> Vec<Difference<'a>> {
    let (old, new) = apart(old, new);
    let mut before: HashMap<&[u8], Entry<'_>> = old.clone().map(|e| (e.name, e)).collect();
    let mut found = Vec::new();
    for entry in new {
        let old = before.remove(entry.name);
        if old != Some(entry) {
            found.push(Difference {
                name: entry.name,
                old: old.map(target),
                new: Some(target(entry)),
            });
        }
    }
    let gone = old.filter(|entry| before.contains_key(entry.name));
    found.extend(gone.map(|e| Difference { name: e.name, old: Some(target(e)), new: None }));
    found
}

/// Cuts off what two trees have in common at the beginning and at the end.
fn apart<'a>(old: &'a Tree, new: &'a Tree) -> (Entries<'a>, Entries<'a>) {
    let (before, after) = (old.encoded().as_ref(), new.encoded().as_ref());
    let head = old.end_within(shared_head(before, after));
    let shorter = before.len().min(after.len()) - head;
    let last = |data: &'a [u8]| &data[data.len() - shorter..];
    let tail = shared_tail(last(before), last(after));
    let old_end = old.start_behind(head, before.len() - tail);
    let new_end = new.start_behind(head, after.len() - tail);
    // An id may look like the beginning of an entry.
    if before.len() - old_end == after.len() - new_end {
        return (Entries::of(&before[head..old_end]), Entries::of(&after[head..new_end]));
    }
    (Entries::of(&before[head..]), Entries::of(&after[head..]))
}

/// Bytes that are compared at once.
const BLOCK: usize = 64;

/// Counts the bytes that two texts have in common at their beginning; block by block, since most of
/// a tree is.
pub(crate) fn shared_head(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK));
    let whole = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

/// Counts the bytes that two texts of one length have in common at their end.
pub(crate) fn shared_tail(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.rchunks_exact(BLOCK).zip(b.rchunks_exact(BLOCK));
    let whole = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    let (a, b) = (&a[..a.len() - whole], &b[..b.len() - whole]);
    whole + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

fn target(entry: Entry<'_>) -> (EntryKind, ObjectId) {
    (entry.kind, entry.id())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{ObjectKind, hash};

    fn tree(entries: &[(&str, &str)]) -> Tree {
        entries.iter().fold(Tree::default(), |tree, (name, content)| {
            tree.with(name, EntryKind::File, hash(ObjectKind::Blob, content.as_bytes()))
        })
    }

    fn found(old: &[(&str, &str)], new: &[(&str, &str)]) -> String {
        words(&tree(old), &tree(new)).join(" ")
    }

    fn words(old: &Tree, new: &Tree) -> Vec<String> {
        let mut words: Vec<_> = differences(old, new)
            .iter()
            .map(|d| {
                let sign = match (d.old, d.new) {
                    (None, Some(_)) => '+',
                    (Some(_), None) => '-',
                    _ => '~',
                };
                format!("{sign}{}", String::from_utf8_lossy(d.name))
            })
            .collect();
        words.sort();
        words
    }

    #[test]
    fn what_came_went_and_changed_is_found() {
        let all = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")];
        assert_eq!(found(&all, &all), "");
        assert_eq!(found(&all, &[("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")]), "~b");
        assert_eq!(found(&all, &[("a", "1"), ("d", "1")]), "-b -c");
        assert_eq!(found(&[], &all), "+a +b +c +d");
        assert_eq!(
            found(&all, &[("a", "2"), ("bb", "1"), ("c", "1"), ("e", "1")]),
            "+bb +e -b -d ~a"
        );
    }

    #[test]
    fn ids_that_look_like_entries_are_no_ends() {
        let tree = |name: &str, id: &[u8; 20]| {
            Tree::default().with(name, EntryKind::File, ObjectId::Sha1(*id)).with(
                "z",
                EntryKind::File,
                ObjectId::Sha1([9; 20]),
            )
        };
        // From the end on, both are the same up to the middle of an id.
        let (a, b) = (tree("a", b"100644 b\0..........."), tree("b", b"100644 b\0..........."));
        assert_eq!(words(&a, &b), ["+b", "-a"]);
        let longer = tree("a", b"x100644 b\0..........");
        assert_eq!(words(&a, &longer), ["~a"]);
    }

    proptest! {
        #[test]
        fn it_is_what_a_look_at_every_entry_finds(
            old in proptest::collection::btree_map("[ab]{1,3}", "[xy]", 0..9),
            new in proptest::collection::btree_map("[ab]{1,3}", "[xy]", 0..9),
        ) {
            let list = |all: &std::collections::BTreeMap<String, String>| {
                let pairs: Vec<_> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                tree(&pairs)
            };
            let mut wanted: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("-{name}")).collect();
            wanted.extend(new.iter().filter_map(|(name, content)| match old.get(name) {
                None => Some(format!("+{name}")),
                Some(before) => (before != content).then(|| format!("~{name}")),
            }));
            wanted.sort();
            prop_assert_eq!(words(&list(&old), &list(&new)), wanted);
        }
    }
}
