//! What a fuzzer feeds with texts of hostile people and answers of hostile servers, and what must hold
//! whatever they are.
//!
//! That there is no panic, no hang and no exhausted memory is what the fuzzer watches.

use gix_hash::ObjectId;
use jiff::Timestamp;

use crate::change::{APP_TRAILER, Change, Edit, Identity, MAX_MEMBERS, Member, RELEASE_TRAILER};
use crate::id::CommitId;
use crate::index::{HistoryFilter, Index, LogEntry, Origin};
use crate::path::RepoPath;
use crate::record;
pub use crate::wire::fuzzing::{answers, deltas, packs};

/// A commit's message as somebody wrote it; then the message of a release that takes all its texts from
/// the same person; then the file of a folder that says who released it.
pub fn trailers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let entries = LogEntry::of_message(commit(), Timestamp::UNIX_EPOCH, somebody(""), &text);
    assert!((1..=MAX_MEMBERS).contains(&entries.len()));
    entries.iter().for_each(check);
    logged(&entries);
    released(&text);
    if let Some(told) = record::trailers(data, "staging/web/release.json") {
        assert_eq!(told[APP_TRAILER], "web", "a record speaks for another folder");
        assert!(told.values().all(|value| !value.contains('\n')), "{told:?}");
    }
}

fn check(entry: &LogEntry) {
    let LogEntry { subject, trailers, origin, .. } = entry;
    assert!(!subject.contains('\n'), "{subject:?}");
    match origin {
        Origin::Gimlet => {
            let plain = |key: &String| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            assert!(trailers.keys().all(|key| !key.is_empty() && plain(key)), "{trailers:?}");
            assert!(trailers.values().all(|value| !value.contains('\n')), "{trailers:?}");
        }
        Origin::Legacy(legacy) => {
            assert!(trailers.is_empty(), "{trailers:?}");
            assert!(!legacy.app.is_empty() && !legacy.app.contains('/'), "{legacy:?}");
        }
        Origin::Other(folders) => assert!(trailers.is_empty() && folders.is_empty()),
    }
}

/// What the log keeps is what it was given.
fn logged(entries: &[LogEntry]) {
    let mut index = Index::default();
    index.extend(entries);
    let filter = HistoryFilter { others: true, ..HistoryFilter::default() };
    let found = index.history(&filter).unwrap_or_default();
    assert!(found.iter().all(|entry| entries.contains(entry)), "{found:?} is not of {entries:?}");
    assert_eq!(found.is_empty(), entries.is_empty());
}

/// The log tells of a release the same when it is made as when it is read from git, and no text of it
/// forges another one.
fn released(text: &str) {
    let subject = text.lines().next().unwrap_or_default();
    let given = text.lines().skip(1).take(8).filter_map(|line| line.split_once('='));
    let trailers: Vec<_> = given.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let path = RepoPath::parse("staging/web");
    let edits: Vec<_> = path.map(|path| Edit::RemoveFolder { path }).into_iter().collect();
    let order = |key: &str| Some((format!("{key} {subject}"), 7, subject.to_owned()));
    let change = Change {
        id: "r1".into(),
        edits: edits.clone(),
        subject: subject.into(),
        body: text.into(),
        trailers: trailers.clone(),
        author: somebody(text),
        committer: somebody(text),
        time: Timestamp::UNIX_EPOCH,
        order: order("web"),
        expected: None,
        also: vec![Member {
            id: "r2".into(),
            edits,
            trailers,
            order: order("api"),
            expected: None,
        }],
    };
    if change.check().is_err() {
        return;
    }
    let (author, time) = (change.author.clone(), change.time);
    let read = LogEntry::of_message(commit(), time, author, &change.message());
    assert_eq!(read, LogEntry::of_change(&change, commit()));
    let ids: Vec<_> = read.iter().filter_map(|entry| entry.get(RELEASE_TRAILER)).collect();
    assert_eq!(ids, ["r1", "r2"]);
}

fn commit() -> CommitId {
    CommitId(ObjectId::null(gix_hash::Kind::Sha1))
}

fn somebody(name: &str) -> Identity {
    Identity { name: name.to_owned(), email: "somebody@example.com".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_of_the_fuzzer_holds() {
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 4] =
            [("answers", answers), ("packs", packs), ("deltas", deltas), ("trailers", trailers)];
        for (name, target) in targets {
            let folder = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut count = 0;
            for file in std::fs::read_dir(folder).unwrap() {
                let data = std::fs::read(file.unwrap().path()).unwrap();
                for end in 0..=data.len().min(2_000) {
                    target(&data[..end]);
                }
                target(&data);
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
    }
}
