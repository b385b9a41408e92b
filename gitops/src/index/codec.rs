//! Log entries as bytes: what an index holds and what its file has.

use std::collections::BTreeMap;

use gix_hash::ObjectId;
use jiff::Timestamp;

use super::entry::{Legacy, LegacyAction, LogEntry, Origin};
use crate::change::{
    APP_TRAILER, ENV_TRAILER, Identity, ORDER_TRAILER, RELEASE_TRAILER, REPOSITORY_TRAILER,
    REQUESTED_BY_TRAILER,
};
use crate::id::CommitId;

/// Names of trailers that take one byte. New ones go to the end and raise the file's version.
const KEYS: [&str; 17] = [
    RELEASE_TRAILER,
    ORDER_TRAILER,
    APP_TRAILER,
    ENV_TRAILER,
    REPOSITORY_TRAILER,
    REQUESTED_BY_TRAILER,
    "Gimlet-Action",
    "Gimlet-Name",
    "Gimlet-Plan",
    "Gimlet-Reason",
    "Gimlet-Rollback-To",
    "Gimlet-Version",
    "Gimlet-Approved-By",
    "Gimlet-Artifact",
    "Gimlet-Source",
    "Gimlet-Trigger",
    "Gimlet-Set",
];
const GIMLET: u8 = 0;
const DEPLOY: u8 = 1;
const DELETE: u8 = 2;
const REVERT: u8 = 3;
const OTHER: u8 = 4;

/// Appends an entry.
pub(super) fn encode(entry: &LogEntry, to: &mut Vec<u8>) {
    to.extend_from_slice(entry.commit.0.as_slice());
    to.extend_from_slice(&entry.time.as_second().to_le_bytes());
    text(&entry.author.name, to);
    text(&entry.author.email, to);
    text(&entry.subject, to);
    number(entry.trailers.len(), to);
    for (key, value) in &entry.trailers {
        let known = KEYS.iter().position(|k| k == key);
        number(known.map_or(0, |at| at + 1), to);
        if known.is_none() {
            text(key, to);
        }
        text(value, to);
    }
    match &entry.origin {
        Origin::Gimlet => to.push(GIMLET),
        Origin::Legacy(legacy) => {
            to.push(match legacy.action {
                LegacyAction::Deploy => DEPLOY,
                LegacyAction::Delete => DELETE,
                LegacyAction::Revert => REVERT,
            });
            text(&legacy.environment, to);
            text(&legacy.app, to);
        }
        Origin::Other(folders) => {
            to.push(OTHER);
            number(folders.len(), to);
            for folder in folders {
                text(folder, to);
            }
        }
    }
}

fn text(text: &str, to: &mut Vec<u8>) {
    number(text.len(), to);
    to.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the least first.
fn number(mut number: usize, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// Reads entries one after the other.
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl Decoder<'_> {
    /// Reads the next entry; none at the end, or if the bytes are damaged.
    pub(super) fn entry(&mut self) -> Option<LogEntry> {
        let commit = CommitId(ObjectId::try_from(self.take(20)?).ok()?);
        let time = i64::from_le_bytes(self.take(8)?.try_into().ok()?);
        let time = Timestamp::from_second(time).ok()?;
        let author = Identity { name: self.text()?, email: self.text()? };
        let subject = self.text()?;
        let mut trailers = BTreeMap::new();
        for _ in 0..self.number()? {
            let key = match self.number()?.checked_sub(1) {
                None => self.text()?,
                Some(at) => (*KEYS.get(at)?).to_owned(),
            };
            trailers.insert(key, self.text()?);
        }
        let origin = match self.take(1)? {
            [GIMLET] => Origin::Gimlet,
            [OTHER] => {
                let count = self.number()?;
                Origin::Other((0..count).map(|_| self.text()).collect::<Option<_>>()?)
            }
            [action] => {
                let action = match *action {
                    DEPLOY => LegacyAction::Deploy,
                    DELETE => LegacyAction::Delete,
                    REVERT => LegacyAction::Revert,
                    _ => return None,
                };
                Origin::Legacy(Legacy { environment: self.text()?, app: self.text()?, action })
            }
            _ => return None,
        };
        Some(LogEntry { commit, time, author, subject, trailers, origin })
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0usize;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(origin: Origin, subject: &str, trailers: &[(&str, &str)]) -> LogEntry {
        LogEntry {
            commit: CommitId::parse(&"12".repeat(20)).unwrap(),
            time: Timestamp::from_second(-5).unwrap(),
            author: Identity { name: "Jänè".into(), email: "j@e".into() },
            subject: subject.into(),
            trailers: trailers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            origin,
        }
    }

    #[test]
    fn entries_are_read_back_as_they_were_written() {
        let legacy =
            Legacy { environment: "e".into(), app: "a".into(), action: LegacyAction::Revert };
        let long = "x".repeat(300);
        let all = [
            entry(Origin::Gimlet, &long, &[(RELEASE_TRAILER, "r1"), ("Own-Key", "v")]),
            entry(Origin::Legacy(legacy), "", &[]),
            entry(Origin::Other(vec!["a/b".into(), "c".into()]), "s", &[]),
        ];
        let mut bytes = Vec::new();
        for entry in &all {
            encode(entry, &mut bytes);
        }
        let mut decoder = Decoder(&bytes);
        let read: Vec<_> = std::iter::from_fn(|| decoder.entry()).collect();
        assert_eq!(read, all);
        assert!(decoder.0.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_are_no_entry_and_no_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut decoder = Decoder(&bytes);
            while decoder.entry().is_some() {}
        }
    }
}
