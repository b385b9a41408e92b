//! Repositories made at GitHub and Gitea, and their deploy keys.

use http::Method;
use serde_json::json;

use super::shapes::RepositoryShape;
use super::{Hub, model};
use crate::client::Call;
use crate::error::HostError;
use crate::host::Host as _;
use crate::key::KeyShape;
use crate::model::{NewDeployKey, NewRepository, RepositoryInfo};

/// Makes the repository for the account of the token, or for an organization.
pub(super) async fn create(hub: &Hub, new: &NewRepository) -> Result<RepositoryInfo, HostError> {
    let NewRepository { private, description, branch } = new;
    let account = hub.account().await?;
    let own = account.is_some_and(|account| account.eq_ignore_ascii_case(&hub.owner));
    let path = if own { vec!["user", "repos"] } else { vec!["orgs", hub.owner.as_str(), "repos"] };
    let what = if own { String::new() } else { format!("organization {}", hub.owner) };
    let mut body = json!({
        "name": hub.name, "private": private, "description": description, "auto_init": false,
    });
    if hub.is_gitea() {
        // GitHub takes the branch of the first push.
        body["default_branch"] = json!(branch);
    }
    let call = Call::new(Method::POST, path, hub.rights.create, &what);
    let answer = hub.client.exchange(call.body(body)).await?;
    let exists = match answer.status() {
        409 => true,
        422 => answer.detail().contains("already exists"),
        _ => false,
    };
    if exists {
        return Err(HostError::Exists { what: format!("repository {}/{}", hub.owner, hub.name) });
    }
    let answer = answer.success()?;
    model::<RepositoryShape>(&answer, answer.json()?)
}

/// Lets a key read the repository, or write it as well.
pub(super) async fn add_deploy_key(hub: &Hub, new: &NewDeployKey) -> Result<(), HostError> {
    let NewDeployKey { title, key, may_push } = new;
    let body = json!({"title": title, "key": key, "read_only": !may_push});
    let call = hub.call(Method::POST, &["keys"], hub.rights.keys, "");
    let answer = hub.client.exchange(call.body(body)).await?;
    // The refusal is the same where the key belongs to another repository.
    if answer.status() == 422 && find(hub, key).await?.is_some() {
        return Ok(());
    }
    answer.success().map(|_| ())
}

/// Takes a key away from the repository.
pub(super) async fn remove_deploy_key(hub: &Hub, key: &str) -> Result<bool, HostError> {
    let Some(id) = find(hub, key).await? else { return Ok(false) };
    let id = id.to_string();
    let call = hub.call(Method::DELETE, &["keys", &id], hub.rights.keys, "");
    let answer = hub.client.exchange(call).await?;
    if answer.status() == 404 {
        // Somebody was faster.
        return Ok(false);
    }
    answer.success().map(|_| true)
}

/// Finds the number of a key.
async fn find(hub: &Hub, key: &str) -> Result<Option<u64>, HostError> {
    let call = hub.get(&["keys"], hub.rights.keys, "");
    for answer in hub.client.pages(call, "the list of deploy keys").await? {
        let keys: Option<Vec<KeyShape>> = answer.json()?;
        if let Some(found) = keys.unwrap_or_default().iter().find(|known| known.is(key)) {
            return Ok(Some(found.id));
        }
    }
    Ok(None)
}
