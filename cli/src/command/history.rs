//! `history`: the releases of an app.

use std::cmp::Reverse;

use clap::Args;
use gimlet_crds::name::app_object;
use gimlet_crds::{App, AppRelease, Release};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Resource as _, ResourceExt as _};

use super::row::{Row, phase, version};
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish, Kind};
use crate::output::{self, Cell, Format, age, since};

/// List the releases of an app, the newest first
///
/// The current one is marked with *. The list comes from the Release objects that are kept; the whole
/// history is in the gitops repository's log, with one commit for each release.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet history shop -e production
  gimlet rollback shop -e production --to RELEASE --reason \"…\"")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    place: Place,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Leave the titles of the columns out
    #[arg(long)]
    no_headers: bool,
}

const HEADERS: &[&str] = &[" ", "RELEASE", "VERSION", "PHASE", "COMMIT", "AGE", "BY", "REASON"];

pub(super) async fn run(args: &HistoryArgs, global: &Global) -> Result<Finish, CommandError> {
    let HistoryArgs { place: Place { app, environment }, output, no_headers } = args;
    let cluster = Cluster::connect(global).await?;
    let fields = format!("spec.app={app},spec.environment={environment}");
    let list = cluster
        .api::<Release>()
        .list(&ListParams::default().fields(&fields))
        .await
        .map_err(|error| cluster.request("list", "releases", None).failed(&error))?;
    let mut releases = list.items;
    releases.retain(|release| !release.spec.plan_only);
    releases.sort_by_key(|release| Reverse((release.creation_timestamp(), release.name_any())));
    let name = app_object(app, environment);
    let found = cluster
        .api::<App>()
        .get_opt(&name)
        .await
        .map_err(|error| cluster.request("get", "apps", Some(&name)).failed(&error))?;
    if releases.is_empty() && found.is_none() {
        return Err(CommandError::new(
            Kind::NotFound,
            format!(
                "there is no release of {app} in {environment} in namespace {}",
                cluster.namespace
            ),
        )
        .hint("gimlet status lists the apps and their environments"));
    }
    let text = match output {
        Format::Json | Format::Yaml => output::list(&releases, *output)?,
        Format::Name => output::lines(releases.iter().map(Row::path)),
        Format::Table | Format::Wide => {
            let rows = rows(&releases, found.as_ref(), Timestamp::now());
            output::table((!no_headers).then_some(HEADERS), &rows)
        }
    };
    output::print(&text)?;
    Ok(Finish::Done)
}

/// Returns the releases as rows; those whose objects are gone come from what the App remembers.
fn rows(releases: &[Release], app: Option<&App>, now: Timestamp) -> Vec<Vec<Cell>> {
    let status = app.and_then(|app| app.status.clone()).unwrap_or_default();
    let current = status.current.as_ref();
    let mark = |name: &str| {
        let is_current = current.is_some_and(|current| current.name == name);
        Cell::from(if is_current { "*" } else { " " })
    };
    let mut rows: Vec<Vec<Cell>> = releases
        .iter()
        .map(|release| {
            let status = release.status.clone().unwrap_or_default();
            let name = release.name_any();
            vec![
                mark(&name),
                name.into(),
                version(release).unwrap_or_default().into(),
                phase(status.phase),
                status.commit.map(|commit| commit.short).unwrap_or_default().into(),
                age(release.meta(), now).into(),
                release.spec.requested_by.clone().unwrap_or_default().into(),
                release.spec.reason.clone().unwrap_or_default().into(),
            ]
        })
        .collect();
    let remembered = [&status.current, &status.previous].into_iter().flatten();
    let gone = remembered.filter(|known| !releases.iter().any(|r| r.name_any() == known.name));
    rows.extend(gone.map(|release| {
        let AppRelease { name, uid: _, version, commit, tree: _, time, artifact: _, source: _ } =
            release;
        vec![
            mark(name),
            name.as_str().into(),
            version.clone().unwrap_or_default().into(),
            Cell::from("in git"),
            commit.get(..7).unwrap_or(commit).into(),
            since(time, now).into(),
            Cell::default(),
            Cell::default(),
        ]
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[test]
    fn releases_whose_objects_are_gone_are_remembered() {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "shop.staging-b", "creationTimestamp": "2026-01-01T11:00:00Z"},
            "spec": {"app": "shop", "environment": "staging", "reason": "the fix", "requestedBy": "jane"},
            "status": {"phase": "Healthy", "version": "v2", "commit":
                {"sha": "4e1f09c0", "short": "4e1f09c", "branch": "main", "path": "staging/shop"}},
        }))
        .unwrap();
        let recorded = |name: &str, version: &str| {
            json!({"name": name, "uid": "u", "version": version, "commit": "aaaaaaabbb", "tree": "t",
                   "time": "2025-12-31T12:00:00Z"})
        };
        let app: App = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "shop.staging"},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"current": recorded("shop.staging-b", "v2"), "previous": recorded("shop.staging-a", "v1")},
        }))
        .unwrap();
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let text = output::table(Some(HEADERS), &rows(&[release], Some(&app), now));
        assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }
}
