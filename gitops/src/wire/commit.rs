//! What a commit object says.

use gix_hash::ObjectId;
use jiff::Timestamp;

use crate::change::{Identity, RELEASE_TRAILER};
use crate::id::{CommitId, Object};
use crate::index::{LogEntry, trailers_of};
use crate::store::header_ids;

/// Returns the commits that a commit comes after.
pub(super) fn parents(commit: &Object) -> Vec<CommitId> {
    header_ids(&commit.data, "parent ").map(CommitId).collect()
}

/// Returns a commit's root tree.
pub(super) fn root(commit: &Object) -> Option<ObjectId> {
    header_ids(&commit.data, "tree ").next()
}

/// Returns the entries of the release log that a commit has. It must not escape notice by what its
/// headers lack.
pub(super) fn entries(commit: &Object) -> Vec<LogEntry> {
    let text = String::from_utf8_lossy(&commit.data);
    let (headers, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let author = headers.lines().find_map(|line| line.strip_prefix("author "));
    let (identity, time) = person(author.unwrap_or_default());
    LogEntry::of_message(CommitId(commit.id), time, identity, message)
}

/// Tells who committed what is not as Gimlet makes it: without its trailers, or committed by another
/// than its author, as after an amendment. Merges are passed over.
pub(super) fn stranger(commit: &Object) -> Option<String> {
    if parents(commit).len() > 1 {
        return None;
    }
    let text = String::from_utf8_lossy(&commit.data);
    let (headers, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let who = |role: &str| {
        let line = headers.lines().find_map(|line| line.strip_prefix(role)).unwrap_or_default();
        let (Identity { name, email }, _) = person(line);
        format!("{name} <{email}>")
    };
    let (author, committer) = (who("author "), who("committer "));
    let marked = trailers_of(message).iter().any(|t| t.contains_key(RELEASE_TRAILER));
    (!marked || author != committer).then_some(committer)
}

/// Reads `Name <e-mail> seconds zone`.
fn person(text: &str) -> (Identity, Timestamp) {
    let (name, rest) = text.split_once('<').unwrap_or((text, ""));
    let (email, rest) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let seconds = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let identity = Identity { name: name.trim().to_owned(), email: email.trim().to_owned() };
    (identity, time.unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectKind;
    use crate::index::Origin;

    fn commit(text: &str) -> Object {
        Object::new(ObjectKind::Commit, text.as_bytes().to_vec())
    }

    #[test]
    fn headers_and_trailers_are_read() {
        let (a, b) = ("1".repeat(40), "2".repeat(40));
        let object = commit(&format!(
            "tree {a}\nparent {a}\nparent {b}\nauthor A B <a@b> 1700000000 +0200\n\
             committer C <c@d> 1 +0000\n\nsubject\n\nGimlet-Release: r1\nGimlet-Env: staging\n"
        ));
        assert_eq!(parents(&object).len(), 2);
        assert_eq!(root(&object).unwrap().to_hex().to_string(), a);
        let entry = entries(&object).remove(0);
        assert_eq!(entry.origin, Origin::Gimlet);
        assert_eq!((entry.author.name.as_str(), entry.author.email.as_str()), ("A B", "a@b"));
        assert_eq!(entry.time.as_second(), 1_700_000_000);
        assert_eq!(entry.environment(), Some("staging"));
    }

    #[test]
    fn only_what_is_as_gimlet_makes_it_is_its_own() {
        let of = |parents: &str, committer: &str, message: &str| {
            stranger(&commit(&format!(
                "tree x\n{parents}author A <a@b> 1 +0000\ncommitter {committer} 2 +0000\n\ns\n\n{message}\n"
            )))
        };
        let (ours, parent) = ("Gimlet-Release: r1", format!("parent {}\n", "1".repeat(40)));
        assert_eq!(of(&parent, "A <a@b>", ours), None);
        assert_eq!(of(&parent, "A <a@b>", "text").as_deref(), Some("A <a@b>"));
        assert_eq!(of(&parent, "C <c@d>", ours).as_deref(), Some("C <c@d>"));
        assert_eq!(of(&parent.repeat(2), "C <c@d>", "text"), None);
        assert_eq!(stranger(&commit("")).as_deref(), Some(" <>"));
    }

    #[test]
    fn a_commit_that_lacks_something_is_an_entry_all_the_same() {
        for text in ["", "tree x\n\n", "author <", "author a <b> x\n\nm", "\n\nsubject", "author 9"]
        {
            let entries = entries(&commit(text));
            assert_eq!(entries.len(), 1, "{text:?}");
            assert_eq!(entries[0].time, Timestamp::UNIX_EPOCH);
        }
    }
}
