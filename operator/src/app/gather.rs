//! What is known of an app: its releases from git, what runs from the cluster.

use gimlet_crds::condition::whole_second;
use gimlet_crds::name::AppName;
use gimlet_crds::{App, AppRelease, Environment, Observer, labels::trailer};
use gimlet_gitops::{HistoryFilter, LogEntry, RepoPath, Writer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::status::Seen;
use super::{AppError, merged, uninstall};
use crate::context::Context;
use crate::flux;
use crate::preview::{self, Outlook};
use crate::release::{Observation, app_folder, artifact_of, observe, order};

/// What is known of an app.
pub(super) struct Found {
    pub(super) current: Option<AppRelease>,
    pub(super) previous: Option<AppRelease>,
    pub(super) pending: Option<String>,
    pub(super) observation: Option<Observation>,
    pub(super) applied: Option<String>,
    pub(super) drift: Option<String>,
    /// Who tells what runs in its environment; none where that is not there.
    pub(super) environment: Option<Observer>,
    /// What becomes of a preview; none of any other app.
    pub(super) outlook: Option<Outlook>,
}

impl Found {
    /// Tells whether nothing is on its way in the cluster. A release on its way to git is told by its
    /// own events.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.observation, Some(Observation::Waiting { .. } | Observation::Applied { .. }))
    }
}

impl From<Found> for Seen {
    fn from(found: Found) -> Self {
        Self::Found(Box::new(found))
    }
}

/// Finds out what is known of an app.
pub(super) async fn gather(app: &App, ctx: &Context) -> Result<Found, AppError> {
    let namespace = app.namespace().unwrap_or_default();
    let pending = pending(app, &namespace, ctx);
    let Some(environment) = ctx.environment(&namespace, &app.spec.environment) else {
        let status = app.status.clone().unwrap_or_default();
        return Ok(Found {
            current: status.current,
            previous: status.previous,
            pending,
            observation: None,
            applied: None,
            drift: None,
            environment: None,
            outlook: None,
        });
    };
    let access = ctx.remotes.access(&ctx.client, &environment).await?;
    let folder = app_folder(&environment, &AppName::parse(&app.spec.app)?)?;
    let (current, previous) = releases(app, &folder, &access.writer, ctx).await?;
    let drift = match &current {
        None => None,
        Some(current) => drift(current, &folder, &access.writer).await?,
    };
    let observation = match &current {
        None => None,
        Some(current) => Some(observe(&app.spec.app, &environment, &current.commit, ctx).await?),
    };
    let applied = applied(app, &environment, ctx);
    let held = uninstall::held_back(app, &environment);
    let outlook = preview::look(app, current.as_ref(), held, ctx).await?;
    Ok(Found {
        current,
        previous,
        pending,
        observation,
        applied,
        drift,
        environment: Some(environment.spec.observed_by),
        outlook,
    })
}

/// Finds the newest release that is neither in git nor at its end.
fn pending(app: &App, namespace: &str, ctx: &Context) -> Option<String> {
    ctx.releases_of(namespace, &app.spec.environment, &app.spec.app)
        .into_iter()
        .filter(|release| {
            let status = release.status.clone().unwrap_or_default();
            status.commit.is_none() && status.timestamps.ended.is_none() && !release.spec.plan_only
        })
        .max_by_key(|release| order(release))
        .map(|release| release.name_any())
}

/// Reads the current release and the one before it from the history.
async fn releases(
    app: &App,
    folder: &RepoPath,
    writer: &Writer,
    ctx: &Context,
) -> Result<(Option<AppRelease>, Option<AppRelease>), AppError> {
    let key = Some((app.spec.environment.clone(), app.spec.app.clone()));
    let filter = HistoryFilter { app: key, limit: 2, ..HistoryFilter::default() };
    let history = writer.history(filter).await?;
    let logged = history.first().map(|entry| entry.time);
    let namespace = app.namespace().unwrap_or_default();
    let releases = ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app);
    let unlogged = merged::newest(app, &releases, logged, folder, writer).await?;
    let mut found: Vec<_> = unlogged.into_iter().collect();
    for entry in &history {
        if entry.trailers.get(trailer::ACTION).map(String::as_str) == Some("uninstall") {
            break;
        }
        if let Some(release) = release_of(app, entry, folder, writer).await? {
            found.push(release);
        }
    }
    let mut found = found.into_iter();
    Ok((found.next(), found.next()))
}

async fn release_of(
    app: &App,
    entry: &LogEntry,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<AppRelease>, AppError> {
    let commit = entry.commit.to_string();
    let known = app.status.iter().flat_map(|s| [&s.current, &s.previous]).flatten();
    if let Some(known) = known.into_iter().find(|release| release.commit == commit) {
        return Ok(Some(known.clone()));
    }
    let Some(tree) = writer.tree(folder, Some(&entry.commit)).await? else {
        return Ok(None);
    };
    let text = |key: &str| entry.trailers.get(key).cloned();
    Ok(Some(AppRelease {
        name: text(trailer::NAME).unwrap_or_default(),
        uid: text(trailer::RELEASE).unwrap_or_default(),
        version: text(trailer::VERSION),
        artifact: artifact_of(&entry.trailers),
        source: text(trailer::SOURCE),
        commit,
        tree: tree.to_string(),
        time: Time(whole_second(entry.time)),
    }))
}

/// Tells how the app's folder differs from what was released.
async fn drift(
    current: &AppRelease,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<String>, AppError> {
    let now = writer.tree(folder, None).await?;
    let Some(now) = now else {
        return Ok(Some("the app's folder was removed by a commit that is not a release".into()));
    };
    if now.to_string() == current.tree {
        return Ok(None);
    }
    let by = writer.last_touch(folder).await?.map(|c| c.to_string().chars().take(7).collect());
    let by: String = by.unwrap_or_default();
    Ok(Some(format!(
        "commit {by} changed the app's folder by hand: adopt it, roll back to take it back, or the next \
         release does"
    )))
}

/// Returns the commit that Flux applied last for the app.
fn applied(app: &App, environment: &Environment, ctx: &Context) -> Option<String> {
    let name = environment.name_any();
    let object = if environment.spec.flux.kustomization_per_app {
        flux::app_object(&name, &app.spec.app)
    } else {
        flux::environment_object(&name)
    };
    ctx.flux.kustomization(&environment.spec.flux.namespace, &object)?.applied
}
