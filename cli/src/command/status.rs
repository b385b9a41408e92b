//! `status`: what is where, and in what state.

mod detail;
mod first;
mod state;

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::styling::AnsiColor;
use gimlet_crds::{App, Environment, Release};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::runtime::watcher::Config;
use kube::{Api, ResourceExt};

use super::row::Row;
use super::watch::{next_change, watch_kind};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::output::{self, Cell, Format};

pub(super) use state::AppState;

/// Show what is where
///
/// Without APP a table of apps and environments: the version and its state,
///   ✓ runs   ⠿ on its way   ✕ failed   ⏸ on hold   ? nothing reports,
///   ≠ git was changed by hand   → another release is on its way, or with its version the first one.
/// With APP the details of each of its environments.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  gimlet status
  gimlet status --watch
  gimlet status shop -e production"
)]
pub(crate) struct StatusArgs {
    /// Name of the app
    #[arg(value_name = "APP", add = complete::apps())]
    app: Option<String>,
    /// Only one environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    environment: Option<String>,
    /// Form of the output; wide lists one app and environment a line
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Go on, and show each change
    #[arg(short, long)]
    watch: bool,
}

impl StatusArgs {
    /// Finds first releases on their way, for people; objects are Apps alone.
    async fn first(&self, cluster: &Cluster, apps: &[App]) -> Result<Vec<Release>, CommandError> {
        if self.output != Format::Table {
            return Ok(Vec::new());
        }
        let mut releases = match list(cluster, cluster.api::<Release>()).await {
            // Whoever may see apps alone is shown those.
            Err(error) if error.kind() == Kind::Forbidden => return Ok(Vec::new()),
            found => found?,
        };
        releases.retain(|release| {
            self.app.as_ref().is_none_or(|wanted| release.spec.app == *wanted)
                && self.environment.as_ref().is_none_or(|name| release.spec.environment == *name)
        });
        Ok(first::first(releases, apps))
    }

    /// Makes flags for the details of one app.
    pub(super) fn of(app: String, environment: Option<String>, output: Format) -> Self {
        Self { app: Some(app), environment, output, watch: false }
    }
}

pub(super) async fn run(args: &StatusArgs, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    if !args.watch {
        let text = look(args, &cluster).await?;
        output::print(&text)?;
        return Ok(Finish::Done);
    }
    let mut apps = Box::pin(watch_kind(cluster.api::<App>(), Config::default()));
    let mut environments = Box::pin(watch_kind(cluster.api::<Environment>(), Config::default()));
    let mut releases = Box::pin(watch_kind(cluster.api::<Release>(), Config::default()));
    let mut shown = String::new();
    loop {
        tokio::select! {
            change = next_change(&cluster, &mut apps) => change?,
            change = next_change(&cluster, &mut environments) => change?,
            // How far a pending release is, and first ones, of which there is no App.
            change = next_change(&cluster, &mut releases) => change?,
        }
        let text = look(args, &cluster).await?;
        if text != shown {
            let separator = if shown.is_empty() { "" } else { "\n" };
            output::print(&format!("{separator}{text}"))?;
            shown = text;
        }
    }
}

/// Looks at the cluster, and returns what there is to show.
async fn look(args: &StatusArgs, cluster: &Cluster) -> Result<String, CommandError> {
    let mut apps = list(cluster, cluster.api::<App>()).await?;
    apps.retain(|app| {
        args.app.as_ref().is_none_or(|wanted| app.spec.app == *wanted)
            && args.environment.as_ref().is_none_or(|wanted| app.spec.environment == *wanted)
    });
    apps.sort_by_key(|app| (app.spec.app.clone(), app.spec.environment.clone()));
    let first = args.first(cluster, &apps).await?;
    if apps.is_empty()
        && first.is_empty()
        && let Some(app) = &args.app
    {
        let place = args.environment.as_ref().map(|env| format!(" in {env}")).unwrap_or_default();
        return Err(CommandError::new(
            Kind::NotFound,
            format!("there is no app {app}{place} in namespace {}", cluster.namespace),
        )
        .hint("gimlet status lists the apps; gimlet release makes one"));
    }
    match args.output {
        Format::Json | Format::Yaml => return output::list(&apps, args.output),
        Format::Name => {
            return Ok(output::lines(apps.iter().map(Row::path)));
        }
        Format::Wide => {
            let now = Timestamp::now();
            let rows: Vec<_> = apps.iter().map(|app| app.cells(now, true)).collect();
            return Ok(output::table(Some(App::headers(true)), &rows));
        }
        Format::Table => {}
    }
    let environments = list(cluster, cluster.api::<Environment>()).await?;
    if args.app.is_none() {
        return Ok(matrix(&apps, &first, &environments, args.environment.as_deref()));
    }
    let pending = pending(cluster, &apps).await?;
    let details = detail::details(&apps, &environments, &pending, Timestamp::now());
    let blocks = [details].into_iter().chain(first.iter().map(first::block));
    Ok(blocks.filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n"))
}

async fn list<K: Row>(cluster: &Cluster, api: Api<K>) -> Result<Vec<K>, CommandError> {
    let found = api
        .list(&ListParams::default())
        .await
        .map_err(|error| cluster.request("list", K::PLURAL, None).failed(&error))?;
    Ok(found.items)
}

/// Fetches the releases that are on their way; one that is gone by now is left out.
async fn pending(cluster: &Cluster, apps: &[App]) -> Result<Vec<Release>, CommandError> {
    let mut found = Vec::new();
    for app in apps {
        let Some(name) = app.status.as_ref().and_then(|status| status.pending.as_ref()) else {
            continue;
        };
        let release =
            cluster.api::<Release>().get_opt(name).await.map_err(|error| {
                cluster.request("get", Release::PLURAL, Some(name)).failed(&error)
            })?;
        found.extend(release);
    }
    Ok(found)
}

/// Lays out apps and environments as a table.
fn matrix(
    apps: &[App],
    first: &[Release],
    environments: &[Environment],
    only: Option<&str>,
) -> String {
    if apps.is_empty() && environments.is_empty() {
        return "there is nothing yet: create an Environment, then release to it\n".into();
    }
    let names: BTreeSet<String> = environments
        .iter()
        .map(ResourceExt::name_any)
        .chain(apps.iter().map(|app| app.spec.environment.clone()))
        .chain(first.iter().map(|release| release.spec.environment.clone()))
        .filter(|name| only.is_none_or(|only| only == name))
        .collect();
    let mut rows = vec![title(&names, environments)];
    let of_first = first.iter().map(|release| release.spec.app.as_str());
    let apps_by_name: BTreeSet<&str> =
        apps.iter().map(|app| app.spec.app.as_str()).chain(of_first).collect();
    for name in apps_by_name {
        let mut row = vec![Cell::from(name)];
        for environment in &names {
            let app = apps
                .iter()
                .find(|app| app.spec.app == name && app.spec.environment == *environment);
            let coming = first.iter().find(|release| {
                release.spec.app == name && release.spec.environment == *environment
            });
            let cell = app.map(|app| AppState::of(app).cell(app));
            row.push(cell.or_else(|| coming.map(first::cell)).unwrap_or_default());
        }
        rows.push(row);
    }
    output::table(None, &rows)
}

/// Names the environments, with what holds back all of their apps.
fn title(names: &BTreeSet<String>, environments: &[Environment]) -> Vec<Cell> {
    let mut title = vec![Cell::from("APP")];
    for name in names {
        let upper = name.to_uppercase();
        let found = environments.iter().find(|environment| environment.name_any() == *name);
        title.push(match found {
            Some(environment) if environment.spec.suspend => {
                Cell::colored(format!("{upper} ⏸ suspended"), AnsiColor::Yellow)
            }
            Some(environment) if environment.spec.lock.is_some() => {
                Cell::colored(format!("{upper} ⏸ locked"), AnsiColor::Yellow)
            }
            _ => Cell::from(upper),
        });
    }
    title
}

#[cfg(test)]
mod tests;
