//! Projects made at GitLab, and their deploy keys.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::shapes::ProjectShape;
use super::{GitLab, model, task};
use crate::client::{Call, Task};
use crate::error::HostError;
use crate::key::KeyShape;
use crate::model::{NewDeployKey, NewRepository, RepositoryInfo};

const CREATE: Task =
    task("create the project", "api, and a role in the group that may create projects");
const KEYS: Task = task("add or remove a deploy key", "api, and the role Maintainer");

#[derive(Deserialize)]
struct NamespaceShape {
    id: u64,
}

/// Makes the project in its group, or for the account of the token.
pub(super) async fn create(lab: &GitLab, new: &NewRepository) -> Result<RepositoryInfo, HostError> {
    let NewRepository { private, description, branch: _ } = new;
    let (group, name) = lab.project.rsplit_once('/').unwrap_or(("", &lab.project));
    let what = format!("group {group}");
    let found: NamespaceShape =
        lab.client.read(Call::get(vec!["namespaces", group], CREATE, &what)).await?;
    // The branch is that of the first push.
    let body = json!({
        "path": name, "name": name, "namespace_id": found.id, "description": description,
        "visibility": if *private { "private" } else { "public" },
    });
    let call = Call::new(Method::POST, vec!["projects"], CREATE, &what);
    let answer = lab.client.exchange(call.body(body)).await?;
    if answer.status() == 400 && answer.detail().contains("has already been taken") {
        return Err(HostError::Exists { what: format!("project {}", lab.project) });
    }
    let answer = answer.success()?;
    model::<ProjectShape>(&answer, answer.json()?)
}

/// Lets a key read the project, or write it as well.
pub(super) async fn add_deploy_key(lab: &GitLab, new: &NewDeployKey) -> Result<(), HostError> {
    let NewDeployKey { title, key, may_push } = new;
    let body = json!({"title": title, "key": key, "can_push": may_push});
    let call = lab.call(Method::POST, &["deploy_keys"], KEYS, "");
    let answer = lab.client.exchange(call.body(body)).await?;
    if answer.status() == 400 && answer.detail().contains("has already been taken") {
        return Ok(());
    }
    answer.success().map(|_| ())
}

/// Takes a key away from the project.
pub(super) async fn remove_deploy_key(lab: &GitLab, key: &str) -> Result<bool, HostError> {
    let call = lab.get(&["deploy_keys"], KEYS, "");
    let mut id = None;
    for answer in lab.client.pages(call, "the list of deploy keys").await? {
        let keys: Option<Vec<KeyShape>> = answer.json()?;
        let keys = keys.unwrap_or_default();
        let found = keys.iter().find(|known| known.is(key)).map(|found| found.id);
        id = id.or(found);
    }
    let Some(id) = id.map(|id| id.to_string()) else { return Ok(false) };
    let call = lab.call(Method::DELETE, &["deploy_keys", &id], KEYS, "");
    let answer = lab.client.exchange(call).await?;
    if answer.status() == 404 {
        // Somebody was faster.
        return Ok(false);
    }
    answer.success().map(|_| true)
}
