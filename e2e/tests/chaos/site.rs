//! Where rounds take place: one control plane and one git server for all of them.

use anyhow::Result;
use gimlet_e2e::{ControlPlane, OwnControlPlane, OwnGitea, install, wait_until};
use std::time::Duration;

/// How long whatever was killed may take until it answers.
pub const BACK: Duration = Duration::from_mins(1);

/// A control plane without nodes, and a git server; nobody else uses them.
pub struct Site {
    /// The control plane.
    pub cluster: OwnControlPlane,
    /// The git server.
    pub gitea: OwnGitea,
    /// The address of the API server.
    pub api: String,
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
        Ok(Self { cluster, gitea: OwnGitea::start(name)?, api })
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
