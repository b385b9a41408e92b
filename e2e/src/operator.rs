//! Operator processes: each runs for one test, under the rights that the project ships.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use kube::ResourceExt;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::account::Account;
use crate::program::binary;
use crate::toolbox::state_root;
use crate::{ControlPlane, wait_until};

/// How long a process may take to start or to stop on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many lines of the log are told when the process ends.
const TAIL: usize = 60;

/// An operator process that watches one namespace.
///
/// Its log's end is printed when it is dropped, which the test harness shows where the test fails.
#[derive(Debug)]
pub struct Operator {
    account: Arc<Account>,
    args: Vec<String>,
    /// Where it finds the API server, if not where everybody does.
    server: Option<String>,
    /// Its log is not printed when it is dropped.
    quiet: bool,
    dir: TempDir,
    port: u16,
    views: u16,
    webhooks: u16,
    child: Option<Child>,
}

impl Operator {
    /// Starts an operator for a namespace, and waits until it is ready.
    pub async fn start(cluster: &ControlPlane, namespace: &str) -> Result<Self> {
        Self::start_with(cluster, namespace, &[]).await
    }

    /// Starts an operator with more arguments; a later one overrules an earlier one.
    pub async fn start_with(
        cluster: &ControlPlane,
        namespace: &str,
        args: &[&str],
    ) -> Result<Self> {
        install(cluster)?;
        let account = Arc::new(Account::create(cluster, namespace)?);
        Self::of(account, args.iter().map(ToString::to_string).collect(), None).await
    }

    /// Starts so many operators that compete for a Lease, each of which has an address of its own for
    /// the API server, such as that of a proxy, and prints nothing of its log.
    pub async fn start_behind(
        cluster: &ControlPlane,
        namespace: &str,
        servers: &[String],
    ) -> Result<Vec<Self>> {
        install(cluster)?;
        let account = Arc::new(Account::create(cluster, namespace)?);
        let started = servers.iter().map(async |server| {
            let mut operator =
                Self::of(Arc::clone(&account), Vec::new(), Some(server.clone())).await?;
            operator.quiet = true;
            Ok(operator)
        });
        futures::future::try_join_all(started).await
    }

    /// Starts another process that competes with this one for the Lease, with a cache of its own.
    pub async fn replica(&self) -> Result<Self> {
        Self::of(Arc::clone(&self.account), self.args.clone(), self.server.clone()).await
    }

    async fn of(account: Arc<Account>, args: Vec<String>, server: Option<String>) -> Result<Self> {
        let mut operator = Self {
            account,
            args,
            server,
            quiet: false,
            dir: tempfile::tempdir()?,
            port: 0,
            views: 0,
            webhooks: 0,
            child: None,
        };
        operator.restart().await?;
        Ok(operator)
    }

    /// Starts the process anew with other arguments, after it was stopped or killed.
    pub async fn restart_with(&mut self, args: &[&str]) -> Result<()> {
        self.args = args.iter().map(ToString::to_string).collect();
        self.restart().await
    }

    /// Starts the process anew with the cache that it had, after it was stopped or killed.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill()?;
        // A port that was free a moment ago may be taken by somebody's connection meanwhile.
        for _ in 0..3 {
            self.spawn()?;
            let error = match self.ready().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.kill()?;
            if !self.log().contains("cannot be listened on") {
                return Err(error);
            }
        }
        bail!("there is no free port for the operator")
    }

    /// Waits until the process says that it is ready.
    pub async fn ready(&mut self) -> Result<()> {
        let url = format!("{}/readyz", self.url());
        let child = self.child.as_mut().context("the operator does not run")?;
        let ended = wait_until("the operator's readiness", PATIENCE, async || {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            get(&url).map(|_| None)
        })
        .await
        .map_err(|error| anyhow!("{error:#}\n{}", self.tail()))?;
        match ended {
            None => Ok(()),
            Some(status) => bail!("the operator ended with {status}:\n{}", self.tail()),
        }
    }

    /// Tells whether the process says that it is ready, at once.
    pub fn is_ready(&self) -> bool {
        get(&format!("{}/readyz", self.url())).is_ok()
    }

    /// Gives the address of the operator's views of git.
    pub fn views_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.views)
    }

    /// Gives the address of the webhook of a Repository.
    pub fn webhook_url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/webhooks/{}/{name}", self.webhooks, self.account.namespace)
    }

    /// Starts the process, unless it runs, without waiting until it is ready.
    pub fn launch(&mut self) -> Result<()> {
        if self.is_running()? { Ok(()) } else { self.spawn() }
    }

    /// Stops the process where it is, as a machine that is put to sleep does.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets the process go on.
    pub fn wake(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the operator does not run")?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// Gives the id of the process; none while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Gives the folder of its caches.
    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn spawn(&mut self) -> Result<()> {
        // All are held until all are known, so that they differ.
        let bind = || TcpListener::bind(("127.0.0.1", 0));
        let free = [bind()?, bind()?, bind()?];
        let port = |index: usize| free[index].local_addr().map(|address| address.port());
        (self.port, self.views, self.webhooks) = (port(0)?, port(1)?, port(2)?);
        drop(free);
        let log = || -> Result<File> {
            Ok(OpenOptions::new().create(true).append(true).open(self.log_file())?)
        };
        let kubeconfig = match &self.server {
            Some(server) => self.account.kubeconfig_for(server, self.dir.path())?,
            None => self.account.kubeconfig(),
        };
        let namespace = &self.account.namespace;
        let mut command = Command::new(binary("gimlet-operator")?);
        command
            .args(["--namespace", namespace, "--lease-namespace", namespace])
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--views", &format!("127.0.0.1:{}", self.views)])
            .args(["--webhooks", &format!("127.0.0.1:{}", self.webhooks)])
            .args(["--internal-receivers", "--allow-loopback"])
            .args(["--lease-seconds", "3", "--log-format", "text"])
            .arg("--cache")
            .arg(self.cache())
            .args(&self.args)
            .env_clear()
            .env("NO_COLOR", "1")
            .env("KUBECONFIG", kubeconfig)
            // Not an argument, so that a test may give another one.
            .env("GIMLET_REFRESH_SECONDS", "5")
            .stdin(Stdio::null())
            .stdout(log()?)
            .stderr(log()?);
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        self.child = Some(command.spawn().context("the operator does not start")?);
        Ok(())
    }

    /// Kills the process as a crash would; one that does not run is left alone.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks the process to stop, and waits until it has ended without an error.
    pub async fn stop(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the operator does not run")?;
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        let ended: Result<ExitStatus> = wait_until("the operator's end", PATIENCE, async || {
            child.try_wait()?.context("it still runs")
        })
        .await;
        let status = match ended {
            Ok(status) => status,
            Err(error) => {
                self.child = Some(child);
                return Err(error);
            }
        };
        ensure!(status.success(), "the operator ended with {status}:\n{}", self.tail());
        Ok(())
    }

    /// Tells whether the process runs.
    pub fn is_running(&mut self) -> Result<bool> {
        match &mut self.child {
            None => Ok(false),
            Some(child) => Ok(child.try_wait()?.is_none()),
        }
    }

    /// Gives everything that it logged, over all restarts.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Gives the address of its probes and metrics.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Reads its metrics, in Prometheus' text form.
    pub fn metrics(&self) -> Result<String> {
        get(&format!("{}/metrics", self.url()))
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("an operator process is left over: {error:#}");
        }
        if self.quiet {
            return;
        }
        eprintln!("the operator of {}:\n{}", self.account.namespace, self.tail());
    }
}

/// Installs the kinds and the roles in a cluster; once in a process is enough.
pub fn install(cluster: &ControlPlane) -> Result<()> {
    static DONE: Mutex<BTreeMap<PathBuf, Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let done = done
        .entry(cluster.kubeconfig().to_owned())
        .or_insert_with(|| install_in(cluster).map_err(|error| format!("{error:#}")));
    done.clone().map_err(|error| anyhow!("{error}"))
}

/// Installs the kinds and the roles as a person would.
pub fn install_in(cluster: &ControlPlane) -> Result<()> {
    let config = root()?.join("config");
    // Other test processes do the same at the same time, and two first writers of a CRD conflict.
    let lock = File::create(state_root()?.join("install.lock"))?;
    lock.lock()?;
    let parts =
        [("-k", "crd"), ("-f", "operator/namespace.yaml"), ("-k", "rbac"), ("-k", "admission")];
    for (how, what) in parts {
        let path = config.join(what);
        let path = path.to_str().context("the path of the checkout is not UTF-8")?;
        cluster.kubectl(["apply", "--server-side", "--force-conflicts", how, path])?;
    }
    let mut wait =
        ["wait", "--for=condition=Established", "--timeout=60s"].map(str::to_owned).to_vec();
    let kinds = gimlet_crds::definitions();
    wait.extend(kinds.iter().map(|kind| format!("crd/{}", kind.name_any())));
    cluster.kubectl(wait.iter().map(String::as_str))?;
    Ok(())
}

/// Gives the folder of the checkout.
pub fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate is a folder of the checkout")
}

fn get(url: &str) -> Result<String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        .proxy(None)
        .build()
        .into();
    Ok(agent.get(url).call()?.body_mut().read_to_string()?)
}
