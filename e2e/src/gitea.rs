//! The git host: where it is, and its REST API.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::toolbox::{folder_in_env, run, script, state_root};
use crate::{Repository, unique};

/// Finds the Gitea that tests share, or starts it.
///
/// `E2E_GITEA` names the state folder of one that runs already.
pub fn gitea() -> Result<Gitea> {
    static SHARED: OnceLock<Result<Gitea, String>> = OnceLock::new();
    SHARED
        .get_or_init(|| Gitea::find().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!("{error}"))
}

/// A running Gitea, and how to sign in as its administrator.
#[derive(Clone)]
pub struct Gitea {
    /// The address of its pages and its API, without a slash at the end.
    pub url: String,
    /// The address of its SSH server: `ssh://git@127.0.0.1:<port>`.
    pub ssh_url: String,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// A token of the administrator with all scopes.
    pub token: String,
    agent: ureq::Agent,
}

impl std::fmt::Debug for Gitea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gitea").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Gitea {
    fn find() -> Result<Self> {
        let dir = if let Some(dir) = folder_in_env("E2E_GITEA") {
            dir
        } else {
            let dir = state_root()?.join("gitea");
            script("gitea.sh", &["up"], &[])?;
            dir
        };
        Self::of(&dir)
    }

    /// Reads where the Gitea is whose state is in a folder.
    pub(crate) fn of(dir: &Path) -> Result<Self> {
        let path = dir.join("env");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} is not there: run e2e/gitea.sh up", path.display()))?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            // Loopback: a proxy that the machine is set up for can not reach it.
            .proxy(None)
            .build()
            .into();
        let mut env = parse(&text);
        let mut take = |name: &str| {
            env.remove(name).with_context(|| format!("{} has no {name}", path.display()))
        };
        Ok(Self {
            url: take("GITEA_URL")?,
            ssh_url: take("GITEA_SSH")?,
            user: take("GITEA_USER")?,
            password: take("GITEA_PASSWORD")?,
            token: take("GITEA_TOKEN")?,
            agent,
        })
    }

    /// Calls the API (`path` begins after `/api/v1`); gives what it answers, null for nothing.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, answer) = self.try_api(method, path, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: status {status}: {answer}");
        }
        Ok(answer)
    }

    /// Calls the API as [`Gitea::api`] does, but a refusal is an answer too.
    pub fn try_api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("authorization", format!("token {}", self.token))
            .header("content-type", "application/json");
        let sent = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?),
            None => self.agent.run(request.body(())?),
        };
        let mut response = sent.with_context(|| format!("{method} {path}"))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        let answer = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok((status, answer))
    }

    /// Makes a private repository with one commit on `main`; its name begins with `prefix`.
    pub fn repository(&self, prefix: &str) -> Result<Repository> {
        self.create(prefix, true)
    }

    /// Makes a private repository without any commit; its name begins with `prefix`.
    pub fn empty_repository(&self, prefix: &str) -> Result<Repository> {
        self.create(prefix, false)
    }

    /// Names a repository that is not there yet; it is deleted when this is dropped.
    pub fn future_repository(&self, prefix: &str) -> Repository {
        Repository::new(self.clone(), self.user.clone(), unique(prefix))
    }

    fn create(&self, prefix: &str, with_commit: bool) -> Result<Repository> {
        let name = unique(prefix);
        let body = json!({
            "name": name, "private": true, "auto_init": with_commit, "default_branch": "main",
        });
        self.api("POST", "/user/repos", Some(&body))?;
        Ok(Repository::new(self.clone(), self.user.clone(), name))
    }

    /// Makes a token of the administrator with these scopes only, such as `read:repository`.
    pub fn scoped_token(&self, scopes: &[&str]) -> Result<String> {
        let body = json!({"name": unique("token"), "scopes": scopes});
        // Gitea makes tokens for a password only, not for another token.
        let mut response = self
            .agent
            .post(format!("{}/api/v1/users/{}/tokens", self.url, self.user))
            .header("authorization", basic(&self.user, &self.password))
            .header("content-type", "application/json")
            .send(body.to_string())?;
        let answer: Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
        answer["sha1"].as_str().map(str::to_owned).context("gitea gave no token")
    }

    /// Asks the SSH server for its host keys, in the form of a `known_hosts` file.
    pub fn known_hosts(&self) -> Result<String> {
        let (host, port) = self
            .ssh_url
            .rsplit_once('@')
            .and_then(|(_, address)| address.rsplit_once(':'))
            .with_context(|| format!("{} has no user and port", self.ssh_url))?;
        let keys = run(Command::new("ssh-keyscan").args(["-p", port, host]).stderr(Stdio::null()))?;
        anyhow::ensure!(!keys.is_empty(), "the SSH server at {host}:{port} shows no host key");
        Ok(format!("{keys}\n"))
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {both}")
}

fn parse(env: &str) -> BTreeMap<String, String> {
    env.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equals_sign_in_a_value_is_kept() {
        let env = parse("A=1\nGITEA_TOKEN=ab=c\n\n");
        assert_eq!(env["A"], "1");
        assert_eq!(env["GITEA_TOKEN"], "ab=c");
    }
}
