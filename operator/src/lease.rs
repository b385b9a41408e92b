//! One leader among the replicas.

use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::sync::watch;

use crate::args::Args;

/// Tells whether this process leads; the task behind it holds the Lease.
pub(crate) struct Leadership {
    changes: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<kube_lease_manager::Result<LeaseManager>>,
}

impl Leadership {
    /// Starts to compete for the Lease.
    ///
    /// A leader that lost the Lease without noticing does no harm: pushes are compare-and-swap.
    pub(crate) async fn compete(client: Client, args: &Args) -> anyhow::Result<Self> {
        let duration = args.lease_seconds;
        let manager = LeaseManagerBuilder::new(client, args.lease.clone())
            .with_namespace(args.lease_namespace.clone())
            .with_duration(duration)
            .with_grace((duration / 3).max(1))
            .build()
            .await
            .context("the Lease cannot be used; does its namespace exist, and may the operator write Leases there?")?;
        let (changes, task) = manager.watch().await;
        Ok(Self { changes, task })
    }

    /// Waits until this process leads; an error when the Lease cannot be had any more.
    pub(crate) async fn won(&mut self) -> anyhow::Result<()> {
        self.changes.wait_for(|leads| *leads).await.context("the Lease is not kept any more")?;
        Ok(())
    }

    /// Waits until this process leads no more.
    pub(crate) async fn lost(&mut self) {
        let ended = self.changes.wait_for(|leads| !*leads).await;
        tracing::warn!(task_ended = ended.is_err(), "the Lease was lost");
    }

    /// Gives the Lease back, so that another replica takes over at once.
    pub(crate) async fn release(self) {
        drop(self.changes);
        let release = async {
            if let Ok(Ok(manager)) = self.task.await { manager.release().await } else { Ok(()) }
        };
        if !matches!(tokio::time::timeout(Duration::from_secs(5), release).await, Ok(Ok(()))) {
            tracing::warn!("the Lease was not given back; it expires by itself");
        }
    }
}
