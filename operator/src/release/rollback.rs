//! Rollback: the recorded tree of an app is found, and put back as it was.

use std::collections::BTreeMap;

use gimlet_crds::name::AppName;
use gimlet_crds::{ArtifactRef, Environment, Release, RollbackTo, SourceVersion, labels::trailer};
use gimlet_gitops::{CommitId, GitErrorKind, HistoryFilter, LogEntry, RepoPath, TreeId, Writer};

use super::error::ReleaseError;
use super::layout;
use crate::context::Context;

/// How many releases of an app are searched for the one to go back to.
const SEARCHED: usize = 10_000;

/// What a rollback puts back.
pub(super) struct Target {
    pub(super) commit: CommitId,
    pub(super) tree: TreeId,
    pub(super) version: Option<String>,
    pub(super) artifact: Option<ArtifactRef>,
    pub(super) source: Option<SourceVersion>,
    /// It is the newest release itself: what comes back is a folder that somebody changed by hand.
    pub(super) newest: bool,
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
        (None, Some(commit)) => {
            let found = any_commit(commit, writer).await?;
            found.ok_or_else(|| ReleaseError::Rollback {
                message: format!(
                    "no commit begins with {commit}: write the whole commit id, or a release that \
                     `gimlet history {} -e {}` lists",
                    release.spec.app, release.spec.environment
                ),
            })?
        }
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
    let earlier = match entry {
        Some(_) => None,
        None => recorded(commit, tree, release, folder, writer).await?,
    };
    let entry = entry.or(earlier.as_ref());
    let newest = match (entry, history.first()) {
        (Some(entry), Some(first)) => entry.commit == first.commit,
        _ => false,
    };
    let version = entry.and_then(|e| e.trailers.get(trailer::VERSION).cloned());
    let short = || commit.to_string().chars().take(7).collect();
    Ok(Target {
        version: version.or_else(|| Some(short())),
        commit,
        tree,
        newest,
        artifact: entry.and_then(|entry| artifact_of(&entry.trailers)),
        source: entry.map(|entry| source_of(&entry.trailers)),
    })
}

/// Tells whether there is something of the app that a rollback can put back, or why not.
pub(crate) async fn was_there(
    release: &Release,
    environment: &Environment,
    ctx: &Context,
) -> Result<Result<(), String>, ReleaseError> {
    let Some(to) = &release.spec.rollback_to else { return Ok(Ok(())) };
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let folder = layout::app_folder(environment, &AppName::parse(&release.spec.app)?)?;
    match find(release, to, &folder, &access.writer).await {
        Ok(_) => Ok(Ok(())),
        Err(ReleaseError::Rollback { message }) => Ok(Err(message)),
        Err(error) => Err(error),
    }
}

/// Finds the commit of the application that a rollback went back to, if git tells it.
pub(crate) async fn source_gone_back_to(
    release: &Release,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<String>, ReleaseError> {
    let Some(to) = &release.spec.rollback_to else { return Ok(None) };
    match find(release, to, folder, writer).await {
        Ok(target) => Ok(target.source.and_then(|source| source.sha)),
        Err(ReleaseError::Rollback { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finds a commit by its whole id, or the newest by its first letters.
async fn any_commit(text: &str, writer: &Writer) -> Result<Option<CommitId>, ReleaseError> {
    if let Ok(commit) = CommitId::parse(text) {
        return Ok(Some(commit));
    }
    let all = HistoryFilter { others: true, limit: SEARCHED, ..HistoryFilter::default() };
    let history = writer.history(all).await?;
    let commits = history.iter().map(|entry| entry.commit);
    Ok(commits.into_iter().find(|commit| commit.to_string().starts_with(text)))
}

/// Finds the release of the app that left its folder as it is in a commit of somebody else.
async fn recorded(
    commit: CommitId,
    tree: TreeId,
    release: &Release,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<LogEntry>, ReleaseError> {
    let app = Some((release.spec.environment.clone(), release.spec.app.clone()));
    let filter = HistoryFilter { app, limit: 1, before: Some(commit), ..HistoryFilter::default() };
    let before = match writer.history(filter).await {
        // The log may leave out a commit that somebody made long ago.
        Err(error) if error.kind() == GitErrorKind::NotFound => return Ok(None),
        before => before?.into_iter().next(),
    };
    let Some(entry) = before else { return Ok(None) };
    let same = writer.tree(folder, Some(&entry.commit)).await? == Some(tree);
    Ok(same.then_some(entry))
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
