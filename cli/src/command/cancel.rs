//! `cancel` and `confirm`: the two things that can still be said to a release.

use clap::Args;
use gimlet_crds::{Phase, Release, ReleaseSet};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::row::Row;
use super::write::{DryRun, WriteArgs, fetch, partial};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};

/// Cancel a release that is not in git yet
///
/// What is in git cannot be cancelled, only rolled back. With --set all releases of a ReleaseSet are
/// cancelled together.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet cancel shop.production-x7k2p
  gimlet cancel --set shop-4m2qd")]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    write: WriteArgs,
}

/// Let a release remove what the deletion guard asks about
///
/// A release that removes a namespace, a volume, a definition or most of an app waits until somebody has
/// looked at its plan (gimlet diff --release) and confirms it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet confirm shop.production-x7k2p
  gimlet confirm --set shop-4m2qd")]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Name of the release
    #[arg(value_name = "RELEASE", add = complete::releases())]
    release: Option<String>,
    /// Name of a ReleaseSet instead
    #[arg(long, value_name = "NAME", add = complete::sets())]
    set: Option<String>,
}

pub(super) async fn cancel(args: &CancelArgs, global: &Global) -> Result<Finish, CommandError> {
    let spec = json!({"cancel": true});
    say(&args.which, &spec, "asked to cancel", &args.write, global).await
}

pub(super) async fn confirm(args: &ConfirmArgs, global: &Global) -> Result<Finish, CommandError> {
    let spec = json!({"confirm": true});
    say(&args.which, &spec, "confirmed", &args.write, global).await
}

async fn say(
    which: &Which,
    spec: &Value,
    became: &str,
    write: &WriteArgs,
    global: &Global,
) -> Result<Finish, CommandError> {
    match (&which.release, &which.set) {
        (Some(name), _) => one::<Release>(name, spec, became, write, global).await?,
        (None, Some(name)) => one::<ReleaseSet>(name, spec, became, write, global).await?,
        // The group of arguments is required.
        (None, None) => return Err(CommandError::usage("name a release, or a set with --set")),
    }
    Ok(Finish::Done)
}

/// What can be cancelled and confirmed.
trait Attempt: Row {
    /// Returns where it is on its way, and whether it is in git.
    fn place(&self) -> (Phase, bool);
    /// Returns the command that takes back what is in git.
    fn way_back(&self) -> String;
}

impl Attempt for Release {
    fn place(&self) -> (Phase, bool) {
        let status = self.status.as_ref();
        (
            status.map(|status| status.phase).unwrap_or_default(),
            status.is_some_and(|status| status.commit.is_some()),
        )
    }

    fn way_back(&self) -> String {
        format!("gimlet rollback {} -e {} --reason \"…\"", self.spec.app, self.spec.environment)
    }
}

impl Attempt for ReleaseSet {
    fn place(&self) -> (Phase, bool) {
        let status = self.status.as_ref();
        (
            status.map(|status| status.phase).unwrap_or_default(),
            status.is_some_and(|status| status.commit.is_some()),
        )
    }

    fn way_back(&self) -> String {
        format!("gimlet history APP -e {} shows what to go back to", self.spec.environment)
    }
}

async fn one<K: Attempt>(
    name: &str,
    spec: &Value,
    became: &str,
    write: &WriteArgs,
    global: &Global,
) -> Result<(), CommandError> {
    if write.dry_run == DryRun::Client {
        return write.show(&partial::<K>(global.namespace.as_deref(), name, spec));
    }
    let cluster = Cluster::connect(global).await?;
    check(&fetch::<K>(&cluster, name).await?)?;
    let changed: K = write.patch(&cluster, name, spec).await?;
    write.tell(&changed, became)?;
    let list = K::PLURAL;
    write.hint(&format!("gimlet get {list} {name} --watch"));
    Ok(())
}

/// Refuses what can have no effect any more.
fn check<K: Attempt>(object: &K) -> Result<(), CommandError> {
    let (phase, in_git) = object.place();
    let name = object.name_any();
    if in_git {
        return Err(CommandError::general(format!(
            "{name} is in git already: it is {}",
            phase.as_str()
        ))
        .hint(object.way_back()));
    }
    if phase.ended_before_git() || matches!(phase, Phase::Failed | Phase::Unchanged) {
        return Err(CommandError::general(format!("{name} has ended: it is {}", phase.as_str()))
            .hint("nothing has to be done; release again to try once more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn told(phase: &str, in_git: bool) -> String {
        let mut status = json!({"phase": phase});
        if in_git {
            status["commit"] = json!({"sha": "a", "short": "a", "branch": "main", "path": "x"});
        }
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "shop.staging-x"},
            "spec": {"app": "shop", "environment": "staging"}, "status": status,
        }))
        .unwrap();
        check(&release).map_or_else(
            |error| anstream::adapter::strip_str(&error.styled()).to_string(),
            |()| "fine".to_owned(),
        )
    }

    #[test]
    fn only_what_is_on_its_way_can_be_cancelled() {
        assert_eq!(told("Waiting", false), "fine");
        assert_eq!(told("Queued", false), "fine");
        assert_snapshot!(told("Healthy", true), @r#"
        error: shop.staging-x is in git already: it is Healthy
        hint: gimlet rollback shop -e staging --reason "…"
        "#);
        assert_snapshot!(told("Cancelled", false), @r"
        error: shop.staging-x has ended: it is Cancelled
        hint: nothing has to be done; release again to try once more
        ");
    }
}
