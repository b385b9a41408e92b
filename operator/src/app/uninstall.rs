//! Uninstalling: the folder goes from git, Flux removes the objects, then the App may go.

use std::time::Duration;

use gimlet_crds::name::AppName;
use gimlet_crds::{App, DeletionPolicy, Environment, PreviewRemoval, labels, labels::trailer};
use gimlet_gitops::{Edit, Outcome};
use gimlet_manifest::flux as flux_files;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;

use super::status::{self, Seen};
use super::{AppError, set_finalizers};
use crate::context::Context;
use crate::preview::BRANCH_DELETED;
use crate::release::{app_folder, change_of_environment, flux_env, flux_file};
use crate::{artifact, flux};

const LOOK_AGAIN: Duration = Duration::from_secs(2);

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
    let commit = remove(app, &environment, ctx).await?;
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

/// Commits the removal, or finds that it was committed; returns the commit where there is one.
async fn remove(
    app: &App,
    environment: &Environment,
    ctx: &Context,
) -> Result<Option<String>, AppError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let name = AppName::parse(&app.spec.app)?;
    let env = &app.spec.environment;
    let id = format!("uninstall-{}", app.uid().unwrap_or_default());
    let (file, _) = flux_files::app_file(&flux_env(environment)?, &name);
    let edits = vec![
        Edit::RemoveFolder { path: app_folder(environment, &name)? },
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
    match access.writer.announce().commit(change).await? {
        Outcome::Unchanged { .. } => Ok(None),
        Outcome::Adopted { commit, .. } => Ok(Some(commit.to_string())),
        Outcome::Committed { commit, .. } => {
            let source = flux::environment_object(env);
            let token = commit.to_string();
            ctx.flux.request_sync(&environment.spec.flux.namespace, &source, &token).await;
            Ok(Some(token))
        }
    }
}

/// Tells what Flux has still to remove; nothing where Flux does not follow the environment here.
async fn still_there(
    app: &App,
    environment: &Environment,
    commit: Option<&str>,
    ctx: &Context,
) -> Result<Option<String>, AppError> {
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

async fn wait(
    app: &App,
    reason: &'static str,
    message: String,
    ctx: &Context,
) -> Result<Action, AppError> {
    status::write(app, Seen::Uninstalling { reason, message }, ctx).await?;
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
