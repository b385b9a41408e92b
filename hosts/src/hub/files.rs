//! Files and branches, which GitHub and Gitea spell alike but for a few places.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{BranchShape, CommitShape};
use super::{Hub, gitea, model};
use crate::client::Answer;
use crate::error::HostError;
use crate::file::{File, FileChange, Written, check_path, decode, encode};
use crate::model::Commit;
use crate::reference::check_branch;
use crate::sha::Sha;

#[derive(Deserialize)]
struct FileShape {
    #[serde(rename = "type")]
    kind: String,
    sha: String,
    encoding: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct WrittenShape {
    commit: WrittenCommit,
}

#[derive(Deserialize)]
struct WrittenCommit {
    sha: String,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct ReferenceShape {
    object: ReferenceObject,
}

#[derive(Deserialize)]
struct ReferenceObject {
    sha: String,
}

/// Reads where a branch is.
pub(super) async fn branch(hub: &Hub, name: &str) -> Result<Option<Sha>, HostError> {
    check_branch(name)?;
    let what = format!("branch {name}");
    let path: Vec<&str> = if hub.is_gitea() {
        vec!["branches", name]
    } else {
        ["git", "ref", "heads"].into_iter().chain(name.split('/')).collect()
    };
    let answer = hub.client.exchange(hub.get(&path, hub.rights.read, &what)).await?;
    if answer.status() == 404 {
        return hub.is_missing().await;
    }
    let answer = answer.success()?;
    if hub.is_gitea() {
        return Ok(Some(model::<BranchShape>(&answer, answer.json()?)?.sha));
    }
    let ReferenceShape { object } = answer.json()?;
    id(&answer, &object.sha).map(Some)
}

/// Makes a branch at a commit.
pub(super) async fn create_branch(hub: &Hub, name: &str, at: &Sha) -> Result<(), HostError> {
    check_branch(name)?;
    let what = format!("commit {at}");
    let (path, body): (&[&str], _) = if hub.is_gitea() {
        (&["branches"], json!({"new_branch_name": name, "old_ref_name": at.as_str()}))
    } else {
        (&["git", "refs"], json!({"ref": format!("refs/heads/{name}"), "sha": at.as_str()}))
    };
    let call = hub.call(Method::POST, path, hub.rights.write_files, &what).body(body);
    let answer = hub.client.exchange(call).await?;
    if matches!(answer.status(), 409 | 422) && answer.detail().contains("already exists") {
        return Err(HostError::Exists { what: format!("branch {name}") });
    }
    answer.success().map(|_| ())
}

/// Reads a file at a branch or commit.
pub(super) async fn file(hub: &Hub, at: &str, path: &str) -> Result<Option<File>, HostError> {
    check_path(path)?;
    let what = format!("file {path} at {at}");
    let parts: Vec<&str> = std::iter::once("contents").chain(path.split('/')).collect();
    let call = hub.get(&parts, hub.rights.read, &what).query("ref", at);
    let answer = hub.client.exchange(call).await?;
    if answer.status() == 404 {
        return hub.is_missing().await;
    }
    let answer = answer.success()?;
    // A folder is a list.
    let value: Value = answer.json()?;
    let shape = serde_json::from_value(value).ok();
    let Some(FileShape { kind, sha, encoding, content }) = shape else {
        return Err(answer.invalid(&format!("{path} is no file")));
    };
    let content = content.filter(|_| kind == "file" && encoding.as_deref() == Some("base64"));
    let Some(content) = content.and_then(|content| decode(&content)) else {
        return Err(answer.invalid(&format!("{path} is no file, or a very large one")));
    };
    Ok(Some(File::new(id(&answer, &sha)?, content)))
}

/// Reads the newest commits of a branch that changed a file.
pub(super) async fn commits(hub: &Hub, branch: &str, path: &str) -> Result<Vec<Commit>, HostError> {
    check_path(path)?;
    let what = format!("branch {branch}");
    let mut call = hub.get(&["commits"], hub.rights.read, &what).query("sha", branch);
    if hub.is_gitea() {
        call = gitea::plain(call);
    }
    match hub.list::<CommitShape>(call.query("path", path), 1).await {
        Ok(page) => Ok(page.items),
        // Gitea says so of a file that never was.
        Err(HostError::NotFound { .. }) => Ok(hub.is_missing().await?.unwrap_or_default()),
        Err(error) => Err(error),
    }
}

/// Commits a change of a file, if nobody changed it since it was read.
pub(super) async fn write(hub: &Hub, change: &FileChange) -> Result<Written, HostError> {
    let FileChange { branch, path, content, base, message } = change;
    check_path(path)?;
    check_branch(branch)?;
    let mut body = json!({"message": message, "branch": branch});
    if let Some(base) = base {
        body["sha"] = json!(base.blob.as_str());
    }
    let method = match (content, base) {
        (None, _) => Method::DELETE,
        // GitHub makes no difference.
        (Some(_), None) if hub.is_gitea() => Method::POST,
        (Some(_), _) => Method::PUT,
    };
    if let Some(content) = content {
        body["content"] = json!(encode(content));
    }
    let what = format!("branch {branch}");
    let parts: Vec<&str> = std::iter::once("contents").chain(path.split('/')).collect();
    let call = hub.call(method, &parts, hub.rights.write_files, &what).body(body);
    let answer = hub.client.exchange(call).await?;
    if matches!(answer.status(), 409 | 422) {
        let now = file(hub, branch, path).await?.map(|file| file.blob);
        if now != base.as_ref().map(|base| base.blob.clone()) {
            return Err(HostError::FileChanged { path: path.clone() });
        }
        if answer.status() == 409 {
            // Another commit came in between, or the branch wants a pull request.
            return Err(answer.busy());
        }
    }
    let answer = answer.success()?;
    let WrittenShape { commit: WrittenCommit { sha, html_url } } = answer.json()?;
    Ok(Written { sha: id(&answer, &sha)?, url: html_url })
}

fn id(answer: &Answer, text: &str) -> Result<Sha, HostError> {
    Sha::parse(text).map_err(|error| answer.invalid(&error))
}
