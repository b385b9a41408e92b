//! `diff`: what a release changes.

use std::time::Duration;

use clap::Args;
use gimlet_crds::{Release, client};
use kube::ResourceExt as _;
use kube::api::DeleteParams;

use super::{plan, release};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::{WaitArgs, follow, parse_duration};
use crate::manifest_source::{ManifestArgs, refuse_local};
use crate::output::{self, Format};

/// Show what a release changes, or would change
///
/// With a manifest the operator is asked: a Release that only plans is created, its plan is shown, and
/// it is deleted again. With --release it is what that release's status tells. The lines that differ
/// are in the gitops repository's commit. Exits with 0 where nothing differs, with 1 where something does,
/// and with more where it could not be found out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet diff -f .gimlet/staging.yaml --from-git
  gimlet diff shop -e production --release shop.production-x7k2p")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Show the plan of this release instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "chart"], help_heading = "What to deploy", add = complete::releases())]
    release: Option<String>,
    /// How long to wait for the plan
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true, help_heading = "Waiting")]
    timeout: Duration,
    /// Form of the output; json and yaml are the Release
    #[arg(short, long, value_name = "FORMAT", default_value = "table", help_heading = "Release")]
    output: Format,
}

pub(super) async fn run(args: &DiffArgs, global: &Global) -> Result<Finish, CommandError> {
    let release = match &args.release {
        Some(name) => planned(args, name, &Cluster::connect(global).await?).await?,
        None => Box::pin(ask(args, global)).await?,
    };
    let Some(plan) = release.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        let phase = release.status.as_ref().map(|status| status.phase).unwrap_or_default();
        let name = release.name_any();
        return Err(CommandError::general(format!(
            "release {name} has no plan: it is {}",
            phase.as_str()
        ))
        .hint(format!("gimlet get releases {name} -o wide tells why")));
    };
    match args.output {
        Format::Json | Format::Yaml => output::print(&output::object(&release, args.output)?)?,
        Format::Name => output::print(&output::lines(plan.objects.iter().cloned()))?,
        Format::Table | Format::Wide => output::print(&plan::text(&release))?,
    }
    Ok(if plan::is_unchanged(plan) { Finish::Done } else { Finish::Differences })
}

/// Fetches a release, and checks that it is the one that is meant.
async fn planned(args: &DiffArgs, name: &str, cluster: &Cluster) -> Result<Release, CommandError> {
    let release = cluster
        .api::<Release>()
        .get(name)
        .await
        .map_err(|error| cluster.request("get", "releases", Some(name)).failed(&error))?;
    let ManifestArgs { app, environment, .. } = &args.manifest;
    let other = app.as_ref().is_some_and(|app| *app != release.spec.app)
        || environment.as_ref().is_some_and(|env| *env != release.spec.environment);
    if other {
        let (app, environment) = (&release.spec.app, &release.spec.environment);
        return Err(CommandError::usage(format!("release {name} is of {app} in {environment}"))
            .hint(format!("gimlet diff {app} -e {environment} --release {name}")));
    }
    for warning in release.status.iter().flat_map(|s| &s.plan).flat_map(|plan| &plan.warnings) {
        output::note(&format!("warning: {warning}"));
    }
    Ok(release)
}

/// Asks the operator for a plan.
async fn ask(args: &DiffArgs, global: &Global) -> Result<Release, CommandError> {
    let chosen = args.manifest.choose()?;
    refuse_local(&chosen.manifest)?;
    let cluster = Cluster::connect(global).await?;
    let mut release = release::build(chosen);
    release.spec.plan_only = true;
    release.spec.requested_by = cluster.person().await;
    let api = cluster.api::<Release>();
    let created = client::create(&api, &release, false)
        .await
        .map_err(|error| cluster.request("create", "releases", None).failed(&error))?;
    let name = created.name_any();
    let result = follow(&cluster, &name, &WaitArgs::for_plan(args.timeout)).await;
    // The question is not part of the record; that it stays where it may not be deleted does no harm.
    if let Err(error) = api.delete(&name, &DeleteParams::default()).await {
        let error = cluster.request("delete", "releases", Some(&name)).failed(&error);
        if error.kind() != Kind::NotFound {
            output::note(&format!("note: the plan {name} could not be deleted and stays"));
        }
    }
    result
}
