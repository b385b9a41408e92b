//! Clusters: the one that all tests share, and those of a single test.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::toolbox::{folder_in_env, run, script, state_root, tool};
use crate::{Namespace, keep, wait_until};

/// How long an API server may take to answer on a busy machine.
const BACK: Duration = Duration::from_mins(2);

/// Finds the cluster that tests share, or starts it.
///
/// Other processes may ask at the same time: the script holds a lock and starts only what does
/// not run. `E2E_KUBECONFIG` names a cluster that runs already, of whatever kind.
pub fn control_plane() -> Result<ControlPlane> {
    static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let found = match folder_in_env("E2E_KUBECONFIG") {
            Some(kubeconfig) => Ok(ControlPlane { kubeconfig }),
            None => {
                state_root().and_then(|root| ControlPlane::up(&root.join("main"), &[("FLUX", "1")]))
            }
        };
        found.map_err(|error| format!("{error:#}"))
    });
    shared.clone().map_err(|error| anyhow!("{error}"))
}

/// A running cluster, known by the administrator's kubeconfig.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    kubeconfig: PathBuf,
}

impl ControlPlane {
    /// Starts a cluster for one test: `name` says which test, and no other uses it.
    ///
    /// It takes about five seconds and 400 MiB, with Flux 300 MiB more. State that an
    /// interrupted run left under this name is deleted first.
    pub fn own(name: &str, flux: bool) -> Result<OwnControlPlane> {
        Self::own_with(name, &[("FLUX", if flux { "1" } else { "0" })])
    }

    /// Starts a cluster for one test with these variables of `cluster.sh`; without Flux unless they say so.
    pub fn own_with(name: &str, variables: &[(&str, &str)]) -> Result<OwnControlPlane> {
        let dir = state_root()?.join(format!("own-{name}"));
        script("cluster.sh", &["destroy", text(&dir)?], &[])?;
        // Made before the start, so that a start that fails is cleaned up as well.
        let mut own = OwnControlPlane {
            cluster: Self { kubeconfig: dir.join("admin.kubeconfig") },
            dir: dir.clone(),
        };
        let variables: Vec<_> = [("FLUX", "0")].iter().chain(variables).copied().collect();
        own.cluster = Self::up(&dir, &variables)?;
        Ok(own)
    }

    fn up(dir: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        script("cluster.sh", &["up", text(dir)?], variables)?;
        Ok(Self { kubeconfig: dir.join("admin.kubeconfig") })
    }

    /// Gives the path of the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Connects as the administrator.
    ///
    /// A client belongs to the runtime that made it and dies with it, so each test makes its own.
    pub async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// Connects as the holder of a bearer token, with no rights of the administrator.
    pub async fn client_with_token(&self, token: &str) -> Result<Client> {
        let mut config = self.config().await?;
        config.auth_info =
            kube::config::AuthInfo { token: Some(token.to_owned().into()), ..Default::default() };
        Ok(Client::try_from(config)?)
    }

    /// Connects as a person of this name, with all rights.
    pub async fn client_as(&self, name: &str) -> Result<Client> {
        let mut config = self.config().await?;
        config.auth_info.impersonate = Some(name.to_owned());
        config.auth_info.impersonate_groups = Some(vec!["system:masters".to_owned()]);
        Ok(Client::try_from(config)?)
    }

    async fn config(&self) -> Result<Config> {
        let file = Kubeconfig::read_from(&self.kubeconfig)
            .with_context(|| format!("kubeconfig {}", self.kubeconfig.display()))?;
        Ok(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
    }

    /// Makes a token of a service account, valid for a day.
    pub fn token(&self, namespace: &str, service_account: &str) -> Result<String> {
        self.kubectl(["create", "token", service_account, "-n", namespace, "--duration=24h"])
    }

    /// Runs kubectl as the administrator and gives its output.
    pub fn kubectl<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        run(self.kubectl_command()?.args(args))
    }

    /// Applies the objects of a YAML text as server-side apply does.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("objects.yaml");
        std::fs::write(&file, yaml)?;
        let mut command = self.kubectl_command()?;
        run(command.args(["apply", "--server-side", "--force-conflicts", "-f"]).arg(file))
    }

    fn kubectl_command(&self) -> Result<Command> {
        let mut command = Command::new(tool("kubectl")?);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        Ok(command)
    }

    /// Makes a namespace that lives as long as what is given back.
    pub async fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Namespace::create(self, prefix).await
    }
}

/// A cluster of one test, destroyed when it is dropped.
#[derive(Debug)]
pub struct OwnControlPlane {
    cluster: ControlPlane,
    dir: PathBuf,
}

impl OwnControlPlane {
    /// Kills a process (`kube-apiserver`, `etcd`, …) as a crash would.
    pub fn kill(&self, process: &str) -> Result<()> {
        script("cluster.sh", &["kill", text(&self.dir)?, process], &[]).map(drop)
    }

    /// Kills a process and starts it again, without waiting for it to be ready.
    pub fn restart(&self, process: &str) -> Result<()> {
        script("cluster.sh", &["restart", text(&self.dir)?, process], &[]).map(drop)
    }

    /// Waits until the API server answers; one that has ended is started again, as a kubelet does.
    pub async fn answers(&self) -> Result<()> {
        let client = self.client().await?;
        let answered = wait_until("the API server's answer", BACK, async || {
            let answer = client.apiserver_version().await;
            if answer.is_err() && self.has_ended("kube-apiserver")? {
                self.restart("kube-apiserver")?;
            }
            Ok(answer.map(drop)?)
        });
        answered.await.map_err(|error| {
            let log = self.log("kube-apiserver").unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            anyhow!("{error:#}\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
        })
    }

    fn has_ended(&self, process: &str) -> Result<bool> {
        // It fails, with the same lines, where not all of them run.
        let status = script("cluster.sh", &["status", text(&self.dir)?], &[]);
        let lines = status.unwrap_or_else(|error| format!("{error:#}"));
        Ok(lines.lines().any(|line| line.starts_with(process) && line.ends_with("not running")))
    }

    /// Gives the log of a process.
    pub fn log(&self, process: &str) -> Result<String> {
        let path = self.dir.join("log").join(format!("{process}.log"));
        std::fs::read_to_string(&path).with_context(|| format!("log {}", path.display()))
    }
}

impl Deref for OwnControlPlane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.cluster
    }
}

impl Drop for OwnControlPlane {
    fn drop(&mut self) {
        if keep() {
            eprintln!("kept: {}", self.cluster.kubeconfig.display());
            return;
        }
        // The next test of this name destroys what is left, so a failure here is only told.
        let destroyed =
            text(&self.dir).and_then(|dir| script("cluster.sh", &["destroy", dir], &[]));
        if let Err(error) = destroyed {
            eprintln!("cluster in {} is left over: {error:#}", self.dir.display());
        }
    }
}

fn text(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(path) => Ok(path),
        None => bail!("path {} is not UTF-8: set E2E_STATE to another folder", path.display()),
    }
}
