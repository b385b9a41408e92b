//! Which commit changed a folder last, without walking through the history where that can be told.

use crate::error::GitError;
use crate::id::CommitId;
use crate::path::RepoPath;
use crate::shared::Shared;

/// So many commits are looked at; more would cost as much as the walk.
const MAX_LOOKS: usize = 32;

/// Returns the last commit that changed a folder; none if only a walk can tell.
///
/// The index names those that may have: the releases of the application that the folder is named
/// after, and what others did below it. The first one that is different from its parent there is it,
/// provided that the folder is still what it was in that commit.
pub(crate) async fn last_touch(
    shared: &Shared,
    head: CommitId,
    path: &RepoPath,
) -> Result<Option<CommitId>, GitError> {
    let candidates = {
        let state = shared.state();
        if state.index.head() != Some(head) {
            return Ok(None);
        }
        state.index.touching(path)
    };
    let now = at(shared, head, path).await?;
    for commit in candidates.into_iter().take(MAX_LOOKS) {
        let then = at(shared, commit, path).await?;
        let before = match shared.store.parents(commit).await?[..] {
            [] => None,
            [parent] => at(shared, parent, path).await?,
            // What a merge brought in was changed by another commit.
            _ => return Ok(None),
        };
        if then != before {
            return Ok((then == now).then_some(commit));
        }
    }
    Ok(None)
}

/// Returns what names the content of a path at a commit.
async fn at(
    shared: &Shared,
    commit: CommitId,
    path: &RepoPath,
) -> Result<Option<gix_hash::ObjectId>, GitError> {
    let Some(root) = shared.store.root(commit).await? else {
        return Err(GitError::cache(format!("commit {commit} is missing from the cache")));
    };
    Ok(shared.store.find(root, path).await?.map(|entry| entry.id))
}
