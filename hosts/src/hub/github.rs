//! What only GitHub has: check runs and deployments.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DESCRIPTION, Hub};
use crate::error::HostError;
use crate::model::{
    Deployment, DeploymentSearch, DeploymentState, DeploymentUpdate, NewDeployment, Status,
    StatusState,
};
use crate::sha::Sha;
use crate::text::shorten;

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
    details_url: Option<String>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    title: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    /// An object, or a text that holds one.
    #[serde(default)]
    payload: Value,
}

impl Listed {
    fn has(&self, key: &str) -> bool {
        let text = self.payload.as_str().and_then(|text| serde_json::from_str(text).ok());
        let payload: &Value = text.as_ref().unwrap_or(&self.payload);
        payload.get(PAYLOAD_KEY).and_then(Value::as_str) == Some(key)
    }
}

#[derive(Deserialize)]
struct Step {
    id: u64,
    state: String,
}

/// Field of a deployment's payload that tells it from others.
const PAYLOAD_KEY: &str = "gimlet";

/// Reads the newest check run of every name.
pub(super) async fn check_runs(hub: &Hub, sha: &Sha) -> Result<Vec<Status>, HostError> {
    let what = format!("commit {sha}");
    let call = hub.get(&["commits", sha.as_str(), "check-runs"], hub.rights.read_checks, &what);
    let mut statuses = Vec::new();
    for answer in hub.client.pages(call, "the list of check runs").await? {
        let CheckRuns { check_runs } = answer.json()?;
        statuses.extend(check_runs.into_iter().map(status));
    }
    Ok(statuses)
}

fn status(run: CheckRun) -> Status {
    let CheckRun { name, status, conclusion, html_url, details_url, output } = run;
    let state = match (status.as_str(), conclusion.as_deref()) {
        ("completed", Some("success")) => StatusState::Success,
        ("completed", Some("failure" | "action_required")) => StatusState::Failure,
        ("completed", Some("neutral" | "skipped" | "cancelled" | "stale")) => StatusState::Skipped,
        ("completed", _) => StatusState::Error,
        _ => StatusState::Pending,
    };
    let description = output.and_then(|output| output.title);
    Status { context: name, state, description, url: html_url.or(details_url) }
}

pub(super) async fn find_deployment(
    hub: &Hub,
    search: &DeploymentSearch,
) -> Result<Option<Deployment>, HostError> {
    let DeploymentSearch { environment, identity } = search;
    let mut call = hub.get(&["deployments"], hub.rights.deployments, "");
    call = call.query("environment", environment);
    if let Some(identity) = identity {
        call = call.query("sha", identity.sha.as_str());
    }
    let (answer, _) = hub.client.page(call, 1).await?;
    let listed: Vec<Listed> = answer.json()?;
    let is = |listed: &&Listed| identity.as_ref().is_none_or(|identity| listed.has(&identity.key));
    let Some(Listed { id, .. }) = listed.iter().filter(is).max_by_key(|listed| listed.id) else {
        return Ok(None);
    };
    let number = id.to_string();
    let path = ["deployments", &number, "statuses"];
    let what = format!("deployment {number}");
    let call = hub.get(&path, hub.rights.deployments, &what);
    let (answer, _) = hub.client.page(call, 1).await?;
    let steps: Vec<Step> = answer.json()?;
    let newest = steps.iter().max_by_key(|step| step.id);
    let state = newest.and_then(|step| match step.state.as_str() {
        "queued" | "pending" => Some(DeploymentState::Pending),
        "in_progress" => Some(DeploymentState::Running),
        "success" => Some(DeploymentState::Success),
        "failure" | "error" => Some(DeploymentState::Failure),
        "inactive" => Some(DeploymentState::Inactive),
        _ => None,
    });
    Ok(Some(Deployment { id: *id, state }))
}

pub(super) async fn create_deployment(hub: &Hub, new: &NewDeployment) -> Result<u64, HostError> {
    // GitHub takes the commit itself, and needs no branch to find it in.
    let NewDeployment {
        sha,
        reference: _,
        is_tag: _,
        environment,
        description,
        transient,
        production,
        key,
    } = new;
    let body = json!({
        "ref": sha.as_str(),
        "environment": environment,
        "description": shorten(description, DESCRIPTION),
        "transient_environment": transient,
        "production_environment": production,
        "payload": {PAYLOAD_KEY: key},
        // Nothing is merged for it, and nothing is waited for: the release has happened.
        "auto_merge": false,
        "required_contexts": [],
    });
    let call = hub.call(Method::POST, &["deployments"], hub.rights.deployments, "");
    let made: Made = hub.client.read(call.body(body)).await?;
    Ok(made.id)
}

pub(super) async fn update_deployment(
    hub: &Hub,
    id: u64,
    update: &DeploymentUpdate,
) -> Result<(), HostError> {
    let DeploymentUpdate { state, description, log_url, environment_url } = update;
    let mut body = json!({
        "state": match state {
            DeploymentState::Pending => "queued",
            DeploymentState::Running => "in_progress",
            DeploymentState::Success => "success",
            DeploymentState::Failure => "failure",
            DeploymentState::Cancelled | DeploymentState::Inactive => "inactive",
        },
        "description": shorten(description, DESCRIPTION),
    });
    for (name, url) in [("log_url", log_url), ("environment_url", environment_url)] {
        if let Some(url) = url {
            body[name] = json!(url);
        }
    }
    let id = id.to_string();
    let what = format!("deployment {id}");
    let path = ["deployments", &id, "statuses"];
    let call = hub.call(Method::POST, &path, hub.rights.deployments, &what);
    hub.client.send(call.body(body)).await.map(|_| ())
}
