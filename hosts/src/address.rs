//! Where a repository is, told from the address it is cloned by.

use std::fmt;

use url::Url;

use crate::provider::Provider;

const MAX_ADDRESS: usize = 2048;
const MAX_SEGMENTS: usize = 22;

/// Holds the host and the path of a repository, from an https, http, ssh or scp-like address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host and port of the pages: `https` unless the address says `http`.
    web: Url,
    /// Whether the address names the pages' own server, and not one for SSH.
    from_web: bool,
    segments: Vec<String>,
}

/// Says why an address is not that of a hosted repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is empty, too long, has spaces or no host.
    #[error("the repository address is malformed: write it as https://host/owner/name")]
    Malformed,
    /// It carries a password, or a user name other than that of SSH.
    #[error("the repository address contains credentials: put them into a secret")]
    Credentials,
    /// The protocol has no host with an API behind it.
    #[error(
        "the repository address has the protocol {0:?}, of which no host is known: use https or ssh"
    )]
    Protocol(String),
    /// The path is not that of a repository at such a host.
    #[error("{path:?} is not a repository at {provider}: write the address as https://host/{}", form(*.provider))]
    Path {
        /// The kind of host.
        provider: Provider,
        /// The path of the address.
        path: String,
    },
}

fn form(provider: Provider) -> &'static str {
    match provider {
        Provider::GitHub | Provider::Gitea => "owner/name",
        Provider::GitLab => "group/name, with subgroups between them",
    }
}

impl AddressError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        "InvalidAddress"
    }
}

impl Address {
    /// Parses an address; `.git` and a slash at its end mean nothing.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let unusual = |c: char| c.is_control() || c.is_whitespace();
        if text.is_empty() || text.len() > MAX_ADDRESS || text.chars().any(unusual) {
            return Err(AddressError::Malformed);
        }
        let url = if text.contains("://") {
            Url::parse(text).map_err(|_| AddressError::Malformed)?
        } else {
            scp_like(text)?
        };
        if url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let from_web = match url.scheme() {
            "https" | "http" if !url.username().is_empty() => {
                return Err(AddressError::Credentials);
            }
            "https" | "http" => true,
            "ssh" | "git+ssh" => false,
            other => return Err(AddressError::Protocol(other.to_owned())),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Malformed);
        }
        Ok(Self { web: web(&url, from_web)?, from_web, segments: segments(url.path())? })
    }

    /// Returns the host's name in lower case, without a port.
    pub fn host(&self) -> &str {
        self.web.host_str().unwrap_or_default()
    }

    /// Returns the address under which such a host has its API unless told otherwise.
    pub fn api(&self, provider: Provider) -> Url {
        let mut api = self.web.clone();
        match provider {
            Provider::GitHub
                if self.host() == "github.com" || self.host().ends_with(".ghe.com") =>
            {
                let host = format!("api.{}", self.host());
                // The name stays one when a label is put before it.
                if api.set_host(Some(&host)).is_ok() {
                    return api;
                }
            }
            Provider::GitHub => api.set_path("/api/v3"),
            Provider::GitLab => api.set_path("/api/v4"),
            Provider::Gitea => {
                let below = self.segments.len().saturating_sub(2);
                let prefix = if self.from_web { &self.segments[..below] } else { &[] };
                let parts: Vec<&str> =
                    prefix.iter().map(String::as_str).chain(["api", "v1"]).collect();
                api.set_path(&parts.join("/"));
            }
        }
        api
    }

    /// Returns the names that lead to the repository at a host with this API: owner and name, or
    /// groups and name.
    pub(crate) fn project(
        &self,
        provider: Provider,
        api: &Url,
    ) -> Result<Vec<String>, AddressError> {
        let suffix = match provider {
            Provider::GitHub => None,
            Provider::GitLab => Some("/api/v4"),
            Provider::Gitea => Some("/api/v1"),
        };
        let root = suffix.and_then(|suffix| api.path().trim_end_matches('/').strip_suffix(suffix));
        let root: Vec<&str> =
            root.unwrap_or_default().split('/').filter(|s| !s.is_empty()).collect();
        let below = match self.segments.get(..root.len()) {
            Some(start) if self.from_web && start == root => &self.segments[root.len()..],
            _ => &self.segments[..],
        };
        let fits = match provider {
            Provider::GitHub | Provider::Gitea => below.len() == 2,
            Provider::GitLab => below.len() >= 2,
        };
        if fits {
            Ok(below.to_vec())
        } else {
            Err(AddressError::Path { provider, path: self.path() })
        }
    }

    /// Tells whether another address is one of the same repository; ports and the letters' case
    /// mean nothing.
    pub fn is_same(&self, other: &str) -> bool {
        Self::parse(other).is_ok_and(|other| {
            self.host() == other.host() && self.path().eq_ignore_ascii_case(&other.path())
        })
    }

    fn path(&self) -> String {
        self.segments.join("/")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.web, self.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn scp_like(text: &str) -> Result<Url, AddressError> {
    let (host, path) = text.split_once(':').ok_or(AddressError::Malformed)?;
    if host.contains('/') || path.starts_with(':') {
        return Err(AddressError::Malformed);
    }
    Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/')))
        .map_err(|_| AddressError::Malformed)
}

fn web(url: &Url, from_web: bool) -> Result<Url, AddressError> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError::Malformed)?;
    let host = match host.to_ascii_lowercase().as_str() {
        // Where the two large hosts offer SSH on the port of https.
        "ssh.github.com" => "github.com".to_owned(),
        "altssh.gitlab.com" => "gitlab.com".to_owned(),
        other => other.to_owned(),
    };
    let scheme = if url.scheme() == "http" { "http" } else { "https" };
    let port = if from_web { url.port() } else { None };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Url::parse(&format!("{scheme}://{host}{port}/")).map_err(|_| AddressError::Malformed)
}

fn segments(path: &str) -> Result<Vec<String>, AddressError> {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = |segment: &String| {
        !matches!(segment.as_str(), "" | "." | "..") && segment.chars().all(usual)
    };
    if segments.len() < 2 || segments.len() > MAX_SEGMENTS || !segments.iter().all(fits) {
        return Err(AddressError::Malformed);
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(provider: Provider, text: &str) -> String {
        Address::parse(text).unwrap().api(provider).to_string()
    }

    fn project(provider: Provider, text: &str) -> String {
        let address = Address::parse(text).unwrap();
        address.project(provider, &address.api(provider)).unwrap().join("/")
    }

    #[test]
    fn every_host_has_its_api_in_its_own_place() {
        use Provider::{GitHub, GitLab, Gitea};
        for (provider, text, expected) in [
            (GitHub, "https://github.com/a/b.git", "https://api.github.com/"),
            (GitHub, "git@github.com:a/b.git", "https://api.github.com/"),
            (GitHub, "ssh://git@ssh.github.com:443/a/b.git", "https://api.github.com/"),
            (GitHub, "https://acme.ghe.com/a/b", "https://api.acme.ghe.com/"),
            (GitHub, "https://git.example.com:8443/a/b", "https://git.example.com:8443/api/v3"),
            (GitLab, "https://gitlab.com/a/b/c", "https://gitlab.com/api/v4"),
            (GitLab, "ssh://git@gitlab.example.com:2222/a/b", "https://gitlab.example.com/api/v4"),
            (Gitea, "http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000/api/v1"),
            (Gitea, "https://example.com/git/a/b/", "https://example.com/git/api/v1"),
        ] {
            assert_eq!(api(provider, text), expected, "{text}");
        }
    }

    #[test]
    fn the_path_of_a_repository_is_without_the_root_of_the_pages() {
        assert_eq!(project(Provider::GitHub, "https://github.com/a/b.git/"), "a/b");
        assert_eq!(project(Provider::GitLab, "git@gitlab.com:a/b/c.git"), "a/b/c");
        assert_eq!(project(Provider::Gitea, "https://example.com/git/a/b"), "a/b");
        let rooted = Address::parse("https://example.com/lab/a/b").unwrap();
        let base = Url::parse("https://example.com/lab/api/v4/").unwrap();
        assert_eq!(rooted.project(Provider::GitLab, &base).unwrap().join("/"), "a/b");
    }

    #[test]
    fn a_path_that_no_repository_can_have_is_named() {
        let address = Address::parse("https://github.com/a/b/c").unwrap();
        let error = address.project(Provider::GitHub, &address.api(Provider::GitHub)).unwrap_err();
        assert!(error.to_string().contains("a/b/c"), "{error}");
    }

    #[test]
    fn what_is_not_an_address_of_a_repository_is_refused() {
        for text in [
            "",
            "https://github.com",
            "https://github.com/a",
            "https://github.com/a/..",
            "https://github.com/a/b%2Fc",
            "https://github.com/a/b?x=1",
            "https:///a/b",
            "a/b",
            "file:///srv/a/b",
            "ext::sh -c x",
            "https://github.com/a /b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let secret = Address::parse("https://bot:hunter2@github.com/a/b").unwrap_err();
        assert_eq!(secret, AddressError::Credentials);
        assert!(!secret.to_string().contains("hunter2"));
        assert_eq!(Address::parse("https://tok@github.com/a/b"), Err(AddressError::Credentials));
    }

    #[test]
    fn spellings_of_one_repository_are_the_same() {
        let address = Address::parse("https://GitHub.com/Acme/Shop").unwrap();
        assert!(address.is_same("git@github.com:acme/shop.git"));
        assert!(address.is_same("ssh://git@ssh.github.com:443/acme/shop"));
        assert!(!address.is_same("https://github.com.evil.org/acme/shop"));
        assert!(!address.is_same("https://github.com/acme/shop2"));
        assert!(!address.is_same("nonsense"));
    }
}
