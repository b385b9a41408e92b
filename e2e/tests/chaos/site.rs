//! Where rounds take place: one control plane and one git server for all of them.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Cli, ControlPlane, OwnControlPlane, OwnGitea, SshKey, install, wait_until};
use serde_json::Value;

/// How long whatever was killed may take until it answers.
pub const BACK: Duration = Duration::from_mins(1);

/// Whose signatures are believed, in the home of the command line.
const SIGNERS: &str = "allowed_signers";
/// The exit code of what is not there.
const NOT_FOUND: i32 = 6;

/// A control plane without nodes, and a git server; nobody else uses them.
pub struct Site {
    /// The control plane.
    pub cluster: OwnControlPlane,
    /// The git server.
    pub gitea: OwnGitea,
    /// The address of the API server.
    pub api: String,
    /// What all commits of Gimlet are signed with.
    pub key: SshKey,
    cli: Cli,
}

impl Site {
    /// Starts both.
    pub fn start(name: &str) -> Result<Self> {
        let cluster = ControlPlane::own(name, false)?;
        install(&cluster)?;
        // Nothing runs in this cluster: these would only take time from those that matter.
        for process in ["kwok", "kube-scheduler", "kube-controller-manager"] {
            cluster.kill(process)?;
        }
        let view = ["config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"];
        let api = cluster.kubectl(view)?;
        let (key, cli) = (SshKey::generate()?, Cli::bare()?);
        std::fs::write(cli.home().join(SIGNERS), format!("gimlet@localhost {}\n", key.public()))?;
        Ok(Self { cluster, gitea: OwnGitea::start(name)?, api, key, cli })
    }

    /// Lists what `gimlet audit verify` finds in a repository.
    pub fn audit(&self, repository: &Path) -> Result<Vec<String>> {
        let signers = self.cli.home().join(SIGNERS);
        let verify = ["audit", "verify", "--output", "json", "--allowed-signers"].map(OsStr::new);
        let of = [signers.as_os_str(), repository.as_os_str(), OsStr::new("main")];
        let said = self.cli.run(verify.into_iter().chain(of))?;
        // Where no release came to git there is nothing to be verified.
        if said.code == NOT_FOUND && said.err.contains("has no app in it") {
            return Ok(Vec::new());
        }
        ensure!(matches!(said.code, 0 | 1), "exit code {}\n{}\n{}", said.code, said.out, said.err);
        let audit: Value = serde_json::from_str(&said.out)?;
        let findings = audit["findings"].as_array().context("no list of findings")?;
        Ok(findings.iter().map(ToString::to_string).collect())
    }

    /// Starts what a round that broke has left down.
    pub async fn recover(&self) -> Result<()> {
        for process in ["etcd", "kube-apiserver"] {
            self.cluster.restart(process)?;
        }
        self.gitea.up()?;
        self.api_is_back().await
    }

    /// Waits until the API server answers.
    pub async fn api_is_back(&self) -> Result<()> {
        let client = self.cluster.client().await?;
        wait_until("the API server", BACK, async || {
            let ready = client.request_text(ureq::http::Request::get("/readyz").body(vec![])?);
            ready.await?;
            Ok(())
        })
        .await
    }
}
