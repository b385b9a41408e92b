//! Agent processes: each runs for one test, under the rights that the project ships.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::account::Account;
use crate::dashboard::{Answer, get};
use crate::operator::root;
use crate::program::binary;
use crate::{ControlPlane, wait_until};

/// How long a process may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// An agent process. Its log is printed when it is dropped.
#[derive(Debug)]
pub struct Agent {
    dir: TempDir,
    port: u16,
    child: Child,
    _account: Account,
}

impl Agent {
    /// Starts an agent with an account in a namespace; it watches the cluster, speaks for an environment
    /// (`<namespace>/<name>`) and reports to the dashboard at an address.
    pub fn start(
        cluster: &ControlPlane,
        namespace: &str,
        dashboard: &str,
        environment: &str,
        token: &str,
    ) -> Result<Self> {
        Self::start_with(cluster, namespace, dashboard, environment, token, &[])
    }

    /// Starts an agent with more arguments.
    pub fn start_with(
        cluster: &ControlPlane,
        namespace: &str,
        dashboard: &str,
        environment: &str,
        token: &str,
        args: &[&str],
    ) -> Result<Self> {
        let account = account(cluster, namespace)?;
        let dir = tempfile::tempdir()?;
        let kubeconfig = account.kubeconfig();
        let told = ["--dashboard", dashboard, "--environment", environment];
        Self::spawn(account, dir, &kubeconfig, token, &[&told, args].concat())
    }

    /// Starts an agent that has an address of its own for the API server, such as that of a proxy.
    pub fn start_behind(
        cluster: &ControlPlane,
        namespace: &str,
        server: &str,
        dashboard: &str,
        environment: &str,
        token: &str,
    ) -> Result<Self> {
        let account = account(cluster, namespace)?;
        let dir = tempfile::tempdir()?;
        let kubeconfig = account.kubeconfig_for(server, dir.path())?;
        let told = ["--dashboard", dashboard, "--environment", environment];
        Self::spawn(account, dir, &kubeconfig, token, &told)
    }

    fn spawn(
        account: Account,
        dir: TempDir,
        kubeconfig: &Path,
        token: &str,
        args: &[&str],
    ) -> Result<Self> {
        let own = TcpListener::bind(("127.0.0.1", 0))?;
        let port = own.local_addr()?.port();
        drop(own);
        let file = dir.path().join("token");
        std::fs::write(&file, token)?;
        let log = File::create(dir.path().join("log"))?;
        let child = Command::new(binary("gimlet-agent")?)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--log-format", "text"])
            .args(args)
            .arg("--token")
            .arg(file)
            .env_clear()
            .env("NO_COLOR", "1")
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("the agent does not start")?;
        Ok(Self { dir, port, child, _account: account })
    }

    /// Waits until it has read the cluster and is connected.
    pub async fn ready(&self) -> Result<()> {
        wait_until("the agent's readiness", PATIENCE, async || {
            let answer = self.probe("/readyz")?;
            ensure!(answer.status == 200, "{answer:?}");
            Ok(())
        })
        .await
    }

    /// Gives the number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for `/healthz`, `/readyz` or `/metrics`.
    pub fn probe(&self, path: &str) -> Result<Answer> {
        get(&format!("http://127.0.0.1:{}{path}", self.port))
    }

    /// Gives it another token.
    pub fn exchange(&self, token: &str) -> Result<()> {
        let new = self.dir.path().join("new");
        std::fs::write(&new, token)?;
        Ok(std::fs::rename(new, self.dir.path().join("token"))?)
    }

    /// Gives everything that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// Makes the agent's account in a namespace, with the rights of the role that the project ships.
fn account(cluster: &ControlPlane, namespace: &str) -> Result<Account> {
    let config = root()?.join("config/agent");
    for file in ["namespace.yaml", "rbac.yaml"] {
        let file = config.join(file);
        let file = file.to_str().context("the path of the checkout is not UTF-8")?;
        cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", file])?;
    }
    Account::with(cluster, namespace, "gimlet-agent", format!("{namespace}-agent"), &[])
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("an agent process is left over: {error:#}");
        }
        eprintln!("the agent:\n{}", self.log());
    }
}
