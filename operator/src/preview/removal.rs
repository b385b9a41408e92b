//! A look at a preview, and its removal.

use gimlet_crds::{App, AppRelease, Preview, PreviewRemoval, Repository};
use gimlet_hosts::PullRequestState;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};
use kube::runtime::events::EventType;

use super::binding;
use super::branch::{self, open_request};
use super::fate::{Facts, Outlook, Request, decide};
use crate::context::Context;
use crate::error::ApiError;
use crate::origin;

/// Looks whether a preview is still needed. What was asked for, such as a lock, holds it back.
pub(crate) async fn look(
    app: &App,
    current: Option<&AppRelease>,
    held: Option<String>,
    ctx: &Context,
) -> Result<Option<Outlook>, ApiError> {
    let Some(preview) = &app.spec.preview else { return Ok(None) };
    let namespace = app.namespace().unwrap_or_default();
    let repository = branch::repository(preview, &namespace, ctx);
    let branch = branch::find(preview, repository.as_ref(), ctx).await;
    let request = match &repository {
        Some(repository) if preview.follow_pull_request => {
            request(app, preview, repository, ctx).await?
        }
        _ => Request::Unknown,
    };
    // A release that changes nothing makes no commit, and yet somebody works on the branch.
    let all = ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app);
    let made = all.iter().filter_map(|release| origin::created(&release.metadata)).map(Time);
    let released = made.chain(current.map(|current| current.time.clone())).map(|time| time.0).max();
    let facts = Facts {
        preview,
        branch,
        request,
        made: app.creation_timestamp().map_or_else(Context::now, |time| time.0),
        released,
        now: Context::now(),
    };
    Ok(Some(decide(facts, held.as_deref())))
}

/// Finds out how the branch's pull request stands, and records one that is new.
async fn request(
    app: &App,
    preview: &Preview,
    repository: &Repository,
    ctx: &Context,
) -> Result<Request, ApiError> {
    let Some(view) = branch::view(repository, ctx) else { return Ok(Request::Unknown) };
    if let Some(number) = open_request(&view, &preview.branch) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        if preview.pull_request != Some(number) {
            binding::record_request(app, number, ctx).await?;
        }
        return Ok(Request::Open);
    }
    let Some(number) = preview.pull_request else { return Ok(Request::Unknown) };
    // Only the host's own word counts: the list may be cut, or older than the pull request.
    let Ok(source) = ctx.sources.open(&ctx.client, repository).await else {
        return Ok(Request::Unknown);
    };
    let (Some(host), Ok(asked)) = (&source.host, u64::try_from(number)) else {
        return Ok(Request::Unknown);
    };
    match host.pull_request(asked).await {
        Ok(found) => Ok(match found.state {
            PullRequestState::Open => Request::Open,
            PullRequestState::Closed | PullRequestState::Merged => Request::Closed(number),
        }),
        Err(error) => {
            tracing::debug!(app = app.name_any(), number, error = %error, "a pull request cannot be read");
            Ok(Request::Unknown)
        }
    }
}

/// Deletes the App of a preview, as it was looked at; its finalizer uninstalls it.
pub(crate) async fn remove(
    app: &App,
    removal: &PreviewRemoval,
    ctx: &Context,
) -> Result<(), ApiError> {
    let name = app.name_any();
    let namespace = app.namespace().unwrap_or_default();
    let api: Api<App> = Api::namespaced(ctx.client.clone(), &namespace);
    let params = DeleteParams {
        // A release may have bound it to another branch meanwhile.
        preconditions: Some(Preconditions {
            uid: app.uid(),
            resource_version: app.resource_version(),
        }),
        ..DeleteParams::default()
    };
    match api.delete(&name, &params).await {
        Ok(_) => {
            tracing::info!(app = name, namespace, reason = removal.reason, "a preview goes");
            ctx.metrics.preview_removed(&removal.reason);
            ctx.event(
                app,
                EventType::Normal,
                &removal.reason,
                &format!("removed: {}", removal.message),
            );
            Ok(())
        }
        Err(kube::Error::Api(error)) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(ApiError::new(format!("delete the App {name}"), error)),
    }
}
