//! Files and branches at GitLab.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::shapes::{BranchShape, CommitShape};
use super::{GitLab, READ_PROJECT, WRITE, model, task};
use crate::client::{Answer, Task};
use crate::error::HostError;
use crate::file::{File, FileChange, Written, check_path, decode, encode};
use crate::model::Commit;
use crate::reference::check_branch;
use crate::sha::Sha;

const WRITE_FILES: Task = task("write files and branches", WRITE);

#[derive(Deserialize)]
struct FileShape {
    blob_id: String,
    last_commit_id: String,
    content: String,
}

#[derive(Deserialize)]
struct WrittenShape {
    id: String,
    web_url: Option<String>,
}

/// Reads where a branch is.
pub(super) async fn branch(lab: &GitLab, name: &str) -> Result<Option<Sha>, HostError> {
    check_branch(name)?;
    let path = ["repository", "branches", name];
    let call = lab.get(&path, READ_PROJECT, &format!("branch {name}"));
    let answer = lab.client.exchange(call).await?;
    if answer.status() == 404 {
        return lab.is_missing().await;
    }
    let answer = answer.success()?;
    Ok(Some(model::<BranchShape>(&answer, answer.json()?)?.sha))
}

/// Makes a branch at a commit.
pub(super) async fn create_branch(lab: &GitLab, name: &str, at: &Sha) -> Result<(), HostError> {
    check_branch(name)?;
    let path = ["repository", "branches"];
    let call = lab.call(Method::POST, &path, WRITE_FILES, &format!("commit {at}"));
    let answer =
        lab.client.exchange(call.body(json!({"branch": name, "ref": at.as_str()}))).await?;
    if answer.status() == 400 && answer.detail().contains("already exists") {
        return Err(HostError::Exists { what: format!("branch {name}") });
    }
    answer.success().map(|_| ())
}

/// Reads a file at a branch or commit.
pub(super) async fn file(lab: &GitLab, at: &str, path: &str) -> Result<Option<File>, HostError> {
    check_path(path)?;
    let parts = ["repository", "files", path];
    let call = lab.get(&parts, READ_PROJECT, &format!("file {path} at {at}")).query("ref", at);
    let answer = lab.client.exchange(call).await?;
    if answer.status() == 404 {
        return lab.is_missing().await;
    }
    let answer = answer.success()?;
    let FileShape { blob_id, last_commit_id, content } = answer.json()?;
    let Some(content) = decode(&content) else {
        return Err(answer.invalid(&"the file is not base64"));
    };
    Ok(Some(File { blob: id(&answer, &blob_id)?, content, last_commit: Some(last_commit_id) }))
}

/// Reads the newest commits of a branch that changed a file.
pub(super) async fn commits(
    lab: &GitLab,
    branch: &str,
    path: &str,
) -> Result<Vec<Commit>, HostError> {
    check_path(path)?;
    let call = lab.get(&["repository", "commits"], READ_PROJECT, &format!("branch {branch}"));
    let call = call.query("ref_name", branch).query("path", path);
    Ok(lab.list::<CommitShape>(call, 1).await?.items)
}

/// Commits a change of a file, if nobody changed it since it was read.
pub(super) async fn write(lab: &GitLab, change: &FileChange) -> Result<Written, HostError> {
    let FileChange { branch, path, content, base, message } = change;
    check_path(path)?;
    check_branch(branch)?;
    let mut action = json!({"file_path": path});
    action["action"] = json!(match (content, base) {
        (None, _) => "delete",
        (Some(_), None) => "create",
        (Some(_), Some(_)) => "update",
    });
    if let Some(content) = content {
        action["content"] = json!(encode(content));
        action["encoding"] = json!("base64");
    }
    if let Some(last) = base.as_ref().and_then(|base| base.last_commit.as_ref()) {
        action["last_commit_id"] = json!(last);
    }
    let body = json!({"branch": branch, "commit_message": message, "actions": [action]});
    let parts = ["repository", "commits"];
    let call = lab.call(Method::POST, &parts, WRITE_FILES, &format!("branch {branch}"));
    let answer = lab.client.exchange(call.body(body)).await?;
    if matches!(answer.status(), 400 | 409) {
        let now = file(lab, branch, path).await?.map(|file| file.blob);
        if now != base.as_ref().map(|base| base.blob.clone()) {
            return Err(HostError::FileChanged { path: path.clone() });
        }
    }
    let answer = answer.success()?;
    let WrittenShape { id: sha, web_url } = answer.json()?;
    Ok(Written { sha: id(&answer, &sha)?, url: web_url })
}

fn id(answer: &Answer, text: &str) -> Result<Sha, HostError> {
    Sha::parse(text).map_err(|error| answer.invalid(&error))
}
