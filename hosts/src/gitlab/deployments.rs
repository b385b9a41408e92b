//! Deployments as GitLab shows them.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{GitLab, task};
use crate::client::Task;
use crate::error::HostError;
use crate::model::{
    Deployment, DeploymentIdentity, DeploymentSearch, DeploymentState, DeploymentUpdate,
    NewDeployment,
};

const DEPLOYMENTS: Task =
    task("show deployments", "api, and a role that may deploy to the environment");

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Deserialize)]
struct OfEnvironment {
    environment: Made,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    sha: String,
    status: String,
    created_at: Option<String>,
}

impl Listed {
    /// Tells whether it is the one. GitLab keeps nothing by which it could be known for sure, and a
    /// second release of the same commit comes later.
    fn is(&self, identity: &DeploymentIdentity) -> bool {
        let DeploymentIdentity { sha, key: _, since } = identity;
        let created = self.created_at.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
        self.sha == sha.as_str() && created.is_some_and(|created| created >= *since)
    }

    fn state(&self) -> Option<DeploymentState> {
        match self.status.as_str() {
            "created" | "blocked" => Some(DeploymentState::Pending),
            "running" => Some(DeploymentState::Running),
            "success" => Some(DeploymentState::Success),
            "failed" => Some(DeploymentState::Failure),
            "canceled" | "skipped" => Some(DeploymentState::Cancelled),
            _ => None,
        }
    }
}

pub(super) async fn find(
    gitlab: &GitLab,
    search: &DeploymentSearch,
) -> Result<Option<Deployment>, HostError> {
    let DeploymentSearch { environment, identity } = search;
    let call = gitlab.get(&["deployments"], DEPLOYMENTS, "");
    let call = call.query("environment", environment).query("order_by", "id").query("sort", "desc");
    let (answer, _) = gitlab.client.page(call, 1).await?;
    let listed: Vec<Listed> = answer.json()?;
    // Of several since then the first is the release's own: what came later is another's.
    let found = match identity {
        None => listed.first(),
        Some(identity) => listed.iter().rfind(|deployment| deployment.is(identity)),
    };
    Ok(found.map(|found| Deployment { id: found.id, state: found.state() }))
}

pub(super) async fn create(gitlab: &GitLab, new: &NewDeployment) -> Result<u64, HostError> {
    // GitLab has no place for the last four.
    let NewDeployment {
        sha,
        reference,
        is_tag,
        environment,
        description: _,
        transient: _,
        production: _,
        key: _,
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
        DeploymentState::Cancelled => "canceled",
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
    let deployment: OfEnvironment = gitlab.client.read(call).await?;
    let environment = deployment.environment.id.to_string();
    let path = ["environments", &environment, "stop"];
    let what = format!("environment {environment}");
    let call = gitlab.call(Method::POST, &path, DEPLOYMENTS, &what);
    gitlab.client.send(call).await.map(|_| ())
}
