//! The history of a branch, told by its commits; trees are only asked for where others changed
//! something.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gix_hash::ObjectId;

use super::commit;
use super::engine::WireEngine;
use crate::compare::differences;
use crate::engine::Objects as _;
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object, TreeId};
use crate::index::{LogEntry, MAX_FOLDERS, Origin};
use crate::path::RepoPath;
use crate::record::{RECORD, trailers};
use crate::tree::{EntryKind, Tree};

/// Of so many commits that others made, the newest, it is found out where they changed something.
const MAX_OTHERS: usize = 1_000;
/// So many trees may be read for that.
const MAX_TREES: usize = 20_000;
/// Commits whose trees are asked for together.
const AT_ONCE: usize = 64;

/// Returns the entries of the release log for commits that come in order, oldest first.
pub(super) async fn entries(
    commits: &[Object],
    engine: &WireEngine,
) -> Result<Vec<LogEntry>, GitError> {
    let mut entries: Vec<_> = commits.iter().flat_map(commit::entries).collect();
    let is_other = |entry: &&mut LogEntry| matches!(entry.origin, Origin::Other(_));
    let others: Vec<_> = entries.iter_mut().rev().filter(is_other).take(MAX_OTHERS).collect();
    let by_id: HashMap<_, _> = commits.iter().map(|c| (c.id, c)).collect();
    let of: Vec<_> = others.iter().filter_map(|e| by_id.get(&e.commit.0).copied()).collect();
    let changed = changes(&of, engine).await?;
    let records = read_records(&changed, engine).await?;
    for ((entry, changes), record) in others.into_iter().zip(changed).zip(records) {
        entry.origin = Origin::Other(changes.folders.into_iter().take(MAX_FOLDERS).collect());
        entry.trailers = record;
    }
    Ok(entries)
}

/// What a commit changed.
#[derive(Clone, Default)]
struct Changes {
    folders: BTreeSet<String>,
    /// The paths of records of releases, and what is there now.
    records: Vec<(String, Option<ObjectId>)>,
}

/// Returns what the record says, as trailers, where a commit changed exactly one: it may be the merge
/// of a release; whether it is, the index decides.
async fn read_records(
    changed: &[Changes],
    engine: &WireEngine,
) -> Result<Vec<BTreeMap<String, String>>, GitError> {
    let only = |changes: &Changes| match changes.records.as_slice() {
        [(path, Some(id))] => Some((path.clone(), *id)),
        _ => None,
    };
    let records: Vec<_> = changed.iter().map(only).collect();
    let mut read = Vec::with_capacity(records.len());
    for some in records.chunks(AT_ONCE) {
        let ids: Vec<_> = some.iter().flatten().map(|(_, id)| *id).collect();
        // Somebody may have given a file of any size the name: then each is asked for alone.
        unless_too_large(engine.gather(&ids).await)?;
        for record in some {
            let Some((path, id)) = record else {
                read.push(BTreeMap::new());
                continue;
            };
            let found = unless_too_large(engine.object(*id).await)?;
            let found = found.map(|found| found.ok_or_else(|| missing(*id))).transpose()?;
            let found = found.and_then(|found| trailers(&found.data, path));
            read.push(found.unwrap_or_default());
        }
    }
    Ok(read)
}

/// Passes over what is larger than anything that is read, and so than any record.
fn unless_too_large<T>(result: Result<T, GitError>) -> Result<Option<T>, GitError> {
    match result {
        Err(error) if error.kind() == GitErrorKind::TooLarge => Ok(None),
        result => result.map(Some),
    }
}

/// A folder of one commit that is to be compared with what it was in each commit before.
struct Step {
    commit: usize,
    prefix: String,
    old: Vec<Option<ObjectId>>,
    new: Option<ObjectId>,
}

/// Finds where commits changed files, all commits together, level by level. What a merge took over
/// from one side is not its own.
async fn changes(commits: &[&Object], engine: &WireEngine) -> Result<Vec<Changes>, GitError> {
    let before: Vec<_> = commits.iter().flat_map(|c| commit::parents(c)).map(|id| id.0).collect();
    engine.gather(&before).await?;
    let mut open = Vec::new();
    for (at, object) in commits.iter().enumerate() {
        let mut old = Vec::new();
        for parent in commit::parents(object) {
            old.push(root_of(parent, engine).await?);
        }
        if old.is_empty() {
            old.push(None);
        }
        open.push(Step { commit: at, prefix: String::new(), old, new: commit::root(object) });
    }
    let mut found = vec![Changes::default(); commits.len()];
    let mut cut = HashSet::new();
    let mut read = 0;
    while !open.is_empty() && read < MAX_TREES {
        let wanted =
            |step: &Step| step.old.iter().flatten().copied().chain(step.new).collect::<Vec<_>>();
        let ids: HashSet<_> = open.iter().flat_map(wanted).filter(|id| !is_empty(*id)).collect();
        read += ids.len();
        engine.gather(&ids.into_iter().collect::<Vec<_>>()).await?;
        let mut next = Vec::new();
        for step in open {
            let Some(changes) = found.get_mut(step.commit) else { continue };
            next.extend(descend(&step, changes, engine).await?);
        }
        open = first_of_each(next, &mut cut);
    }
    cut.extend(open.iter().map(|step| step.commit));
    // Of what was not read to its end it is not known that there is only one.
    for at in cut {
        if let Some(changes) = found.get_mut(at) {
            changes.records.clear();
        }
    }
    Ok(found)
}

/// Keeps so many folders of each commit as its entry can name: every one of them has a file below it
/// that was changed. `cut` gets the commits that had more.
fn first_of_each(mut steps: Vec<Step>, cut: &mut HashSet<usize>) -> Vec<Step> {
    steps.sort_unstable_by(|a, b| (a.commit, &a.prefix).cmp(&(b.commit, &b.prefix)));
    let mut kept: HashMap<usize, usize> = HashMap::new();
    steps.retain(|step| {
        let count = kept.entry(step.commit).or_default();
        *count += 1;
        if *count > MAX_FOLDERS {
            cut.insert(step.commit);
        }
        *count <= MAX_FOLDERS
    });
    steps
}

/// Compares one folder, and returns those below it that are to be compared.
async fn descend(
    step: &Step,
    changes: &mut Changes,
    engine: &WireEngine,
) -> Result<Vec<Step>, GitError> {
    let new = tree(step.new, engine).await?;
    let mut below: HashMap<Vec<u8>, Step> = HashMap::new();
    for (side, old) in step.old.iter().enumerate() {
        let old = tree(*old, engine).await?;
        let mut here = HashSet::new();
        for difference in differences(&old, &new) {
            here.insert(difference.name.to_vec());
            let folder = |entry: Option<(EntryKind, ObjectId)>| {
                entry.filter(|(kind, _)| *kind == EntryKind::Folder).map(|(_, id)| id)
            };
            if side == 0 {
                let is_file = |entry: Option<(EntryKind, ObjectId)>| {
                    entry.is_some_and(|(kind, _)| kind != EntryKind::Folder)
                };
                let touched = is_file(difference.old) || is_file(difference.new);
                let name = String::from_utf8_lossy(difference.name);
                let mut prefix = format!("{}{name}/", step.prefix);
                if touched {
                    // A file: its folder is this one.
                    prefix.clear();
                }
                let old = vec![None; step.old.len()];
                let next = Step { commit: step.commit, prefix, old, new: folder(difference.new) };
                below.insert(difference.name.to_vec(), next);
            }
            if let Some(next) = below.get_mut(difference.name) {
                next.old[side] = folder(difference.old);
            }
        }
        below.retain(|name, _| here.contains(name));
    }
    if !step.prefix.is_empty() {
        let mut files = below.iter().filter(|(_, next)| next.prefix.is_empty()).peekable();
        if files.peek().is_some() && changes.folders.len() <= MAX_FOLDERS {
            changes.folders.insert(step.prefix.trim_end_matches('/').to_owned());
        }
        if files.any(|(name, _)| name == RECORD.as_bytes()) {
            let now = new.get(RECORD).filter(|entry| entry.kind == EntryKind::File);
            changes.records.push((format!("{}{RECORD}", step.prefix), now.map(|entry| entry.id())));
        }
    }
    Ok(below.into_values().filter(|next| !next.prefix.is_empty()).collect())
}

fn is_empty(tree: ObjectId) -> bool {
    tree == TreeId::empty().0
}

async fn tree(id: Option<ObjectId>, engine: &WireEngine) -> Result<Tree, GitError> {
    let Some(id) = id.filter(|id| !is_empty(*id)) else { return Ok(Tree::default()) };
    let found = engine.object(id).await?;
    Tree::decode(found.ok_or_else(|| missing(id))?.data)
}

async fn root_of(commit: CommitId, engine: &WireEngine) -> Result<Option<ObjectId>, GitError> {
    let found = engine.object(commit.0).await?.ok_or_else(|| missing(commit.0))?;
    Ok(commit::root(&found))
}

fn missing(id: ObjectId) -> GitError {
    GitError::cache(format!("object {id} is not on the server: everything is asked for again"))
}

/// Finds the last of these commits that changed a path; they come in order, oldest first.
pub(super) async fn last_touch(
    commits: &[Object],
    path: &RepoPath,
    engine: &WireEngine,
) -> Result<Option<CommitId>, GitError> {
    let mut known = HashMap::new();
    for some in commits.rchunks(AT_ONCE) {
        let before = some.iter().flat_map(commit::parents).map(|id| id.0);
        let ids: Vec<_> = some.iter().map(|c| c.id).chain(before).collect();
        find_all(&ids, path, engine, &mut known).await?;
        for object in some.iter().rev() {
            let now = known.get(&object.id).copied().flatten();
            let parents = commit::parents(object);
            let mut before = parents.iter().map(|id| known.get(&id.0).copied().flatten());
            let touched =
                if parents.is_empty() { now.is_some() } else { before.all(|before| before != now) };
            if touched {
                return Ok(Some(CommitId(object.id)));
            }
        }
    }
    Ok(None)
}

/// Finds what is at a path in each of these commits.
async fn find_all(
    commits: &[ObjectId],
    path: &RepoPath,
    engine: &WireEngine,
    known: &mut HashMap<ObjectId, Option<ObjectId>>,
) -> Result<(), GitError> {
    let commits: Vec<_> = commits.iter().filter(|id| !known.contains_key(*id)).copied().collect();
    engine.gather(&commits).await?;
    let mut places = Vec::new();
    for commit in commits {
        places.push((commit, root_of(CommitId(commit), engine).await?));
    }
    for part in path.parts() {
        let ids: HashSet<_> = places.iter().filter_map(|(_, id)| *id).collect();
        engine.gather(&ids.into_iter().collect::<Vec<_>>()).await?;
        for (_, place) in &mut places {
            *place = tree(*place, engine).await?.get(part).map(|entry| entry.id());
        }
    }
    known.extend(places);
    Ok(())
}
