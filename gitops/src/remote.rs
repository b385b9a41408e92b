//! Where a repository lives and how to get in.

use std::fmt;

use gimlet_outbound::{Reach, Refused, is_loopback};
use url::Url;
use zeroize::Zeroizing;

use crate::cli::digest;
use crate::error::{GitError, GitErrorKind};
use crate::reach;

/// Names a branch of a repository and the way to reach it.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The address of the repository.
    pub url: RemoteUrl,
    /// The one branch that is read and written.
    pub branch: BranchName,
    /// What proves who we are.
    pub credentials: Credentials,
    /// Certificate authorities to trust instead of the system's, as PEM.
    pub ca: Option<Vec<u8>>,
    /// Allows the first commit of an empty repository to create the branch.
    pub create_branch: bool,
    /// Lets the repository be at an address of this machine, also over plain http.
    pub allow_loopback: bool,
}

impl Remote {
    /// Returns a text that is the same for every spelling of this repository and branch.
    pub fn key(&self) -> String {
        format!("{}#{}", self.url.key(), self.branch)
    }

    /// Returns a short name for the files that belong to it.
    pub(crate) fn cache_name(&self) -> String {
        digest(&[&self.key()])
    }

    /// Says what may be contacted for it.
    pub(crate) fn reach(&self) -> Reach {
        Reach { loopback: self.allow_loopback, ..Reach::default() }
    }

    /// Checks that the address may be contacted, that credentials fit it and are not sent in clear text.
    pub fn check(&self) -> Result<(), GitError> {
        if let Some(what) = self.url.host().and_then(|host| reach::refuses(self.reach(), &host)) {
            return Err(reach::refused(self.url.as_str(), what));
        }
        let refuse = |text: String| Err(GitError::new(GitErrorKind::Invalid, text));
        match (&self.credentials, self.url.transport) {
            (Credentials::None, _)
            | (Credentials::Basic { .. }, Transport::Https)
            | (Credentials::Ssh { .. }, Transport::Ssh) => Ok(()),
            (Credentials::Basic { .. }, Transport::Http) if self.url.loopback => Ok(()),
            (Credentials::Basic { .. }, Transport::Http) => {
                refuse(format!("{}: credentials are not sent over plain http: use https", self.url))
            }
            (Credentials::Basic { .. }, _) => {
                refuse(format!("{}: a user name and password need an https address", self.url))
            }
            (Credentials::Ssh { .. }, _) => {
                refuse(format!("{}: a private key needs an ssh address", self.url))
            }
        }
    }
}

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
    loopback: bool,
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
    fn host(&self) -> Option<String> {
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

/// Holds the checked name of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Parses the short name of a branch, such as `main`.
    pub fn parse(name: &str) -> Result<Self, GitError> {
        let part_ok = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && !part.ends_with('.')
                && !part.to_ascii_lowercase().ends_with(".lock")
        };
        let char_ok =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '#');
        if name.len() <= 200
            && name.chars().all(char_ok)
            && !name.contains("..")
            && name.split('/').all(part_ok)
        {
            Ok(Self(name.to_owned()))
        } else {
            Err(GitError::new(
                GitErrorKind::Invalid,
                format!(
                    "{name:?} is not a branch name: use letters, digits, '.', '_', '-' and '/'"
                ),
            ))
        }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Proves to a server who we are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nothing: the repository is open, or on this machine.
    None,
    /// A user name with a password or token.
    Basic {
        /// The user name; servers that take a token define what it must be.
        username: String,
        /// The password or token.
        password: Secret,
    },
    /// A key pair, and the hosts that may be talked to.
    Ssh {
        /// The private key in OpenSSH or PEM form, without a passphrase.
        private_key: Secret,
        /// Lines in the form of OpenSSH's `known_hosts`; no other host is trusted.
        known_hosts: String,
    },
}

/// Holds a text that is never printed and is wiped from memory.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
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

    #[test]
    fn credentials_go_over_plain_http_to_this_machine_only() {
        let remote = |url: &str| Remote {
            url: RemoteUrl::parse(url, false).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            credentials: Credentials::Basic { username: "u".into(), password: Secret::new("p") },
            ca: None,
            create_branch: false,
            allow_loopback: true,
        };
        assert!(remote("http://127.0.0.1:3000/a").check().is_ok());
        assert!(remote("http://example.com/a").check().is_err());
        assert!(remote("http://127.0.0.1.example.com/a").check().is_err());
        assert!(remote("git@example.com:a").check().is_err());
        assert!(!format!("{:?}", remote("https://example.com/a")).contains("\"p\""));
    }

    #[test]
    fn this_machine_is_contacted_only_where_that_is_allowed() {
        for url in [
            "http://127.0.0.1:3000/a",
            "https://[::1]/a",
            "https://[::ffff:127.0.0.1]/a",
            "ssh://git@127.9.9.9/a",
            "git@127.0.0.1:a",
        ] {
            let mut remote = Remote {
                url: RemoteUrl::parse(url, false).unwrap(),
                branch: BranchName::parse("main").unwrap(),
                credentials: Credentials::None,
                ca: None,
                create_branch: false,
                allow_loopback: false,
            };
            let error = remote.check().unwrap_err();
            assert!(error.to_string().contains("--allow-loopback"), "{error}");
            remote.allow_loopback = true;
            remote.check().unwrap();
        }
    }

    #[test]
    fn strange_branch_names_are_refused() {
        for name in
            ["", "-x", "a..b", "a.lock", "a/.b", "a//b", "a b", "a:b", "@{u}", "a~1", "/a", "a/"]
        {
            assert!(BranchName::parse(name).is_err(), "{name:?} was accepted");
        }
        assert!(BranchName::parse("env/prod-1.2").is_ok());
    }
}
