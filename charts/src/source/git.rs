//! Git addresses of charts: `https://….git?path=/charts/x/&tag=v1`.

use std::fmt;

use url::Url;

use super::{LocalPolicy, Source, SourceError};

/// Which commit of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitReference {
    /// The head of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A full commit id.
    Commit(String),
    /// The head of the default branch.
    Default,
}

impl fmt::Display for GitReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::Default => f.write_str("default branch"),
        }
    }
}

const FIELD: &str = "chart.name";

/// Tells whether a chart's name is a git address.
pub(super) fn looks_like_git(name: &str) -> bool {
    let address = name.split('?').next().unwrap_or(name);
    let has_scheme =
        ["http://", "https://", "file://"].iter().any(|scheme| address.starts_with(scheme));
    address.starts_with("ssh://")
        || is_scp_form(address)
        || (has_scheme && address.trim_end_matches('/').strip_suffix(".git").is_some())
}

/// Reads a git address.
pub(super) fn parse(name: &str, local: &LocalPolicy) -> Result<Source, SourceError> {
    let (address, query) = name.split_once('?').unwrap_or((name, ""));
    let address = address.trim_end_matches('/');
    check_address(address, name, local)?;
    let mut path = String::new();
    let mut reference = None;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let named = match &*key {
            "path" => {
                path = check_path(&value)?;
                continue;
            }
            "sha" => GitReference::Commit(check_commit(&value)?),
            "tag" => GitReference::Tag(check_ref(&value)?),
            "branch" => GitReference::Branch(check_ref(&value)?),
            _ => {
                return Err(invalid("after '?' only path, sha, tag and branch are known"));
            }
        };
        if reference.replace(named).is_some() {
            return Err(invalid("it names more than one of sha, tag and branch"));
        }
    }
    let reference = reference.unwrap_or(GitReference::Default);
    Ok(Source::Git { url: address.to_owned(), path, reference })
}

fn check_address(address: &str, name: &str, local: &LocalPolicy) -> Result<(), SourceError> {
    if is_scp_form(address) {
        let (user_host, path) = address.split_once(':').unwrap_or((address, ""));
        let host = user_host.split_once('@').map_or(user_host, |(_, host)| host);
        if host.is_empty() || host.starts_with('-') || path.is_empty() || path.starts_with('-') {
            return Err(invalid("write it like git@example.com:team/charts.git"));
        }
        return Ok(());
    }
    let url = Url::parse(address).map_err(|error| invalid(&error.to_string()))?;
    if url.scheme() == "file" {
        return match local {
            LocalPolicy::Allow(_) => Ok(()),
            LocalPolicy::Refuse => Err(SourceError::LocalRefused { name: name.to_owned() }),
        };
    }
    if url.password().is_some() || (url.scheme() != "ssh" && !url.username().is_empty()) {
        return Err(SourceError::CredentialsInUrl { field: FIELD });
    }
    match url.host_str() {
        None | Some("") => Err(invalid("it names no host")),
        // ssh would read such a host or user as an option.
        Some(host) if host.starts_with('-') || url.username().starts_with('-') => {
            Err(invalid("its host or user starts with '-'"))
        }
        Some(_) => Ok(()),
    }
}

fn is_scp_form(address: &str) -> bool {
    !address.contains("://")
        && address.split_once('@').is_some_and(|(user, rest)| {
            !user.is_empty()
                && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                && rest.split_once(':').is_some_and(|(host, _)| !host.contains('/'))
        })
}

fn check_path(path: &str) -> Result<String, SourceError> {
    let path = path.trim_matches('/');
    if path.is_empty() || path == "." {
        return Ok(String::new());
    }
    if !crate::tree::is_safe_path(path) || path.chars().any(char::is_control) {
        return Err(SourceError::Hostile {
            field: FIELD,
            detail: "its path leaves the repository",
        });
    }
    Ok(path.to_owned())
}

fn check_commit(id: &str) -> Result<String, SourceError> {
    let hex = id.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && (id.len() == 40 || id.len() == 64) {
        return Ok(id.to_ascii_lowercase());
    }
    Err(invalid("sha needs a full commit id of 40 hexadecimal digits"))
}

/// The rules of `git check-ref-format`, as far as a name could do harm.
fn check_ref(name: &str) -> Result<String, SourceError> {
    let bad = name.is_empty()
        || name.starts_with(['-', '/', '.'])
        || name.ends_with(['/', '.'])
        || name.contains("..")
        || name.contains("//")
        || name.contains("@{")
        || name.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c));
    if bad {
        let detail = "its tag or branch is not a git reference name";
        return Err(SourceError::Hostile { field: FIELD, detail });
    }
    Ok(name.to_owned())
}

fn invalid(detail: &str) -> SourceError {
    SourceError::InvalidUrl { field: FIELD, detail: detail.to_owned() }
}
