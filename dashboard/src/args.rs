//! What the dashboard is told on its command line.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Parser;
use gimlet_process::LogFormat;

/// Serve the web app, and act as whoever is signed in
///
/// The dashboard passes the API of gimlet.io through with the caller's own token, so that nobody can
/// do more here than they could with kubectl.
#[derive(Clone, Debug, Parser)]
#[command(name = "gimlet-dashboard", version)]
pub struct Args {
    /// Address of the web app and the API; other than loopback only with --behind-https
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_LISTEN",
        default_value = "127.0.0.1:8090",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// Address of /healthz, /readyz and /metrics
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_PROBES",
        default_value = "127.0.0.1:8091",
        value_name = "ADDRESS"
    )]
    pub probes: SocketAddr,

    /// TLS ends at a proxy in front, which keeps the header Host: cookies are for HTTPS only
    #[arg(long, env = "GIMLET_DASHBOARD_BEHIND_HTTPS")]
    pub behind_https: bool,

    /// Refuse every write, whoever asks
    #[arg(long, env = "GIMLET_DASHBOARD_READ_ONLY")]
    pub read_only: bool,

    /// Connections of people and agents that are open at once; the next ones wait
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_CONNECTIONS",
        default_value = "1000",
        value_name = "NUMBER"
    )]
    pub connections: NonZeroU16,

    /// Address of the operator's views of git; pages that need them say so where it is left out
    #[arg(long, env = "GIMLET_DASHBOARD_OPERATOR_URL", value_name = "URL")]
    pub operator_url: Option<axum::http::Uri>,

    /// Certificate authority of the operator's views (PEM), instead of the system's
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OPERATOR_CA",
        value_name = "FILE",
        requires = "operator_url"
    )]
    pub operator_ca: Option<PathBuf>,

    /// Address of an OIDC issuer at which people sign in; the API server has to trust it too
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_ISSUER",
        value_name = "URL",
        requires = "oidc_client_id"
    )]
    pub oidc_issuer: Option<String>,

    /// Name of the dashboard at the issuer, and audience of its tokens
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_CLIENT_ID",
        value_name = "ID",
        requires = "oidc_issuer"
    )]
    pub oidc_client_id: Option<String>,

    /// File that holds the client's secret; it is read anew each time. Without it the client is public
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_CLIENT_SECRET_FILE",
        value_name = "FILE",
        requires = "oidc_issuer"
    )]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// Scopes beside openid, instead of the usual ones as far as the issuer has them
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_SCOPES",
        value_name = "SCOPES",
        value_delimiter = ',',
        requires = "oidc_issuer"
    )]
    pub oidc_scopes: Vec<String>,

    /// Claim of the ID token that holds the groups; people without it are told so
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_GROUPS_CLAIM",
        value_name = "CLAIM",
        default_value = "groups"
    )]
    pub oidc_groups_claim: String,

    /// What the button says, as in `Continue with Acme`
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_OIDC_NAME",
        value_name = "NAME",
        default_value = "single sign-on"
    )]
    pub oidc_name: String,

    /// Certificate authority of the issuer (PEM), instead of the system's
    #[arg(long, env = "GIMLET_DASHBOARD_OIDC_CA", value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_ca: Option<PathBuf>,

    /// What people call the cluster
    #[arg(
        long,
        env = "GIMLET_DASHBOARD_CLUSTER",
        default_value = "kubernetes",
        value_name = "NAME"
    )]
    pub cluster: String,

    /// What to log, such as `info` or `gimlet_dashboard=debug,warn`
    #[arg(long, env = "GIMLET_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// Form of the log
    #[arg(long, env = "GIMLET_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
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
    fn everything_listens_on_loopback_unless_told_otherwise() {
        let args = Args::parse_from(["gimlet-dashboard"]);
        assert!(args.listen.ip().is_loopback() && args.probes.ip().is_loopback());
    }
}
