//! Rollback: the recorded tree of an app is found, and put back as it was.

use gimlet_crds::{Release, RollbackTo, labels::trailer};
use gimlet_gitops::{CommitId, GitErrorKind, HistoryFilter, LogEntry, RepoPath, TreeId, Writer};

use super::error::ReleaseError;

/// How many releases of an app are searched for the one to go back to.
const SEARCHED: usize = 10_000;

/// What a rollback puts back.
pub(super) struct Target {
    pub(super) commit: CommitId,
    pub(super) tree: TreeId,
    pub(super) version: Option<String>,
}

/// Finds what a rollback puts back.
pub(super) async fn find(
    release: &Release,
    to: &RollbackTo,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Target, ReleaseError> {
    let app = Some((release.spec.environment.clone(), release.spec.app.clone()));
    let filter = HistoryFilter { app, limit: SEARCHED, ..HistoryFilter::default() };
    let history = writer.history(filter).await?;
    let entry = entry(to, &history);
    let commit = match (entry, &to.commit) {
        (Some(entry), _) => entry.commit,
        (None, Some(commit)) => CommitId::parse(commit).map_err(|_| ReleaseError::Rollback {
            message: format!(
                "no release of the app is commit {commit}: write the whole commit id, or a release \
                 that `gimlet history {} -e {}` lists",
                release.spec.app, release.spec.environment
            ),
        })?,
        (None, None) => {
            let wanted = to.release.as_deref().unwrap_or_default();
            return Err(ReleaseError::Rollback {
                message: format!(
                    "git has no release {wanted} of the app: `gimlet history {} -e {}` lists those \
                     that it has",
                    release.spec.app, release.spec.environment
                ),
            });
        }
    };
    let tree = match writer.tree(folder, Some(&commit)).await {
        Err(error) if error.kind() == GitErrorKind::NotFound => {
            let message = format!("commit {commit} is not on the branch of the environment");
            return Err(ReleaseError::Rollback { message });
        }
        tree => tree?,
    };
    let Some(tree) = tree else {
        return Err(ReleaseError::Rollback {
            message: format!("the folder {folder} was not there at commit {commit}"),
        });
    };
    let version = entry.and_then(|e| e.trailers.get(trailer::VERSION).cloned());
    let short = || commit.to_string().chars().take(7).collect();
    Ok(Target { version: version.or_else(|| Some(short())), commit, tree })
}

fn entry<'a>(to: &RollbackTo, history: &'a [LogEntry]) -> Option<&'a LogEntry> {
    history.iter().find(|entry| {
        let by_name =
            to.release.is_some() && entry.trailers.get(trailer::NAME) == to.release.as_ref();
        let by_commit = to.commit.as_ref().is_some_and(|c| entry.commit.to_string().starts_with(c));
        by_name || by_commit
    })
}
