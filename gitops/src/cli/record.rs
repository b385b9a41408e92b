//! Records of releases, read from the cache.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::command::{Invocation, run};
use super::history::damaged;
use crate::error::GitError;
use crate::id::CommitId;
use crate::record::{RECORD, trailers};

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
    let mut read = Vec::with_capacity(records.len());
    for records in records.chunks(AT_ONCE) {
        let mut input = String::new();
        for (commit, path) in records {
            let _ = writeln!(input, "{commit}:{path}");
        }
        let invocation = Invocation::new(&["cat-file", "--batch"], deadline);
        let finished = run(dir, &invocation.input(input.into_bytes())).await?;
        if !finished.ok() {
            return Err(damaged(&finished));
        }
        let mut rest = finished.stdout.as_slice();
        for (_, path) in records {
            let text;
            (text, rest) = next(rest);
            read.push(text.and_then(|text| trailers(text, path)).unwrap_or_default());
        }
    }
    Ok(read)
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
