//! What an issuer says of itself: where people sign in, and by which keys its tokens are known.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use openidconnect::core::{CoreClient, CoreClientAuthMethod};
use openidconnect::{
    AuthType, ClientId, ClientSecret, DiscoveryError, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutRequest, ProviderMetadataWithLogout,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::fault::{Fault, root};
use super::http::Http;

/// How long it is believed.
const LONGEST: Duration = Duration::from_hours(1);
/// How often it is asked at most because of a key that is not known.
const OFTEN: Duration = Duration::from_secs(10);

/// Somebody who asks the provider.
pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What an issuer said of itself.
#[derive(Clone)]
pub(super) struct Provider {
    metadata: Arc<ProviderMetadataWithLogout>,
    read: Instant,
}

impl Provider {
    pub(super) fn client(&self, id: ClientId, secret: Option<&str>) -> Client {
        let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
        let client = CoreClient::from_provider_metadata((*self.metadata).clone(), id, secret);
        // Where it says nothing, it takes the client's name and secret in the header.
        let methods = self.metadata.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        if in_body { client.set_auth_type(AuthType::RequestBody) } else { client }
    }

    /// Begins a request that ends the browser's session there, where it has a place for that.
    pub(super) fn logout(&self) -> Option<LogoutRequest> {
        let endpoint = self.metadata.additional_metadata().end_session_endpoint.clone()?;
        let of_the_web = matches!(endpoint.url().scheme(), "https" | "http");
        of_the_web.then(|| endpoint.into())
    }

    /// Tells whether it has a scope; where it does not say which it has, it may have any.
    pub(super) fn has_scope(&self, wanted: &str) -> bool {
        self.metadata
            .scopes_supported()
            .is_none_or(|scopes| scopes.iter().any(|scope| scope.as_str() == wanted))
    }
}

/// Reads what an issuer says of itself, and keeps it for a while.
pub(super) struct Providers {
    issuer: IssuerUrl,
    http: Http,
    known: Mutex<Option<Provider>>,
}

impl Providers {
    pub(super) fn new(issuer: &str, authorities: Option<&Path>) -> anyhow::Result<Self> {
        let issuer = IssuerUrl::new(issuer.to_owned()).context("--oidc-issuer is no address")?;
        Ok(Self { issuer, http: Http::new(authorities)?, known: Mutex::default() })
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Returns what it says.
    pub(super) async fn get(&self) -> Result<Provider, Fault> {
        let mut known = self.known.lock().await;
        if let Some(provider) = known.as_ref().filter(|provider| provider.read.elapsed() < LONGEST)
        {
            return Ok(provider.clone());
        }
        Ok(known.insert(self.discover().await?).clone())
    }

    /// Returns what it says now, where that was not asked for just before.
    pub(super) async fn renewed(&self, old: &Provider) -> Result<Provider, Fault> {
        let mut known = self.known.lock().await;
        match known.as_ref() {
            Some(provider) if provider.read > old.read || provider.read.elapsed() < OFTEN => {
                Ok(provider.clone())
            }
            _ => Ok(known.insert(self.discover().await?).clone()),
        }
    }

    async fn discover(&self) -> Result<Provider, Fault> {
        let issuer = self.issuer.as_str().to_owned();
        let found =
            ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await;
        let metadata = found.map_err(|error| match error {
            DiscoveryError::Request(broken) => {
                Fault::Unreachable { issuer, why: broken.to_string() }
            }
            DiscoveryError::Response(status, _, _) => {
                Fault::NoProvider { issuer, why: format!("it answers {status}") }
            }
            error => Fault::NoProvider { issuer, why: root(&error) },
        })?;
        Ok(Provider { metadata: Arc::new(metadata), read: Instant::now() })
    }
}
