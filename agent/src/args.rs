//! What the agent is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use gimlet_process::LogFormat;

use crate::connection::{Address, InvalidAddress};

use crate::protocol::Capability;

/// Tell the dashboard what really runs in this cluster
///
/// The agent watches the apps of one environment and reports them over one outbound connection. By
/// itself it changes nothing; it sees no Secrets, and takes no connections but those of its probes.
///
/// It needs three things: the address of the dashboard, the environment that it speaks for, and a file
/// with a token of the service account gimlet-agent-<environment> of the management cluster:
///
///   kubectl create token gimlet-agent-prod -n team --duration=720h
///
/// The file may be exchanged at any time; the agent reads it again within seconds.
#[derive(Clone, Debug, Parser)]
#[command(name = "gimlet-agent", version)]
pub struct Args {
    /// Address of the dashboard, such as `https://gimlet.example.com`; a proxy is taken from `HTTPS_PROXY`
    #[arg(long, env = "GIMLET_AGENT_DASHBOARD", value_name = "URL")]
    pub dashboard: String,

    /// Environment that is spoken for, by its namespace and name in the management cluster
    #[arg(long, env = "GIMLET_AGENT_ENVIRONMENT", value_name = "NAMESPACE/NAME",
          value_parser = environment)]
    pub environment: Environment,

    /// File that holds the token
    #[arg(
        long,
        env = "GIMLET_AGENT_TOKEN",
        default_value = "/var/run/secrets/gimlet/token",
        value_name = "FILE"
    )]
    pub token: PathBuf,

    /// Certificate authority of the dashboard (PEM), instead of the system's
    #[arg(long, env = "GIMLET_AGENT_DASHBOARD_CA", value_name = "FILE")]
    pub dashboard_ca: Option<PathBuf>,

    /// Look only at namespaces with these labels, such as `team=shop`; at all where it is left out
    #[arg(long, env = "GIMLET_AGENT_NAMESPACE_SELECTOR", value_name = "SELECTOR")]
    pub namespace_selector: Option<String>,

    /// What people may ask for through the dashboard, carried out as themselves; nothing where it is left
    /// out. Needs the role of config/agent-on-demand
    #[arg(
        long,
        env = "GIMLET_AGENT_ON_DEMAND",
        value_name = "WHAT",
        value_enum,
        value_delimiter = ','
    )]
    pub on_demand: Vec<OnDemand>,

    /// Address of /healthz, /readyz and /metrics
    #[arg(long, env = "GIMLET_LISTEN", default_value = "127.0.0.1:8092", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// What to log, such as `info` or `gimlet_agent=debug,warn`
    #[arg(
        long,
        env = "GIMLET_LOG",
        default_value = "info,kube_runtime=error",
        value_name = "FILTER"
    )]
    pub log: String,

    /// Form of the log
    #[arg(long, env = "GIMLET_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// What people may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnDemand {
    /// All of the below
    All,
    /// Logs of pods
    Logs,
    /// Events of apps
    Events,
    /// Objects as they are, but for Secrets
    Describe,
    /// To have Flux look at its objects now
    Reconcile,
    /// To have Flux go on with objects of its own that were suspended
    Resume,
    /// To have the pods of a workload started again
    Restart,
    /// What pods use of processor and memory
    Usage,
}

/// Returns what is allowed by that, each once.
pub(crate) fn capabilities(on_demand: &[OnDemand]) -> Vec<Capability> {
    let pairs = [
        (OnDemand::Logs, Capability::Logs),
        (OnDemand::Events, Capability::Events),
        (OnDemand::Describe, Capability::Describe),
        (OnDemand::Reconcile, Capability::ReconcileFlux),
        (OnDemand::Resume, Capability::ResumeFlux),
        (OnDemand::Restart, Capability::Restart),
        (OnDemand::Usage, Capability::Usage),
    ];
    let all = on_demand.contains(&OnDemand::All);
    let allowed = pairs.into_iter().filter(|(what, _)| all || on_demand.contains(what));
    allowed.map(|(_, capability)| capability).collect()
}

impl Args {
    /// Reads the address of the dashboard. Whoever put a password into it does not see it in a log.
    pub fn address(&self) -> Result<Address, InvalidAddress> {
        self.dashboard.parse()
    }
}

/// An environment of the management cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Namespace in the management cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn environment(text: &str) -> Result<Environment, String> {
    let plain = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.len() <= 63 && part.bytes().all(allowed)
    };
    match text.split_once('/') {
        Some((namespace, name)) if plain(namespace) && plain(name) => {
            Ok(Environment { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => {
            Err("write it as NAMESPACE/NAME, such as `team/prod`: see `kubectl get env -A`".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(more: &[&str]) -> Result<Args, clap::Error> {
        let least = ["gimlet-agent", "--dashboard=https://gimlet.example.com"];
        Args::try_parse_from(least.iter().chain(more))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_probes_listen_on_loopback_unless_told_otherwise() {
        assert!(parse(&["--environment=team/prod"]).unwrap().listen.ip().is_loopback());
    }

    #[test]
    fn nothing_is_done_on_demand_unless_it_is_named() {
        let allowed = |more: &[&str]| {
            let more: Vec<_> = ["--environment=team/prod"].iter().chain(more).copied().collect();
            capabilities(&parse(&more).unwrap().on_demand)
        };
        assert_eq!(allowed(&[]), []);
        assert_eq!(allowed(&["--on-demand=events,logs"]), [Capability::Logs, Capability::Events]);
        assert_eq!(allowed(&["--on-demand=all,logs"]).len(), 7);
    }

    #[test]
    fn a_password_in_the_address_is_refused_without_being_told() {
        let wrong = "--dashboard=https://me:hunter2@gimlet.example.com";
        let args =
            Args::try_parse_from(["gimlet-agent", wrong, "--environment=team/prod"]).unwrap();
        let error = args.address().unwrap_err().to_string();
        assert!(error.contains("without user, password") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_environment_is_named_with_its_namespace() {
        let args = parse(&["--environment=team/prod"]).unwrap();
        assert_eq!(args.environment.name, "prod");
        for wrong in ["prod", "/prod", "team/", "a/b/c", "Team/prod"] {
            let error = parse(&["--environment", wrong]).unwrap_err().to_string();
            assert!(error.contains("NAMESPACE/NAME"), "{error}");
        }
    }
}
