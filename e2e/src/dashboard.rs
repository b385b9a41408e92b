//! Dashboard processes: each runs for one test, under the rights that the project ships.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::account::Account;
use crate::operator::{install, root};
use crate::program::binary;
use crate::{ControlPlane, wait_until};

/// How long a process may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A dashboard process. Its log is printed when it is dropped.
#[derive(Debug)]
pub struct Dashboard {
    dir: TempDir,
    port: u16,
    probes: u16,
    args: Vec<String>,
    child: Option<Child>,
    account: Account,
}

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Body, where it is JSON; the text of it where it is not.
    pub body: Value,
    /// Headers, by their names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// Gives a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Gives the session's cookie, as a browser sends it back.
    pub fn cookie(&self) -> Result<String> {
        let set = self.header("set-cookie").context("there is no cookie")?;
        Ok(set.split(';').next().unwrap_or_default().to_owned())
    }
}

impl Dashboard {
    /// Starts a dashboard with an account in a namespace, and waits until it is ready.
    pub async fn start(cluster: &ControlPlane, namespace: &str, args: &[&str]) -> Result<Self> {
        install(cluster)?;
        let role = root()?.join("config/dashboard/rbac.yaml");
        let role = role.to_str().context("the path of the checkout is not UTF-8")?;
        cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", role])?;
        let binding = format!("{namespace}-dashboard");
        let account = Account::with(cluster, namespace, "gimlet-dashboard", binding, &[])?;
        let bind = || TcpListener::bind(("127.0.0.1", 0));
        let (door, own) = (bind()?, bind()?);
        let (port, probes) = (door.local_addr()?.port(), own.local_addr()?.port());
        drop((door, own));
        let dir = tempfile::tempdir()?;
        let args = args.iter().map(ToString::to_string).collect();
        let mut dashboard = Self { dir, port, probes, args, child: None, account };
        dashboard.restart().await?;
        Ok(dashboard)
    }

    /// Starts the process anew where it was, after it was killed or not, and waits until it is ready.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let log = OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"))?;
        let child = Command::new(binary("gimlet-dashboard")?)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--probes", &format!("127.0.0.1:{}", self.probes)])
            .args(["--log-format", "text"])
            .args(&self.args)
            .env_clear()
            .env("NO_COLOR", "1")
            .env("KUBECONFIG", self.account.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("the dashboard does not start")?;
        self.child = Some(child);
        wait_until("the dashboard's readiness", PATIENCE, async || {
            let answer = self.probe("/readyz")?;
            ensure!(answer.status == 200, "{answer:?}");
            Ok(())
        })
        .await
    }

    /// Kills the process as a crash would, if it runs.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Gives the number of its process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Gives its address, as a browser's `Origin` says it.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives the address of what happens live.
    pub fn live(&self) -> String {
        format!("ws://127.0.0.1:{}/api/v1/live", self.port)
    }

    /// Asks for `/healthz`, `/readyz` or `/metrics`.
    pub fn probe(&self, path: &str) -> Result<Answer> {
        get(&format!("http://127.0.0.1:{}{path}", self.probes))
    }

    /// Makes a request with these headers.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        ask(&format!("{}{path}", self.origin()), method, headers, body)
    }

    /// Gives everything that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a dashboard process is left over: {error:#}");
        }
        eprintln!("the dashboard:\n{}", self.log());
    }
}

/// Asks a probe of a program.
pub(crate) fn get(url: &str) -> Result<Answer> {
    ask(url, "GET", &[], None)
}

fn ask(url: &str, method: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if body.is_some() && headers.iter().all(|(name, _)| *name != "Content-Type") {
        request = request.header("Content-Type", "application/json");
    }
    answer_of(match body {
        Some(body) => agent.run(request.body(body.to_string())?)?,
        None => agent.run(request.body(())?)?,
    })
}

/// Reads an answer to its end.
pub(crate) fn answer_of(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body, headers })
}
