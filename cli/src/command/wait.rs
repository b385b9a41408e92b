//! `wait`: until something is as it should be.

mod goal;

use std::ops::ControlFlow;
use std::time::Duration;

use clap::{Args, Subcommand};
use gimlet_crds::condition::{self, READY};
use gimlet_crds::name::app_object;
use gimlet_crds::{App, Release, ReleaseSet};

use self::goal::{Goal, judge_app, judge_set};
use super::artifact::{self, Following};
use super::row::Row;
use super::until::{Judged, until};
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::follow::{Step, WaitArgs, follow, parse_duration};
use crate::output;
use crate::progress::{Reporter, present};

/// Wait for a release, a set, an artifact or an app
///
/// The present state is looked at first, so that what is there already is not waited for. Each step is told
/// on stderr; on timeout it says what blocks.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet wait release shop.staging-x7k2p
  gimlet wait release shop.staging-x7k2p --for committed --timeout 2m
  gimlet wait artifact shop-1f0c2a9b3d
  gimlet wait app shop -e staging")]
pub(crate) struct WaitCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Release(ReleaseWaitArgs),
    Set(SetWaitArgs),
    Artifact(ArtifactWaitArgs),
    App(AppWaitArgs),
}

/// Wait for a release
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet wait release shop.staging-x7k2p
  gimlet wait release shop.staging-x7k2p --for condition=Planned
  gimlet wait release shop.staging-x7k2p --for phase=Waiting")]
struct ReleaseWaitArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE", add = complete::releases())]
    name: String,
    #[command(flatten)]
    goal: GoalArgs,
    /// Stop at once where a person has to act first (exit code 8)
    #[arg(long)]
    fail_on_waiting: bool,
}

/// Wait for a ReleaseSet
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet wait set shop-4m2qd --for committed")]
struct SetWaitArgs {
    /// Name of the set
    #[arg(value_name = "SET", add = complete::sets())]
    name: String,
    #[command(flatten)]
    goal: GoalArgs,
}

/// Wait until everything that an artifact sets off runs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet wait artifact shop-1f0c2a9b3d --timeout 15m")]
struct ArtifactWaitArgs {
    /// Name of the artifact
    #[arg(value_name = "ARTIFACT", add = complete::artifacts())]
    name: String,
    /// How long to wait, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
    /// Stop at once where a person has to act first (exit code 8)
    #[arg(long)]
    fail_on_waiting: bool,
}

/// Wait until an app runs, and no release of it is on its way
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet wait app shop -e staging")]
struct AppWaitArgs {
    #[command(flatten)]
    place: Place,
    /// How long to wait, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
}

/// How far something has to get, and in which time.
#[derive(Debug, Args)]
pub(super) struct GoalArgs {
    /// What to wait for: committed, applied, healthy, condition=TYPE[=STATUS] or phase=PHASE
    #[arg(long = "for", value_name = "GOAL", default_value = "healthy", value_parser = Goal::parse)]
    goal: Goal,
    /// How long to wait, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
}

pub(super) async fn run(command: &WaitCommand, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    match &command.what {
        What::Release(ReleaseWaitArgs { name, goal, fail_on_waiting }) => match &goal.goal {
            Goal::Step(step) => {
                let wait = WaitArgs::until(*step, goal.timeout, *fail_on_waiting);
                follow(&cluster, name, &wait).await?;
                told::<Release>(name, &goal.goal)?;
            }
            other => {
                let mut reporter = Reporter::new();
                let judge = |release: &Release| {
                    reporter.see(release);
                    other.judge_release(release)
                };
                until(&cluster, name, goal.timeout, judge, present).await?;
                drop(reporter);
                told::<Release>(name, other)?;
            }
        },
        What::Set(SetWaitArgs { name, goal }) => {
            follow_set(&cluster, name, goal).await?;
            told::<ReleaseSet>(name, &goal.goal)?;
        }
        What::Artifact(ArtifactWaitArgs { name, timeout, fail_on_waiting }) => {
            let following = Following { timeout: *timeout, fail_on_waiting: *fail_on_waiting };
            let followed = artifact::follow(&cluster, name, &following).await?;
            output::print(&followed.text())?;
            followed.verdict()?;
        }
        What::App(AppWaitArgs { place: Place { app, environment }, timeout }) => {
            let name = app_object(app, environment);
            app_runs(&cluster, &name, *timeout).await?;
            told::<App>(&name, &Goal::Step(Step::Healthy))?;
        }
    }
    Ok(Finish::Done)
}

/// Follows a set until it got as far as it has to; every other end is an error.
pub(super) async fn follow_set(
    cluster: &Cluster,
    name: &str,
    GoalArgs { goal, timeout }: &GoalArgs,
) -> Result<ReleaseSet, CommandError> {
    let mut reporter = Reporter::new();
    let judge = |set: &ReleaseSet| {
        let status = set.status.clone().unwrap_or_default();
        reporter.show(status.phase.as_str(), &said(&status.conditions));
        judge_set(set, goal)
    };
    let present = |set: &ReleaseSet| said(&set.status.clone().unwrap_or_default().conditions);
    until(cluster, name, *timeout, judge, present).await
}

async fn app_runs(cluster: &Cluster, name: &str, timeout: Duration) -> Result<(), CommandError> {
    let mut reporter = Reporter::new();
    let mut note = None;
    let judge = |app: &App| -> Judged {
        let status = app.status.clone().unwrap_or_default();
        match &status.pending {
            Some(pending) => reporter.show("Releasing", pending),
            None => reporter.show("Waiting", &said(&status.conditions)),
        }
        match judge_app(app) {
            ControlFlow::Break(Ok(unknown)) => {
                note = unknown;
                ControlFlow::Break(Ok(()))
            }
            ControlFlow::Break(Err(error)) => ControlFlow::Break(Err(error)),
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
        }
    };
    let present = |app: &App| said(&app.status.clone().unwrap_or_default().conditions);
    until(cluster, name, timeout, judge, present).await?;
    drop(reporter);
    if let Some(note) = note {
        output::note(&format!("note: {note}"));
    }
    Ok(())
}

/// Says on stdout that the goal was reached, as `kubectl wait` does.
fn told<K: Row>(name: &str, goal: &Goal) -> Result<(), CommandError> {
    output::print(&format!("{}/{name} {goal}\n", K::NAME))
}

/// Returns what an object says of itself.
fn said(conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]) -> String {
    condition::find(conditions, READY)
        .map_or_else(|| "the operator has not looked at it yet".to_owned(), |c| c.message.clone())
}
