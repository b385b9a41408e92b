//! `manifest`: deploy manifests, without a cluster.

mod compare;
mod guess;
mod init;
mod lint;
mod migrate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use gimlet_charts::{Access, ChartRef, Fetched, Fetcher, LocalPolicy, Options, Source};
use gimlet_crds::{Chart, SourceVersion};
use gimlet_manifest::plan::{DiffOptions, Files, diff};
use gimlet_manifest::{RenderInput, RenderedApp, render, resolve};
use jiff::Timestamp;

use crate::error::{CommandError, Finish, Kind, chain};
use crate::manifest_source::{Chosen, ManifestArgs};
use crate::output;
use crate::seed::SeedArgs;

/// Kubernetes version that charts are told where nothing is said.
const KUBE_VERSION: &str = "1.36.0";

/// Work with deploy manifests, without a cluster
#[derive(Debug, Args)]
pub(crate) struct ManifestCommand {
    #[command(subcommand)]
    command: ManifestSubcommand,
}

#[derive(Debug, Subcommand)]
enum ManifestSubcommand {
    Init(Box<init::InitArgs>),
    Render(Box<RenderArgs>),
    Lint(lint::LintArgs),
    #[command(name = "diff")]
    Compare(Box<compare::CompareArgs>),
    Migrate(migrate::MigrateArgs),
}

/// Render a deploy manifest as the operator does
///
/// The same engine puts the variables in, renders the chart and applies the patches, but with this
/// machine's files: a chart may be a folder or a .tgz beside the manifest. Variables and rules of the
/// Environment are not known here: pass them. Charts from a network are fetched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet manifest render -f .gimlet/staging.yaml --from-git
  gimlet manifest render -f .gimlet/staging.yaml --var SHA=abc123 -o rendered
  gimlet manifest render -f .gimlet/staging.yaml --from-git --diff ../gitops/staging/shop")]
struct RenderArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Write the files to this folder, instead of one stream of YAML to stdout
    #[arg(short, long, value_name = "DIR", help_heading = "Rendering")]
    output: Option<PathBuf>,
    /// Compare with the files of this folder: exit code 1 where they differ
    #[arg(long, value_name = "DIR", conflicts_with = "output", help_heading = "Rendering")]
    diff: Option<PathBuf>,
    /// Kubernetes version that charts are told
    #[arg(long, value_name = "VERSION", default_value = KUBE_VERSION, help_heading = "Rendering")]
    kube_version: String,
    /// API version that charts are told to be there, such as monitoring.coreos.com/v1; repeatable
    #[arg(long, value_name = "GROUP/VERSION", help_heading = "Rendering")]
    api_version: Vec<String>,
    /// Accept plain Secret objects
    #[arg(long, help_heading = "Rendering")]
    allow_secrets: bool,
    #[command(flatten, next_help_heading = "Rendering")]
    seed: SeedArgs,
}

pub(super) async fn run(command: &ManifestCommand) -> Result<Finish, CommandError> {
    match &command.command {
        ManifestSubcommand::Init(args) => init::run(args),
        ManifestSubcommand::Lint(args) => {
            lint::run(args).await.map_err(CommandError::of_comparison)
        }
        ManifestSubcommand::Compare(args) => {
            compare::run(args).await.map_err(CommandError::of_comparison)
        }
        ManifestSubcommand::Migrate(args) => migrate::run(args),
        ManifestSubcommand::Render(args) => {
            let result = run_render(args).await;
            if args.diff.is_some() { result.map_err(CommandError::of_comparison) } else { result }
        }
    }
}

async fn run_render(args: &RenderArgs) -> Result<Finish, CommandError> {
    let RenderArgs { manifest, output: folder, diff: old, .. } = args;
    let chosen = manifest.choose()?;
    let options = Rendering {
        local: LocalPolicy::Allow(manifest.folder()),
        kube_version: &args.kube_version,
        api_versions: &args.api_version,
        allow_secrets: args.allow_secrets,
        seed: args.seed.seed()?,
    };
    let rendered = rendered(options, chosen).await?;
    for warning in &rendered.warnings {
        output::note(&format!("warning: {warning}"));
    }
    if let Some(old) = old {
        let text = diff(&read_folder(old)?, &rendered.files, DiffOptions::default());
        output::print(&text)?;
        return Ok(if text.is_empty() { Finish::Done } else { Finish::Differences });
    }
    match folder {
        Some(folder) => {
            write_folder(folder, &rendered.files)?;
            output::note(&format!("{} files in {}", rendered.files.len(), folder.display()));
        }
        None => output::print(&stream(&rendered.files))?,
    }
    Ok(Finish::Done)
}

/// Renders a manifest only to be looked at; charts on this machine are taken from the folder alone.
pub(super) async fn render_for_diff(
    chosen: Chosen,
    folder: Option<PathBuf>,
    seed: [u8; 32],
) -> Result<Files, CommandError> {
    let options = Rendering {
        local: folder.map_or(LocalPolicy::Refuse, LocalPolicy::Allow),
        kube_version: KUBE_VERSION,
        api_versions: &[],
        allow_secrets: true,
        seed,
    };
    Ok(rendered(options, chosen).await?.files)
}

/// How a manifest is rendered.
struct Rendering<'a> {
    local: LocalPolicy,
    kube_version: &'a str,
    api_versions: &'a [String],
    allow_secrets: bool,
    seed: [u8; 32],
}

async fn rendered(options: Rendering<'_>, chosen: Chosen) -> Result<RenderedApp, CommandError> {
    let Rendering { local, kube_version, api_versions, allow_secrets, seed } = options;
    let Chosen { app, environment, manifest, vars, version } = chosen;
    let mut all = version.as_ref().map(SourceVersion::variables).unwrap_or_default();
    all.insert("APP".into(), app.as_str().to_owned());
    all.insert("ENV".into(), environment.as_str().to_owned());
    all.extend(vars);
    let resolved = resolve(&manifest, &all).map_err(|error| {
        CommandError::usage(error.to_string())
            .hint("set variables with --var NAME=VALUE, --from-git or --commit")
    })?;
    let chart = match resolved.chart.clone() {
        None => None,
        Some(chart) => Some(fetch(&fetcher(), source(chart, &local)?).await?),
    };
    let input = RenderInput {
        app: &app,
        environment: &environment,
        manifest: &resolved,
        chart: chart.as_ref().map(|fetched| fetched.chart.as_ref()),
        kubernetes_version: kube_version,
        api_versions,
        // What is drawn at random differs in a release: its seed is a secret of the operator.
        seed,
        time: Timestamp::now(),
        allow_secrets,
    };
    render(&input).map_err(|error| CommandError::general(chain(&error)))
}

fn source(chart: Chart, local: &LocalPolicy) -> Result<Source, CommandError> {
    let Chart { repository, name, version, hook_policy: _ } = chart;
    Source::parse(&ChartRef { repository, name, version }, local)
        .map_err(|error| CommandError::usage(chain(&error)))
}

fn fetcher() -> Arc<Fetcher> {
    Arc::new(Fetcher::new(Options {
        cache_dir: cache_folder(),
        timeout: Duration::from_mins(2),
        allow_local: true,
        // It is the person's own machine.
        allow_loopback: true,
        ..Options::default()
    }))
}

async fn fetch(fetcher: &Arc<Fetcher>, source: Source) -> Result<Fetched, CommandError> {
    let broken = |error: &dyn std::error::Error| CommandError::general(chain(error));
    let fetcher = Arc::clone(fetcher);
    tokio::task::spawn_blocking(move || fetcher.fetch(&source, &Access::default()))
        .await
        .map_err(|error| broken(&error))?
        .map_err(|error| broken(&error))
}

/// Returns where charts are kept between two calls.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("gimlet").join("charts"))
}

/// Joins files to one stream of YAML documents.
fn stream(files: &Files) -> String {
    let mut text = String::new();
    for (name, data) in files {
        text.push_str(&format_document(name, &String::from_utf8_lossy(data)));
    }
    text
}

fn format_document(name: &str, data: &str) -> String {
    format!("---\n# {name}\n{data}")
}

fn write_folder(folder: &Path, files: &Files) -> Result<(), CommandError> {
    let broken = |path: &Path, error: &std::io::Error| {
        CommandError::general(format!("{} cannot be written: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| broken(folder, &error))?;
    for (name, data) in files {
        let path = folder.join(name);
        std::fs::write(&path, data).map_err(|error| broken(&path, &error))?;
    }
    Ok(())
}

/// Reads the files of an app's folder, without those below it.
fn read_folder(folder: &Path) -> Result<Files, CommandError> {
    let broken = |path: &Path, error: &std::io::Error| {
        let kind = if error.kind() == std::io::ErrorKind::NotFound {
            Kind::NotFound
        } else {
            Kind::General
        };
        CommandError::new(kind, format!("{} cannot be read: {error}", path.display()))
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| broken(folder, &error))? {
        let path = entry.map_err(|error| broken(folder, &error))?.path();
        if path.is_file()
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            let data = std::fs::read(&path).map_err(|error| broken(&path, &error))?;
            files.insert(name.to_owned(), data);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;
    use crate::command::Command;
    use insta::assert_snapshot;

    const RAW: &str = "app: shop\nenv: staging\nnamespace: shop\nmanifests: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: shop}\n  data: {sha: '{{ .SHA }}'}\n";

    async fn run_line(folder: &Path, more: &[&str]) -> Result<Finish, CommandError> {
        let file = folder.join("x.yaml");
        std::fs::write(&file, RAW).unwrap();
        let mut line =
            vec!["gimlet", "manifest", "render", "--commit", "abc", "-f", file.to_str().unwrap()];
        line.extend(more);
        let cli = parse(line.into_iter().map(Into::into).collect()).unwrap();
        let Command::Manifest(command) = cli.command else { panic!("another command") };
        run(&command).await
    }

    #[tokio::test]
    async fn a_manifest_is_rendered_and_compared_without_a_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let out = out.to_str().unwrap();
        assert_eq!(run_line(folder.path(), &["-o", out]).await, Ok(Finish::Done));
        let written = read_folder(Path::new(out)).unwrap();
        assert_snapshot!(stream(&written));
        assert_eq!(run_line(folder.path(), &["--diff", out]).await, Ok(Finish::Done));
        let changed = run_line(folder.path(), &["--diff", out, "--var", "SHA=def"]).await;
        assert_eq!(changed, Ok(Finish::Differences));
    }

    #[tokio::test]
    async fn a_folder_to_compare_with_that_is_not_there_is_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let error = run_line(folder.path(), &["--diff", "/nowhere"]).await.unwrap_err();
        assert_eq!(error.exit_code(), 6);
    }
}
