//! What a caller lets a fetch do: hosts, credentials, trust, and the expected digest.

use std::fmt;

use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

/// Holds a password or token; never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the value, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Credentials of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCredentials {
    /// Host name, optionally with `:port`; without a port every port of the host matches.
    pub host: String,
    /// User name; token hosts take any.
    pub username: String,
    /// Password or token.
    pub password: Secret,
}

/// What one fetch may do.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Hosts that may be contacted, `*.example.com` for every host below; `None` allows all.
    pub allowed_hosts: Option<Vec<String>>,
    /// Credentials, each sent to its own host only.
    pub credentials: Vec<HostCredentials>,
    /// Certificate authorities (PEM) to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// The digest the chart must have (`sha256:…`).
    pub pinned: Option<String>,
}

impl Access {
    /// Returns the credentials for the host of a URL.
    pub(crate) fn credentials_for(&self, url: &Url) -> Option<&HostCredentials> {
        let host = url.host_str()?;
        let port = url.port_or_known_default();
        self.credentials.iter().find(|c| matches_host(&c.host, host, port))
    }

    /// Tells apart what different credentials may see, without keeping them.
    pub(crate) fn fingerprint(&self, url: &Url) -> String {
        let mut hash = Sha256::new();
        if let Some(found) = self.credentials_for(url) {
            for part in [found.username.as_str(), found.password.reveal()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        format!("{:x}", hash.finalize())
    }
}

fn matches_host(pattern: &str, host: &str, port: Option<u16>) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    port.is_some_and(|port| pattern.eq_ignore_ascii_case(&format!("{host}:{port}")))
}

/// Tells whether an allow-list admits a host.
pub(crate) fn admits(list: Option<&[String]>, host: &str, port: Option<u16>) -> bool {
    let Some(list) = list else { return true };
    list.iter().any(|entry| match entry.strip_prefix("*.") {
        Some(domain) => {
            let host = host.to_ascii_lowercase();
            host.strip_suffix(&domain.to_ascii_lowercase())
                .is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => matches_host(entry, host, port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = HostCredentials {
            host: "charts.example.com".into(),
            username: "bot".into(),
            password: "hunter2".into(),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }

    #[test]
    fn a_wildcard_admits_hosts_below_but_not_the_domain_itself() {
        let list = ["*.example.com".to_owned(), "ghcr.io".to_owned(), "local:5000".to_owned()];
        let admits = |host: &str, port| admits(Some(&list), host, Some(port));
        assert!(admits("charts.Example.com", 443));
        assert!(admits("a.b.example.com", 443));
        assert!(!admits("example.com", 443));
        assert!(!admits("evilexample.com", 443));
        assert!(!admits(".example.com.evil.org", 443));
        assert!(admits("ghcr.io", 8443));
        assert!(admits("local", 5000));
        assert!(!admits("local", 5001));
    }
}
