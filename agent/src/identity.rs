//! What the cluster is known by.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::{Client, ResourceExt as _};

/// What the cluster is known by.
#[derive(Clone, Debug)]
pub struct Identity {
    /// UID of the namespace `kube-system`: it stays for as long as the cluster does.
    pub(crate) cluster: String,
}

impl Identity {
    /// Asks the cluster.
    pub async fn read(client: Client) -> kube::Result<Self> {
        let namespaces: Api<Namespace> = Api::all(client);
        let namespace = namespaces.get("kube-system").await?;
        Ok(Self { cluster: namespace.uid().unwrap_or_default() })
    }
}
