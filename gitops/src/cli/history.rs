//! The history of a branch: what every commit says, and where others changed something.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::command::{Finished, Invocation, run};
use super::record::{read_records, record_of};
use super::verdict::failure;
use crate::change::{Identity, RELEASE_TRAILER};
use crate::error::GitError;
use crate::id::CommitId;
use crate::index::{LogEntry, MAX_FOLDERS, Origin, trailers_of};
use crate::path::RepoPath;

/// Of so many commits that others made, the newest, it is found out where they changed something.
/// Older ones are left out: a repository of ours has few, and one that was something else before
/// may have millions.
const MAX_OTHERS: usize = 50_000;
/// So many commits are asked for at once, to bound what is in memory.
const AT_ONCE: usize = 4_000;

/// Returns the commits that `new` has and `not` has not, oldest first, with the folders that others
/// changed.
pub(super) async fn read_history(
    dir: &Path,
    new: CommitId,
    not: Option<CommitId>,
    deadline: Duration,
) -> Result<Vec<LogEntry>, GitError> {
    let mut entries = read_messages(dir, new, not, deadline).await?;
    keep_newest_others(&mut entries, MAX_OTHERS);
    find_folders(dir, &mut entries, deadline).await?;
    Ok(entries)
}

/// Returns the entries of all commits that `new` has and `not` has not, oldest first, as their
/// messages tell.
pub(crate) async fn read_messages(
    dir: &Path,
    new: CommitId,
    not: Option<CommitId>,
    deadline: Duration,
) -> Result<Vec<LogEntry>, GitError> {
    let new = new.to_string();
    let not = not.map(|id| format!("^{id}"));
    let mut args = vec![
        "log",
        "-z",
        "--topo-order",
        "--reverse",
        "--no-color",
        "--no-notes",
        "--no-show-signature",
        "--encoding=UTF-8",
        "--format=tformat:%H%n%at%n%an%n%ae%n%B",
        &new,
    ];
    args.extend(not.as_deref());
    args.push("--");
    let finished = run(dir, &Invocation::new(&args, deadline)).await?;
    if !finished.ok() {
        return Err(damaged(&finished));
    }
    let texts = finished.stdout.split(|b| *b == 0);
    Ok(texts.flat_map(|text| parse_entries(&String::from_utf8_lossy(text))).collect())
}

/// Finds a commit that `at` has and `base` has not, and that is not as Gimlet makes them: without its
/// trailers, or committed by another than its author, as after an amendment. Merges are passed over.
pub(super) async fn find_stranger(
    dir: &Path,
    base: CommitId,
    at: CommitId,
    deadline: Duration,
) -> Result<Option<(CommitId, String)>, GitError> {
    let (at, base) = (at.to_string(), format!("^{base}"));
    let format = "--format=tformat:%H%n%an <%ae>%n%cn <%ce>%n%B";
    let args =
        ["log", "-z", "--no-merges", "--no-color", "--no-show-signature", format, &at, &base, "--"];
    let finished = run(dir, &Invocation::new(&args, deadline)).await?;
    if !finished.ok() {
        return Err(damaged(&finished));
    }
    let text = String::from_utf8_lossy(&finished.stdout).into_owned();
    let mut commits = text.split('\0').filter(|text| !text.trim().is_empty());
    Ok(commits.find_map(stranger))
}

fn stranger(text: &str) -> Option<(CommitId, String)> {
    let mut fields = text.trim_start_matches('\n').splitn(4, '\n');
    let mut next = || fields.next().unwrap_or_default();
    let (id, author, committer, message) = (next(), next(), next(), next());
    let ids = trailers_of(message);
    let marked = ids.iter().any(|trailers| trailers.contains_key(RELEASE_TRAILER));
    if marked && author == committer {
        return None;
    }
    Some((CommitId::parse(id).ok()?, committer.to_owned()))
}

/// Whatever a command on the cache fails with, the cache is what is wrong.
pub(super) fn damaged(finished: &Finished) -> GitError {
    GitError::cache(failure("read history", finished, str::to_owned).to_string())
}

fn parse_entries(text: &str) -> Vec<LogEntry> {
    let mut fields = text.trim_start_matches('\n').splitn(5, '\n');
    let Some(Ok(commit)) = fields.next().map(CommitId::parse) else { return Vec::new() };
    // A commit must not escape notice by what its headers lack.
    let mut field = || fields.next().unwrap_or_default();
    let time = field().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let author = Identity { name: field().to_owned(), email: field().to_owned() };
    LogEntry::of_message(commit, time.unwrap_or(Timestamp::UNIX_EPOCH), author, field())
}

fn is_other(entry: &LogEntry) -> bool {
    matches!(entry.origin, Origin::Other(_))
}

fn keep_newest_others(entries: &mut Vec<LogEntry>, most: usize) {
    let others = entries.iter().filter(|entry| is_other(entry)).count();
    let mut surplus = others.saturating_sub(most);
    if surplus > 0 {
        entries.retain(|entry| {
            let drop = surplus > 0 && is_other(entry);
            surplus -= usize::from(drop);
            !drop
        });
    }
}

/// Fills in the folders of commits that others made, and what the record says of one that may be the
/// merge of a release; whether it is, the index decides.
async fn find_folders(
    dir: &Path,
    entries: &mut [LogEntry],
    deadline: Duration,
) -> Result<(), GitError> {
    let ids: Vec<_> = entries.iter().filter(|e| is_other(e)).map(|e| e.commit).collect();
    let keep = |paths: Vec<String>| (folders_of(&paths), record_of(&paths));
    let changed = changed_paths(dir, &ids, None, deadline, keep).await?;
    let others = entries.iter_mut().filter(|entry| is_other(entry));
    let mut recorded = Vec::new();
    for (entry, (folders, record)) in others.zip(changed) {
        entry.origin = Origin::Other(folders);
        if let Some(path) = record {
            recorded.push((entry, path));
        }
    }
    let records: Vec<_> =
        recorded.iter().map(|(entry, path)| (entry.commit, path.clone())).collect();
    let trailers = read_records(dir, &records, deadline).await?;
    for ((entry, _), trailers) in recorded.into_iter().zip(trailers) {
        entry.trailers = trailers;
    }
    Ok(())
}

fn folders_of(paths: &[String]) -> Vec<String> {
    let folders = paths.iter().filter_map(|path| Some(path.rsplit_once('/')?.0));
    let folders: BTreeSet<_> = folders.collect();
    folders.into_iter().take(MAX_FOLDERS).map(str::to_owned).collect()
}

/// Returns what is to be kept of the paths that each commit changed, below a folder if one is given.
/// What a merge took over from one side unchanged is not its own.
pub(crate) async fn changed_paths<T>(
    dir: &Path,
    commits: &[CommitId],
    below: Option<&RepoPath>,
    deadline: Duration,
    keep: impl Fn(Vec<String>) -> T,
) -> Result<Vec<T>, GitError> {
    let mut kept = Vec::with_capacity(commits.len());
    for commits in commits.chunks(AT_ONCE) {
        let changed = changed_at_once(dir, commits, below, deadline).await?;
        kept.extend(changed.into_iter().map(&keep));
    }
    Ok(kept)
}

async fn changed_at_once(
    dir: &Path,
    commits: &[CommitId],
    below: Option<&RepoPath>,
    deadline: Duration,
) -> Result<Vec<Vec<String>>, GitError> {
    let mut args =
        vec!["diff-tree", "--stdin", "-r", "-c", "-z", "--root", "--name-only", "--no-renames"];
    args.extend(["--no-ext-diff", "--"]);
    args.extend(below.map(RepoPath::as_str));
    let mut input = String::with_capacity(commits.len() * 41);
    for commit in commits {
        input.push_str(&commit.to_string());
        input.push('\n');
    }
    let invocation = Invocation::new(&args, deadline).input(input.into_bytes());
    let finished = run(dir, &invocation).await?;
    if !finished.ok() {
        return Err(damaged(&finished));
    }
    Ok(paths_by_commit(&finished.stdout, commits))
}

/// Reads names of commits, each followed by the paths that it changed. Commits that changed nothing
/// are not there.
fn paths_by_commit(text: &[u8], commits: &[CommitId]) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new(); commits.len()];
    let known: HashMap<CommitId, usize> =
        commits.iter().enumerate().map(|(at, commit)| (*commit, at)).collect();
    let mut current = None;
    for name in text.split(|b| *b == 0).filter(|name| !name.is_empty()) {
        let commit = gix_hash::ObjectId::from_hex(name).ok().map(CommitId);
        let at = commit.and_then(|commit| known.get(&commit)).copied();
        // A file may be named like a commit, but not like one that comes later.
        if at.is_some() && at > current {
            current = at;
        } else if let Some(paths) = current.and_then(|at| found.get_mut(at)) {
            paths.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_without_a_usable_date_is_an_entry_all_the_same() {
        for date in ["", "x", "99999999999999999"] {
            let entry = parse_entries(&format!("{:040x}\n{date}\nJane\nj@e\ntext", 7)).remove(0);
            assert_eq!((entry.time, entry.subject.as_str()), (Timestamp::UNIX_EPOCH, "text"));
        }
        assert_eq!(parse_entries(&format!("{:040x}", 7)).len(), 1);
    }

    #[test]
    fn paths_go_to_the_commit_that_is_named_before_them() {
        let ids: Vec<_> = (1..=4).map(|n| CommitId::parse(&format!("{n:040x}")).unwrap()).collect();
        let name = |n: usize| ids[n].to_string();
        // The second changed nothing, and in the third a file is named like the first.
        let text = [&name(0), "a/x", "top", &name(2), &name(0), "d/x", &name(3), "e", ""];
        let found = paths_by_commit(text.join("\0").as_bytes(), &ids);
        assert_eq!(found[0], ["a/x", "top"]);
        assert!(found[1].is_empty());
        assert_eq!(found[2], [name(0), "d/x".to_owned()]);
        assert_eq!(found[3], ["e"]);
        let paths = ["a/x", "top", "b/c/z", "a/y"].map(str::to_owned);
        assert_eq!(folders_of(&paths), ["a", "b/c"]);
    }

    #[test]
    fn of_too_many_commits_of_others_the_newest_are_kept() {
        let parse = |n: u8, message: &str| {
            parse_entries(&format!("{n:040x}\n0\na\nb\n{message}")).remove(0)
        };
        let ours = "s\n\nGimlet-Release: r1";
        let mut entries =
            vec![parse(1, ours), parse(2, "x"), parse(3, "x"), parse(4, ours), parse(5, "x")];
        keep_newest_others(&mut entries, 2);
        let kept: Vec<_> = entries.iter().map(|e| e.commit.0.as_slice()[19]).collect();
        assert_eq!(kept, [1, 3, 4, 5]);
    }
}
