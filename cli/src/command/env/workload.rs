//! The workload cluster of an environment: the one that Flux applies it to.

use std::path::PathBuf;

use clap::Args;
use gimlet_crds::Environment;

use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::CommandError;

/// Which cluster Flux runs in.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct WorkloadArgs {
    /// Context of the workload cluster, the one that Flux runs in; the cluster of the Environment otherwise
    #[arg(long, value_name = "CONTEXT")]
    cluster_context: Option<String>,
    /// Kubeconfig file of the workload cluster; the usual one otherwise
    #[arg(long, value_name = "FILE")]
    cluster_kubeconfig: Option<PathBuf>,
}

impl WorkloadArgs {
    /// Makes a client of the cluster, in the namespace of Flux' objects.
    pub(super) async fn connect(
        &self,
        global: &Global,
        management: &Cluster,
        environment: &Environment,
    ) -> Result<Cluster, CommandError> {
        let namespace = environment.spec.flux.namespace.clone();
        if self.is_same() {
            return Ok(management.in_namespace(namespace));
        }
        let global = Global {
            kubeconfig: self.cluster_kubeconfig.clone().or_else(|| global.kubeconfig.clone()),
            context: self.cluster_context.clone(),
            namespace: Some(namespace),
            server: None,
            ..global.clone()
        };
        Cluster::connect(&global).await
    }

    /// Tells whether the cluster of the Environment is meant.
    pub(super) fn is_same(&self) -> bool {
        self.cluster_context.is_none() && self.cluster_kubeconfig.is_none()
    }

    /// Returns the flags, for commands that people are told.
    pub(super) fn words(&self) -> String {
        let context =
            self.cluster_context.as_ref().map(|name| format!(" --cluster-context {name}"));
        let file = self.cluster_kubeconfig.as_ref();
        let file = file.map(|path| format!(" --cluster-kubeconfig {}", path.display()));
        context.unwrap_or_default() + &file.unwrap_or_default()
    }
}
