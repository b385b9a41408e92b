//! The host of a gitops repository: which one it is, and what is made there.

use clap::{Args, ValueEnum};
use gimlet_hosts::{
    Address, Client, Host, HostError, NewDeployKey, NewRepository, Provider, Secret, Settings,
};
use std::sync::Arc;
use url::Url;

use super::credentials::Credentials;
use crate::error::{CommandError, Kind};

/// Kinds of host with an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProviderName {
    /// github.com, or GitHub on one's own servers
    #[value(name = "github")]
    GitHub,
    /// gitlab.com, or GitLab on one's own servers
    #[value(name = "gitlab")]
    GitLab,
    /// Gitea, Forgejo, Codeberg
    Gitea,
}

impl ProviderName {
    /// Returns the kind of host as an Environment spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
        }
    }
}

/// Which host it is.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct HostArgs {
    /// Kind of host; that of github.com, gitlab.com and codeberg.org is known
    #[arg(long, value_name = "PROVIDER")]
    pub(super) provider: Option<ProviderName>,
    /// Address of the host's API, where it is another than usual
    #[arg(long, value_name = "URL")]
    pub(super) api_url: Option<Url>,
}

/// A repository at its host.
pub(super) struct Hosted {
    host: Arc<dyn Host>,
    address: Address,
    provider: ProviderName,
}

impl HostArgs {
    /// Finds out which kind of host has an address.
    pub(super) fn provider_of(&self, address: &Address) -> Result<ProviderName, CommandError> {
        let known = match address.host() {
            "github.com" => Some(ProviderName::GitHub),
            "gitlab.com" => Some(ProviderName::GitLab),
            "codeberg.org" => Some(ProviderName::Gitea),
            _ => None,
        };
        self.provider.or(known).ok_or_else(|| {
            CommandError::usage(format!("it is not known what kind of host {} is", address.host()))
                .hint("say it with --provider github, gitlab or gitea")
        })
    }

    /// Makes a client of the host; the token is the one that the credentials have.
    pub(super) fn open(
        &self,
        url: &str,
        credentials: Option<&Credentials>,
    ) -> Result<Hosted, CommandError> {
        let address = parse(url)?;
        let provider = self.provider_of(&address)?;
        let kind = match provider {
            ProviderName::GitHub => Provider::GitHub,
            ProviderName::GitLab => Provider::GitLab,
            ProviderName::Gitea => Provider::Gitea,
        };
        let api = self.api_url.clone().unwrap_or_else(|| address.api(kind));
        let mut settings = Settings::new(kind, api);
        settings.token = credentials.and_then(Credentials::token).map(Secret::new);
        settings.ca = credentials.and_then(Credentials::ca);
        // It is the person's own machine.
        settings.allow_loopback = true;
        let client = Client::new(settings).map_err(|error| failed(&error))?;
        let host =
            client.repository(&address).map_err(|error| CommandError::usage(error.to_string()))?;
        Ok(Hosted { host, address, provider })
    }
}

impl Hosted {
    /// Says what would be made, where the repository is not there.
    pub(super) async fn to_be_made(&self, public: bool) -> Result<Option<String>, CommandError> {
        match self.host.repository().await {
            Ok(_) => Ok(None),
            Err(HostError::NotFound { .. }) => {
                let who = if public { "public" } else { "private" };
                Ok(Some(format!(
                    "repository {} at {} ({who})",
                    self.address,
                    self.provider.as_str()
                )))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Makes the repository; one that is there by now is as good.
    pub(super) async fn create(&self, public: bool, branch: &str) -> Result<(), CommandError> {
        let new = NewRepository {
            private: !public,
            description: "What runs: rendered manifests, written by Gimlet and applied by Flux"
                .into(),
            branch: branch.to_owned(),
        };
        match self.host.create(&new).await {
            Ok(_) | Err(HostError::Exists { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Lets a public key read the repository, or write it as well.
    pub(super) async fn add_key(
        &self,
        title: &str,
        key: &str,
        may_push: bool,
    ) -> Result<(), CommandError> {
        let new = NewDeployKey { title: title.into(), key: key.into(), may_push };
        self.host.add_deploy_key(&new).await.map_err(|error| failed(&error))
    }

    /// Takes a public key away; tells whether it was there.
    pub(super) async fn remove_key(&self, key: &str) -> Result<bool, CommandError> {
        self.host.remove_deploy_key(key).await.map_err(|error| failed(&error))
    }
}

/// Reads the address of a repository at a host.
pub(super) fn parse(url: &str) -> Result<Address, CommandError> {
    Address::parse(url).map_err(|error| CommandError::usage(error.to_string()))
}

fn failed(error: &HostError) -> CommandError {
    let kind = match error {
        HostError::Unauthorized { .. } | HostError::Forbidden { .. } => Kind::Forbidden,
        HostError::NotFound { .. } => Kind::NotFound,
        HostError::InvalidInput { .. } | HostError::Insecure { .. } => Kind::Usage,
        _ => Kind::General,
    };
    CommandError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(args: &HostArgs, url: &str) -> Result<ProviderName, CommandError> {
        args.provider_of(&parse(url)?)
    }

    #[test]
    fn well_known_hosts_need_no_flag_and_others_are_asked_for() {
        let args = HostArgs::default();
        let github = provider(&args, "git@github.com:acme/gitops.git").unwrap();
        assert_eq!(github.as_str(), "GitHub");
        let error = provider(&args, "https://git.example.com/acme/gitops.git").unwrap_err();
        assert!(error.styled().contains("--provider"), "{}", error.styled());
        let args = HostArgs { provider: Some(ProviderName::Gitea), api_url: None };
        assert!(provider(&args, "https://git.example.com/acme/gitops.git").is_ok());
        assert_eq!(parse("https://user:hunter2@github.com/a/b").unwrap_err().exit_code(), 2);
    }
}
