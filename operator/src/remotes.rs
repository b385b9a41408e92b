//! One writer for each repository and branch, whatever the number of environments in it.

mod error;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_crds::{Environment, GitEngine, HostProvider, PushMode};
use gimlet_gitops::{
    BranchName, CommitId, Credentials, EngineChoice, EngineKind, GitError, GitErrorKind, Options,
    QueueStats, Remote, RemoteUrl, Secret, Signer, SigningError, Writer,
};
use gimlet_hosts::{Address, Client as HostClient, GitHubApp, Host, HostError, RateLimit};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use kube::{Api, Client, ResourceExt};

use crate::digest;
use crate::error::ApiError;
use crate::github_app::{self, Apps};
use crate::hosting::{self, HostingError};
use crate::metrics::Metrics;
use crate::pull_request::Withdrawn;
pub(crate) use error::RemoteError;

/// How long credentials are used before their Secret is read again.
const FRESH: Duration = Duration::from_secs(30);

/// The writers of all environments.
pub(crate) struct Remotes {
    cache: PathBuf,
    metrics: Metrics,
    apps: Arc<Apps>,
    allow_loopback: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By namespace and name of the environment.
    environments: HashMap<(String, String), Entry>,
    /// By fingerprint of repository, branch and credentials: who lacks the credentials can never
    /// use a writer that has them.
    writers: HashMap<String, Opened>,
}

struct Opened {
    repository: String,
    folder: PathBuf,
    /// Fingerprint of the key that signs.
    signer: Option<String>,
    engine: EngineChoice,
    writer: Writer,
    withdrawn: Arc<Withdrawn>,
}

/// What an environment's access is made of, besides the way to its repository.
struct Settings {
    engine: EngineChoice,
    last_head: Option<CommitId>,
    signer: Option<Arc<Signer>>,
    account: Option<HostClient>,
    host: Option<Arc<dyn Host>>,
    app: Option<GitHubApp>,
}

struct Entry {
    generation: Option<i64>,
    read: Instant,
    access: Access,
    /// The App whose tokens it is, where it is one.
    app: Option<GitHubApp>,
}

/// A writer with a fingerprint of the credentials that it uses.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) writer: Writer,
    /// The API of the host, where the environment has pull requests or its repository is to be made.
    pub(crate) host: Option<Arc<dyn Host>>,
    /// Branches of pull requests that were deleted a moment ago.
    pub(crate) withdrawn: Arc<Withdrawn>,
    /// The account that the API is asked with.
    account: Option<HostClient>,
    fingerprint: String,
}

impl Access {
    /// Returns a digest of the repository's address and credentials. It is not a secret itself,
    /// but cannot be guessed by whoever lacks the credentials.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Remotes {
    /// Makes a registry without writers; caches are kept in `cache`.
    pub(crate) fn new(
        cache: PathBuf,
        metrics: Metrics,
        apps: Arc<Apps>,
        allow_loopback: bool,
    ) -> Self {
        Self { cache, metrics, apps, allow_loopback, state: Mutex::default() }
    }

    /// Returns the writer of an environment; its credentials are read anew now and then.
    pub(crate) async fn access(
        &self,
        client: &Client,
        environment: &Environment,
    ) -> Result<Access, RemoteError> {
        let namespace = environment.namespace().unwrap_or_default();
        let id = (namespace.clone(), environment.name_any());
        if let Some(access) = self.fresh(&id, environment.metadata.generation) {
            return Ok(access);
        }
        let gitops = &environment.spec.gitops;
        let secret = match &gitops.secret_ref {
            None => BTreeMap::new(),
            Some(reference) => read_secret(client, &namespace, &reference.name).await?,
        };
        let name = gitops.secret_ref.as_ref().map_or("", |r| r.name.as_str());
        let api = gitops.api_url.as_deref();
        let api = api.filter(|_| gitops.provider == Some(HostProvider::GitHub));
        let (app, token) = self.apps.token(name, &secret, &gitops.url, api).await?.unzip();
        let remote = Remote {
            url: RemoteUrl::parse(&gitops.url, false)?,
            branch: BranchName::parse(&gitops.branch)?,
            credentials: match &token {
                Some(token) => github_app::credentials(token),
                None => credentials(name, &secret)?,
            },
            ca: secret.get("ca.crt").map(|ca| ca.0.clone()),
            create_branch: gitops.create_branch,
            allow_loopback: self.allow_loopback,
        };
        remote.check()?;
        let key = match &gitops.signing {
            None => BTreeMap::new(),
            Some(signing) => read_secret(client, &namespace, &signing.secret_ref.name).await?,
        };
        let engine = engine(gitops.engine);
        let fingerprint = fingerprint(&remote, engine, &secret, &key);
        let signer = match &gitops.signing {
            None => None,
            Some(signing) => Some(signer(&signing.secret_ref.name, key).await?),
        };
        let account = self.account(&id, environment, &secret, &fingerprint)?;
        let generation = environment.metadata.generation;
        // What is derived from the fingerprint stays the same while the tokens of an App change.
        let rotated = token.is_some().then(|| remote.credentials.clone());
        if let (Some(account), Some(token)) = (&account, token) {
            account.set_token(Some(token)).map_err(HostingError::Host)?;
        }
        let host = match &account {
            None => None,
            Some(account) => Some(account.repository(&Address::parse(&gitops.url)?)?),
        };
        // A branch is an environment's for good, so this one's past is what its status says.
        let head = environment.status.as_ref().and_then(|status| status.head.as_ref());
        let last_head = head.and_then(|head| CommitId::parse(&head.commit).ok());
        let settings = Settings { engine, last_head, signer, account, host, app };
        let access = self.register(id, generation, remote, settings, fingerprint);
        if let Some(credentials) = rotated {
            access.writer.set_credentials(credentials);
        }
        Ok(access)
    }

    /// Opens the API of an environment's host, or goes on with it as long as nothing of it changed: it
    /// knows limits and answers.
    fn account(
        &self,
        id: &(String, String),
        environment: &Environment,
        secret: &BTreeMap<String, ByteString>,
        fingerprint: &str,
    ) -> Result<Option<HostClient>, RemoteError> {
        let gitops = &environment.spec.gitops;
        let is_there = environment.status.as_ref().is_some_and(|status| status.head.is_some());
        let to_be_made = gitops.create_repository.is_some() && !is_there;
        if gitops.push != PushMode::PullRequest && !to_be_made {
            return Ok(None);
        }
        let state = self.lock();
        let known = state.environments.get(id).filter(|entry| {
            entry.generation == environment.metadata.generation
                && entry.access.fingerprint == fingerprint
        });
        if let Some(account) = known.and_then(|entry| entry.access.account.clone()) {
            return Ok(Some(account));
        }
        drop(state);
        let address = Address::parse(&gitops.url)?;
        let api = gitops.api_url.as_deref();
        let (metrics, loopback) = (&self.metrics, self.allow_loopback);
        let open = |provider| hosting::account(provider, &address, api, secret, loopback, metrics);
        Ok(gitops.provider.and_then(hosting::provider).map(open).transpose()?)
    }

    /// Forgets the credentials of an environment that is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.lock().environments.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Forgets an environment's credentials because they were refused: somebody may have mended the
    /// Secret, or the rights.
    pub(crate) fn distrust(&self, namespace: &str, name: &str) {
        let entry = self.lock().environments.remove(&(namespace.to_owned(), name.to_owned()));
        if let Some(app) = entry.and_then(|entry| entry.app) {
            app.distrust();
        }
    }

    /// Lists the queues of all writers by repository, and the engines that are known.
    pub(crate) fn queues(&self) -> Vec<(String, QueueStats, Option<EngineKind>)> {
        let of = |opened: &Opened| {
            (opened.repository.clone(), opened.writer.queue(), opened.writer.engine())
        };
        self.lock().writers.values().map(of).collect()
    }

    /// Lists how many requests the hosts whose API is used still take, by repository.
    pub(crate) fn rate_limits(&self) -> Vec<(String, RateLimit)> {
        let state = self.lock();
        let known = state.environments.values().filter_map(|entry| {
            let limit = entry.access.account.as_ref()?.rate_limit()?;
            Some((state.writers.get(&entry.access.fingerprint)?.repository.clone(), limit))
        });
        known.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, id: &(String, String), generation: Option<i64>) -> Option<Access> {
        let state = self.lock();
        let entry = state.environments.get(id)?;
        let fresh = entry.generation == generation && entry.read.elapsed() < FRESH;
        fresh.then(|| entry.access.clone())
    }

    fn register(
        &self,
        id: (String, String),
        generation: Option<i64>,
        remote: Remote,
        Settings { engine, last_head, signer, account, host, app }: Settings,
        fingerprint: String,
    ) -> Access {
        let mut state = self.lock();
        let State { environments, writers } = &mut *state;
        let before = environments.remove(&id).map(|entry| entry.access.fingerprint);
        let shared = environments.values().any(|e| Some(&e.access.fingerprint) == before.as_ref());
        if let (Some(before), false) = (before.filter(|b| *b != fingerprint), shared) {
            // A new token for the same repository: the warm cache stays in use.
            let print = signer.as_ref().map(|signer| signer.fingerprint().to_owned());
            let same = writers.get(&before).is_some_and(|opened| {
                opened.repository == remote.key()
                    && opened.signer == print
                    && opened.engine == engine
            });
            if let (true, false, Some(opened)) =
                (same, writers.contains_key(&fingerprint), writers.remove(&before))
            {
                opened.writer.set_credentials(remote.credentials.clone());
                writers.insert(fingerprint.clone(), opened);
            }
        }
        let folder = self.folder(&id, &remote, writers);
        let opened = writers.entry(fingerprint.clone()).or_insert_with(|| {
            let observer = Some(self.metrics.observer());
            let repository = remote.key();
            let print = signer.as_ref().map(|signer| signer.fingerprint().to_owned());
            let options = Options { engine, last_head, observer, signer, ..Options::new(&folder) };
            let writer = Writer::open(remote, options);
            let withdrawn = Arc::default();
            Opened { repository, folder, signer: print, engine, writer, withdrawn }
        });
        let (writer, withdrawn) = (opened.writer.clone(), Arc::clone(&opened.withdrawn));
        let access = Access { writer, host, withdrawn, account, fingerprint };
        let read = Instant::now();
        environments.insert(id, Entry { generation, read, access: access.clone(), app });
        writers.retain(|fingerprint, _| {
            environments.values().any(|entry| entry.access.fingerprint == *fingerprint)
        });
        access
    }

    /// Picks a folder for a writer's cache: the same after a restart, and of no other writer.
    fn folder(
        &self,
        (namespace, name): &(String, String),
        remote: &Remote,
        writers: &HashMap<String, Opened>,
    ) -> PathBuf {
        let digest =
            digest::of_parts([namespace.as_bytes(), name.as_bytes(), remote.key().as_bytes()]);
        let base = self.cache.join("git");
        (0..=writers.len())
            .map(|n| base.join(format!("{}-{n}", &digest[..16])))
            .find(|folder| writers.values().all(|opened| opened.folder != *folder))
            .unwrap_or(base)
    }
}

/// Tells whether a git server refused the credentials; hosts say of what may not be seen that it is not
/// there.
pub(crate) fn refused_by_git(error: &GitError) -> bool {
    matches!(error.kind(), GitErrorKind::Unauthorized | GitErrorKind::NotFound)
}

/// Tells whether the API of a host refused the credentials, or they lack a right there.
pub(crate) fn refused_by_host(error: &HostError) -> bool {
    use HostError::{Forbidden, NotFound, Unauthorized};
    matches!(error, Unauthorized { .. } | Forbidden { .. } | NotFound { .. })
}

/// Reads the data of a Secret.
pub(crate) async fn read_secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<BTreeMap<String, ByteString>, RemoteError> {
    let secret = Api::<KubeSecret>::namespaced(client.clone(), namespace)
        .get_opt(name)
        .await
        .map_err(|error| ApiError::new(format!("read the Secret {name}"), error))?
        .ok_or_else(|| RemoteError::SecretMissing { name: name.to_owned() })?;
    Ok(secret.data.unwrap_or_default())
}

/// Reads the credentials of a repository from a Secret.
pub(crate) fn credentials(
    name: &str,
    secret: &BTreeMap<String, ByteString>,
) -> Result<Credentials, RemoteError> {
    let text = |key: &'static str| match secret.get(key) {
        None => Ok(None),
        Some(bytes) => String::from_utf8(bytes.0.clone())
            .map(|text| Some(text.trim_end_matches(['\n', '\r']).to_owned()))
            .map_err(|_| RemoteError::SecretNotText { name: name.to_owned(), key }),
    };
    if name.is_empty() {
        return Ok(Credentials::None);
    }
    if let Some(identity) = text("identity")? {
        let Some(known_hosts) = text("known_hosts")? else {
            return Err(RemoteError::SecretEmpty { name: name.to_owned() });
        };
        let private_key = Secret::new(format!("{identity}\n"));
        return Ok(Credentials::Ssh { private_key, known_hosts: format!("{known_hosts}\n") });
    }
    match (text("username")?, text("password")?) {
        (username, Some(password)) => Ok(Credentials::Basic {
            username: username.unwrap_or_else(|| "git".into()),
            password: Secret::new(password),
        }),
        _ if secret.contains_key("ca.crt") => Ok(Credentials::None),
        _ => Err(RemoteError::SecretEmpty { name: name.to_owned() }),
    }
}

/// Reads the key that signs. Decrypting it takes a moment by design.
async fn signer(
    name: &str,
    mut secret: BTreeMap<String, ByteString>,
) -> Result<Arc<Signer>, RemoteError> {
    let mut text = |key: &'static str| {
        let bytes = secret.remove(key).map(|bytes| bytes.0);
        let text = bytes.map(String::from_utf8).transpose();
        text.map(|text| text.map(Secret::new))
            .map_err(|_| RemoteError::SecretNotText { name: name.to_owned(), key })
    };
    let (ssh, pgp, passphrase) = (text("identity")?, text("git.asc")?, text("passphrase")?);
    let Some(key) = pgp.or(ssh) else {
        return Err(RemoteError::NoSigningKey { name: name.to_owned() });
    };
    let parsed =
        tokio::task::spawn_blocking(move || Signer::parse(&key, passphrase.as_ref())).await;
    let failed = |error| RemoteError::Signing { name: name.to_owned(), error };
    match parsed {
        Ok(signer) => Ok(Arc::new(signer.map_err(failed)?)),
        Err(error) => Err(failed(SigningError::Unreadable(error.to_string()))),
    }
}

fn engine(engine: GitEngine) -> EngineChoice {
    match engine {
        GitEngine::Auto => EngineChoice::Auto,
        GitEngine::Git => EngineChoice::Git,
        GitEngine::Wire => EngineChoice::Wire,
    }
}

fn fingerprint(
    remote: &Remote,
    engine: EngineChoice,
    secret: &BTreeMap<String, ByteString>,
    signing: &BTreeMap<String, ByteString>,
) -> String {
    let key = remote.key();
    let create = [u8::from(remote.create_branch), engine as u8];
    let parts = |secret: &BTreeMap<String, ByteString>| -> Vec<Vec<u8>> {
        secret
            .iter()
            .flat_map(|(name, value)| [name.clone().into_bytes(), value.0.clone()])
            .collect()
    };
    let count = [u8::from(!signing.is_empty())];
    let secrets = [parts(secret), parts(signing)].concat();
    let first = [key.as_bytes(), create.as_slice(), count.as_slice()];
    digest::of_parts(first.into_iter().chain(secrets.iter().map(Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), ByteString(v.as_bytes().to_vec()))).collect()
    }

    #[test]
    fn a_secret_without_credentials_is_named() {
        let error = credentials("git", &data(&[("user", "x")])).unwrap_err();
        assert!(error.to_string().contains("the Secret git has no credentials"));
        assert_eq!(error.reason(), "InvalidSecret");
    }

    #[test]
    fn a_token_needs_no_user_name() {
        let found = credentials("git", &data(&[("password", "t0ken\n")])).unwrap();
        assert!(matches!(found, Credentials::Basic { username, .. } if username == "git"));
    }

    #[test]
    fn an_ssh_key_needs_known_hosts() {
        assert!(credentials("git", &data(&[("identity", "k")])).is_err());
        let both = data(&[("identity", "k"), ("known_hosts", "h ssh-ed25519 A")]);
        assert!(matches!(credentials("git", &both), Ok(Credentials::Ssh { .. })));
    }

    #[test]
    fn a_new_token_is_another_fingerprint() {
        let remote = Remote {
            url: RemoteUrl::parse("https://git.example.com/a/b.git", false).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            credentials: Credentials::None,
            ca: None,
            create_branch: true,
            allow_loopback: false,
        };
        let print = |password: &str, key: &[(&str, &str)]| {
            fingerprint(&remote, EngineChoice::Auto, &data(&[("password", password)]), &data(key))
        };
        let one = print("a", &[]);
        assert_ne!(one, print("b", &[]));
        assert_ne!(one, print("a", &[("identity", "k")]));
        assert_eq!(one, print("a", &[]));
    }
}
