//! Records of releases, read from the cache.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::command::{Invocation, run};
use super::history::damaged;
use crate::error::GitError;
use crate::id::CommitId;
use crate::record::{MAX_RECORD, RECORD, trailers};

/// So many are asked for at once, to bound what is in memory.
const AT_ONCE: usize = 500;

/// Returns the record that a commit changed, if it is the only one.
pub(super) fn record_of(paths: &[String]) -> Option<String> {
    let is_record = |path: &&String| {
        let folder = path.strip_suffix(RECORD).and_then(|rest| rest.strip_suffix('/'));
        folder.is_some_and(|folder| !folder.is_empty())
    };
    let mut records = paths.iter().filter(is_record);
    let found = records.next().filter(|path| !path.contains(char::is_control))?;
    records.next().is_none().then(|| found.clone())
}

/// Reads records in commits, and returns what each says as trailers; nothing of one that is not there
/// or is no record of the folder that it is in.
pub(super) async fn read_records(
    dir: &Path,
    records: &[(CommitId, String)],
    deadline: Duration,
) -> Result<Vec<BTreeMap<String, String>>, GitError> {
    let mut read = vec![BTreeMap::new(); records.len()];
    let all: Vec<_> = records.iter().enumerate().collect();
    for records in all.chunks(AT_ONCE) {
        let names = |records: &[(usize, &(CommitId, String))]| {
            records.iter().fold(String::new(), |mut names, (_, (commit, path))| {
                let _ = writeln!(names, "{commit}:{path}");
                names
            })
        };
        // Somebody may have given a file of any size the name.
        let sizes = ask("--batch-check=%(objecttype) %(objectsize)", names(records), dir, deadline);
        let sizes = sizes.await?;
        let answers = String::from_utf8_lossy(&sizes);
        let records = records.iter().zip(answers.lines()).filter(|(_, answer)| may_be(answer));
        let records: Vec<_> = records.map(|(record, _)| *record).collect();
        if records.is_empty() {
            continue;
        }
        let answers = ask("--batch", names(&records), dir, deadline).await?;
        let mut rest = answers.as_slice();
        for (at, (_, path)) in records {
            let text;
            (text, rest) = next(rest);
            read[at] = text.and_then(|text| trailers(text, path)).unwrap_or_default();
        }
    }
    Ok(read)
}

async fn ask(
    what: &str,
    names: String,
    dir: &Path,
    deadline: Duration,
) -> Result<Vec<u8>, GitError> {
    let invocation = Invocation::new(&["cat-file", what], deadline).input(names.into_bytes());
    let finished = run(dir, &invocation).await?;
    if finished.ok() { Ok(finished.stdout) } else { Err(damaged(&finished)) }
}

/// Says whether a file may be a record, by what git says of it: its kind and size, or that it is missing.
fn may_be(answer: &str) -> bool {
    let size = answer.strip_prefix("blob ").and_then(|size| size.parse::<usize>().ok());
    size.is_some_and(|size| size <= MAX_RECORD)
}

/// Takes one answer of `git cat-file --batch`: a file, or a line that says why there is none.
fn next(answers: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let end = answers.iter().position(|byte| *byte == b'\n').unwrap_or(answers.len());
    let (header, rest) = answers.split_at(end);
    let rest = rest.get(1..).unwrap_or_default();
    let words: Vec<_> = header.rsplit(|byte| *byte == b' ').take(2).collect();
    let size = std::str::from_utf8(words[0]).ok().and_then(|size| size.parse::<usize>().ok());
    match size.filter(|size| *size <= rest.len()) {
        Some(size) => {
            let (text, rest) = rest.split_at(size);
            let is_file = words.get(1).is_some_and(|kind| *kind == b"blob");
            (is_file.then_some(text), rest.get(1..).unwrap_or_default())
        }
        None => (None, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn only_a_commit_with_one_record_is_a_merge_of_one_release() {
        let one = paths(&["staging/web/a.yaml", "staging/web/release.json"]);
        assert_eq!(record_of(&one).as_deref(), Some("staging/web/release.json"));
        for none in [
            paths(&["release.json", "staging/web/a.yaml"]),
            paths(&["a/release.json", "b/release.json"]),
            paths(&["a/my-release.json"]),
            paths(&["a\nb/release.json"]),
        ] {
            assert_eq!(record_of(&none), None, "{none:?}");
        }
    }

    #[test]
    fn what_is_too_large_or_no_file_is_no_record() {
        assert!(may_be("blob 0") && may_be(&format!("blob {MAX_RECORD}")));
        let large = format!("blob {}", MAX_RECORD + 1);
        for no in [&large, "tree 3", "abc:blob 3/release.json missing", "blob x", ""] {
            assert!(!may_be(no), "{no}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let answers =
            b"abc blob 3\nx\ny\nabc:web/release.json missing\ndef tree 1\nz\nabc blob 0\n\n";
        let (first, rest) = next(answers);
        assert_eq!(first, Some(&b"x\ny"[..]));
        let (second, rest) = next(rest);
        assert_eq!(second, None);
        let (third, rest) = next(rest);
        assert_eq!(third, None);
        let (fourth, rest) = next(rest);
        assert_eq!((fourth, rest), (Some(&b""[..]), &b""[..]));
        assert_eq!(next(b""), (None, &b""[..]));
    }
}
