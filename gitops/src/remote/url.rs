//! The addresses of repositories.

use std::fmt;

use gimlet_outbound::{Reach, Refused, is_loopback};
use url::Url;

use crate::reach;

/// The ways to talk to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Https,
    Http,
    Ssh,
    File,
}

impl Transport {
    /// Returns git's name of the protocol.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// Holds the checked address of a repository, which never contains credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    text: String,
    key: String,
    pub(crate) transport: Transport,
    pub(super) loopback: bool,
    /// Scheme, host and port alone, for settings that are bound to a server.
    pub(crate) origin: Option<String>,
}

/// Says why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The address is empty, starts with `-`, or has characters that no address of a repository has.
    #[error(
        "repository address is empty, starts with '-' or has spaces, control characters, '?' or '#': write it as https://host/path"
    )]
    Malformed,
    /// The address carries a user name or password.
    #[error("repository address contains credentials: put them into a secret")]
    Credentials,
    /// The protocol is not one of those allowed.
    #[error("repository address {0:?} has a protocol that is not allowed: use https or ssh")]
    Protocol(String),
    /// The address has no host or no path.
    #[error("repository address {0:?} has no host or no path: write it as https://host/path")]
    Incomplete(String),
    /// The address is one that is never contacted.
    #[error("repository address {url:?} leads to {what}, which is not contacted: use another")]
    Refused {
        /// The address.
        url: String,
        /// What sort of place it is.
        what: Refused,
    },
}

/// The most bytes of an address.
const MAX_LENGTH: usize = 2048;

impl RemoteUrl {
    /// Parses an https, http, ssh or scp-like address; with `allow_local` also a path.
    pub fn parse(text: &str, allow_local: bool) -> Result<Self, UrlError> {
        if text.is_empty()
            || text.len() > MAX_LENGTH
            || text.starts_with('-')
            || text.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(UrlError::Malformed);
        }
        if text.starts_with('/') {
            return Self::local(text, text, allow_local);
        }
        // git reads "word::rest" as the name of a helper program to run.
        if text.split_once("::").is_some_and(|(word, _)| !word.contains(['/', '['])) {
            return Err(UrlError::Protocol(text.to_owned()));
        }
        let absolute = text.contains("://");
        let url = if absolute { Self::absolute(text, allow_local) } else { Self::scp_like(text) }?;
        // Escapes make it longer.
        if url.text.len() > MAX_LENGTH { Err(UrlError::Malformed) } else { Ok(url) }
    }

    fn absolute(text: &str, allow_local: bool) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|_| UrlError::Incomplete(without_user(text)))?;
        if url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        match url.scheme() {
            "https" => Self::http(&url, Transport::Https),
            "http" => Self::http(&url, Transport::Http),
            // git takes no query, so what is meant by it would be lost.
            "ssh" if url.query().is_some() || url.fragment().is_some() => Err(UrlError::Malformed),
            "ssh" => {
                let host = url.host_str().unwrap_or_default();
                let path = url.path().trim_start_matches('/');
                Self::ssh(url.username(), host, url.port(), path)
            }
            "file" => Self::local(text, url.path(), allow_local),
            other => Err(UrlError::Protocol(other.to_owned())),
        }
    }

    fn http(url: &Url, transport: Transport) -> Result<Self, UrlError> {
        if !url.username().is_empty() || url.query().is_some() || url.fragment().is_some() {
            return Err(UrlError::Credentials);
        }
        let path = url.path().trim_matches('/');
        let Some(host) = url.host().filter(|_| !path.is_empty()) else {
            return Err(UrlError::Incomplete(url.as_str().to_owned()));
        };
        if let Some(what) = reach::refuses(Reach::WITH_LOOPBACK, &host.to_string()) {
            return Err(UrlError::Refused { url: url.as_str().to_owned(), what });
        }
        let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
        let origin = format!("{}://{host}{port}", url.scheme());
        Ok(Self {
            text: format!("{origin}/{path}"),
            key: format!("{origin}/{}", bare(path)),
            transport,
            loopback: is_loopback(url),
            origin: Some(origin),
        })
    }

    fn scp_like(text: &str) -> Result<Self, UrlError> {
        let incomplete = || UrlError::Incomplete(without_user(text));
        let (host, path) = text.split_once(':').ok_or_else(incomplete)?;
        let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
        // In "user:password@host:path" the host would be taken for the user.
        let hides_password = path.split_once('@').is_some_and(|(_, rest)| rest.contains(':'));
        if user.contains([':', '@']) || hides_password {
            return Err(UrlError::Credentials);
        }
        if path.contains(['?', '#']) {
            return Err(UrlError::Malformed);
        }
        // It becomes a URL, where a '%' begins an escape and letters beyond ASCII are escaped.
        let path = path.trim_start_matches('/').replace('%', "%25");
        let url = Url::parse(&format!("ssh://host/{path}")).map_err(|_| incomplete())?;
        Self::ssh(user, host, None, url.path().trim_start_matches('/'))
    }

    fn ssh(user: &str, host: &str, port: Option<u16>, path: &str) -> Result<Self, UrlError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let host = host.to_ascii_lowercase();
        let path = path.trim_end_matches('/');
        let host_ok = host.starts_with('[') && host.ends_with(']')
            || host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(plain);
        // ssh would read a leading '-' as an option.
        if !host_ok || user.starts_with('-') || !user.chars().all(plain) {
            return Err(UrlError::Malformed);
        }
        if path.is_empty() || path.starts_with('-') {
            return Err(UrlError::Incomplete(format!("ssh://{host}/{path}")));
        }
        if let Some(what) = reach::refuses(Reach::WITH_LOOPBACK, &host) {
            return Err(UrlError::Refused { url: format!("ssh://{host}/{path}"), what });
        }
        let at = if user.is_empty() { String::new() } else { format!("{user}@") };
        let port = port.filter(|p| *p != 22).map(|p| format!(":{p}")).unwrap_or_default();
        Ok(Self {
            text: format!("ssh://{at}{host}{port}/{}", path.trim_start_matches('/')),
            key: format!("ssh://{host}{port}/{}", bare(path.trim_start_matches('/'))),
            transport: Transport::Ssh,
            loopback: false,
            origin: None,
        })
    }

    fn local(text: &str, path: &str, allow_local: bool) -> Result<Self, UrlError> {
        if !allow_local {
            return Err(UrlError::Protocol(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            key: format!("file://{}", path.trim_end_matches('/')),
            transport: Transport::File,
            loopback: true,
            origin: None,
        })
    }

    /// Returns the host; none for a repository in a folder.
    pub(super) fn host(&self) -> Option<String> {
        Url::parse(&self.text).ok()?.host_str().map(str::to_owned).filter(|host| !host.is_empty())
    }

    /// Returns a text that is the same for every spelling of this address.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the address as git is given it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn bare(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix(".git").unwrap_or(path)
}

/// Cuts everything before the last '@', which may be a password.
fn without_user(text: &str) -> String {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        RemoteUrl::parse(text, true).unwrap().key().to_owned()
    }

    #[test]
    fn two_spellings_of_an_address_have_one_key() {
        assert_eq!(key("https://Git.Example.com:443/a/b.git/"), key("https://git.example.com/a/b"));
        assert_eq!(key("git@Example.com:a/b.git"), key("ssh://git@example.com:22/a/b"));
        assert_ne!(key("https://example.com/a/b"), key("https://example.com:8443/a/b"));
        assert_ne!(key("https://example.com/a/b"), key("https://example.com/a/B"));
        assert_eq!(key("/srv/a.git/"), key("file:///srv/a.git"));
        assert_eq!(key("git@example.com:a/ä%20b"), key("ssh://git@example.com/a/ä%2520b"));
    }

    #[test]
    fn an_address_is_as_long_as_it_is_when_its_escapes_are_written() {
        for start in ["host:", "https://host/", "ssh://host/"] {
            let parse = |letters: usize| {
                RemoteUrl::parse(&format!("{start}{}", "ä".repeat(letters)), false)
            };
            assert_eq!(parse(600), Err(UrlError::Malformed));
            let url = parse(300).unwrap();
            assert_eq!(RemoteUrl::parse(url.as_str(), false), Ok(url));
        }
    }

    #[test]
    fn dangerous_addresses_are_refused() {
        for text in [
            "",
            "--upload-pack=x",
            "ext::sh -c x",
            "ext::sh",
            "fd::17",
            "https://u:p@example.com/a",
            "https://token@example.com/a",
            "https://example.com",
            "https://example.com/a?token=x",
            "ssh://-oProxyCommand=x/a",
            "-oProxyCommand=x:a",
            "git@-x:a",
            "ssh://u:p@example.com/a",
            "git://example.com/a",
            "ftp://example.com/a",
            "https://example.com/a\nb",
            "u:p@h:path",
            "example.com",
            "git@example.com:-x",
            "ssh://example.com/--x",
            "https://169.254.169.254/latest/meta-data",
            "http://2852039166/a",
            "https://[fe80::1]/a",
            "https://[::ffff:169.254.169.254]/a",
            "ssh://git@169.254.169.254/a",
            "git@169.254.169.254:a",
            "ssh://git@example.com/a?sha=1",
            "ssh://git@example.com/a#b",
            "git@example.com:a?sha=1",
            "git@example.com:a#b",
            "git@example.com:/-x",
            "git@[::1]:a",
        ] {
            assert!(RemoteUrl::parse(text, true).is_err(), "{text:?} was accepted");
        }
        assert!(RemoteUrl::parse("/srv/a", false).is_err());
        assert!(RemoteUrl::parse("file:///srv/a", false).is_err());
    }

    #[test]
    fn a_refused_address_does_not_repeat_its_password() {
        for text in [
            "https://u:hunter2@example.com/a",
            "https://u:hunter2@",
            "u:hunter2@h:p",
            "x://u:hunter2@h/p",
        ] {
            let error = RemoteUrl::parse(text, true).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
