//! `delete`: uninstalls an app.

use std::time::Duration;

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::name::app_object;
use gimlet_crds::{App, labels};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;

use super::watch::give_up;
use super::write::DryRun;
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::parse_duration;
use crate::progress::Reporter;
use crate::{output, prompt};

/// Delete things
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    App(AppArgs),
}

/// Uninstall an app from an environment
///
/// The app's folder is removed from the gitops repository, so that Flux removes its objects; the App is
/// there until that is done. With --orphan git and the cluster stay as they are, and Gimlet forgets the app.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet delete app shop -e staging --wait
  gimlet delete app shop -e staging --orphan --yes")]
struct AppArgs {
    #[command(flatten)]
    place: Place,
    /// Leave git and the cluster as they are
    #[arg(long)]
    orphan: bool,
    /// Delete nothing: say what would be done (client), or let the API server judge it (server)
    #[arg(long, value_name = "WHERE", default_value = "none")]
    dry_run: DryRun,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Wait until the app is gone, and tell what it waits for
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 90s or 10m; the uninstall goes on afterwards
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
}

pub(super) async fn run(args: &DeleteArgs, global: &Global) -> Result<Finish, CommandError> {
    let What::App(args) = &args.what;
    let AppArgs { place: Place { app, environment }, orphan, dry_run, yes, wait, timeout } = args;
    let cluster = Cluster::connect(global).await?;
    let name = app_object(app, environment);
    let api = cluster.api::<App>();
    let found = api
        .get(&name)
        .await
        .map_err(|error| cluster.request("get", "apps", Some(&name)).failed(&error))?;
    let question = if *orphan {
        format!("forget {app} in {environment}, and leave git and the cluster as they are")
    } else {
        format!("uninstall {app} from {environment}: remove it from git and from the cluster")
    };
    if *dry_run == DryRun::Client {
        output::print(&format!("would {question} (client dry run)\n"))?;
        return Ok(Finish::Done);
    }
    let dry_run = *dry_run == DryRun::Server;
    prompt::confirm(&question, *yes || dry_run)?;
    if *orphan {
        let patch =
            json!({"metadata": {"uid": found.metadata.uid}, "spec": {"deletionPolicy": "Orphan"}});
        let params = PatchParams {
            dry_run,
            field_manager: Some(labels::CLI.into()),
            ..PatchParams::default()
        };
        api.patch(&name, &params, &Patch::Merge(patch))
            .await
            .map_err(|error| cluster.request("patch", "apps", Some(&name)).failed(&error))?;
    }
    // Only the object that the person was asked about, not one of the same name made since.
    let same = Preconditions { uid: found.metadata.uid.clone(), resource_version: None };
    let params = DeleteParams { dry_run, ..DeleteParams::default().preconditions(same) };
    api.delete(&name, &params)
        .await
        .map_err(|error| cluster.request("delete", "apps", Some(&name)).failed(&error))?;
    let note = if dry_run { " (server dry run)" } else { "" };
    output::print(&format!("app.gimlet.io/{name} deletion requested{note}\n"))?;
    if *wait && !dry_run {
        gone(&cluster, &name, *timeout).await?;
        output::print(&format!("app.gimlet.io/{name} deleted\n"))?;
    }
    Ok(Finish::Done)
}

/// Waits until an app is gone, and tells what it waits for.
async fn gone(cluster: &Cluster, name: &str, timeout: Duration) -> Result<(), CommandError> {
    let mut reporter = Reporter::new();
    let mut last = "the operator has not begun".to_owned();
    let mut stream =
        std::pin::pin!(watcher::watch_object(cluster.api::<App>(), name).default_backoff());
    let deadline = tokio::time::sleep(timeout);
    let mut deadline = std::pin::pin!(deadline);
    loop {
        let event = tokio::select! {
            event = stream.next() => event,
            () = &mut deadline => {
                drop(reporter);
                let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
                let timeout = output::duration(seconds);
                return Err(CommandError::new(
                    Kind::TimedOut,
                    format!("app {name} is still there after {timeout}: {last}"),
                )
                .hint("it goes on; follow it: gimlet get apps --watch"));
            }
            _ = tokio::signal::ctrl_c() => {
                drop(reporter);
                return Err(CommandError::new(
                    Kind::Interrupted,
                    format!("interrupted; the uninstall of {name} goes on"),
                )
                .hint("follow it: gimlet get apps --watch"));
            }
        };
        match event {
            None | Some(Ok(None)) => return Ok(()),
            Some(Ok(Some(app))) => {
                // A message from before the deletion says nothing of it.
                let conditions = app.status.as_ref().map_or(&[][..], |s| s.conditions.as_slice());
                if let Some(ready) = condition::find(conditions, READY)
                    && ready.status == "False"
                {
                    last.clone_from(&ready.message);
                }
                reporter.show("Uninstall", &last);
            }
            Some(Err(error)) => {
                if let Some(error) = give_up::<App>(cluster, error) {
                    return Err(error);
                }
            }
        }
    }
}
