//! Uninstalling: the folder goes from git, Flux removes the objects, then the App may go.

use std::time::Duration;

use gimlet_crds::name::AppName;
use gimlet_crds::{
    App, DeletionPolicy, Environment, Observer, PreviewRemoval, PullRequestStatus, labels,
    labels::trailer,
};
use gimlet_gitops::{Change, Edit, Outcome};
use gimlet_hosts::PullRequestState;
use gimlet_manifest::flux as flux_files;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;

use super::status::{self, Seen};
use super::{AppError, set_finalizers};
use crate::context::Context;
use crate::preview::BRANCH_DELETED;
use crate::pull_request::markdown::code;
use crate::pull_request::{Place, Proposed, Text};
use crate::release::{Unheard, app_folder, change_of_environment, flux_file, heard};
use crate::{artifact, flux};

const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often a pull request is looked at.
const LOOK_AT_PULL: Duration = Duration::from_secs(10);

/// Takes an uninstall one step further.
pub(super) async fn step(app: &App, ctx: &Context) -> Result<Action, AppError> {
    if !app.finalizers().iter().any(|f| f == labels::UNINSTALL_FINALIZER) {
        return Ok(Action::await_change());
    }
    if app.spec.deletion_policy == DeletionPolicy::Orphan {
        return let_go(app, "Orphaned", "git and the cluster stay as they are", ctx).await;
    }
    let namespace = app.namespace().unwrap_or_default();
    let Some(environment) = ctx.environment(&namespace, &app.spec.environment) else {
        let note = "its environment is gone, so git and the cluster stay as they are";
        return let_go(app, "Orphaned", note, ctx).await;
    };
    if let Some(message) = held_back(app, &environment) {
        return wait(app, "Waiting", message, ctx).await;
    }
    let commit = match remove(app, &environment, ctx).await? {
        Removed::InGit(commit) => commit,
        Removed::Proposed { pull, why } => {
            let seen = Seen::Uninstalling { reason: "PullRequest", message: why, pull };
            status::write(app, seen, ctx).await?;
            return Ok(Action::requeue(LOOK_AT_PULL));
        }
    };
    if let Some(message) = still_there(app, &environment, commit.as_deref(), ctx).await? {
        ctx.comments.publish(app, ctx);
        return wait(app, "Uninstalling", message, ctx).await;
    }
    ctx.feedback.publish_gone(app.clone());
    let_go(app, "Uninstalled", "removed from git", ctx).await
}

/// Says what an app may not go for now.
pub(super) fn held_back(app: &App, environment: &Environment) -> Option<String> {
    if environment.spec.suspend {
        return Some("the environment is suspended: set spec.suspend to false to go on".into());
    }
    let locks = [("the environment", &environment.spec.lock), ("the app", &app.spec.lock)];
    let now = Context::now();
    let (what, lock) = locks
        .into_iter()
        .filter_map(|(what, lock)| Some((what, lock.as_ref()?)))
        .find(|(_, lock)| lock.stands(now))?;
    Some(format!("{what} is locked: {}", lock.reason))
}

/// Where the removal of an app's folder is.
enum Removed {
    /// On the branch, in a commit where there was something to remove.
    InGit(Option<String>),
    /// It waits to be merged.
    Proposed { pull: Option<PullRequestStatus>, why: String },
}

/// Commits the removal, or finds that it was committed.
async fn remove(app: &App, environment: &Environment, ctx: &Context) -> Result<Removed, AppError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let name = AppName::parse(&app.spec.app)?;
    let env = &app.spec.environment;
    let id = format!("uninstall-{}", app.uid().unwrap_or_default());
    let (file, _) = flux_files::app_file(&flux_files::FluxEnv::of(environment)?, &name);
    let folder = app_folder(environment, &name)?;
    let edits = vec![
        Edit::RemoveFolder { path: folder.clone() },
        Edit::RemoveFile { path: flux_file(environment, &file)? },
    ];
    let mut trailers = vec![
        (trailer::ACTION.into(), "uninstall".into()),
        (trailer::APP.into(), app.spec.app.clone()),
        (trailer::ENV.into(), env.clone()),
    ];
    if let Some(removal) = removal(app) {
        trailers.push((trailer::REASON.into(), removal.message.clone()));
    }
    let time = app.metadata.deletion_timestamp.as_ref().map_or_else(Context::now, |time| time.0);
    let subject = format!("{env}/{name}: uninstall");
    let change = change_of_environment(environment, id, subject, edits, trailers, time);
    if let Some(place) = Place::of(environment, &folder, &access)? {
        return propose(app, change, &place, ctx).await;
    }
    match access.writer.announce().commit(change).await? {
        Outcome::Unchanged { .. } => Ok(Removed::InGit(None)),
        Outcome::Adopted { commit, .. } => Ok(Removed::InGit(Some(commit.to_string()))),
        Outcome::Committed { commit, .. } => {
            let source = flux::environment_object(env);
            let token = commit.to_string();
            ctx.flux.request_sync(&environment.spec.flux.namespace, &source, &token).await;
            Ok(Removed::InGit(Some(token)))
        }
    }
}

/// Asks people to merge the removal, by the branch and the pull request that the app's releases have.
async fn propose(
    app: &App,
    change: Change,
    place: &Place,
    ctx: &Context,
) -> Result<Removed, AppError> {
    let namespace = app.namespace().unwrap_or_default();
    let releases = ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app);
    let open = releases.iter().find(|release| {
        release.status.as_ref().is_some_and(|status| {
            status.pull_request.is_some()
                && status.commit.is_none()
                && status.timestamps.ended.is_none()
        })
    });
    if let Some(release) = open {
        let why = format!("waiting for release {} to give up its pull request", release.name_any());
        return Ok(Removed::Proposed { pull: None, why });
    }
    let known = app.status.as_ref().and_then(|status| status.pull_request.as_ref());
    if let Some(known) = known {
        let seen = place.look(known.number).await?;
        let closed = seen.is_some_and(|seen| seen.state == PullRequestState::Closed);
        if closed && !place.was_closed_late() {
            let why = format!(
                "{} was closed: open it again, or set spec.deletionPolicy to Orphan",
                known.url
            );
            return Ok(Removed::Proposed { pull: Some(known.clone()), why });
        }
    }
    let text = Text {
        title: change.subject.clone(),
        body: format!(
            "To merge this uninstalls {}: its folder goes from git, and Flux removes its objects. To close \
             it keeps the app.\n",
            code(&app.name_any())
        ),
    };
    let number = known.map(|known| known.number);
    let pull = match place.propose::<AppError>(change, text, number).await? {
        Proposed::InGit(commit) => {
            if let Some(known) = known {
                place.tidy(known).await;
            }
            return Ok(Removed::InGit(Some(commit.to_string())));
        }
        Proposed::Unchanged(_) => {
            if let Some(known) = known {
                place.tidy(known).await;
            }
            return Ok(Removed::InGit(None));
        }
        Proposed::Open(pull) => pull,
    };
    let why = place.merge(&pull).await?;
    let why = why.unwrap_or_else(|| format!("{} is merged; git does not show it yet", pull.url));
    Ok(Removed::Proposed { pull: Some(pull), why })
}

/// Tells what Flux has still to remove; nothing where Flux does not follow the environment here.
async fn still_there(
    app: &App,
    environment: &Environment,
    commit: Option<&str>,
    ctx: &Context,
) -> Result<Option<String>, AppError> {
    if environment.spec.observed_by == Observer::Agent {
        return Ok(reported_still_there(app, environment, Context::now()));
    }
    let namespace = &environment.spec.flux.namespace;
    let name = environment.name_any();
    let Some(root) = ctx.flux.kustomization(namespace, &flux::environment_object(&name)) else {
        return Ok(None);
    };
    if environment.spec.flux.kustomization_per_app {
        let kustomization = flux::app_object(&name, &app.spec.app);
        let found = ctx.flux.kustomization(namespace, &kustomization);
        return Ok(found.map(|found| {
            format!(
                "removed from git; waiting for Flux to remove {} objects (Kustomization {namespace}/{kustomization})",
                found.inventory.len()
            )
        }));
    }
    let (Some(commit), Some(applied)) = (commit, root.applied.as_deref()) else {
        return Ok(None);
    };
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let parse = gimlet_gitops::CommitId::parse;
    let gone = match (parse(commit), parse(applied)) {
        (Ok(commit), Ok(applied)) => access.writer.contains(&commit, &applied).await?,
        _ => true,
    };
    Ok((!gone).then(|| "removed from git; waiting for Flux to apply it".into()))
}

/// Tells what is still there by the word of the environment's agent: it takes the app's state away
/// when nothing of the app is left.
fn reported_still_there(app: &App, environment: &Environment, now: Timestamp) -> Option<String> {
    let live = app.status.as_ref()?.live.as_ref()?;
    // What was not written by an agent is of before there was one.
    live.flux.as_ref()?;
    Some(match heard(environment, now) {
        Ok(_) => {
            "removed from git; waiting for Flux to remove its objects, as the agent sees it".into()
        }
        Err(Unheard { message, .. }) => format!(
            "removed from git; {message}, so nobody tells whether its objects are gone: wait for the \
             agent, or set spec.deletionPolicy to Orphan"
        ),
    })
}

async fn wait(
    app: &App,
    reason: &'static str,
    message: String,
    ctx: &Context,
) -> Result<Action, AppError> {
    status::write(app, Seen::Uninstalling { reason, message, pull: None }, ctx).await?;
    Ok(Action::requeue(LOOK_AGAIN))
}

/// Says why a preview goes by itself.
fn removal(app: &App) -> Option<&PreviewRemoval> {
    app.status.as_ref()?.preview.as_ref()?.removal.as_ref()
}

/// The artifacts of a branch that is gone go with its preview. A branch that is made again, maybe of
/// the same commit, then makes new ones.
async fn forget_artifacts(app: &App, ctx: &Context) {
    let Some(preview) = &app.spec.preview else { return };
    if removal(app).is_some_and(|removal| removal.reason == BRANCH_DELETED) {
        let own = app.namespace().unwrap_or_default();
        let namespace = preview.namespace.as_deref().unwrap_or(&own);
        artifact::forget_branch(namespace, &preview.repository, &preview.branch, ctx).await;
    }
}

async fn let_go(app: &App, reason: &str, note: &str, ctx: &Context) -> Result<Action, AppError> {
    forget_artifacts(app, ctx).await;
    ctx.event(app, EventType::Normal, reason, note);
    let rest: Vec<String> =
        app.finalizers().iter().filter(|f| *f != labels::UNINSTALL_FINALIZER).cloned().collect();
    set_finalizers(app, &rest, ctx).await?;
    ctx.comments.publish_end(app, ctx);
    tracing::info!(app = app.name_any(), reason, "an app was let go");
    Ok(Action::await_change())
}
