//! Flags of `helm template` that mean nothing here, or that are refused.

use clap::Args;

use crate::error::CommandError;

/// Flags of helm, so that scripts written for it go on or learn why they do not.
#[derive(Debug, Default, Args)]
pub(super) struct ForeignArgs {
    #[command(flatten)]
    ignored: IgnoredArgs,
    #[command(flatten)]
    refused: RefusedArgs,
}

/// Flags that change nothing about what helm prints either.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct IgnoredArgs {
    #[arg(long, hide = true)]
    atomic: bool,
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true)]
    debug: bool,
    #[arg(long, hide = true, value_name = "TEXT")]
    description: Option<String>,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(short, long, hide = true, value_name = "KEY=VALUE")]
    labels: Vec<String>,
    #[arg(long, hide = true)]
    render_subchart_notes: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true)]
    skip_crds: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
    #[arg(long, hide = true, value_name = "DURATION")]
    timeout: Option<String>,
    #[arg(long, hide = true)]
    wait: bool,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
}

/// Flags that would do what rendering here never does.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct RefusedArgs {
    #[arg(long, hide = true)]
    validate: bool,
    #[arg(long, hide = true, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<String>,
    #[arg(long, hide = true)]
    enable_dns: bool,
    #[arg(long, hide = true, value_name = "PROGRAM")]
    post_renderer: Option<String>,
    #[arg(long, hide = true, value_name = "PASSWORD")]
    password: Option<String>,
    #[arg(long, hide = true)]
    pass_credentials: bool,
    #[arg(long, hide = true)]
    insecure_skip_tls_verify: bool,
    #[arg(long, hide = true)]
    plain_http: bool,
    #[arg(long, hide = true)]
    verify: bool,
    #[arg(long, hide = true, value_name = "FILE")]
    cert_file: Option<String>,
}

impl ForeignArgs {
    /// Refuses flags that cannot be followed.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let RefusedArgs {
            validate,
            dry_run,
            enable_dns,
            post_renderer,
            password,
            pass_credentials,
            insecure_skip_tls_verify,
            plain_http,
            verify,
            cert_file,
        } = &self.refused;
        let wants_cluster =
            dry_run.as_deref().is_some_and(|how| !matches!(how, "client" | "true" | ""));
        let refused = [
            (
                *validate,
                "--validate asks a cluster, and rendering here never does",
                "gimlet template … | kubectl apply --dry-run=server -f -",
            ),
            (
                wants_cluster,
                "--dry-run=server asks a cluster, and rendering here never does",
                "leave it out; with --kube-version and --api-versions charts are told what is there",
            ),
            (
                *enable_dns,
                "--enable-dns asks a network, and rendering here never does",
                "put the address into a value",
            ),
            (
                post_renderer.is_some(),
                "--post-renderer runs a program, and rendering here never does",
                "gimlet template … | PROGRAM; a deploy manifest has strategicMergePatches and json6902Patches",
            ),
            (
                password.is_some(),
                "--password would be seen by everyone who lists processes, and by the shell's history",
                "set GIMLET_CHART_PASSWORD, or pass it to stdin with --password-stdin",
            ),
            (
                *pass_credentials,
                "--pass-credentials would send the password to hosts that the repository names",
                "leave it out: credentials go to the host of the repository only",
            ),
            (
                *insecure_skip_tls_verify,
                "--insecure-skip-tls-verify would trust anyone on the way",
                "pass the certificate authority with --ca-file FILE",
            ),
            (
                *plain_http,
                "--plain-http would trust anyone on the way",
                "use https; a registry on this machine is contacted over http anyway",
            ),
            (
                *verify,
                "--verify checks signatures of charts, which Gimlet does not yet",
                "helm pull --verify, then render the archive",
            ),
            (
                cert_file.is_some(),
                "--cert-file presents a client certificate, which Gimlet cannot",
                "helm pull --cert-file …, then render the archive",
            ),
        ];
        match refused.into_iter().find(|(is_set, ..)| *is_set) {
            None => Ok(()),
            Some((_, message, hint)) => Err(CommandError::usage(message).hint(hint)),
        }
    }
}
