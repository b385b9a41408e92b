//! What is to be done with a file, from what is there: pure.

use gimlet_crds::{ConfigChange, FoundFile};
use gimlet_hosts::{Commit, File, FileChange};

/// Bytes of a file that are told at most: as many as a change may have.
const LARGEST: usize = 256 * 1024;

/// What a file is to be, and what it has to be before.
pub(super) struct Wanted<'a> {
    pub(super) path: &'a str,
    /// None deletes the file.
    pub(super) content: Option<&'a str>,
    /// None where the file must not be there.
    pub(super) base: Option<&'a str>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The file is what it is to be.
    Unchanged,
    /// Somebody else changed it: why, and what it is by now.
    Conflict(String, Option<FoundFile>),
    /// It is written.
    Write,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(change: &'a ConfigChange) -> Self {
        let spec = &change.spec;
        Self { path: &spec.path, content: spec.content.as_deref(), base: spec.base_blob.as_deref() }
    }

    /// Tells whether a file is what it is to be.
    pub(super) fn is(&self, now: Option<&File>) -> bool {
        now.map(|file| file.content.as_slice()) == self.content.map(str::as_bytes)
    }
}

/// Decides what is to be done; `last` is the commit that changed the file last, for the message.
pub(super) fn decide(wanted: &Wanted<'_>, now: Option<&File>, last: Option<&Commit>) -> Step {
    if wanted.is(now) {
        return Step::Unchanged;
    }
    let blob = now.map(|file| file.blob.as_str());
    if blob == wanted.base {
        return Step::Write;
    }
    let path = wanted.path;
    let mut message = match (wanted.base, blob) {
        (None, _) => format!("{path} is there already, and the change was made for a new file"),
        (Some(_), None) => format!("{path} is not there any more"),
        (Some(base), Some(blob)) => {
            format!("{path} was changed meanwhile: it is {}, and not {}", short(blob), short(base))
        }
    };
    if let Some(last) = last {
        let subject = last.message.lines().next().unwrap_or_default();
        let by = if last.author.is_empty() { "somebody" } else { &last.author };
        message = format!("{message}; {} of {by} says {subject:?}", short(last.sha.as_str()));
    }
    let message = format!("{message}. Read it again, and make the change anew");
    Step::Conflict(message, now.map(found))
}

/// Tells what a file is, so that whoever made the change can merge both without the repository at hand.
fn found(file: &File) -> FoundFile {
    let text =
        (file.content.len() <= LARGEST).then(|| String::from_utf8(file.content.clone()).ok());
    FoundFile { blob: file.blob.to_string(), content: text.flatten() }
}

/// Makes the request for a commit.
pub(super) fn file_change(
    wanted: &Wanted<'_>,
    branch: &str,
    now: Option<File>,
    message: String,
) -> FileChange {
    FileChange {
        branch: branch.to_owned(),
        path: wanted.path.to_owned(),
        content: wanted.content.map(|content| content.as_bytes().to_vec()),
        base: now,
        message,
    }
}

fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_hosts::Sha;

    const OLD: &str = "1f0c9a4b7d2e63854f1a0b9c8d7e6f5041322314";
    const NEW: &str = "2b1d8e7f6a5c4b3a291807f6e5d4c3b2a1908776";

    fn file(blob: &str, content: &str) -> File {
        File::new(Sha::parse(blob).unwrap(), content.into())
    }

    fn wanted(content: Option<&'static str>, base: Option<&'static str>) -> Wanted<'static> {
        Wanted { path: ".gimlet/shop.yaml", content, base }
    }

    fn conflict(step: Step) -> String {
        match step {
            Step::Conflict(message, _) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conflict_tells_what_the_file_is_unless_it_is_no_text_or_too_much() {
        let told = |content: &[u8]| {
            let file = File::new(Sha::parse(NEW).unwrap(), content.to_vec());
            match decide(&wanted(Some("new"), Some(OLD)), Some(&file), None) {
                Step::Conflict(_, found) => found.map(|found| (found.blob, found.content)),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(told(b"other"), Some((NEW.into(), Some("other".into()))));
        assert_eq!(told(&[0xff]), Some((NEW.into(), None)));
        assert_eq!(told(&vec![b'a'; LARGEST + 1]), Some((NEW.into(), None)));
        let gone = decide(&wanted(Some("new"), Some(OLD)), None, None);
        assert!(matches!(gone, Step::Conflict(_, None)), "{gone:?}");
    }

    #[test]
    fn a_file_that_is_what_it_was_is_written() {
        let old = file(OLD, "old");
        assert_eq!(decide(&wanted(Some("new"), Some(OLD)), Some(&old), None), Step::Write);
        assert_eq!(decide(&wanted(Some("new"), None), None, None), Step::Write);
        assert_eq!(decide(&wanted(None, Some(OLD)), Some(&old), None), Step::Write);
    }

    #[test]
    fn a_file_that_is_what_it_is_to_be_is_left_alone_whoever_wrote_it() {
        let new = file(NEW, "new");
        assert_eq!(decide(&wanted(Some("new"), Some(OLD)), Some(&new), None), Step::Unchanged);
        assert_eq!(decide(&wanted(None, Some(OLD)), None, None), Step::Unchanged);
    }

    #[test]
    fn a_file_that_somebody_else_changed_is_never_overwritten() {
        let other = file(NEW, "other");
        let last = Commit {
            sha: Sha::parse(NEW).unwrap(),
            message: "Tune the cart\n\nlong".into(),
            author: "Mia".into(),
            email: String::new(),
            committed: None,
            parents: Vec::new(),
            url: None,
        };
        let said = conflict(decide(&wanted(Some("new"), Some(OLD)), Some(&other), Some(&last)));
        assert!(said.contains("it is 2b1d8e7, and not 1f0c9a4"), "{said}");
        assert!(said.contains(r#"2b1d8e7 of Mia says "Tune the cart""#), "{said}");
        let said = conflict(decide(&wanted(Some("new"), None), Some(&other), None));
        assert!(said.contains("is there already"), "{said}");
        let said = conflict(decide(&wanted(Some("new"), Some(OLD)), None, None));
        assert!(said.contains("not there any more"), "{said}");
        assert!(!conflict(decide(&wanted(None, Some(OLD)), Some(&other), None)).is_empty());
    }
}
