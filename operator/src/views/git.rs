//! The views of gitops repositories.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Json;
use gimlet_crds::name::{self, AppName};
use gimlet_crds::{App, Environment, Release};
use gimlet_gitops::{CommitId, GitError, GitErrorKind, HistoryFilter, LogEntry, Writer};
use gimlet_manifest::plan::{self, DiffOptions};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::Views;
use super::caller::{Caller, Question};
use super::model::{
    AtQuery, BetweenQuery, Difference, File, Files, HistoryEntry, HistoryPage, HistoryQuery,
    PlanView,
};
use super::problem::{Problem, bad_query};
use crate::context::Context;
use crate::release::{self, ReleaseError};

/// How long a replica that does not lead believes its copy of a repository.
const FRESH: SignedDuration = SignedDuration::from_secs(3);
/// Entries of a page where nothing is said.
const PAGE: usize = 50;
/// Most entries of a page.
const MAX_PAGE: usize = 200;

/// Lists what was released in an environment, or of one app of it.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/environments/{environment}/history", tag = "git",
    params(("namespace" = String, Path), ("environment" = String, Path), HistoryQuery),
    responses((status = 200, body = HistoryPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn history(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, environment)): Path<(String, String)>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<HistoryPage>, Problem> {
    let Query(HistoryQuery { app, person, repository, since, until, limit, before }) =
        query.map_err(bad_query)?;
    let question = match &app {
        Some(app) => Question::of::<App>(&namespace, &name::app_object(app, &environment)),
        None => Question::of::<Environment>(&namespace, &environment),
    };
    views.callers.require(&caller, question).await?;
    let place = Place::find(&views, &namespace, &environment).await?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let before = before.as_deref().map(commit).transpose()?;
    let filter = HistoryFilter {
        app: app.map(|app| (environment.clone(), app)),
        environment: Some(environment),
        person,
        repository,
        since: since.as_deref().map(time).transpose()?,
        until: until.as_deref().map(time).transpose()?,
        // One more than is shown tells whether there is more.
        limit: limit + 1,
        before,
        ..HistoryFilter::default()
    };
    let mut entries = place.writer.history(filter).await.map_err(ReleaseError::from)?;
    let end = page_end(&entries, limit);
    let more = entries.len() > end;
    entries.truncate(end);
    let next = entries.last().filter(|_| more).map(|entry| entry.commit.to_string());
    let commits: Vec<_> = entries.iter().map(|entry| entry.commit).collect();
    // The log is there without them: it does not need the commits themselves.
    let signatures = place.writer.signatures(&commits).await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "whether commits are signed cannot be told");
        vec![None; commits.len()]
    });
    let items = entries.into_iter().zip(signatures).map(|(entry, signature)| HistoryEntry {
        signature: signature.map(|signature| signature.reason().to_owned()),
        ..HistoryEntry::from(entry)
    });
    Ok(Json(HistoryPage { items: items.collect(), next }))
}

/// Finds where a page ends: the next one goes on from a commit, so none ends inside of one.
fn page_end(entries: &[LogEntry], limit: usize) -> usize {
    let rest = entries.get(limit..).unwrap_or_default();
    let last = entries.get(limit.saturating_sub(1)).map(|entry| entry.commit);
    let members = rest.iter().take_while(|entry| Some(entry.commit) == last).count();
    entries.len().min(limit + members)
}

/// Shows the files of an app.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/environments/{environment}/apps/{app}/files", tag = "git",
    params(("namespace" = String, Path), ("environment" = String, Path), ("app" = String, Path), AtQuery),
    responses((status = 200, body = Files), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn files(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, environment, app)): Path<(String, String, String)>,
    query: Result<Query<AtQuery>, QueryRejection>,
) -> Result<Json<Files>, Problem> {
    let Query(AtQuery { commit: at }) = query.map_err(bad_query)?;
    let question = Question::of::<App>(&namespace, &name::app_object(&app, &environment));
    views.callers.require(&caller, question).await?;
    let place = Place::find(&views, &namespace, &environment).await?;
    let at = at.as_deref().map(commit).transpose()?;
    let files = place.read(&app, at.as_ref()).await?;
    let shown = plan::masked(&files).into_iter();
    Ok(Json(Files { files: shown.map(|(name, content)| File { name, content }).collect() }))
}

/// Compares the files of an app at two commits.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/environments/{environment}/apps/{app}/diff", tag = "git",
    params(("namespace" = String, Path), ("environment" = String, Path), ("app" = String, Path), BetweenQuery),
    responses((status = 200, body = Difference), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn diff(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, environment, app)): Path<(String, String, String)>,
    query: Result<Query<BetweenQuery>, QueryRejection>,
) -> Result<Json<Difference>, Problem> {
    let Query(BetweenQuery { from, to }) = query.map_err(bad_query)?;
    let question = Question::of::<App>(&namespace, &name::app_object(&app, &environment));
    views.callers.require(&caller, question).await?;
    let place = Place::find(&views, &namespace, &environment).await?;
    let (from, to) = (commit(&from)?, to.as_deref().map(commit).transpose()?);
    let old = place.read(&app, Some(&from)).await?;
    let new = place.read(&app, to.as_ref()).await?;
    Ok(Json(difference(&old, &new)))
}

/// Shows what a release changes, or has changed.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/releases/{release}/plan", tag = "git",
    params(("namespace" = String, Path), ("release" = String, Path)),
    responses((status = 200, body = PlanView), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn plan(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, release)): Path<(String, String)>,
) -> Result<Json<PlanView>, Problem> {
    views.callers.require(&caller, Question::of::<Release>(&namespace, &release)).await?;
    let ctx = views.ctx();
    let Some(release) = ctx.release(&namespace, &release) else {
        return Err(Problem::not_found(format!("there is no Release {release} in {namespace}")));
    };
    let place = Place::find(&views, &namespace, &release.spec.environment).await?;
    let status = release.status.as_ref();
    let (old, new) = match status.and_then(|status| status.commit.as_ref()) {
        Some(done) => {
            let done = commit(&done.sha)?;
            place.around(&release.spec.app, &done).await?
        }
        None => release::planned_files(&release, &place.environment, &ctx).await?,
    };
    let shown = difference(&old, &new);
    Ok(Json(PlanView::new(status.and_then(|status| status.plan.as_ref()), shown)))
}

/// An environment and the way to its repository.
struct Place {
    environment: Arc<Environment>,
    writer: Writer,
}

impl Place {
    async fn find(views: &Views, namespace: &str, name: &str) -> Result<Self, Problem> {
        let ctx = views.ctx();
        let Some(environment) = ctx.environment(namespace, name) else {
            ctx.remotes.forget(namespace, name);
            let detail = format!("there is no Environment {name} in {namespace}");
            return Err(Problem::not_found(detail));
        };
        let access = ctx.remotes.access(&ctx.client, &environment).await;
        let writer = access.map_err(ReleaseError::from)?.writer;
        if !views.leads() {
            catch_up(&writer).await.map_err(ReleaseError::from)?;
        }
        Ok(Self { environment, writer })
    }

    /// Reads the files of an app.
    async fn read(&self, app: &str, at: Option<&CommitId>) -> Result<plan::Files, Problem> {
        let app = AppName::parse(app).map_err(ReleaseError::from)?;
        let folder = release::app_folder(&self.environment, &app).map_err(ReleaseError::from)?;
        let read = self.writer.read(&folder, at).await.map_err(ReleaseError::from)?;
        Ok(read.into_iter().collect())
    }

    /// Reads the files of an app before and after one of its commits.
    async fn around(
        &self,
        app: &str,
        commit: &CommitId,
    ) -> Result<(plan::Files, plan::Files), Problem> {
        let key = Some((self.environment.name_any(), app.to_owned()));
        let filter =
            HistoryFilter { app: key, limit: 1, before: Some(*commit), ..HistoryFilter::default() };
        let before = self.writer.history(filter).await.map_err(ReleaseError::from)?;
        let old = match before.first() {
            Some(before) => self.read(app, Some(&before.commit)).await?,
            None => plan::Files::new(),
        };
        Ok((old, self.read(app, Some(commit)).await?))
    }
}

/// Brings a copy up to date that nobody else looks after, if it was not a moment ago.
///
/// While its server is away, it shows what it has.
async fn catch_up(writer: &Writer) -> Result<(), GitError> {
    let head = writer.head().await?;
    if Context::now().duration_since(head.time) < FRESH {
        return Ok(());
    }
    match writer.refresh().await {
        Err(error) if matches!(error.kind(), GitErrorKind::Unreachable | GitErrorKind::Timeout) => {
            tracing::debug!(remote = writer.key(), %error, "a view shows what was known");
            Ok(())
        }
        result => result.map(drop),
    }
}

fn difference(old: &plan::Files, new: &plan::Files) -> Difference {
    let diffs = plan::file_diffs(old, new, DiffOptions::default());
    Difference::new(plan::plan(old, new), diffs)
}

fn commit(text: &str) -> Result<CommitId, Problem> {
    CommitId::parse(text)
        .map_err(|_| Problem::bad_request(format!("{text:?} is not a whole commit id")))
}

fn time(text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_request(format!("{text:?} is no time, such as 2026-01-31T12:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use gimlet_gitops::{Identity, Origin};

    #[test]
    fn a_page_does_not_end_inside_of_a_commit() {
        let entry = |n: &u8| LogEntry {
            commit: CommitId::parse(&format!("{n:040x}")).unwrap(),
            time: Timestamp::UNIX_EPOCH,
            author: Identity { name: "a".into(), email: "a@b".into() },
            subject: "s".into(),
            trailers: BTreeMap::new(),
            origin: Origin::Gimlet,
        };
        let entries: Vec<_> = [5, 4, 4, 4, 3].iter().map(entry).collect();
        let ends: Vec<_> = (1..=6).map(|limit| page_end(&entries, limit)).collect();
        assert_eq!(ends, [1, 4, 4, 4, 5, 5]);
        assert_eq!(page_end(&[], 3), 0);
    }
}
