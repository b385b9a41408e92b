//! What the operator is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use gimlet_process::LogFormat;

use crate::render::Budget;
use crate::views::Certificate;

/// Turn releases into commits that Flux applies
///
/// The operator watches Environments, Apps and Releases, renders manifests, commits them to
/// gitops repositories and follows what becomes of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "gimlet-operator", version)]
pub struct Args {
    /// Watch only this namespace; all namespaces where it is left out
    #[arg(long, env = "GIMLET_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// Address of /healthz, /readyz and /metrics
    #[arg(long, env = "GIMLET_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Address of the views of git for dashboards and the CLI; none where it is left out
    #[arg(long, env = "GIMLET_VIEWS", value_name = "ADDRESS")]
    pub views: Option<SocketAddr>,

    /// Certificate chain of the views (PEM), needed unless they listen on loopback
    #[arg(long, env = "GIMLET_VIEWS_CERTIFICATE", value_name = "FILE", requires = "views_key")]
    pub views_certificate: Option<PathBuf>,

    /// Key of that certificate (PEM)
    #[arg(long, env = "GIMLET_VIEWS_KEY", value_name = "FILE", requires = "views_certificate")]
    pub views_key: Option<PathBuf>,

    /// Address on which webhooks of git hosts are taken; none where it is left out
    #[arg(long, env = "GIMLET_WEBHOOKS", value_name = "ADDRESS")]
    pub webhooks: Option<SocketAddr>,

    /// Let notifications go to receivers inside of the cluster: plain http, and this machine itself
    #[arg(long, env = "GIMLET_INTERNAL_RECEIVERS")]
    pub internal_receivers: bool,

    /// Let charts, git and the APIs of hosts be at loopback addresses, also over plain http
    #[arg(long, env = "GIMLET_ALLOW_LOOPBACK")]
    pub allow_loopback: bool,

    /// Folder of caches of git and charts; it can be deleted at any time
    #[arg(long, env = "GIMLET_CACHE", default_value = "/var/cache/gimlet", value_name = "FOLDER")]
    pub cache: PathBuf,

    /// Namespace of the Lease by which replicas agree on a leader
    #[arg(
        long,
        env = "GIMLET_LEASE_NAMESPACE",
        default_value = "gimlet-system",
        value_name = "NAMESPACE"
    )]
    pub lease_namespace: String,

    /// Name of the Lease; operators that share nothing else may share a cluster under other names
    #[arg(long, env = "GIMLET_LEASE", default_value = "gimlet-operator", value_name = "NAME")]
    pub lease: String,

    /// Seconds for which a leader may be silent before another replica takes over
    #[arg(long, env = "GIMLET_LEASE_SECONDS", default_value_t = 15, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(3..=600))]
    pub lease_seconds: u64,

    /// How often an environment's repository is looked at without an occasion
    #[arg(long, env = "GIMLET_REFRESH_SECONDS", default_value_t = 60, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub refresh_seconds: u64,

    /// Releases of one environment that are worked on at once
    #[arg(long, env = "GIMLET_CONCURRENCY", default_value_t = 256, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,

    /// Manifests that are rendered at once, each in a process of its own
    #[arg(long, env = "GIMLET_RENDERERS", default_value_t = 2, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub renderers: u16,

    /// Artifacts that are kept of each branch of a repository, and of its tags
    #[arg(long, env = "GIMLET_ARTIFACTS_PER_BRANCH", default_value_t = 20, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub artifacts_per_branch: u16,

    /// What one rendering may take.
    #[command(flatten)]
    pub budget: Budget,

    /// What to log, such as `info` or `gimlet_operator=debug,warn`
    #[arg(
        long,
        env = "GIMLET_LOG",
        default_value = "info,kube_lease_manager=warn",
        value_name = "FILTER"
    )]
    pub log: String,

    /// Form of the log
    #[arg(long, env = "GIMLET_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What to do instead of running the operator.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary does besides being the operator.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Render what is asked for on standard input; the operator starts this for itself
    #[command(hide = true)]
    RenderWorker(Budget),
}

impl Args {
    /// Returns the files of the views' certificate.
    pub(crate) fn views_certificate(&self) -> Option<Certificate> {
        let (chain, key) = (self.views_certificate.clone()?, self.views_key.clone()?);
        Some(Certificate { chain, key })
    }

    /// Returns where notifications may go.
    pub(crate) fn receivers(&self) -> gimlet_notify::Options {
        gimlet_notify::Options {
            allow_loopback: self.internal_receivers,
            allow_plain_http: self.internal_receivers,
            ..gimlet_notify::Options::default()
        }
    }

    /// Returns how often a repository is looked at.
    pub(crate) fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_probes_listen_on_loopback_unless_told_otherwise() {
        let args = Args::parse_from(["gimlet-operator"]);
        assert!(args.listen.ip().is_loopback());
        assert!(!args.allow_loopback, "what people name is not asked for there");
    }
}
