//! Where the chart of `template` is.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gimlet_charts::{
    Access, BUILT_IN_NAME, ChartRef, Fetcher, HostCredentials, LocalPolicy, Options, Secret, Source,
};
use gimlet_helm::Chart;

use crate::command::manifest::cache_folder;
use crate::error::{CommandError, Kind, chain};
use crate::output;

/// Largest archive that is read from the local disk.
const MAX_ARCHIVE: u64 = 100 << 20;
/// Largest password.
const MAX_PASSWORD: u64 = 64 << 10;

/// Flags that say where the chart is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the chart is")]
pub(super) struct LocationArgs {
    /// Chart repository (https://… or oci://…) that has CHART
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Version of the chart, or a range such as ~1.2 [default: the newest stable one]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Take pre-releases too: the same as --version '>0.0.0-0'
    #[arg(long)]
    devel: bool,
    /// Fetch the dependencies that a local chart lacks; its folder stays as it is
    #[arg(long)]
    dependency_update: bool,
    /// User name for the host of the chart
    #[arg(long, value_name = "NAME", env = "GIMLET_CHART_USERNAME", hide_env_values = true)]
    username: Option<String>,
    #[arg(
        help = "Read the password from stdin; GIMLET_CHART_PASSWORD otherwise",
        long,
        requires = "username"
    )]
    password_stdin: bool,
    /// Certificate authorities (PEM) to trust instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl LocationArgs {
    /// Brings the chart.
    pub(super) async fn load(&self, chart: &str) -> Result<Arc<Chart>, CommandError> {
        let name = chart.trim();
        let path = Path::new(name);
        if path.exists() {
            if self.repo.is_some() {
                output::note(&format!("warning: {name} is on this machine: --repo is not asked"));
            }
            if !self.dependency_update {
                return read(path).map(Arc::new);
            }
            let source = if path.is_dir() {
                Source::Local(path.to_owned())
            } else {
                Source::Archive(path.to_owned())
            };
            return self.fetch(source).await;
        }
        if path.is_absolute() || name.starts_with('.') {
            return Err(CommandError::new(Kind::NotFound, format!("path {name:?} not found")));
        }
        self.fetch(self.source(name)?).await
    }

    fn source(&self, name: &str) -> Result<Source, CommandError> {
        if self.repo.is_none() && !is_address(name) && !is_built_in(name) {
            return Err(not_found(name));
        }
        let devel = self.devel.then(|| ">0.0.0-0".to_owned());
        let chart = ChartRef {
            repository: self.repo.clone(),
            name: name.to_owned(),
            version: self.version.clone().or(devel),
        };
        Source::parse(&chart, &LocalPolicy::Refuse)
            .map_err(|error| CommandError::usage(flag_names(&chain(&error))))
    }

    async fn fetch(&self, source: Source) -> Result<Arc<Chart>, CommandError> {
        let access = self.access(&source)?;
        let options = Options {
            cache_dir: cache_folder(),
            timeout: Duration::from_mins(2),
            allow_local: true,
            // It is the person's own machine.
            allow_loopback: true,
            ..Options::default()
        };
        tokio::task::spawn_blocking(move || Fetcher::new(options).fetch(&source, &access))
            .await
            .map_err(|error| CommandError::general(chain(&error)))?
            .map(|fetched| fetched.chart)
            .map_err(|error| CommandError::general(chain(&error)))
    }

    fn access(&self, source: &Source) -> Result<Access, CommandError> {
        let ca = self.ca_file.as_ref().map(std::fs::read).transpose().map_err(|error| {
            CommandError::usage(format!("the file of --ca-file cannot be read: {error}"))
        })?;
        let mut access = Access { ca, ..Access::default() };
        if let (Some(username), Some(host)) = (&self.username, host(source)) {
            let password = self.password()?;
            access.credentials.push(HostCredentials { host, username: username.clone(), password });
        }
        Ok(access)
    }

    fn password(&self) -> Result<Secret, CommandError> {
        let hint = "set GIMLET_CHART_PASSWORD, or pass it to stdin with --password-stdin";
        if !self.password_stdin {
            return std::env::var("GIMLET_CHART_PASSWORD").map(Secret::new).map_err(|_| {
                CommandError::usage("there is a user name for the chart, but no password")
                    .hint(hint)
            });
        }
        let mut text = String::new();
        std::io::stdin().take(MAX_PASSWORD).read_to_string(&mut text).map_err(|error| {
            CommandError::usage(format!("the password cannot be read: {error}")).hint(hint)
        })?;
        // What `echo` adds is not meant.
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        Ok(Secret::new(text))
    }
}

fn read(path: &Path) -> Result<Chart, CommandError> {
    let broken = |error: &dyn std::fmt::Display| {
        CommandError::general(format!("{} is not a usable chart: {error}", path.display()))
    };
    if path.is_dir() {
        return Chart::from_dir(path).map_err(|error| broken(&error));
    }
    let size = std::fs::metadata(path).map_err(|error| broken(&error))?.len();
    if size > MAX_ARCHIVE {
        return Err(broken(&format!("it has {size} bytes, more than {MAX_ARCHIVE}")));
    }
    let bytes = std::fs::read(path).map_err(|error| broken(&error))?;
    Chart::from_archive(&bytes).map_err(|error| broken(&error))
}

fn is_address(name: &str) -> bool {
    name.contains("://") || name.starts_with("git@")
}

fn is_built_in(name: &str) -> bool {
    name == BUILT_IN_NAME || name.strip_prefix("gimlet/") == Some(BUILT_IN_NAME)
}

fn not_found(name: &str) -> CommandError {
    match name.split_once('/') {
        Some((repo, chart)) if !repo.is_empty() && !chart.is_empty() && !chart.contains('/') => {
            CommandError::new(
                Kind::NotFound,
                format!(
                    "there is no folder {name:?}, and {repo:?} is no repository here: the list of \
                     `helm repo add` is not read"
                ),
            )
            .hint(format!(
                "gimlet template {chart} --repo URL, with the URL that `helm repo list` has for {repo}"
            ))
        }
        _ => CommandError::new(Kind::NotFound, format!("there is no chart {name:?} on this machine"))
            .hint(format!(
                "pass a folder, a .tgz, an oci:// address or --repo URL; {BUILT_IN_NAME} is the \
                 built-in chart"
            )),
    }
}

/// Names the flags where an error names the fields of a deploy manifest.
fn flag_names(message: &str) -> String {
    message
        .replace("chart.repository", "--repo")
        .replace("chart.version", "--version")
        .replace("chart.name", "CHART")
}

/// Returns the host that credentials are for.
fn host(source: &Source) -> Option<String> {
    let of = |url: &url::Url| {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    };
    match source {
        Source::Repository { url, .. } | Source::ArchiveUrl(url) => of(url),
        Source::Oci { registry, .. } => Some(registry.clone()),
        Source::Git { url, .. } => url::Url::parse(url).ok().as_ref().and_then(of),
        Source::BuiltIn | Source::Local(_) | Source::Archive(_) => None,
    }
}
