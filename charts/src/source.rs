//! What a deploy manifest's `chart` means.

mod git;
mod oci;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::git::GitReference;
pub use self::oci::OciReference;
use crate::builtin::{BUILT_IN_NAME, built_in_version};
use crate::range::{RangeError, VersionRange, parse_version};

/// Names a chart, as a deploy manifest's `chart` does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartRef {
    /// Address of a chart repository (`https://…` or `oci://…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Name in the repository, or a git, OCI or archive URL, or a local path.
    pub name: String,
    /// Version or range; nothing is the latest stable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Whether charts may be read from the local disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalPolicy {
    /// Local paths are allowed and relative to this folder.
    Allow(PathBuf),
    /// Local paths are refused.
    Refuse,
}

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The chart that is part of the program.
    BuiltIn,
    /// A folder on this machine.
    Local(PathBuf),
    /// A `.tgz` file on this machine.
    Archive(PathBuf),
    /// A `.tgz` file behind a URL.
    ArchiveUrl(Url),
    /// A chart repository with an `index.yaml`.
    Repository {
        /// Address of the repository.
        url: Url,
        /// Name of the chart.
        name: String,
        /// Wanted version or range; `None` is the latest stable one.
        version: Option<VersionRange>,
    },
    /// A chart in a container registry.
    Oci {
        /// Host, optionally with port.
        registry: String,
        /// Path in the registry.
        repository: String,
        /// What to take from it.
        reference: OciReference,
    },
    /// A folder in a git repository.
    Git {
        /// Address of the repository, as git takes it.
        url: String,
        /// Folder of the chart, without slashes at the ends; empty is the root.
        path: String,
        /// Which commit.
        reference: GitReference,
    },
}

/// A chart reference that means nothing, or nothing that is allowed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The name is empty.
    #[error("chart.name is empty; set it to a chart's name, a git URL or an oci:// address")]
    Empty,
    /// A part holds what no name holds.
    #[error("{field} is not acceptable: {detail}")]
    Hostile {
        /// The field of the deploy manifest.
        field: &'static str,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The repository's address has an unknown form.
    #[error("chart.repository {repository:?} is neither an http(s) nor an oci:// address")]
    UnsupportedRepository {
        /// The repository as written.
        repository: String,
    },
    /// A URL cannot be read.
    #[error("{field} is not a URL that can be used: {detail}")]
    InvalidUrl {
        /// The field of the deploy manifest.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A URL holds a password.
    #[error("{field} holds credentials; put them into a Secret and take them out of the URL")]
    CredentialsInUrl {
        /// The field of the deploy manifest.
        field: &'static str,
    },
    /// The version cannot be read.
    #[error("chart.version is not usable")]
    Range(#[from] RangeError),
    /// The built-in chart has another version.
    #[error(
        "the built-in chart has version {}, not {wanted}; leave chart.version out",
        built_in_version()
    )]
    BuiltInVersion {
        /// The version that was asked for.
        wanted: String,
    },
    /// A local path where none may be used.
    #[error(
        "chart {name:?} is a path on a local disk, which only the command line can read; \
         set chart.repository, or use a git URL or an oci:// address"
    )]
    LocalRefused {
        /// The chart's name.
        name: String,
    },
}

impl Source {
    /// Works out where a chart comes from.
    pub fn parse(chart: &ChartRef, local: &LocalPolicy) -> Result<Self, SourceError> {
        let name = chart.name.trim();
        let version = chart.version.as_deref().map(str::trim).filter(|v| !v.is_empty());
        let repository = chart.repository.as_deref().map(str::trim).filter(|r| !r.is_empty());
        if name.is_empty() {
            return Err(SourceError::Empty);
        }
        check_text("chart.name", name)?;
        check_text("chart.version", version.unwrap_or_default())?;
        check_text("chart.repository", repository.unwrap_or_default())?;
        match repository {
            Some(repository) if repository.starts_with("oci://") => {
                oci::parse(&format!("{}/{name}", repository.trim_end_matches('/')), version)
            }
            Some(_) if name.starts_with("oci://") => oci::parse(name, version),
            Some(repository) => parse_repository(repository, name, version),
            None => parse_name(name, version, local),
        }
    }

    /// Names the place, whatever version is wanted of it; it may hold a token and is not shown.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::BuiltIn => format!("built-in {BUILT_IN_NAME}"),
            Self::Local(path) => format!("folder {}", path.display()),
            Self::Archive(path) => format!("file {}", path.display()),
            Self::ArchiveUrl(url) => format!("archive {url}"),
            Self::Repository { url, name, version: _ } => format!("repository {url} {name}"),
            Self::Oci { registry, repository, reference: _ } => {
                format!("registry {registry} {repository}")
            }
            Self::Git { url, path, reference: _ } => format!("git {url} {path}"),
        }
    }
}

fn parse_name(
    name: &str,
    version: Option<&str>,
    local: &LocalPolicy,
) -> Result<Source, SourceError> {
    if name == BUILT_IN_NAME || name.strip_prefix("gimlet/") == Some(BUILT_IN_NAME) {
        return parse_built_in(version);
    }
    if name.starts_with("oci://") {
        return oci::parse(name, version);
    }
    if git::looks_like_git(name) {
        return git::parse(name, local);
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        let url = parse_url("chart.name", name)?;
        if !Path::new(url.path()).extension().is_some_and(|e| e.eq_ignore_ascii_case("tgz")) {
            let detail = "it ends neither in .git nor in .tgz; for a chart repository set \
                          chart.repository"
                .to_owned();
            return Err(SourceError::InvalidUrl { field: "chart.name", detail });
        }
        return Ok(Source::ArchiveUrl(url));
    }
    let LocalPolicy::Allow(base) = local else {
        return Err(SourceError::LocalRefused { name: name.to_owned() });
    };
    let path = base.join(name);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tgz")) {
        return Ok(Source::Archive(path));
    }
    Ok(Source::Local(path))
}

fn parse_built_in(version: Option<&str>) -> Result<Source, SourceError> {
    if let Some(wanted) = version {
        let range = VersionRange::parse(wanted)?;
        if !parse_version(built_in_version()).is_some_and(|v| range.matches(&v)) {
            return Err(SourceError::BuiltInVersion { wanted: wanted.to_owned() });
        }
    }
    Ok(Source::BuiltIn)
}

fn parse_repository(
    repository: &str,
    name: &str,
    version: Option<&str>,
) -> Result<Source, SourceError> {
    if !(repository.starts_with("https://") || repository.starts_with("http://")) {
        return Err(SourceError::UnsupportedRepository { repository: repository.to_owned() });
    }
    let url = parse_url("chart.repository", repository)?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !plain || name.contains("..") || name.starts_with('.') || name.len() > 250 {
        let detail = "a name in a repository has letters, digits, '.', '_' and '-' only";
        return Err(SourceError::Hostile { field: "chart.name", detail });
    }
    let version = version.map(VersionRange::parse).transpose()?;
    Ok(Source::Repository { url, name: name.to_owned(), version })
}

fn parse_url(field: &'static str, text: &str) -> Result<Url, SourceError> {
    let url = Url::parse(text)
        .map_err(|error| SourceError::InvalidUrl { field, detail: error.to_string() })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SourceError::CredentialsInUrl { field });
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(SourceError::InvalidUrl { field, detail: "it names no host".to_owned() });
    }
    Ok(url)
}

/// Refuses what could be taken for an option or for something else than it shows.
fn check_text(field: &'static str, text: &str) -> Result<(), SourceError> {
    let hostile = |detail| Err(SourceError::Hostile { field, detail });
    if text.chars().any(char::is_control) {
        return hostile("it holds control characters");
    }
    if text.starts_with('-') {
        return hostile("it starts with '-'");
    }
    if text.len() > 2048 {
        return hostile("it is longer than 2048 characters");
    }
    Ok(())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => write!(f, "built-in chart {BUILT_IN_NAME}"),
            Self::Local(path) | Self::Archive(path) => write!(f, "{}", path.display()),
            // A query may carry a token.
            Self::ArchiveUrl(url) => {
                f.write_str(url.as_str().split(['?', '#']).next().unwrap_or(""))
            }
            Self::Repository { url, name, .. } => {
                let address = url.as_str().split(['?', '#']).next().unwrap_or("");
                write!(f, "{}/{name}", address.trim_end_matches('/'))
            }
            Self::Oci { registry, repository, .. } => write!(f, "oci://{registry}/{repository}"),
            Self::Git { url, path, reference } => {
                f.write_str(url)?;
                if !path.is_empty() {
                    write!(f, " {path}")?;
                }
                write!(f, " ({reference})")
            }
        }
    }
}

#[cfg(test)]
mod tests;
