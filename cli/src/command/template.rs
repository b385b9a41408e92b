//! `template`: a chart rendered as `helm template` renders it.

mod foreign;
mod location;
mod output_folder;
mod show_only;
mod values;

use clap::Args;
use gimlet_helm::text::{Draws, TextOptions, render_text};
use gimlet_helm::{HelmVersion, Hook, RenderOptions, Rendered, render};
use jiff::Timestamp;
use serde_json::Value;

use crate::args::Global;
use crate::error::{CommandError, Finish, chain};
use crate::output;
use crate::seed::SeedArgs;

use foreign::ForeignArgs;
use location::LocationArgs;
use output_folder::OutputFolder;
use values::ValueArgs;

/// The Kubernetes that charts are told of unless the caller says otherwise, as with helm.
const KUBE_VERSION: &str = "1.36.0";
/// Longest name of a release that Helm takes.
const MAX_NAME: usize = 53;

/// Render a Helm chart as `helm template` does, without Helm
///
/// Prints the same bytes as helm 3 for the same chart, values and flags. CHART is a folder, a .tgz, an
/// oci:// address, an https:// address of a .tgz, a chart of --repo, a git address, or app for the
/// built-in chart. No cluster and no kubeconfig is looked at: the namespace is that of -n, or default.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    after_help = "Examples:
  gimlet template shop ./charts/shop -f production.yaml --set image.tag=1.4.2
  gimlet template shop podinfo --repo https://stefanprodan.github.io/podinfo --version ~6.7
  gimlet template oci://ghcr.io/stefanprodan/charts/podinfo -s templates/deployment.yaml
  gimlet template shop app --set image.repository=ghcr.io/acme/shop --set-string image.tag=1.4.2

What is the same as with helm and what is not: docs/helm.md"
)]
pub(crate) struct TemplateArgs {
    /// Name of the release [default: release-name]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The chart
    #[arg(value_name = "CHART")]
    chart: String,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    location: LocationArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    facts: FactArgs,
    #[command(flatten)]
    foreign: ForeignArgs,
}

/// Flags that say what is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct WhatArgs {
    /// Render as helm 4 does: other blank lines, webhooks last, nulls of the chart's values dropped
    #[arg(long)]
    helm4: bool,
    /// Show the files of crds/ too
    #[arg(long)]
    include_crds: bool,
    /// Show only these templates, such as templates/service.yaml; repeatable, with wildcards
    #[arg(short, long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Leave hooks out
    #[arg(long)]
    no_hooks: bool,
    /// Leave test hooks out
    #[arg(long)]
    skip_tests: bool,
    /// Write a file for each template below this folder, instead of to stdout
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,
    /// Use the name of the release as a folder below that of --output-dir
    #[arg(long)]
    release_name: bool,
}

/// Flags for what the chart is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the chart is told")]
struct FactArgs {
    /// Kubernetes version
    #[arg(long, value_name = "VERSION", default_value = KUBE_VERSION)]
    kube_version: String,
    /// API version that is there, such as monitoring.coreos.com/v1; repeatable, or with commas
    #[arg(short, long, value_name = "GROUP/VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Say that the release is there already
    #[arg(long)]
    is_upgrade: bool,
    /// Name of the release as a template, such as 'shop-{{ randAlphaNum 5 | lower }}'
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Refuse a NAME, as helm does; a name is not made up, with helm neither
    #[arg(short, long)]
    generate_name: bool,
    /// Do not check the values against the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,
    #[command(flatten)]
    seed: SeedArgs,
}

pub(super) async fn run(args: &TemplateArgs, global: &Global) -> Result<Finish, CommandError> {
    let TemplateArgs { name, chart, values, location, what, facts, foreign } = args;
    foreign.check()?;
    let now = Timestamp::now();
    let seed = facts.seed.seed()?;
    let release_name = facts.release_name(name.as_deref(), Draws { seed, now })?;
    let chart = location.load(chart).await?;
    let values = values.merged()?;
    check_name(&release_name)?;
    let options = RenderOptions {
        helm: if what.helm4 { HelmVersion::V4 } else { HelmVersion::V3 },
        release_name,
        namespace: global.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        kube_version: facts.kube_version().to_owned(),
        api_versions: facts.api_versions.clone(),
        is_upgrade: facts.is_upgrade,
        include_crds: what.include_crds,
        skip_schema_validation: facts.skip_schema_validation,
        keep_integers: true,
        seed,
        now,
        ..RenderOptions::default()
    };
    let mut rendered =
        render(&chart, &values, &options).map_err(|error| CommandError::general(chain(&error)))?;
    for warning in &rendered.warnings {
        output::note(&format!("warning: {warning}"));
    }
    what.retain(&mut rendered);
    let text = match &what.output_dir {
        None => rendered.to_template_output(),
        Some(folder) => {
            let subfolder = what.release_name.then_some(options.release_name.as_str());
            output::print(&OutputFolder::new(folder, subfolder).write(&rendered)?)?;
            // Helm prints its manifests here too: of the nothing that is left, the line end.
            "\n".to_owned()
        }
    };
    if what.show_only.is_empty() {
        output::print(&text)?;
    } else {
        output::print(&show_only::select(&text, &what.show_only)?)?;
    }
    Ok(Finish::Done)
}

impl WhatArgs {
    /// Takes out the hooks that nobody wants to see.
    fn retain(&self, rendered: &mut Rendered) {
        let is_test = |hook: &Hook| hook.events.iter().any(|event| event == "test");
        rendered.hooks.retain(|hook| !(self.no_hooks || self.skip_tests && is_test(hook)));
    }
}

impl FactArgs {
    /// The Kubernetes version; helm takes an empty one for none given.
    fn kube_version(&self) -> &str {
        if self.kube_version.is_empty() { KUBE_VERSION } else { &self.kube_version }
    }

    fn release_name(&self, name: Option<&str>, draws: Draws) -> Result<String, CommandError> {
        let template = self.name_template.as_deref().filter(|template| !template.is_empty());
        if let Some(name) = name {
            let refused = |flag: &str| {
                Err(CommandError::usage(format!("cannot set {flag} and also specify a name")))
            };
            return match template {
                _ if self.generate_name => refused("--generate-name"),
                Some(_) => refused("--name-template"),
                None => Ok(name.to_owned()),
            };
        }
        let Some(template) = template else { return Ok("release-name".to_owned()) };
        let options = TextOptions { draws: Some(draws), ..TextOptions::default() };
        render_text("name-template", template, &Value::Null, &options)
            .map_err(|error| CommandError::usage(error.to_string()))
    }
}

/// Refuses names that Helm refuses, in its words.
fn check_name(name: &str) -> Result<(), CommandError> {
    let broken = |why: &str| {
        CommandError::usage(format!("release name {name:?}: {why}"))
            .hint("use lower case letters, digits, '-' and '.'")
    };
    if name.is_empty() {
        return Err(broken("no name provided"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = name.len() <= MAX_NAME
        && name.split('.').all(|part| {
            part.starts_with(plain)
                && part.ends_with(plain)
                && part.chars().all(|c| plain(c) || c == '-')
        });
    if good {
        return Ok(());
    }
    Err(broken(
        "invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must \
         not be longer than 53",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_helm_takes() {
        for name in ["a", "shop-2", "a.b", "0"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", ".a", "a_b", &"x".repeat(54)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
