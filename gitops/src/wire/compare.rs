//! What is different between two trees.

use std::collections::HashMap;

use gix_hash::ObjectId;

use crate::error::GitError;
use crate::tree::EntryKind;

/// One name that is not the same in both trees.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    pub(super) name: &'a [u8],
    pub(super) old: Option<(EntryKind, ObjectId)>,
    pub(super) new: Option<(EntryKind, ObjectId)>,
}

/// An entry, and the bytes that it is written with.
#[derive(Clone, Copy)]
struct Entry<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    kind: EntryKind,
}

impl Entry<'_> {
    fn target(&self) -> Option<(EntryKind, ObjectId)> {
        let (_, id) = self.bytes.split_last_chunk::<20>()?;
        Some((self.kind, ObjectId::try_from(&id[..]).ok()?))
    }
}

/// Compares two encoded trees. Trees mostly have the beginning and the end in common, which costs
/// one look.
pub(super) fn differences<'a>(
    old: &'a [u8],
    new: &'a [u8],
) -> Result<Vec<Difference<'a>>, GitError> {
    let (old, new) = (entries(old)?, entries(new)?);
    let same = |(a, b): &(&Entry<'_>, &Entry<'_>)| a.bytes == b.bytes;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let mut before: HashMap<&[u8], &Entry<'_>> = old.iter().map(|e| (e.name, e)).collect();
    let mut found = Vec::new();
    for entry in new {
        let old = before.remove(entry.name);
        if old.is_none_or(|old| old.bytes != entry.bytes) {
            let old = old.and_then(Entry::target);
            found.push(Difference { name: entry.name, old, new: entry.target() });
        }
    }
    let gone = old.iter().filter(|entry| before.contains_key(entry.name));
    found.extend(gone.map(|e| Difference { name: e.name, old: e.target(), new: None }));
    Ok(found)
}

fn entries(mut data: &[u8]) -> Result<Vec<Entry<'_>>, GitError> {
    let mut entries = Vec::with_capacity(data.len() / 32);
    while !data.is_empty() {
        let entry = entry(data).ok_or_else(|| {
            GitError::cache("a tree object in the cache is damaged: it is fetched again")
        })?;
        data = &data[entry.bytes.len()..];
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(data: &[u8]) -> Option<Entry<'_>> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let kind = EntryKind::parse(&data[..space])?;
    let rest = &data[space + 1..];
    let nul = rest.iter().position(|byte| *byte == 0)?;
    let bytes = data.get(..space + 1 + nul + 1 + 20)?;
    Some(Entry { bytes, name: &rest[..nul], kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ObjectKind, hash};

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (name, content) in entries {
            data.extend_from_slice(b"100644 ");
            data.extend_from_slice(name.as_bytes());
            data.push(0);
            data.extend_from_slice(hash(ObjectKind::Blob, content.as_bytes()).as_slice());
        }
        data
    }

    fn found(old: &[(&str, &str)], new: &[(&str, &str)]) -> String {
        let (old, new) = (tree(old), tree(new));
        let mut words: Vec<_> = differences(&old, &new)
            .unwrap()
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
        words.join(" ")
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
    fn a_damaged_tree_is_an_error() {
        let whole = tree(&[("a", "1")]);
        for end in 1..whole.len() {
            assert!(differences(&whole[..end], &[]).is_err(), "{end}");
        }
    }
}
