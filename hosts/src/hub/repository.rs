//! Repositories made at GitHub and Gitea, and the keys that read them.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::shapes::RepositoryShape;
use super::{Hub, model};
use crate::client::Call;
use crate::error::HostError;
use crate::host::Host as _;
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

/// Lets a key read the repository.
pub(super) async fn add_deploy_key(hub: &Hub, new: &NewDeployKey) -> Result<(), HostError> {
    let NewDeployKey { title, key, may_push } = new;
    let body = json!({"title": title, "key": key, "read_only": !may_push});
    let call = hub.call(Method::POST, &["keys"], hub.rights.keys, "");
    let answer = hub.client.exchange(call.body(body)).await?;
    // The refusal is the same where the key belongs to another repository.
    if answer.status() == 422 && is_there(hub, key).await? {
        return Ok(());
    }
    answer.success().map(|_| ())
}

#[derive(Deserialize)]
struct KeyShape {
    key: String,
}

async fn is_there(hub: &Hub, key: &str) -> Result<bool, HostError> {
    let call = hub.get(&["keys"], hub.rights.keys, "");
    for answer in hub.client.pages(call, "the list of deploy keys").await? {
        let keys: Option<Vec<KeyShape>> = answer.json()?;
        if keys.unwrap_or_default().iter().any(|known| bare(&known.key) == bare(key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns a public key without its comment.
fn bare(key: &str) -> Vec<&str> {
    key.split_whitespace().take(2).collect()
}
