//! A release sent to the cluster, and followed where that was asked for.

use gimlet_crds::{Release, client};
use kube::ResourceExt as _;

use super::plan;
use super::row::Row as _;
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::follow::{WaitArgs, follow};
use crate::output::{self, Format};

/// How a release is sent, and what is told of it.
pub(super) struct Sending<'a> {
    /// Lets the API server judge it, and keeps nothing.
    pub(super) dry_run: bool,
    /// Form of the output.
    pub(super) output: Format,
    /// Whether and how it is followed.
    pub(super) wait: &'a WaitArgs,
}

/// Creates a release, tells of it, and follows it where that was asked for.
pub(super) async fn send(
    cluster: &Cluster,
    release: &Release,
    sending: &Sending<'_>,
) -> Result<(), CommandError> {
    let Sending { dry_run, output, wait } = sending;
    let created = client::create(&cluster.api(), release, *dry_run)
        .await
        .map_err(|error| cluster.request("create", "releases", None).failed(&error))?;
    let name = created.name_any();
    let follows = wait.wait && !dry_run;
    match output {
        Format::Table => {
            let note = if *dry_run { " (server dry run)" } else { "" };
            output::print(&format!("release.gimlet.io/{name} created{note}\n"))?;
        }
        Format::Name => output::print(&format!("release.gimlet.io/{name}\n"))?,
        Format::Json | Format::Yaml | Format::Wide if !follows => show(&created, *output)?,
        Format::Json | Format::Yaml | Format::Wide => {}
    }
    if !follows {
        if *output == Format::Table && !dry_run {
            output::note(&format!("hint: gimlet wait release {name} -n {}", cluster.namespace));
        }
        return Ok(());
    }
    let ended = follow(cluster, &name, wait).await?;
    match output {
        Format::Json | Format::Yaml | Format::Wide => show(&ended, *output),
        Format::Table if ended.spec.plan_only => output::print(&plan::text(&ended)),
        Format::Table | Format::Name => Ok(()),
    }
}

fn show(release: &Release, format: Format) -> Result<(), CommandError> {
    if format == Format::Wide {
        let now = jiff::Timestamp::now();
        let rows = [release.cells(now, true)];
        return output::print(&output::table(Some(Release::headers(true)), &rows));
    }
    output::print(&output::object(release, format)?)
}
