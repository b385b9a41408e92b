//! `release`: makes an app be something.

use clap::Args;
use gimlet_crds::client::generate_name;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{ArtifactRef, Release, ReleaseSpec};
use kube::core::ObjectMeta;

use super::send::{self, Sending};
use super::write::DryRun;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::follow::WaitArgs;
use crate::manifest_source::{Chosen, ManifestArgs, refuse_local};
use crate::output::{self, Format};

/// Release an app to an environment
///
/// Creates a Release: the operator renders the manifest, commits the result to the environment's
/// gitops repository, and Flux applies it. The manifest comes from a file of the application's
/// repository, or from flags. Nothing is rendered here; `gimlet manifest render` does that.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # what the file says, as the commit that is checked out, and wait until it runs
  gimlet release -f .gimlet/staging.yaml --from-git --wait
  # one of several manifests in a file, with another image
  gimlet release shop -e production -f .gimlet/shop.yaml --image acme/shop:1.4.2
  # without any file
  gimlet release shop -e staging --chart app --target-namespace shop --image acme/shop:1.4.2
  # a version that CI shipped
  gimlet release shop -e production --artifact shop-1f0c2a9b3d
  # what would change
  gimlet release -f .gimlet/staging.yaml --plan-only --wait")]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// Release the manifest that an artifact has for the app and the environment
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["file", "chart", "values", "set", "set_string", "image", "from_git", "commit", "branch",
            "tag", "name", "message", "author", "repository", "url"],
        help_heading = "What to deploy",
        add = complete::artifacts()
    )]
    artifact: Option<String>,
    /// Why; needed while the app is on hold
    #[arg(long, value_name = "TEXT", help_heading = "Release")]
    reason: Option<String>,
    /// Release only if the app is still at this gitops commit (exit code 7 otherwise)
    #[arg(long, value_name = "SHA", help_heading = "Release")]
    expect_base: Option<String>,
    /// Only plan: say what would change, commit nothing
    #[arg(long, help_heading = "Release")]
    plan_only: bool,
    /// Create nothing: show the object (client), or let the API server judge it (server)
    #[arg(long, value_name = "WHERE", default_value = "none", help_heading = "Release")]
    dry_run: DryRun,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table", help_heading = "Release")]
    output: Format,
}

pub(super) async fn run(args: &ReleaseArgs, global: &Global) -> Result<Finish, CommandError> {
    let ReleaseArgs { manifest, wait, artifact, reason, expect_base, plan_only, dry_run, output } =
        args;
    let mut release = if let Some(artifact) = artifact {
        of_artifact(manifest, artifact)?
    } else {
        let chosen = manifest.choose()?;
        refuse_local(&chosen.manifest)?;
        build(chosen)
    };
    release.spec.reason.clone_from(reason);
    release.spec.expected_base.clone_from(expect_base);
    release.spec.plan_only = *plan_only;
    if *dry_run == DryRun::Client {
        release.metadata.namespace.clone_from(&global.namespace);
        let format = if *output == Format::Json { Format::Json } else { Format::Yaml };
        output::print(&output::object(&release, format)?)?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    release.spec.requested_by = cluster.person().await;
    let sending = Sending { dry_run: *dry_run == DryRun::Server, output: *output, wait };
    send::send(&cluster, &release, &sending).await?;
    Ok(Finish::Done)
}

/// Makes the object of a release of an artifact.
fn of_artifact(manifest: &ManifestArgs, artifact: &str) -> Result<Release, CommandError> {
    let (Some(app), Some(environment)) = (&manifest.app, &manifest.environment) else {
        return Err(CommandError::usage(
            "an artifact can have several apps: say which one, and where to",
        )
        .hint(format!("gimlet release APP -e ENV --artifact {artifact}")));
    };
    AppName::parse(app)?;
    EnvName::parse(environment)?;
    Ok(Release {
        metadata: ObjectMeta {
            generate_name: Some(generate_name(app, environment)),
            ..ObjectMeta::default()
        },
        spec: ReleaseSpec {
            app: app.clone(),
            environment: environment.clone(),
            artifact: Some(ArtifactRef { name: artifact.to_owned(), namespace: None }),
            vars: manifest.vars()?,
            ..ReleaseSpec::default()
        },
        status: None,
    })
}

/// Makes the object of a release.
pub(super) fn build(chosen: Chosen) -> Release {
    let Chosen { app, environment, manifest, vars, version } = chosen;
    let name = generate_name(app.as_str(), environment.as_str());
    Release {
        metadata: ObjectMeta { generate_name: Some(name), ..ObjectMeta::default() },
        spec: ReleaseSpec {
            app: app.as_str().to_owned(),
            environment: environment.as_str().to_owned(),
            manifest: Some(manifest),
            vars,
            version,
            ..ReleaseSpec::default()
        },
        status: None,
    }
}
