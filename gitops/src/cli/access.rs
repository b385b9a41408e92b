//! Credentials on their way to a child process.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::command::{Invocation, private_dir};
use crate::error::GitError;
use crate::options::Timeouts;
use crate::reach::{self, Names, SystemNames};
use crate::remote::{Credentials, Remote, Secret, Transport};

/// Gives commands what they need to get in, and takes it away afterwards.
pub(crate) struct Access {
    remote: Remote,
    credentials: RwLock<Credentials>,
    timeouts: Timeouts,
    names: Box<dyn Names>,
    /// Holds the socket of a kept ssh connection, whose path must be short.
    sockets: OnceLock<TempDir>,
    ca: Mutex<Option<TempDir>>,
}

/// Removes what one command was given, when it is over.
pub(crate) struct Lent {
    _files: Option<TempDir>,
}

impl Access {
    pub(crate) fn new(remote: Remote, timeouts: Timeouts) -> Self {
        let credentials = RwLock::new(remote.credentials.clone());
        Self {
            remote,
            credentials,
            timeouts,
            names: Box::new(SystemNames),
            sockets: OnceLock::new(),
            ca: Mutex::default(),
        }
    }

    pub(crate) fn set(&self, credentials: Credentials) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    fn credentials(&self) -> Credentials {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks that the present credentials fit the address.
    pub(crate) fn check(&self) -> Result<(), GitError> {
        Remote { credentials: self.credentials(), ..self.remote.clone() }.check()
    }

    /// Adds credentials to a command that talks to the server.
    pub(crate) async fn lend(
        &self,
        invocation: Invocation,
    ) -> Result<(Invocation, Lent), GitError> {
        self.check()?;
        let url = self.remote.url.as_str();
        let pinned = reach::look(self.remote.reach(), url, &*self.names).await?;
        let transport = self.remote.url.transport;
        let invocation = invocation
            .env("GIT_ALLOW_PROTOCOL", transport.protocol())
            .config("http.lowSpeedTime", self.timeouts.idle.as_secs().max(1).to_string())
            // It would carry credentials, and a look at what nobody else may reach, to wherever it points.
            .config("http.followRedirects", "false");
        if transport == Transport::Ssh {
            let place = match &pinned {
                Some(pinned) => {
                    let address = reach::answering(pinned, self.timeouts.connect).await;
                    address.map(|address| pinned.for_ssh(address))
                }
                None => None,
            };
            return self.lend_ssh(invocation, &self.credentials(), place);
        }
        let invocation = match &pinned {
            Some(pinned) => invocation.config("http.curloptResolve", pinned.for_http()),
            None => invocation,
        };
        match self.credentials() {
            Credentials::Basic { username, password } => {
                let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
                let header = format!("Authorization: Basic {}", BASE64_STANDARD.encode(&*pair));
                let origin = self.remote.url.origin.clone().unwrap_or_default();
                let invocation =
                    self.lend_ca(invocation)?.config(format!("http.{origin}/.extraHeader"), header);
                Ok((invocation, Lent { _files: None }))
            }
            Credentials::None | Credentials::Ssh { .. } => {
                Ok((self.lend_ca(invocation)?, Lent { _files: None }))
            }
        }
    }

    fn lend_ca(&self, invocation: Invocation) -> Result<Invocation, GitError> {
        let Some(pem) = &self.remote.ca else { return Ok(invocation) };
        let mut kept = self.ca.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = if let Some(dir) = kept.take() {
            dir
        } else {
            let dir = private_dir().map_err(|e| no_dir(&e))?;
            write_private(dir.path(), "ca.pem", pem)?;
            dir
        };
        // Without a directory of its own, curl trusts all that are in the system's as well.
        let invocation = invocation
            .env("GIT_SSL_CAINFO", dir.path().join("ca.pem"))
            .env("GIT_SSL_CAPATH", dir.path());
        *kept = Some(dir);
        Ok(invocation)
    }

    fn lend_ssh(
        &self,
        invocation: Invocation,
        credentials: &Credentials,
        place: Option<[String; 2]>,
    ) -> Result<(Invocation, Lent), GitError> {
        let files = private_dir().map_err(|e| no_dir(&e))?;
        let (key, hosts) = match credentials {
            Credentials::Ssh { private_key, known_hosts } => {
                (Some(private_key), known_hosts.as_str())
            }
            _ => (None, ""),
        };
        write_private(files.path(), "hosts", hosts.as_bytes())?;
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("UserKnownHostsFile={}", files.path().join("hosts").display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            "PreferredAuthentications=publickey".to_owned(),
            format!("ConnectTimeout={}", self.timeouts.connect.as_secs().max(1)),
            format!("ServerAliveInterval={}", (self.timeouts.idle.as_secs() / 3).max(1)),
            "ServerAliveCountMax=3".to_owned(),
            "ControlMaster=auto".to_owned(),
            "ControlPersist=60".to_owned(),
            format!("ControlPath={}/%C", self.sockets(credentials)?.display()),
        ];
        options.extend(place.into_iter().flatten());
        if let Some(key) = key {
            // OpenSSH refuses a key without a newline at its end, which secrets tend to lose.
            let text = Zeroizing::new(format!("{}\n", key.expose().trim_end()));
            write_private(files.path(), "key", text.as_bytes())?;
            options.push(format!("IdentityFile={}", files.path().join("key").display()));
        }
        let quoted = options.join("' -o '");
        let invocation = invocation
            .env("GIT_SSH_COMMAND", format!("ssh -F /dev/null -o '{quoted}'"))
            .env("GIT_SSH_VARIANT", "ssh");
        Ok((invocation, Lent { _files: Some(files) }))
    }

    /// Returns where sockets of kept connections live: other credentials never share one.
    fn sockets(&self, credentials: &Credentials) -> Result<std::path::PathBuf, GitError> {
        let base = if let Some(dir) = self.sockets.get() {
            dir
        } else {
            let dir = private_dir().map_err(|e| no_dir(&e))?;
            self.sockets.get_or_init(|| dir)
        };
        let secret = match credentials {
            Credentials::Ssh { private_key, known_hosts } => {
                super::engine::digest(&[private_key.expose(), known_hosts])
            }
            _ => String::new(),
        };
        let dir = base.path().join(secret.get(..6).unwrap_or("none"));
        std::fs::create_dir_all(&dir).map_err(|e| no_dir(&e))?;
        Ok(dir)
    }

    /// Takes secrets out of a text that somebody will read.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match self.credentials() {
            Credentials::Basic { password, .. } => without(text, &password),
            Credentials::Ssh { .. } | Credentials::None => text.to_owned(),
        }
    }
}

fn without(text: &str, secret: &Secret) -> String {
    if secret.expose().is_empty() { text.to_owned() } else { text.replace(secret.expose(), "***") }
}

fn no_dir(error: &std::io::Error) -> GitError {
    GitError::other(format!("no private directory for credentials: {error}: is /tmp writable?"))
}

fn write_private(dir: &Path, name: &str, data: &[u8]) -> Result<(), GitError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(name))
        .and_then(|mut file| file.write_all(data))
        .map_err(|e| no_dir(&e))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::cli::command::run;
    use crate::remote::{BranchName, RemoteUrl};

    #[tokio::test]
    async fn a_given_authority_takes_the_place_of_the_systems_file_and_directory() {
        let remote = Remote {
            url: RemoteUrl::parse("https://localhost/a", false).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            credentials: Credentials::None,
            ca: Some(b"the authority".to_vec()),
            create_branch: false,
            allow_loopback: true,
        };
        let access = Access::new(remote, Timeouts::default());
        let print = "alias.print=!printenv GIT_SSL_CAINFO GIT_SSL_CAPATH";
        let invocation = Invocation::new(&["-c", print, "print"], Duration::from_secs(10));
        let (invocation, _lent) = access.lend(invocation).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let finished = run(home.path(), &invocation).await.unwrap();
        let text = String::from_utf8(finished.stdout).unwrap();
        let (file, dir) = text.trim_end().split_once('\n').unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "the authority");
        let found: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(found, [Path::new(file)]);
    }

    /// A name that leads to another address each time.
    struct Changing(Mutex<Vec<IpAddr>>);

    #[async_trait::async_trait]
    impl Names for Changing {
        async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
            assert_eq!(name, "git.example.test");
            Ok(self.0.lock().unwrap().pop().into_iter().collect())
        }
    }

    #[tokio::test]
    async fn git_connects_to_the_address_that_was_looked_at() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for scheme in ["http", "ssh"] {
            let url = format!("{scheme}://git.example.test:{port}/a");
            let remote = Remote {
                url: RemoteUrl::parse(&url, false).unwrap(),
                branch: BranchName::parse("main").unwrap(),
                credentials: Credentials::None,
                ca: None,
                create_branch: false,
                allow_loopback: true,
            };
            let mut access = Access::new(remote, Timeouts::default());
            let addresses = ["169.254.169.254", "127.0.0.1"].map(|text| text.parse().unwrap());
            access.names = Box::new(Changing(Mutex::new(addresses.into())));
            let invocation = Invocation::new(&["ls-remote", &url], Duration::from_secs(20));
            let (invocation, _lent) = access.lend(invocation).await.unwrap();
            let home = tempfile::tempdir().unwrap();
            // Nobody else knows the name, so whoever comes was told where to go.
            tokio::select! {
                came = listener.accept() => drop(came.unwrap()),
                finished = run(home.path(), &invocation) => panic!("{:?}", finished.unwrap()),
            }
            let invocation = Invocation::new(&["ls-remote", &url], Duration::from_secs(20));
            let error = access.lend(invocation).await.err().unwrap();
            assert!(error.to_string().contains("metadata address"), "{error}");
        }
    }
}
