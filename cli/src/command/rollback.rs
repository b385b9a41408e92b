//! `rollback`: puts back what an app was.

use clap::Args;
use gimlet_crds::client::generate_name;
use gimlet_crds::name::{AppName, EnvName, app_object};
use gimlet_crds::{App, Release, ReleaseSpec, RollbackTo};
use kube::api::ListParams;
use kube::core::ObjectMeta;

use super::send::{self, Sending};
use super::write::DryRun;
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::WaitArgs;
use crate::output::{self, Format};

/// Put back what an app was before
///
/// Nothing is rendered: the files that an earlier release had committed are committed again, any
/// distance back, in one step. The app is then on hold, so that no automation brings the culprit back.
/// Without --to it is the newest release that differs from what is there now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet rollback shop -e production --reason \"checkout is broken\" --wait
  gimlet rollback shop -e production --to shop.production-x7k2p --reason \"back to last week\"
  gimlet history shop -e production")]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    place: Place,
    /// Release or gitops commit to go back to
    #[arg(long, value_name = "RELEASE|COMMIT", add = complete::releases())]
    to: Option<String>,
    /// Why; people and the audit log will read it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Create nothing: show the object (client), or let the API server judge it (server)
    #[arg(long, value_name = "WHERE", default_value = "none")]
    dry_run: DryRun,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: &RollbackArgs, global: &Global) -> Result<Finish, CommandError> {
    let RollbackArgs { place: Place { app, environment }, to, reason, dry_run, output, wait } =
        args;
    AppName::parse(app)?;
    EnvName::parse(environment)?;
    let Some(reason) = reason.as_ref().filter(|reason| !reason.trim().is_empty()) else {
        let to = to.as_ref().map(|to| format!(" --to {to}")).unwrap_or_default();
        return Err(CommandError::usage("a reason is required for a rollback")
            .hint(format!("gimlet rollback {app} -e {environment}{to} --reason \"…\"")));
    };
    if let (Some(to), DryRun::Client) = (to, dry_run) {
        let mut release = build(app, environment, parse_target(to), reason);
        release.metadata.namespace.clone_from(&global.namespace);
        return show(&release, *output);
    }
    let cluster = Cluster::connect(global).await?;
    let target = match to {
        Some(to) => parse_target(to),
        None => find_target(&cluster, app, environment).await?,
    };
    let mut release = build(app, environment, target, reason);
    if *dry_run == DryRun::Client {
        release.metadata.namespace = Some(cluster.namespace);
        return show(&release, *output);
    }
    release.spec.requested_by = cluster.person().await;
    let dry_run = *dry_run == DryRun::Server;
    send::send(&cluster, &release, &Sending { dry_run, output: *output, wait }).await?;
    Ok(Finish::Done)
}

/// Shows the object that would be sent.
fn show(release: &Release, format: Format) -> Result<Finish, CommandError> {
    let format = if format == Format::Json { Format::Json } else { Format::Yaml };
    output::print(&output::object(release, format)?)?;
    Ok(Finish::Done)
}

/// Makes the object of a rollback.
fn build(app: &str, environment: &str, target: RollbackTo, reason: &str) -> Release {
    Release {
        metadata: ObjectMeta {
            generate_name: Some(generate_name(app, environment)),
            ..ObjectMeta::default()
        },
        spec: ReleaseSpec {
            app: app.to_owned(),
            environment: environment.to_owned(),
            rollback_to: Some(target),
            reason: Some(reason.to_owned()),
            ..ReleaseSpec::default()
        },
        status: None,
    }
}

/// Tells a commit from the name of a release.
fn parse_target(to: &str) -> RollbackTo {
    let is_commit =
        (7..=64).contains(&to.len()) && to.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_commit {
        RollbackTo { commit: Some(to.to_owned()), ..RollbackTo::default() }
    } else {
        RollbackTo { release: Some(to.to_owned()), ..RollbackTo::default() }
    }
}

async fn find_target(
    cluster: &Cluster,
    app: &str,
    environment: &str,
) -> Result<RollbackTo, CommandError> {
    let name = app_object(app, environment);
    let found = cluster
        .api::<App>()
        .get(&name)
        .await
        .map_err(|error| cluster.request("get", "apps", Some(&name)).failed(&error))?;
    let fields = format!("spec.app={app},spec.environment={environment}");
    let releases = cluster
        .api::<Release>()
        .list(&ListParams::default().fields(&fields))
        .await
        .map_err(|error| cluster.request("list", "releases", None).failed(&error))?;
    default_target(&found, &releases.items).ok_or_else(|| {
        CommandError::new(
            Kind::NotFound,
            format!("there is no earlier release of {app} in {environment} that differs"),
        )
        .hint("name one with --to RELEASE or --to COMMIT; the gitops repository's log lists them")
    })
}

/// Finds the newest release whose files differ from those that are there now.
fn default_target(app: &App, releases: &[Release]) -> Option<RollbackTo> {
    let status = app.status.as_ref()?;
    let current = status.current.as_ref()?;
    if let Some(previous) = status.previous.as_ref().filter(|p| p.tree != current.tree) {
        return Some(if previous.name.is_empty() {
            RollbackTo { commit: Some(previous.commit.clone()), ..RollbackTo::default() }
        } else {
            RollbackTo { release: Some(previous.name.clone()), ..RollbackTo::default() }
        });
    }
    let differing = releases.iter().filter_map(|release| {
        let status = release.status.as_ref()?;
        let committed = status.timestamps.committed.as_ref()?;
        let tree = &status.plan.as_ref()?.tree;
        let older = committed.0 < current.time.0;
        let name = release.metadata.name.clone()?;
        (older && *tree != current.tree).then_some((committed.0, name))
    });
    let (_, name) = differing.max()?;
    Some(RollbackTo { release: Some(name), ..RollbackTo::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn app(previous: &Value) -> App {
        let current = recorded("now", "t3");
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "shop.staging"},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"current": current, "previous": previous},
        }))
        .unwrap()
    }

    fn recorded(name: &str, tree: &str) -> Value {
        json!({"name": name, "uid": "u", "commit": "c".repeat(40), "tree": tree, "time": "2026-01-03T00:00:00Z"})
    }

    fn release(name: &str, tree: &str, day: u8) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": name},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"phase": "Healthy", "timestamps": {"committed": format!("2026-01-{day:02}T00:00:00Z")},
                "plan": {"digest": "d", "tree": tree, "added": 0, "changed": 0, "removed": 0}},
        }))
        .unwrap()
    }

    fn name_of(target: Option<RollbackTo>) -> Option<String> {
        target.and_then(|target| target.release)
    }

    #[test]
    fn the_release_before_is_put_back() {
        let target = default_target(&app(&recorded("before", "t2")), &[]);
        assert_eq!(name_of(target).as_deref(), Some("before"));
    }

    #[test]
    fn a_release_without_a_name_is_put_back_by_its_commit() {
        let target = default_target(&app(&recorded("", "t2")), &[]).unwrap();
        assert_eq!(target.commit, Some("c".repeat(40)));
    }

    #[test]
    fn releases_that_would_change_nothing_are_passed_over() {
        let releases = [
            release("a", "t1", 1),
            release("b", "t2", 2),
            release("c", "t3", 2),
            release("d", "t9", 9),
        ];
        let target = default_target(&app(&recorded("before", "t3")), &releases);
        assert_eq!(name_of(target).as_deref(), Some("b"));
        assert_eq!(default_target(&app(&Value::Null), &releases[2..3]), None);
    }

    #[test]
    fn a_commit_is_told_from_a_name() {
        assert!(parse_target("4e1f09c").commit.is_some());
        assert!(parse_target("4e1f09").release.is_some());
        assert!(parse_target("shop.staging-x7k2p").release.is_some());
    }
}
