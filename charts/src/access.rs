//! What a caller lets a fetch do: hosts, credentials, trust, and the expected digest.

use std::fmt;

use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use crate::source::Source;

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
        let mut parts = Parts::default();
        if let Some(found) = self.credentials_for(url) {
            parts.add(found.username.as_bytes());
            parts.add(found.password.reveal().as_bytes());
        }
        parts.end()
    }

    /// Tells apart who may do different things with a source, without keeping their credentials.
    ///
    /// All that may be done counts: what a chart depends on may come from any host.
    pub(crate) fn scope(&self, source: &Source) -> String {
        let mut parts = Parts::default();
        parts.add(source.place().as_bytes());
        // The built-in chart is there for everybody.
        if *source == Source::BuiltIn {
            return parts.end();
        }
        let Self { allowed_hosts, credentials, ca, pinned: _ } = self;
        let hosts = allowed_hosts.as_ref();
        parts.number(hosts.map(Vec::len));
        hosts.into_iter().flatten().for_each(|host| parts.add(host.as_bytes()));
        parts.number(Some(credentials.len()));
        for HostCredentials { host, username, password } in credentials {
            parts.add(host.as_bytes());
            parts.add(username.as_bytes());
            parts.add(password.reveal().as_bytes());
        }
        parts.number(ca.as_ref().map(Vec::len));
        parts.add(ca.as_deref().unwrap_or_default());
        parts.end()
    }
}

/// A digest of parts of which none can pass for another.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, part: &[u8]) {
        self.number(Some(part.len()));
        self.0.update(part);
    }

    fn number(&mut self, number: Option<usize>) {
        self.0.update(number.map_or(u64::MAX, |number| number as u64).to_be_bytes());
    }

    fn end(self) -> String {
        format!("{:x}", self.0.finalize())
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
    fn a_scope_is_shared_by_those_who_may_do_the_same_with_the_same_source() {
        let at = |url: &str| Source::ArchiveUrl(Url::parse(url).unwrap());
        let source = at("https://charts.example.com/shop.tgz?token=a");
        let credentials = |password: &str| HostCredentials {
            host: "charts.example.com".into(),
            username: "bot".into(),
            password: password.into(),
        };
        let plain = Access::default();
        let pinned = Access { pinned: Some("sha256:0".into()), ..Access::default() };
        assert_eq!(plain.scope(&source), pinned.scope(&source));
        let known = Access { credentials: vec![credentials("hunter2")], ..Access::default() };
        let all = [
            plain.scope(&at("https://charts.example.com/shop.tgz?token=b")),
            known.scope(&source),
            Access { credentials: vec![credentials("hunter3")], ..Access::default() }
                .scope(&source),
            Access { allowed_hosts: Some(Vec::new()), ..Access::default() }.scope(&source),
            Access { ca: Some(Vec::new()), ..Access::default() }.scope(&source),
            plain.scope(&source),
        ];
        let different: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert!(!all.iter().any(|scope| scope.contains("hunter2")));
        assert_eq!(plain.scope(&Source::BuiltIn), known.scope(&Source::BuiltIn));
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
