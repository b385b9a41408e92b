//! Deployments as GitLab shows them.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{GitLab, task};
use crate::client::Task;
use crate::error::HostError;
use crate::model::{DeploymentState, DeploymentUpdate, NewDeployment};

const DEPLOYMENTS: Task =
    task("show deployments", "api, and a role that may deploy to the environment");

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Deserialize)]
struct Deployment {
    environment: Made,
}

pub(super) async fn create(gitlab: &GitLab, new: &NewDeployment) -> Result<u64, HostError> {
    // GitLab has no place for the last three.
    let NewDeployment {
        sha,
        reference,
        is_tag,
        environment,
        description: _,
        transient: _,
        production: _,
    } = new;
    let body = json!({
        "environment": environment,
        "sha": sha.as_str(),
        "ref": reference,
        "tag": is_tag,
        "status": "running",
    });
    let call = gitlab.call(Method::POST, &["deployments"], DEPLOYMENTS, "");
    let made: Made = gitlab.client.read(call.body(body)).await?;
    Ok(made.id)
}

pub(super) async fn update(
    gitlab: &GitLab,
    id: u64,
    update: &DeploymentUpdate,
) -> Result<(), HostError> {
    let DeploymentUpdate { state, description: _, log_url: _, environment_url: _ } = update;
    let status = match state {
        // It is made as running, and can not be set to that again.
        DeploymentState::Pending | DeploymentState::Running => return Ok(()),
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failed",
        DeploymentState::Inactive => return stop(gitlab, id).await,
    };
    let id = id.to_string();
    let path = ["deployments", &id];
    let call = gitlab.call(Method::PUT, &path, DEPLOYMENTS, &format!("deployment {id}"));
    gitlab.client.send(call.body(json!({"status": status}))).await.map(|_| ())
}

async fn stop(gitlab: &GitLab, id: u64) -> Result<(), HostError> {
    let id = id.to_string();
    let path = ["deployments", &id];
    let call = gitlab.get(&path, DEPLOYMENTS, &format!("deployment {id}"));
    let deployment: Deployment = gitlab.client.read(call).await?;
    let environment = deployment.environment.id.to_string();
    let path = ["environments", &environment, "stop"];
    let what = format!("environment {environment}");
    let call = gitlab.call(Method::POST, &path, DEPLOYMENTS, &what);
    gitlab.client.send(call).await.map(|_| ())
}
