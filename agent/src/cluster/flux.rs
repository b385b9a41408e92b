//! Which version of Flux there is.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use tokio::time::{sleep, timeout};

use super::Cluster;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// Asks for the version of Flux now and then: it is installed and upgraded whenever somebody likes.
    pub(super) async fn keep_flux_known(&self, client: &Client) {
        let deployments: Api<Deployment> = Api::all(client.clone());
        // Those that the API server has at hand will do.
        let of_flux = ListParams::default().labels("app.kubernetes.io/part-of=flux").match_any();
        loop {
            // Without an answer what is known stays: that the cluster is not seen is said elsewhere.
            if let Ok(Ok(found)) = timeout(PATIENCE, deployments.list_metadata(&of_flux)).await {
                let labels = found.items.first().map(ResourceExt::labels);
                let version = labels.and_then(|labels| labels.get("app.kubernetes.io/version"));
                if self.board().learn_flux_version(version.cloned()) {
                    self.0.again.notify_one();
                }
            }
            sleep(self.0.pace.look).await;
        }
    }
}
