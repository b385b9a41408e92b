//! Keys for one repository alone: made here, added at its host, and taken away again.

use gimlet_crds::{Environment, labels};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

use super::credentials::{Credentials, is_http};
use super::host::HostArgs;
use super::plan::Wanted;
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::live::refused;
use crate::output;

/// A key that nobody else has.
pub(super) struct DeployKey {
    /// Its private half, for a Secret.
    pub(super) credentials: Credentials,
    /// Its public half.
    public: String,
    title: String,
    may_push: bool,
}

impl DeployKey {
    /// Makes a key; `title` is what the host calls it.
    pub(super) fn new(
        title: String,
        may_push: bool,
        known_hosts: Vec<u8>,
    ) -> Result<Self, CommandError> {
        let broken =
            |error: ssh_key::Error| CommandError::general(format!("a key cannot be made: {error}"));
        let pair = Ed25519Keypair::from_seed(&rand::random::<[u8; 32]>());
        let comment = title.replace(' ', "-");
        let key = PrivateKey::new(KeypairData::from(pair), comment).map_err(broken)?;
        let private = key.to_openssh(LineEnding::LF).map_err(broken)?;
        let public = key.public_key().to_openssh().map_err(broken)?;
        let credentials = Credentials::of_key(&private, known_hosts);
        Ok(Self { credentials, public, title, may_push })
    }

    /// Makes the Secret that holds it; the public half in it says that the key was made here.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> Value {
        let mut secret = self.credentials.secret(namespace, name);
        secret["metadata"]["annotations"] = json!({labels::DEPLOY_KEY: self.public});
        secret
    }

    /// Says what it may.
    pub(super) fn words(&self) -> String {
        let may = if self.may_push { "reading and writing" } else { "reading only" };
        format!("deploy key {:?} of the repository, {may}", self.title)
    }

    /// Adds it at the host with the token, or has a person do it.
    pub(super) async fn publish(
        &self,
        host: &HostArgs,
        url: &str,
        token: Option<&Credentials>,
    ) -> Result<(), CommandError> {
        if token.and_then(Credentials::token).is_none() {
            let may = if self.may_push { "that may write" } else { "reading only" };
            output::note(&format!(
                "add this deploy key to the repository, {may}:\n{}",
                self.public
            ));
            return Ok(());
        }
        let hosted = host.open(url, token)?;
        hosted.add_key(&self.title, &self.public, self.may_push).await?;
        output::print("deploy key added to the repository\n")
    }
}

/// Refuses a deploy key for an address that has none.
pub(super) fn for_ssh(url: &str, instead: &str) -> Result<(), CommandError> {
    if is_http(url) {
        let message = format!("a deploy key is for SSH, and the repository is {url}");
        return Err(CommandError::usage(message).hint(instead));
    }
    Ok(())
}

/// A deploy key that was made here once, and the Secret that has it.
pub(super) struct Made {
    /// The Secret.
    pub(super) secret: Wanted,
    public: String,
}

impl Made {
    /// Finds the key in a Secret that no other Environment needs; what may not be seen stays.
    pub(super) async fn find(
        cluster: &Cluster,
        name: &str,
        others: &[Environment],
    ) -> Result<Option<Self>, CommandError> {
        let used = |environment: &Environment| {
            let spec = &environment.spec;
            let here = environment.namespace().as_deref() == Some(&cluster.namespace);
            let named = |found: Option<&str>| found == Some(name);
            (here && named(spec.gitops.secret_ref.as_ref().map(|found| found.name.as_str())))
                || (spec.flux.namespace == cluster.namespace
                    && named(spec.flux.secret_ref.as_ref().map(|found| found.name.as_str())))
        };
        if others.iter().any(used) {
            return Ok(None);
        }
        let api: Api<Secret> = cluster.api();
        match api.get_opt(name).await {
            Ok(found) => Ok(found.as_ref().and_then(Self::of)),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
            Err(error) => Err(refused(cluster, "get", "secrets", &cluster.namespace, &error)),
        }
    }

    /// Reads a Secret: it was made here if the key in it is still the one that it says.
    fn of(secret: &Secret) -> Option<Self> {
        let public = secret.annotations().get(labels::DEPLOY_KEY)?;
        let private = secret.data.as_ref()?.get("identity")?;
        let key = PrivateKey::from_openssh(&private.0).ok()?;
        let same = key.public_key().to_openssh().ok()? == *public;
        let name = secret.name_any();
        let object = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": secret.namespace()}});
        same.then(|| Self { secret: Wanted::of(object), public: public.clone() })
    }

    /// Tells whether it is the same key.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.public == other.public
    }

    /// Tells whether a Secret of a name has it.
    pub(super) fn is_in(&self, name: &str) -> bool {
        self.secret.path() == format!("secret/{name}")
    }

    /// Names the key as its host shows it.
    pub(super) fn fingerprint(&self) -> String {
        let key = ssh_key::PublicKey::from_openssh(&self.public);
        key.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default()
    }

    /// Takes the key away at the host.
    pub(super) async fn withdraw(
        &self,
        host: &HostArgs,
        url: &str,
        token: &Credentials,
    ) -> Result<(), CommandError> {
        let was_there = host.open(url, Some(token))?.remove_key(&self.public).await?;
        let became = if was_there { "removed from the repository" } else { "was gone already" };
        output::print(&format!("deploy key {} {became}\n", self.fingerprint()))
    }
}

/// Lists the Environments that one may see, but the one of a name.
pub(super) async fn others(cluster: &Cluster, but: &str) -> Vec<Environment> {
    let all = cluster.api::<Environment>().list(&ListParams::default()).await;
    let mut others = all.map(|list| list.items).unwrap_or_default();
    others.retain(|environment| environment.name_any() != but);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> DeployKey {
        DeployKey::new("flux staging".into(), false, b"hosts".to_vec()).unwrap()
    }

    #[test]
    fn a_new_key_is_another_one_each_time() {
        let (one, other) = (made(), made());
        assert!(
            one.public.starts_with("ssh-ed25519 ") && one.public.ends_with(" flux-staging"),
            "{}",
            one.public
        );
        assert_ne!(one.public, other.public);
        let secret = one.secret("flux-system", "git");
        assert!(secret["data"]["identity"].as_str().is_some_and(|key| key.len() > 100));
        assert_eq!(one.words(), r#"deploy key "flux staging" of the repository, reading only"#);
    }

    #[test]
    fn only_a_key_that_was_made_here_is_known_again() {
        let key = made();
        let read = |secret: Value| Made::of(&serde_json::from_value(secret).unwrap());
        let secret = key.secret("flux-system", "git");
        let found = read(secret.clone()).unwrap();
        assert_eq!(found.secret.path(), "secret/git");
        assert!(found.fingerprint().starts_with("SHA256:"), "{}", found.fingerprint());
        let mut exchanged = secret.clone();
        exchanged["data"] = made().secret("flux-system", "git")["data"].take();
        assert!(read(exchanged).is_none(), "somebody put another key into it");
        let mut theirs = secret;
        theirs["metadata"]["annotations"] = json!({});
        assert!(read(theirs).is_none(), "it is a key of people");
    }

    #[test]
    fn a_deploy_key_is_for_ssh() {
        assert!(for_ssh("git@git.example.com:acme/gitops.git", "").is_ok());
        let error = for_ssh("https://git.example.com/acme/gitops.git", "give it a token");
        assert!(error.unwrap_err().styled().contains("give it a token"));
    }
}
