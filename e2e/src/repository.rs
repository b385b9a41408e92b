//! A repository of one test.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Checkout, Gitea, SshKey, git, keep};

/// How often a question is asked again that Gitea failed at.
const ATTEMPTS: usize = 50;
/// How long until then.
const PAUSE: Duration = Duration::from_millis(100);

/// A repository on the git host, deleted when it is dropped.
#[derive(Debug)]
pub struct Repository {
    /// The owner's name.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its address over HTTP, without credentials.
    pub http_url: String,
    /// Its address over SSH.
    pub ssh_url: String,
    gitea: Gitea,
}

impl Repository {
    pub(crate) fn new(gitea: Gitea, owner: String, name: String) -> Self {
        Self {
            http_url: format!("{}/{owner}/{name}.git", gitea.url),
            ssh_url: format!("{}/{owner}/{name}.git", gitea.ssh_url),
            owner,
            name,
            gitea,
        }
    }

    /// Gives its address over HTTP with the administrator's token in it.
    pub fn url_with_token(&self) -> String {
        let Gitea { user, token, .. } = &self.gitea;
        self.http_url.replacen("://", &format!("://{user}:{token}@"), 1)
    }

    /// Calls the API below `/repos/<owner>/<name>`.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        self.gitea.api(method, &format!("/repos/{}/{}{path}", self.owner, self.name), body)
    }

    /// Clones it over HTTP into a temporary folder.
    pub fn checkout(&self) -> Result<Checkout> {
        Checkout::clone_from(&self.url_with_token(), None)
    }

    /// Clones it over SSH into a temporary folder.
    pub fn checkout_over_ssh(&self, key: &SshKey) -> Result<Checkout> {
        Checkout::clone_from(&self.ssh_url, Some(&key.command(&self.gitea.known_hosts()?)?))
    }

    /// Lets nobody push to a branch, the administrator neither.
    pub fn protect_branch(&self, branch: &str) -> Result<()> {
        let body = json!({"rule_name": branch, "enable_push": false});
        self.api("POST", "/branch_protections", Some(&body)).map(drop)
    }

    /// Lets the holder of a key read the repository, or also push to it.
    pub fn add_deploy_key(&self, key: &SshKey, may_push: bool) -> Result<()> {
        let body = json!({
            "title": crate::unique("key"), "key": key.public(), "read_only": !may_push,
        });
        self.api("POST", "/keys", Some(&body)).map(drop)
    }

    /// Has events (`push`, `pull_request`, …) posted to a URL, signed with a secret.
    pub fn add_webhook(&self, url: &str, secret: &str, events: &[&str]) -> Result<()> {
        let body = json!({
            "type": "gitea", "active": true, "events": events,
            "config": {"url": url, "content_type": "json", "secret": secret},
        });
        self.api("POST", "/hooks", Some(&body)).map(drop)
    }

    /// Gives the commit that a branch points at.
    ///
    /// Asks git and not the API, which lags behind the first push to an empty repository.
    pub fn head(&self, branch: &str) -> Result<String> {
        let name = format!("refs/heads/{branch}");
        let refs = git(Path::new("/"), ["ls-remote", &self.url_with_token(), &name])?;
        let commit = refs.split_whitespace().next();
        commit.map(str::to_owned).with_context(|| format!("{} has no branch {branch}", self.name))
    }

    /// Reads a file of a branch, or nothing if it is not there.
    pub fn read(&self, branch: &str, path: &str) -> Result<Option<String>> {
        let file = self.content(branch, path)?;
        let Some(content) = file["content"].as_str() else { return Ok(None) };
        Ok(Some(String::from_utf8(STANDARD.decode(content)?)?))
    }

    /// Writes a file in a commit of its own; gives the commit.
    pub fn write(&self, branch: &str, path: &str, content: &str) -> Result<String> {
        let mut body = json!({
            "branch": branch, "message": format!("set {path}"), "content": STANDARD.encode(content),
        });
        let old = self.content(branch, path)?;
        let method = if old["sha"].is_string() { "PUT" } else { "POST" };
        if method == "PUT" {
            body["sha"] = old["sha"].clone();
        }
        let answer = self.api(method, &format!("/contents/{path}"), Some(&body))?;
        let sha = answer["commit"]["sha"].as_str();
        sha.map(str::to_owned).with_context(|| format!("gitea gave no commit for {path}"))
    }

    fn content(&self, branch: &str, path: &str) -> Result<Value> {
        let at = format!("/repos/{}/{}/contents/{path}?ref={branch}", self.owner, self.name);
        let mut answer = self.gitea.try_api("GET", &at, None)?;
        // Gitea fails at the contents of a branch that it only learns of, right after the first push.
        for _ in 0..ATTEMPTS {
            if answer.0 < 500 {
                break;
            }
            std::thread::sleep(PAUSE);
            answer = self.gitea.try_api("GET", &at, None)?;
        }
        match answer {
            (200, file) => Ok(file),
            (404, _) => Ok(Value::Null),
            (status, answer) => anyhow::bail!("GET {at}: status {status}: {answer}"),
        }
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        if keep() {
            eprintln!("kept: {}", self.http_url);
        } else if let Err(error) = self.api("DELETE", "", None) {
            eprintln!("repository {} is left over: {error:#}", self.name);
        }
    }
}
