//! The views of application repositories: from the host's API, or from git where there is none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Json;
use futures::{StreamExt, stream};
use gimlet_crds::{App, Artifact, Repository, labels};
use gimlet_gitops::{CommitId, Reference};
use gimlet_hosts::{Host, Sha};
use kube::ResourceExt;

use super::Views;
use super::caller::{Caller, Question};
use super::commits::{self, Listed};
use super::cursor::{self, Cursor};
use super::deployed;
use super::problem::{Problem, bad_query};
use super::source_model::{
    Branch, BranchPage, Commit, CommitPage, CommitsQuery, PageQuery, PullRequestPage, RateLimit,
    SourceAtQuery, SourceFiles, Status, Statuses, Tag, TagPage,
};
use crate::repository::{FOLDER, RepositoryError};
use crate::sources::Source;

/// Commits of a page where nothing is said.
const PAGE: usize = 20;
/// Most commits of a page.
const MAX_PAGE: usize = 50;
/// Branches or tags of a page that is read from git.
const REFERENCES: usize = 100;
/// How long a copy is believed before its host is asked again.
const FRESH: Duration = Duration::from_secs(5);
/// Namespaces whose apps are looked at: the repository's own, and some that take its artifacts.
const MAX_NAMESPACES: usize = 16;
/// Commits whose statuses are asked for at once.
const AT_ONCE: usize = 4;
/// How long statuses are waited for; those that did not come are missing.
const STATUSES: Duration = Duration::from_secs(10);
/// Why plain git shows less.
const PLAIN: &str = "plain git knows nothing of it: spec.provider says which API the host has";

/// Lists the branches of a repository.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/branches", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), PageQuery),
    responses((status = 200, body = BranchPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn branches(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository)): Path<(String, String)>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<BranchPage>, Problem> {
    let Query(PageQuery { cursor }) = query.map_err(bad_query)?;
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let page = cursor::page(cursor.as_deref())?;
    let default = place.default_branch();
    let branch = |name: String, commit: String, protected: Option<bool>| Branch {
        default: default == Some(name.as_str()),
        name,
        commit,
        protected,
    };
    let (items, next) = if let Some(host) = &place.source.host {
        let read = host.branches(page).await?;
        let items = read.items.into_iter();
        let items = items.map(|b| branch(b.name, b.sha.to_string(), Some(b.protected)));
        (items.collect(), read.next)
    } else {
        let (shown, next) = place.references(false, page).await?;
        let items = shown.into_iter().map(|r| branch(r.name, r.commit.to_string(), None));
        (items.collect(), next)
    };
    let next = next.map(|page| page.to_string());
    Ok(Json(BranchPage { items, next, rate_limit: place.rate_limit() }))
}

/// Lists the tags of a repository, with what was made of the commit of each.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/tags", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), PageQuery),
    responses((status = 200, body = TagPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn tags(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository)): Path<(String, String)>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<TagPage>, Problem> {
    let Query(PageQuery { cursor }) = query.map_err(bad_query)?;
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let page = cursor::page(cursor.as_deref())?;
    let tag = |name, commit, time| Tag { name, commit, time, artifacts: None };
    let (mut items, next): (Vec<_>, _) = if let Some(host) = &place.source.host {
        let read = host.tags(page).await?;
        let items = read.items.into_iter().map(|t| tag(t.name, t.sha.to_string(), None));
        (items.collect(), read.next)
    } else {
        let (shown, next) = place.references(true, page).await?;
        let items = shown.into_iter();
        let items = items.map(|r| tag(r.name, r.commit.to_string(), Some(r.created.to_string())));
        (items.collect(), next)
    };
    if let Some(artifacts) = place.artifacts(&views, &caller).await? {
        for tag in &mut items {
            let made = deployed::artifacts(&artifacts, &place.source.full_name, &tag.commit);
            tag.artifacts = Some(made);
        }
    }
    let next = next.map(|page| page.to_string());
    Ok(Json(TagPage { items, next, rate_limit: place.rate_limit() }))
}

/// Lists the commits of a branch, with where each is deployed and, if asked for, its statuses.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/commits", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), CommitsQuery),
    responses((status = 200, body = CommitPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn commits(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository)): Path<(String, String)>,
    query: Result<Query<CommitsQuery>, QueryRejection>,
) -> Result<Json<CommitPage>, Problem> {
    let Query(CommitsQuery { branch, limit, cursor, statuses }) = query.map_err(bad_query)?;
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let limit = limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let cursor = cursor.as_deref().map(Cursor::parse).transpose()?;
    let branch = match &cursor {
        Some(_) => None,
        None => Some(place.branch(branch)?),
    };
    let Listed { commits: mut items, next } = match (&place.source.host, cursor) {
        (Some(host), cursor) => {
            let branch = branch.as_deref().unwrap_or_default();
            commits::at_host(host.as_ref(), branch, cursor, limit).await?
        }
        (None, Some(cursor)) => commits::in_git(&place.source.mirror, &cursor, limit).await?,
        (None, None) => {
            let head = place.newest(branch.as_deref().unwrap_or_default()).await?;
            let cursor = Cursor { head: head.to_string(), page: 1, skip: 0 };
            commits::in_git(&place.source.mirror, &cursor, limit).await?
        }
    };
    place.tell_deployments(&views, &caller, &mut items).await?;
    let incomplete = match (&place.source.host, statuses) {
        (Some(host), Some(true)) => tell_statuses(host.as_ref(), &mut items).await,
        (None, Some(true)) => Some(PLAIN.to_owned()),
        (_, Some(false) | None) => None,
    };
    let next = next.map(|next| next.to_string());
    Ok(Json(CommitPage { branch, items, next, incomplete, rate_limit: place.rate_limit() }))
}

/// Shows the build statuses of a commit.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/commits/{commit}/statuses", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), ("commit" = String, Path)),
    responses((status = 200, body = Statuses), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn statuses(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository, commit)): Path<(String, String, String)>,
) -> Result<Json<Statuses>, Problem> {
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let sha = sha(&commit)?;
    let (items, incomplete) = match &place.source.host {
        Some(host) => {
            let read = host.statuses(&sha).await?;
            (read.items.into_iter().map(Status::from).collect(), read.incomplete)
        }
        None => (Vec::new(), Some(PLAIN.to_owned())),
    };
    Ok(Json(Statuses { items, incomplete, rate_limit: place.rate_limit() }))
}

/// Lists the open pull requests of a repository.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/pull-requests", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), PageQuery),
    responses((status = 200, body = PullRequestPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn pull_requests(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository)): Path<(String, String)>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<PullRequestPage>, Problem> {
    let Query(PageQuery { cursor }) = query.map_err(bad_query)?;
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let page = cursor::page(cursor.as_deref())?;
    let (items, next, incomplete) = match &place.source.host {
        Some(host) => {
            let read = host.pull_requests(page).await?;
            (read.items.into_iter().map(Into::into).collect(), read.next, None)
        }
        None => (Vec::new(), None, Some(PLAIN.to_owned())),
    };
    let next = next.map(|page| page.to_string());
    Ok(Json(PullRequestPage { items, next, incomplete, rate_limit: place.rate_limit() }))
}

/// Shows the files of the folder `.gimlet` at a commit, as they are.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/repositories/{repository}/files", tag = "source",
    params(("namespace" = String, Path), ("repository" = String, Path), SourceAtQuery),
    responses((status = 200, body = SourceFiles), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn files(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, repository)): Path<(String, String)>,
    query: Result<Query<SourceAtQuery>, QueryRejection>,
) -> Result<Json<SourceFiles>, Problem> {
    let Query(SourceAtQuery { commit, branch }) = query.map_err(bad_query)?;
    let place = Place::find(&views, &caller, &namespace, &repository).await?;
    let commit = match commit {
        Some(text) => {
            let commit = CommitId::parse(sha(&text)?.as_str())
                .map_err(|_| Problem::bad_request("only commits with SHA-1 ids can be read"))?;
            place.known(commit).await?
        }
        None => place.newest(&place.branch(branch)?).await?,
    };
    let folder =
        place.source.mirror.folder(&commit, FOLDER).await.map_err(RepositoryError::from)?;
    let files = folder.files.into_iter().map(Into::into).collect();
    Ok(Json(SourceFiles { commit: commit.to_string(), files, cut: folder.cut }))
}

/// A repository that the caller may read, and the ways to it.
struct Place {
    repository: Arc<Repository>,
    source: Source,
    namespace: String,
    /// Since when it is known that something asks for a look, such as a webhook of any branch.
    asked: Instant,
}

impl Place {
    async fn find(
        views: &Views,
        caller: &Caller,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Problem> {
        views.callers.require(caller, Question::of::<Repository>(namespace, name)).await?;
        let ctx = views.ctx();
        let Some(repository) = ctx.repository(namespace, name) else {
            ctx.sources.forget(namespace, name);
            let detail = format!("there is no Repository {name} in {namespace}");
            return Err(Problem::not_found(detail));
        };
        let source = ctx.sources.open(&ctx.client, &repository).await;
        let source = source.map_err(RepositoryError::from)?;
        let mark = repository.annotations().get(labels::LOOK_REQUESTED);
        let asked = ctx.sources.asked_at(namespace, name, mark.map(String::as_str));
        Ok(Self { repository, source, namespace: namespace.to_owned(), asked })
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.source.account.as_ref()?.rate_limit().map(RateLimit::from)
    }

    fn default_branch(&self) -> Option<&str> {
        let status = self.repository.status.as_ref()?;
        let head = status.head.as_ref().map(|head| head.branch.as_str());
        status.default_branch.as_deref().or(head)
    }

    fn branch(&self, asked: Option<String>) -> Result<String, Problem> {
        asked.or_else(|| self.default_branch().map(str::to_owned)).ok_or_else(|| {
            Problem::bad_request("the default branch is not known: say which branch is meant")
        })
    }

    /// Brings the copy up to date, if it is old or the host has told of something since. A first copy may
    /// take longer than a caller waits: it goes on, and is there for the next.
    async fn look(&self) -> Result<Vec<Reference>, Problem> {
        let now = Instant::now();
        self.look_since(now.checked_sub(FRESH).unwrap_or(now).max(self.asked)).await
    }

    async fn look_since(&self, since: Instant) -> Result<Vec<Reference>, Problem> {
        let mirror = Arc::clone(&self.source.mirror);
        let looking = tokio::spawn(async move { mirror.look(since).await });
        let looked = looking.await.map_err(|_| Problem::timeout())?;
        Ok(looked.map_err(RepositoryError::from)?)
    }

    /// Finds the newest commit of a branch. A branch that the copy lacks may be younger than it: then
    /// the host is asked, however fresh the copy is.
    async fn newest(&self, branch: &str) -> Result<CommitId, Problem> {
        let asked = Instant::now();
        let of = |references: Vec<Reference>| {
            references.into_iter().find(|r| !r.tag && r.name == branch).map(|r| r.commit)
        };
        if let Some(commit) = of(self.look().await?) {
            return Ok(commit);
        }
        let shown: String = branch.chars().take(200).collect();
        of(self.look_since(asked).await?)
            .ok_or_else(|| Problem::not_found(format!("the repository has no branch {shown:?}")))
    }

    /// Checks that the copy has a commit; like a branch, it may be younger than the copy.
    async fn known(&self, commit: CommitId) -> Result<CommitId, Problem> {
        let asked = Instant::now();
        let has = async || self.source.mirror.commit(&commit).await.map_err(RepositoryError::from);
        if has().await?.is_some() {
            return Ok(commit);
        }
        self.look_since(asked).await?;
        if has().await?.is_some() {
            return Ok(commit);
        }
        Err(Problem::not_found(format!("no branch and no tag of the repository has {commit}")))
    }

    /// A page of the branches or of the tags as git has them, the newest first, and the next one.
    async fn references(
        &self,
        tags: bool,
        page: u32,
    ) -> Result<(Vec<Reference>, Option<u32>), Problem> {
        let all: Vec<_> = self.look().await?.into_iter().filter(|r| r.tag == tags).collect();
        let skip = (page as usize - 1).saturating_mul(REFERENCES);
        let more = all.len() > skip.saturating_add(REFERENCES);
        let shown = all.into_iter().skip(skip).take(REFERENCES).collect();
        Ok((shown, more.then_some(page.saturating_add(1))))
    }

    /// The Artifacts of the namespace; nothing for callers who may not read them.
    async fn artifacts(
        &self,
        views: &Views,
        caller: &Caller,
    ) -> Result<Option<Vec<Arc<Artifact>>>, Problem> {
        let question = Question::of_all::<Artifact>(&self.namespace);
        let may = views.callers.allows(caller, &question).await?;
        Ok(may.then(|| views.ctx().artifacts_in(&self.namespace)))
    }

    /// Adds where commits are deployed, and what was made of them, as far as the caller may see it.
    async fn tell_deployments(
        &self,
        views: &Views,
        caller: &Caller,
        commits: &mut [Commit],
    ) -> Result<(), Problem> {
        let ctx = views.ctx();
        let full_name = &self.source.full_name;
        if let Some(artifacts) = self.artifacts(views, caller).await? {
            for commit in &mut *commits {
                commit.artifacts = Some(deployed::artifacts(&artifacts, full_name, &commit.commit));
            }
        }
        let mut apps = ctx.apps_of_artifacts_in(&self.namespace);
        let others: BTreeSet<String> =
            apps.iter().filter_map(|app| app.metadata.namespace.clone()).collect();
        let others = others.into_iter().filter(|other| *other != self.namespace);
        let mut readable = BTreeSet::new();
        for namespace in std::iter::once(self.namespace.clone()).chain(others).take(MAX_NAMESPACES)
        {
            if views.callers.allows(caller, &Question::of_all::<App>(&namespace)).await? {
                readable.insert(namespace);
            }
        }
        if readable.is_empty() {
            return Ok(());
        }
        apps.retain(|app| app.namespace().is_some_and(|namespace| readable.contains(&namespace)));
        let apps: Vec<_> = apps
            .into_iter()
            .map(|app| {
                let origin = deployed::origin(&app, &ctx);
                (app, origin)
            })
            .collect();
        for commit in commits {
            commit.deployments = Some(deployed::deployments(&apps, full_name, &commit.commit));
        }
        Ok(())
    }
}

/// Adds the statuses of commits, and tells why some are missing.
async fn tell_statuses(host: &dyn Host, commits: &mut [Commit]) -> Option<String> {
    let ids = commits.iter().map(|commit| commit.commit.clone()).collect::<Vec<_>>();
    let ask = |(at, id): (usize, String)| async move {
        let sha = Sha::parse(&id).ok()?;
        Some((at, host.statuses(&sha).await))
    };
    let mut answers = stream::iter(ids.into_iter().enumerate()).map(ask).buffer_unordered(AT_ONCE);
    let deadline = tokio::time::sleep(STATUSES);
    tokio::pin!(deadline);
    let mut incomplete = None;
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = &mut deadline => {
                let late = || "the host takes long: ask again in a moment".to_owned();
                return Some(incomplete.unwrap_or_else(late));
            }
        };
        match answer {
            None => return incomplete,
            Some(None) => {}
            Some(Some((at, Ok(read)))) => {
                incomplete = incomplete.or(read.incomplete);
                if let Some(commit) = commits.get_mut(at) {
                    commit.statuses = Some(read.items.into_iter().map(Status::from).collect());
                }
            }
            Some(Some((_, Err(error)))) => {
                incomplete = incomplete.or_else(|| Some(error.to_string()));
            }
        }
    }
}

fn sha(text: &str) -> Result<Sha, Problem> {
    Sha::parse(text).map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Problem::bad_request(format!("{shown:?} is not a whole commit id"))
    })
}
