//! `env component`: the platform's components of an environment.

mod catalogue;
mod edit;

use clap::builder::styling::AnsiColor;
use clap::{Args, Subcommand};
use gimlet_crds::{Component, Environment, labels};
use gimlet_manifest::component::{COMPONENT_FOLDER, component_files};
use gimlet_manifest::flux::FluxEnv;
use gimlet_manifest::plan::{DiffOptions, Files, diff};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use self::edit::ComponentArgs;
use super::plan::PlanArgs;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::row::Row as _;
use crate::command::write::{DryRun, fetch, partial};
use crate::error::{CommandError, Finish, Kind};
use crate::output::{self, Cell, Format};
use crate::{complete, prompt};

/// Add, change and remove Helm charts that Flux installs beside the apps
///
/// A component is a chart of spec.components of the Environment. The operator writes Flux' objects for it to the
/// gitops repository, and Flux' helm-controller installs it. How the files change is shown first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env component list staging
  gimlet env component list --catalogue
  gimlet env component add staging ingress")]
pub(super) struct ComponentCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(ListArgs),
    Add(Box<AddArgs>),
    Set(Box<SetArgs>),
    Remove(RemoveArgs),
}

/// List the components of an environment, or what the catalogue offers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env component list staging
  gimlet env component list --catalogue")]
struct ListArgs {
    /// Name of the environment
    #[arg(value_name = "ENV", required_unless_present = "catalogue", add = complete::environments())]
    environment: Option<String>,
    /// List what the catalogue offers
    #[arg(long, conflicts_with = "environment")]
    catalogue: bool,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// Add a component to an environment
///
/// What the catalogue knows of a component of this name need not be said; flags come before it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env component add staging ingress
  gimlet env component add staging metrics --values metrics.yaml
  gimlet env component add staging redis --chart redis --repository oci://registry.example.com/charts \\
      --chart-version 1.2.3 --target-namespace redis")]
struct AddArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    component: ComponentArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Change a component of an environment
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env component set staging ingress --chart-version 42.x
  gimlet env component set staging ingress --set deployment.replicas=2 --dry-run=server")]
struct SetArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    component: ComponentArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Remove a component from an environment: Flux uninstalls it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env component remove staging ingress")]
struct RemoveArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Names a component of an environment.
#[derive(Clone, Debug, Args)]
struct Which {
    /// Name of the environment
    #[arg(value_name = "ENV", add = complete::environments())]
    environment: String,
    /// Name of the component
    #[arg(value_name = "NAME")]
    component: String,
}

pub(super) async fn run(
    command: &ComponentCommand,
    global: &Global,
) -> Result<Finish, CommandError> {
    let (which, plan) = match &command.what {
        What::List(args) => return list(args, global).await,
        What::Add(args) => (&args.which, &args.plan),
        What::Set(args) => (&args.which, &args.plan),
        What::Remove(args) => (&args.which, &args.plan),
    };
    let name = which.component.as_str();
    let cluster = Cluster::connect(global).await?;
    let environment = fetch::<Environment>(&cluster, &which.environment).await?;
    let mut components = environment.spec.components.clone();
    let at = components.iter().position(|component| component.name == name);
    let missing = || {
        let message = format!("environment {} has no component {name}", which.environment);
        CommandError::new(Kind::NotFound, message)
            .hint(format!("gimlet env component list {}", which.environment))
    };
    match &command.what {
        What::Add(args) => {
            if at.is_some() {
                let message = format!("environment {} has {name} already", which.environment);
                return Err(
                    CommandError::usage(message).hint("gimlet env component set changes it")
                );
            }
            components.push(args.component.make(name, catalogue::find(name)?)?);
        }
        What::Set(args) => {
            let at = at.ok_or_else(missing)?;
            args.component.change(&mut components[at])?;
        }
        What::Remove(_) => {
            components.remove(at.ok_or_else(missing)?);
        }
        What::List(_) => {}
    }
    send(&cluster, &environment, components, plan).await
}

/// Shows how the files change, asks, and changes the environment if nobody else did meanwhile.
async fn send(
    cluster: &Cluster,
    environment: &Environment,
    components: Vec<Component>,
    plan: &PlanArgs,
) -> Result<Finish, CommandError> {
    let name = environment.metadata.name.as_deref().unwrap_or_default();
    let mut changed = environment.clone();
    changed.spec.components.clone_from(&components);
    if changed == *environment {
        output::note("nothing to change");
        return Ok(Finish::Done);
    }
    let mut patch =
        partial::<Environment>(Some(&cluster.namespace), name, &json!({"components": components}));
    if plan.dry_run == DryRun::Client {
        output::print(&output::object(&patch, Format::Yaml)?)?;
        return Ok(Finish::Done);
    }
    let text = diff(&files(environment)?, &files(&changed)?, DiffOptions::default());
    output::note(text.trim_end());
    let dry_run = plan.dry_run == DryRun::Server;
    prompt::confirm(&format!("change environment {name}"), plan.yes || dry_run)?;
    // A list is replaced whole, so it must be the one that was read.
    patch["metadata"]["resourceVersion"] = json!(environment.metadata.resource_version);
    let params = PatchParams {
        dry_run,
        field_manager: Some(labels::CLI.to_owned()),
        ..PatchParams::default()
    };
    let api = cluster.api::<Environment>();
    let written = api.patch(name, &params, &Patch::Merge(patch)).await.map_err(|error| {
        if matches!(&error, kube::Error::Api(status) if status.code == 409) {
            let message = format!("environment {name} was changed by somebody else meanwhile");
            return CommandError::new(Kind::BaseChanged, message).hint("run the command again");
        }
        cluster.request("patch", "environments", Some(name)).failed(&error)
    })?;
    let note = if dry_run { " (server dry run)" } else { "" };
    output::print(&format!("{} configured{note}\n", written.path()))?;
    Ok(Finish::Done)
}

/// Makes the files that the repository gets, as the operator does.
fn files(environment: &Environment) -> Result<Files, CommandError> {
    let env = FluxEnv::of(environment)?;
    let path = environment.spec.gitops.path.as_str();
    let slash = if path.is_empty() { "" } else { "/" };
    let files = component_files(&env, environment).into_iter();
    Ok(files
        .map(|(name, data)| (format!("{path}{slash}{COMPONENT_FOLDER}/{name}"), data))
        .collect())
}

async fn list(args: &ListArgs, global: &Global) -> Result<Finish, CommandError> {
    let Some(name) = &args.environment else {
        let offers = catalogue::offers()?;
        let components: Vec<Component> =
            offers.iter().map(|offer| offer.component.clone()).collect();
        let abouts: Vec<Cell> = offers.iter().map(|offer| offer.about.as_str().into()).collect();
        show(&components, "ABOUT", &abouts, args.output)?;
        return Ok(Finish::Done);
    };
    let cluster = Cluster::connect(global).await?;
    let environment = fetch::<Environment>(&cluster, name).await?;
    let states: Vec<Cell> =
        environment.spec.components.iter().map(|one| state(one, &environment)).collect();
    show(&environment.spec.components, "STATE", &states, args.output)?;
    Ok(Finish::Done)
}

/// Says whether a component is in the repository as the environment has it.
fn state(component: &Component, environment: &Environment) -> Cell {
    let status = environment.status.as_ref();
    let seen = status.and_then(|s| s.observed_generation) == environment.metadata.generation;
    let written = status.map_or(&[][..], |status| status.components.as_slice());
    let is = |found: &&gimlet_crds::ComponentStatus| found.name == component.name;
    match written.iter().find(is) {
        Some(found) if seen && found.version == component.chart.version => {
            Cell::colored("✓ in git", AnsiColor::Green)
        }
        _ => Cell::colored("⠿ not written yet", AnsiColor::Blue),
    }
}

fn show(
    components: &[Component],
    last: &'static str,
    cells: &[Cell],
    output: Format,
) -> Result<(), CommandError> {
    let text = match output {
        Format::Json | Format::Yaml => output::object(&components, output)?,
        Format::Name => output::lines(components.iter().map(|component| component.name.clone())),
        Format::Table | Format::Wide => {
            let rows = components.iter().zip(cells).map(|(component, cell)| {
                let Component { name, chart, namespace, .. } = component;
                let texts = [name, &chart.name, &chart.version, namespace, &chart.repository];
                let mut row: Vec<Cell> = texts.iter().map(|text| text.as_str().into()).collect();
                if output == Format::Table {
                    row.truncate(4);
                }
                row.push(cell.clone());
                row
            });
            let headers = ["NAME", "CHART", "VERSION", "NAMESPACE", "REPOSITORY", last];
            let narrow = ["NAME", "CHART", "VERSION", "NAMESPACE", last];
            let headers = if output == Format::Table { &narrow[..] } else { &headers[..] };
            output::table(Some(headers), &rows.collect::<Vec<_>>())
        }
    };
    output::print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(version: &str) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "generation": 1},
            "spec": {"gitops": {"url": "https://git.example.com/a/b.git", "path": "staging"},
                "components": [{"name": "ingress", "namespace": "ingress", "chart":
                    {"repository": "https://charts.example.com", "name": "traefik", "version": version}}]},
            "status": {"observedGeneration": 1, "components": [{"name": "ingress", "version": "1.0.0"}]},
        }))
        .unwrap()
    }

    #[test]
    fn the_difference_is_that_of_the_files_in_git() {
        let old = files(&environment("1.0.0")).unwrap();
        let text = diff(&old, &files(&environment("1.1.0")).unwrap(), DiffOptions::default());
        assert!(text.contains("staging/flux_components/component-ingress.yaml"), "{text}");
        assert!(text.contains("-      version: \"1.0.0\"\n+      version: \"1.1.0\""), "{text}");
    }

    #[test]
    fn a_component_is_in_git_once_the_operator_says_so() {
        let state = |version: &str| {
            let environment = environment(version);
            state(&environment.spec.components[0], &environment).text().to_owned()
        };
        assert_eq!(state("1.0.0"), "✓ in git");
        assert_eq!(state("1.1.0"), "⠿ not written yet");
    }
}
