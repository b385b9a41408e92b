//! One request or a few to a host, so that it shows what it is to show.

use gimlet_hosts::{
    Deployment, DeploymentSearch, DeploymentState, DeploymentUpdate, Host, HostError,
    NewDeployment, Provider, Retry,
};
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::board::{Job, Refusal};
use super::subject::{Report, What};
use crate::context::Context;

/// Makes a host show a report; returns the deployment that it is about.
pub(super) async fn deliver(job: &Job, ctx: &Context) -> Result<Option<u64>, Refusal> {
    let Report { repository, what, verify } = &job.report;
    let name = repository.name_any();
    let count = |result| match what {
        What::Check { .. } => ctx.metrics.commit_status(result),
        What::Deployment { .. } | What::Gone { .. } => ctx.metrics.deployment(result),
    };
    let later = |pause| {
        if job.last {
            count("failed");
            tracing::warn!(repository = name, key = ?job.key, "feedback was not sent");
        }
        Err(Refusal::Later(pause))
    };
    let source = match ctx.sources.open(&ctx.client, repository).await {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(repository = name, error = %error, "feedback cannot be sent");
            return later(None);
        }
    };
    let Some(host) = &source.host else { return Err(Refusal::Never) };
    let host = host.as_ref();
    let result = match what {
        What::Check { sha, status } => {
            if *verify && shows(host, sha, status).await {
                return Ok(None);
            }
            host.set_commit_status(sha, status).await.map(|()| None)
        }
        What::Deployment { search, new, update } => {
            show(host, job.deployment, search, new.as_ref(), update).await
        }
        What::Gone { search, update } => end(host, search, update).await.map(|()| None),
    };
    let error = match result {
        Ok(deployment) => {
            count("ok");
            return Ok(deployment);
        }
        Err(error) => error,
    };
    tracing::warn!(repository = name, reason = error.reason(), error = %error, "feedback was refused");
    match error.retry(Context::now()) {
        Retry::After(pause) => later(Some(pause)),
        Retry::Backoff => later(None),
        Retry::Stalled => {
            count("refused");
            ctx.event(&**repository, EventType::Warning, "FeedbackRefused", &error.to_string());
            Err(Refusal::Never)
        }
    }
}

/// Tells whether a host shows a check in this state; one that cannot be asked is told again.
async fn shows(host: &dyn Host, sha: &gimlet_hosts::Sha, wanted: &gimlet_hosts::NewStatus) -> bool {
    let Ok(statuses) = host.statuses(sha).await else { return false };
    let is = |status: &gimlet_hosts::Status| {
        status.context == wanted.context && status.state == wanted.state
    };
    statuses.items.iter().any(is)
}

/// Makes a host show a deployment: the one that is there, and only where there is none a new one.
async fn show(
    host: &dyn Host,
    known: Option<u64>,
    search: &DeploymentSearch,
    new: Option<&NewDeployment>,
    update: &DeploymentUpdate,
) -> Result<Option<u64>, HostError> {
    let found = match known {
        Some(id) => Some(Deployment { id, state: None }),
        None => host.find_deployment(search).await?,
    };
    let (id, shown) = match found {
        // Another one took its place at the host: showing it again would put that one out.
        Some(Deployment {
            id,
            state: Some(DeploymentState::Inactive | DeploymentState::Cancelled),
        }) => {
            return Ok(Some(id));
        }
        Some(Deployment { id, state }) => (id, state),
        None => match new.filter(|_| begins(update.state, host.provider())) {
            None => return Ok(None),
            Some(new) => (host.create_deployment(new).await?, None),
        },
    };
    if shown != Some(update.state) {
        host.update_deployment(id, update).await?;
    }
    Ok(Some(id))
}

/// Tells whether a deployment is shown from this state on.
fn begins(state: DeploymentState, provider: Provider) -> bool {
    match state {
        // GitLab would show it as running.
        DeploymentState::Pending => provider == Provider::GitHub,
        DeploymentState::Running | DeploymentState::Success | DeploymentState::Failure => true,
        DeploymentState::Cancelled | DeploymentState::Inactive => false,
    }
}

/// Ends the newest deployment of an environment.
async fn end(
    host: &dyn Host,
    search: &DeploymentSearch,
    update: &DeploymentUpdate,
) -> Result<(), HostError> {
    match host.find_deployment(search).await? {
        Some(Deployment { id, state }) if state != Some(update.state) => {
            host.update_deployment(id, update).await
        }
        _ => Ok(()),
    }
}
