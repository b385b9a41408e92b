//! The credentials of a gitops repository: read without anybody looking, and put into a Secret.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use k8s_openapi::ByteString;
use kube::api::Api;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::live;

/// Variable with the token for the git host.
const VARIABLE: &str = "GIMLET_GIT_TOKEN";
/// The keys of a Secret that Flux reads a repository by.
const KEYS: [&str; 5] = ["username", "password", "identity", "known_hosts", "ca.crt"];
/// Longest token or key that is read, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Where the credentials for the gitops repository come from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub(super) struct CredentialArgs {
    /// Read the token from stdin; GIMLET_GIT_TOKEN otherwise, or it is asked for
    #[arg(long, conflicts_with = "ssh_key")]
    token_stdin: bool,
    /// User name that goes with the token
    #[arg(long, value_name = "NAME", default_value = "git")]
    username: String,
    /// File with a private key of OpenSSH, for an SSH address
    #[arg(long, value_name = "FILE", requires = "known_hosts")]
    ssh_key: Option<PathBuf>,
    /// File with the host's keys, as ssh-keyscan prints them; compare them with what the host publishes
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// File with the certificate authorities of the host, trusted instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// The keys of a Secret with their values. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials(BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Credentials {
    /// Returns the token, where it is one.
    pub(super) fn token(&self) -> Option<String> {
        self.0.get("password").and_then(|token| String::from_utf8(token.clone()).ok())
    }

    /// Returns the certificate authorities of the host.
    pub(super) fn ca(&self) -> Option<Vec<u8>> {
        self.0.get("ca.crt").cloned()
    }

    /// Stands for credentials that were not read, where nothing is sent.
    pub(super) fn placeholder(url: &str) -> Self {
        let names: &[&str] =
            if is_http(url) { &["username", "password"] } else { &["identity", "known_hosts"] };
        Self(names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect())
    }

    /// Makes the credentials of a private key.
    pub(super) fn of_key(private: &str, known_hosts: Vec<u8>) -> Self {
        let private = private.as_bytes().to_vec();
        Self([("identity".to_owned(), private), ("known_hosts".to_owned(), known_hosts)].into())
    }

    /// Takes what Flux reads by out of the data of a Secret; nothing where neither token nor key is there.
    pub(super) fn of_data(mut data: BTreeMap<String, Vec<u8>>) -> Option<Self> {
        data.retain(|key, _| KEYS.contains(&key.as_str()));
        let has = |key: &str| data.contains_key(key);
        (has("password") || has("identity")).then_some(Self(data))
    }

    /// Makes the Secret that holds them.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> Value {
        let data: BTreeMap<&str, ByteString> =
            self.0.iter().map(|(key, value)| (key.as_str(), ByteString(value.clone()))).collect();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace}, "data": data,
        })
    }
}

impl CredentialArgs {
    /// Tells whether the person said where they come from.
    pub(super) fn given(&self) -> bool {
        self.token_stdin || self.ssh_key.is_some() || variable().is_some()
    }

    /// Reads what was named, and asks for a token on a terminal; nothing where nobody is there.
    pub(super) fn read(&self, url: &str) -> Result<Option<Credentials>, CommandError> {
        let mut keys = BTreeMap::new();
        if let Some(path) = &self.ca_file {
            keys.insert("ca.crt".into(), file(path)?);
        }
        if let (Some(key), Some(hosts)) = (&self.ssh_key, &self.known_hosts) {
            keys.insert("identity".into(), file(key)?);
            keys.insert("known_hosts".into(), file(hosts)?);
            return Ok(Some(Credentials(keys)));
        }
        if !is_http(url) {
            return Ok(None);
        }
        let Some(token) = self.token(url)? else { return Ok(None) };
        keys.insert("username".into(), self.username.clone().into_bytes());
        keys.insert("password".into(), token.into_bytes());
        Ok(Some(Credentials(keys)))
    }

    /// Returns the token for the API of the host, where the repository itself is reached by a key.
    pub(super) fn for_api(&self) -> Result<Option<Credentials>, CommandError> {
        token_of_variable(self.ca_file.as_deref())
    }

    /// Reads the host's keys.
    pub(super) fn known_hosts(&self) -> Result<Option<Vec<u8>>, CommandError> {
        self.known_hosts.as_deref().map(file).transpose()
    }

    fn token(&self, url: &str) -> Result<Option<String>, CommandError> {
        let failed = |error: std::io::Error| {
            CommandError::general(format!("the token cannot be read: {error}"))
        };
        let mut text = String::new();
        if self.token_stdin {
            std::io::stdin().lock().take(MAX_SECRET).read_to_string(&mut text).map_err(failed)?;
        } else if let Some(token) = variable() {
            text = token;
        } else if std::io::stdin().is_terminal() {
            text = rpassword::prompt_password(format!("Token for {url}: ")).map_err(failed)?;
        } else {
            return Ok(None);
        }
        check(&text).map(Some)
    }
}

/// Says that credentials are missing, and how to give them.
pub(super) fn missing(secret: &str, namespace: &str, url: &str) -> CommandError {
    let hint = if is_http(url) {
        "set GIMLET_GIT_TOKEN, or pipe the token: … --token-stdin"
    } else {
        "pass --ssh-key FILE and --known-hosts FILE"
    };
    CommandError::usage(format!(
        "there is no Secret {secret} in namespace {namespace}, and no credentials were given for {url}"
    ))
    .hint(hint)
}

/// Tells whether a Secret is there; nothing where that may not be seen.
pub(super) async fn is_there(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<bool>, CommandError> {
    let api: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(cluster.client.clone(), namespace);
    match api.get_metadata_opt(name).await {
        Ok(found) => Ok(Some(found.is_some())),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => Err(live::refused(cluster, "get", "secrets", namespace, &error)),
    }
}

/// Tells whether an address is one of HTTP, for which there are tokens.
pub(super) fn is_http(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Returns the token of the environment of this process alone, for the API of a host.
pub(super) fn token_of_variable(ca: Option<&Path>) -> Result<Option<Credentials>, CommandError> {
    let Some(token) = variable() else { return Ok(None) };
    let mut keys = BTreeMap::from([("password".to_owned(), check(&token)?.into_bytes())]);
    if let Some(path) = ca {
        keys.insert("ca.crt".into(), file(path)?);
    }
    Ok(Some(Credentials(keys)))
}

fn variable() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|token| !token.trim().is_empty())
}

/// Refuses what cannot be sent as a token. The token itself is never part of a message.
fn check(text: &str) -> Result<String, CommandError> {
    let token = text.trim();
    if token.is_empty() {
        return Err(CommandError::usage("no token was given")
            .hint("type it when asked, pipe it with --token-stdin, or set GIMLET_GIT_TOKEN"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CommandError::usage(
            "this is no token: a token is one word of letters, digits and signs",
        ));
    }
    Ok(token.to_owned())
}

fn file(path: &Path) -> Result<Vec<u8>, CommandError> {
    let broken = |why: String| CommandError::usage(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| broken(error.to_string()))?.len();
    if size > MAX_SECRET {
        return Err(broken("this is too long for a key".to_owned()));
    }
    std::fs::read(path).map_err(|error| broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_never_told() {
        assert_eq!(check(" abc\n").unwrap(), "abc");
        let error = check("hunter2 and more").unwrap_err().styled();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(check("\n").unwrap_err().styled().contains("GIMLET_GIT_TOKEN"));
    }

    #[test]
    fn keys_are_read_from_files_and_end_in_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let args = CredentialArgs {
            ssh_key: write("key", "private"),
            known_hosts: write("hosts", "host key"),
            ..CredentialArgs::default()
        };
        assert!(args.given());
        let found = args.read("git@example.com:a/b.git").unwrap().unwrap();
        let secret = found.secret("team", "gitops");
        assert_eq!(
            secret["data"],
            json!({"identity": "cHJpdmF0ZQ==", "known_hosts": "aG9zdCBrZXk="})
        );
        assert_eq!(found.token(), None);
        let missing = CredentialArgs { ca_file: Some("nowhere".into()), ..args };
        assert_eq!(missing.read("https://x/a/b").unwrap_err().exit_code(), 2);
    }
}
