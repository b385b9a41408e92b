//! Where a repository lives and how to get in.

mod url;

use std::fmt;

use gimlet_outbound::Reach;
use zeroize::Zeroizing;

use crate::cli::digest;
use crate::error::{GitError, GitErrorKind};
use crate::reach;
pub(crate) use url::Transport;
pub use url::{RemoteUrl, UrlError};

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
