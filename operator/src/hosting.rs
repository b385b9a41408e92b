//! The APIs of git hosts, as the kinds name them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gimlet_crds::HostProvider;
use gimlet_hosts::{Address, Client, HostError, Provider, Secret, Settings};
use k8s_openapi::ByteString;

use crate::metrics::Metrics;

/// Why the API of a host cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostingError {
    #[error("apiUrl: {0}")]
    Api(String),
    #[error(transparent)]
    Host(#[from] HostError),
}

impl HostingError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Api(_) => "InvalidRepository",
            Self::Host(error) => error.reason(),
        }
    }
}

/// Returns the kind of host as its crate has it; none for plain git.
pub(crate) fn provider(provider: HostProvider) -> Option<Provider> {
    match provider {
        HostProvider::GitHub => Some(Provider::GitHub),
        HostProvider::GitLab => Some(Provider::GitLab),
        HostProvider::Gitea => Some(Provider::Gitea),
        HostProvider::Git => None,
    }
}

/// Opens the API of a host, with the token and the certificate authorities of a Secret. The token of a
/// GitHub App, which changes, is set later.
pub(crate) fn account(
    provider: Provider,
    address: &Address,
    api_url: Option<&str>,
    secret: &BTreeMap<String, ByteString>,
    allow_loopback: bool,
    metrics: &Metrics,
) -> Result<Client, HostingError> {
    let api = match api_url {
        None => address.api(provider),
        Some(text) => text.parse().map_err(|error| HostingError::Api(format!("{error}")))?,
    };
    let text = |key: &str| secret.get(key).and_then(|b| String::from_utf8(b.0.clone()).ok());
    let token = text("password").map(|token| token.trim().to_owned()).filter(|t| !t.is_empty());
    let settings = Settings {
        token: token.map(Secret::new),
        ca: secret.get("ca.crt").map(|ca| ca.0.clone()),
        allow_loopback,
        observer: Some(Arc::new(metrics.clone())),
        ..Settings::new(provider, api)
    };
    Ok(Client::new(settings)?)
}
