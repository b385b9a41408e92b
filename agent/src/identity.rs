//! What the cluster is known by.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the cluster is known by.
#[derive(Clone)]
pub struct Identity {
    /// UID of the namespace `kube-system`: it stays for as long as the cluster does.
    pub(crate) cluster: String,
    pub(crate) client: Client,
}

impl Identity {
    /// Asks the cluster.
    pub async fn read(client: Client) -> kube::Result<Self> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = namespaces.get("kube-system").await?;
        Ok(Self { cluster: namespace.uid().unwrap_or_default(), client })
    }

    /// Returns the version of Flux, where there is one and it says so.
    pub(crate) async fn flux_version(&self) -> Option<String> {
        let deployments: Api<Deployment> = Api::all(self.client.clone());
        let of_flux = ListParams::default().labels("app.kubernetes.io/part-of=flux").limit(1);
        let found = tokio::time::timeout(PATIENCE, deployments.list(&of_flux)).await.ok()?.ok()?;
        found.items.first()?.labels().get("app.kubernetes.io/version").cloned()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
