//! Rollback: the recorded tree of an app is found, and put back as it was.

use std::collections::BTreeMap;

use gimlet_crds::{ArtifactRef, Release, RollbackTo, SourceVersion, labels::trailer};
use gimlet_gitops::{CommitId, GitErrorKind, HistoryFilter, LogEntry, RepoPath, TreeId, Writer};

use super::error::ReleaseError;

/// How many releases of an app are searched for the one to go back to.
const SEARCHED: usize = 10_000;

/// What a rollback puts back.
pub(super) struct Target {
    pub(super) commit: CommitId,
    pub(super) tree: TreeId,
    pub(super) version: Option<String>,
    pub(super) artifact: Option<ArtifactRef>,
    pub(super) source: Option<SourceVersion>,
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
        (None, None) if to.time.is_some() => {
            let message = "the app was not released yet at that time: name a later one".into();
            return Err(ReleaseError::Rollback { message });
        }
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
    Ok(Target {
        version: version.or_else(|| Some(short())),
        commit,
        tree,
        artifact: entry.and_then(|entry| artifact_of(&entry.trailers)),
        source: entry.map(|entry| source_of(&entry.trailers)),
    })
}

/// Reads which artifact a commit released.
pub(crate) fn artifact_of(trailers: &BTreeMap<String, String>) -> Option<ArtifactRef> {
    let (namespace, name) = trailers.get(trailer::ARTIFACT)?.split_once('/')?;
    Some(ArtifactRef { name: name.to_owned(), namespace: Some(namespace.to_owned()) })
}

/// Reads what a commit says of the application's source.
pub(crate) fn source_of(trailers: &BTreeMap<String, String>) -> SourceVersion {
    SourceVersion {
        repository: trailers.get(trailer::REPOSITORY).cloned(),
        sha: trailers.get(trailer::SOURCE).cloned(),
        ..SourceVersion::default()
    }
}

fn entry<'a>(to: &RollbackTo, history: &'a [LogEntry]) -> Option<&'a LogEntry> {
    history.iter().find(|entry| {
        let by_name =
            to.release.is_some() && entry.trailers.get(trailer::NAME) == to.release.as_ref();
        let by_commit = to.commit.as_ref().is_some_and(|c| entry.commit.to_string().starts_with(c));
        let by_time = to.time.as_ref().is_some_and(|time| entry.time <= time.0);
        by_name || by_commit || by_time
    })
}
