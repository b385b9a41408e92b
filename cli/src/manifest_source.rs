//! The deploy manifest that a command is about: from a file, or from flags.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use gimlet_charts::{ChartRef, LocalPolicy, Source, SourceError};
use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{Chart, DeployManifest, SourceVersion, Values};
use gimlet_manifest::{Vars, resolve};

use crate::complete;
use crate::error::{CommandError, Kind};
use crate::source_version::VersionArgs;
use crate::values;

/// Flags that say what to deploy.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ManifestArgs {
    /// Name of the app; may be left out where the file says it
    #[arg(value_name = "APP", add = complete::apps())]
    pub(crate) app: Option<String>,
    /// Environment; may be left out where the file says it
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    pub(crate) environment: Option<String>,
    /// File with deploy manifests; - reads stdin
    #[arg(short, long, value_name = "FILE", help_heading = "What to deploy")]
    file: Option<PathBuf>,
    /// Chart, instead of a file: app is the built-in one
    #[arg(long, value_name = "NAME", conflicts_with = "file", help_heading = "What to deploy")]
    chart: Option<String>,
    /// Version of the chart, or a range such as ~1.2
    #[arg(long, value_name = "VERSION", requires = "chart", help_heading = "What to deploy")]
    chart_version: Option<String>,
    /// Repository of the chart (https://… or oci://…)
    #[arg(
        long = "repository",
        value_name = "URL",
        requires = "chart",
        help_heading = "What to deploy"
    )]
    chart_repository: Option<String>,
    /// Namespace of the cluster that the app goes to, with --chart
    #[arg(long, value_name = "NAME", requires = "chart", help_heading = "What to deploy")]
    target_namespace: Option<String>,
    /// File with values for the chart, over those of the manifest; repeatable
    #[arg(long, value_name = "FILE", help_heading = "What to deploy")]
    values: Vec<PathBuf>,
    /// Value for the chart, such as replicas=3 or a.b=c; repeatable
    #[arg(long, value_name = "PATH=VALUE", help_heading = "What to deploy")]
    set: Vec<String>,
    /// Like --set, but the value is always text
    #[arg(long, value_name = "PATH=VALUE", help_heading = "What to deploy")]
    set_string: Vec<String>,
    /// Image, for the values image.repository and image.tag or image.digest
    #[arg(long, value_name = "REPOSITORY:TAG", help_heading = "What to deploy")]
    image: Option<String>,
    /// Variable for the templates of the manifest; repeatable
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What to deploy")]
    var: Vec<String>,
    #[command(flatten)]
    version: VersionArgs,
}

/// A manifest with all that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) app: AppName,
    pub(crate) environment: EnvName,
    /// The manifest, its variables not put in.
    pub(crate) manifest: DeployManifest,
    /// Variables from flags.
    pub(crate) vars: Vars,
    /// Facts of the source commit.
    pub(crate) version: Option<SourceVersion>,
}

impl ManifestArgs {
    /// Reads the manifest that the flags mean.
    pub(crate) fn choose(&self) -> Result<Chosen, CommandError> {
        match &self.file {
            Some(path) => self.choose_in(&read(path)?),
            None => self.choose_among(vec![self.flags()?]),
        }
    }

    /// Reads the manifest that the flags mean of another text than that of the file.
    pub(crate) fn choose_in(&self, text: &str) -> Result<Chosen, CommandError> {
        let path = self.file.as_deref().unwrap_or_else(|| Path::new("-")).display();
        let candidates = gimlet_manifest::file::parse(text)
            .map_err(|error| CommandError::usage(format!("{path}: {error}")))?;
        self.choose_among(candidates)
    }

    /// Returns the file that was named, where that is one of this machine.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn choose_among(&self, candidates: Vec<DeployManifest>) -> Result<Chosen, CommandError> {
        let vars = parse_vars(&self.var)?;
        let version = self.version.version()?;
        let mut known = version.as_ref().map(SourceVersion::variables).unwrap_or_default();
        known.extend(vars.clone());
        let named = candidates
            .into_iter()
            .map(|manifest| Named::new(manifest, &known))
            .collect::<Result<Vec<_>, _>>()?;
        let Named { app, environment, mut manifest } =
            pick(named, self.app.as_deref(), self.environment.as_deref())?;
        self.overrule(&mut manifest)?;
        Ok(Chosen {
            app: AppName::parse(&app)?,
            environment: EnvName::parse(&environment)?,
            manifest,
            vars,
            version,
        })
    }

    /// Reads the variables from flags alone.
    pub(crate) fn vars(&self) -> Result<Vars, CommandError> {
        parse_vars(&self.var)
    }

    /// Returns the folder that paths in the manifest are relative to.
    pub(crate) fn folder(&self) -> PathBuf {
        let parent =
            self.file.as_deref().filter(|path| *path != Path::new("-")).and_then(Path::parent);
        parent
            .filter(|path| !path.as_os_str().is_empty())
            .map_or_else(|| PathBuf::from("."), Path::to_owned)
    }

    fn flags(&self) -> Result<DeployManifest, CommandError> {
        let Some(chart) = &self.chart else {
            return Err(CommandError::usage("it is not said what to deploy").hint(
                "pass a deploy manifest with -f FILE, or a chart with --chart app --image …",
            ));
        };
        let Some(namespace) = &self.target_namespace else {
            return Err(CommandError::usage("it is not said which namespace the app goes to")
                .hint("pass --target-namespace NAME"));
        };
        Ok(DeployManifest {
            namespace: namespace.clone(),
            chart: Some(Chart {
                repository: self.chart_repository.clone(),
                name: chart.clone(),
                version: self.chart_version.clone(),
                hook_policy: None,
            }),
            ..DeployManifest::default()
        })
    }

    /// Puts the values of flags over those of the manifest.
    fn overrule(&self, manifest: &mut DeployManifest) -> Result<(), CommandError> {
        let Self { values: files, set, set_string, image, .. } = self;
        if files.is_empty() && set.is_empty() && set_string.is_empty() && image.is_none() {
            return Ok(());
        }
        if manifest.chart.is_none() {
            return Err(CommandError::usage("the manifest has no chart that values could go to")
                .hint("take --values, --set and --image away, or use --var"));
        }
        let mut all = manifest.values.take().unwrap_or_default().0;
        for path in files {
            let text = read(path)?;
            values::merge(&mut all, values::parse_file(&path.display().to_string(), &text)?);
        }
        if let Some(image) = image {
            values::set_image(&mut all, image)?;
        }
        for assignment in set {
            values::set(&mut all, assignment, true)?;
        }
        for assignment in set_string {
            values::set(&mut all, assignment, false)?;
        }
        manifest.values = Some(Values(all));
        Ok(())
    }
}

/// Reads variables of the form NAME=VALUE.
pub(crate) fn parse_vars(pairs: &[String]) -> Result<Vars, CommandError> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(CommandError::usage(format!("{pair:?} sets no variable"))
                .hint("write it as --var NAME=VALUE")),
        })
        .collect()
}

/// Refuses a chart that only this machine has.
pub(crate) fn refuse_local(manifest: &DeployManifest) -> Result<(), CommandError> {
    let Some(chart) = manifest.chart.as_ref().filter(|chart| !is_template(&chart.name)) else {
        return Ok(());
    };
    let reference = ChartRef {
        repository: chart.repository.clone().filter(|repository| !is_template(repository)),
        name: chart.name.clone(),
        version: None,
    };
    match Source::parse(&reference, &LocalPolicy::Refuse) {
        Err(SourceError::LocalRefused { name }) => Err(CommandError::usage(format!(
            "chart {name:?} is on this machine, where the operator cannot read it"
        ))
        .hint(
            "push it to a repository, an OCI registry or git; to look at it here: \
             gimlet manifest render",
        )),
        _ => Ok(()),
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// A manifest whose app and environment are known as far as it says them.
#[derive(Clone, Debug, PartialEq)]
struct Named<App = Option<String>, Env = Option<String>> {
    app: App,
    environment: Env,
    manifest: DeployManifest,
}

impl Named {
    /// Takes the names out of a manifest: the Release says them, and they may be templates.
    fn new(mut manifest: DeployManifest, vars: &Vars) -> Result<Self, CommandError> {
        let names = DeployManifest {
            app: manifest.app.take(),
            env: manifest.env.take(),
            ..DeployManifest::default()
        };
        let names = resolve(&names, vars).map_err(|error| {
            CommandError::usage(error.to_string())
                .hint("set it with --var NAME=VALUE, or --from-git")
        })?;
        Ok(Self { app: names.app, environment: names.env, manifest })
    }

    fn matches(&self, app: Option<&str>, environment: Option<&str>) -> bool {
        let same = |said: Option<&str>, wanted: Option<&str>| {
            said.is_none() || wanted.is_none() || said == wanted
        };
        same(self.app.as_deref(), app) && same(self.environment.as_deref(), environment)
    }

    fn title(&self) -> String {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "*".into());
        format!("{} -e {}", name(&self.app), name(&self.environment))
    }
}

/// Picks the one manifest that app and environment mean.
fn pick(
    named: Vec<Named>,
    app: Option<&str>,
    environment: Option<&str>,
) -> Result<Named<String, String>, CommandError> {
    let titles = named.iter().map(Named::title).collect::<Vec<_>>().join(", ");
    let mut matching = named.into_iter().filter(|named| named.matches(app, environment));
    let Some(found) = matching.next() else {
        return Err(CommandError::new(
            Kind::NotFound,
            "the file has no manifest of that app and environment",
        )
        .hint(format!("it has: {titles}")));
    };
    if matching.next().is_some() {
        return Err(CommandError::usage("the file has several manifests: say which one is meant")
            .hint(format!("one of: {titles}")));
    }
    let missing = |what: &str, flag: &str| {
        CommandError::usage(format!("it is not said which {what} is meant"))
            .hint(format!("pass {flag}"))
    };
    Ok(Named {
        app: app.map(str::to_owned).or(found.app).ok_or_else(|| missing("app", "APP"))?,
        environment: environment
            .map(str::to_owned)
            .or(found.environment)
            .ok_or_else(|| missing("environment", "-e ENV"))?,
        manifest: found.manifest,
    })
}

/// Reads a file, or stdin.
pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let broken = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::General,
        };
        CommandError::new(kind, format!("{} cannot be read: {error}", path.display()))
    };
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(broken)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(broken)
}

#[cfg(test)]
#[path = "manifest_source_tests.rs"]
mod tests;
