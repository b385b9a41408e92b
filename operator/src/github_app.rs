//! GitHub Apps: Secrets that name one are exchanged for a token, which is kept in memory only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gimlet_gitops::Credentials;
use gimlet_hosts::{Address, AppSettings, GitHubApp, Provider, Secret};
use k8s_openapi::ByteString;

use crate::digest;
use crate::metrics::Metrics;
use crate::remotes::RemoteError;

/// User name that GitHub wants with the token of an App.
const USER: &str = "x-access-token";
/// Installations that are remembered.
const REMEMBERED: usize = 1_000;

/// The keys of a Secret, which are those that Flux reads.
const APP_ID: &str = "githubAppID";
const INSTALLATION: &str = "githubAppInstallationID";
const PRIVATE_KEY: &str = "githubAppPrivateKey";
const BASE_URL: &str = "githubAppBaseURL";

/// The installations of GitHub Apps that are in use, by what names them.
pub(crate) struct Apps {
    metrics: Metrics,
    allow_loopback: bool,
    known: Mutex<HashMap<String, GitHubApp>>,
}

impl Apps {
    /// Makes a registry without installations.
    pub(crate) fn new(metrics: Metrics, allow_loopback: bool) -> Self {
        Self { metrics, allow_loopback, known: Mutex::default() }
    }

    /// Returns the App that a Secret names, with its token; none where it names no App.
    ///
    /// `url` is the address of the repository, `api` that of its host's API where it is known.
    pub(crate) async fn token(
        &self,
        name: &str,
        secret: &BTreeMap<String, ByteString>,
        url: &str,
        api: Option<&str>,
    ) -> Result<Option<(GitHubApp, Secret)>, RemoteError> {
        if !secret.contains_key(APP_ID) {
            return Ok(None);
        }
        let app = self.app(name, secret, url, api)?;
        let token = app.token().await;
        let token = token.map_err(|error| RemoteError::App { name: name.to_owned(), error })?;
        Ok(Some((app, token)))
    }

    fn app(
        &self,
        name: &str,
        secret: &BTreeMap<String, ByteString>,
        url: &str,
        api: Option<&str>,
    ) -> Result<GitHubApp, RemoteError> {
        let text = |key: &'static str| match secret.get(key) {
            None => Err(RemoteError::AppIncomplete { name: name.to_owned(), key }),
            Some(bytes) => String::from_utf8(bytes.0.clone())
                .map_err(|_| RemoteError::SecretNotText { name: name.to_owned(), key }),
        };
        let (app, installation, key) = (text(APP_ID)?, text(INSTALLATION)?, text(PRIVATE_KEY)?);
        let base = if secret.contains_key(BASE_URL) {
            Some(text(BASE_URL)?)
        } else {
            api.map(str::to_owned)
        };
        let invalid = |error: String| RemoteError::AppAddress { name: name.to_owned(), error };
        let api = match &base {
            None => {
                let address = Address::parse(url).map_err(|error| invalid(error.to_string()))?;
                address.api(Provider::GitHub)
            }
            Some(base) => base.trim().parse().map_err(|error| invalid(format!("{error}")))?,
        };
        let ca = secret.get("ca.crt").map(|ca| ca.0.clone());
        let parts = [
            app.as_bytes(),
            installation.as_bytes(),
            key.as_bytes(),
            api.as_str().as_bytes(),
            ca.as_deref().unwrap_or_default(),
        ];
        let print = digest::of_parts(parts);
        let mut known = self.lock();
        if let Some(found) = known.get(&print) {
            return Ok(found.clone());
        }
        let settings = AppSettings {
            ca,
            allow_loopback: self.allow_loopback,
            observer: Some(Arc::new(self.metrics.clone())),
            ..AppSettings::new(&app, &installation, Secret::new(key), api)
        };
        let made = GitHubApp::new(settings)
            .map_err(|error| RemoteError::App { name: name.to_owned(), error })?;
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(print, made.clone());
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, GitHubApp>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what git sends with the token of an App.
pub(crate) fn credentials(token: &Secret) -> Credentials {
    let password = gimlet_gitops::Secret::new(token.reveal());
    Credentials::Basic { username: USER.to_owned(), password }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), ByteString(v.as_bytes().to_vec()))).collect()
    }

    #[tokio::test]
    async fn a_secret_that_names_half_an_app_says_what_is_missing() {
        let apps = Apps::new(Metrics::new().unwrap(), false);
        let url = "https://github.com/acme/shop";
        let of = async |pairs: &[(&str, &str)]| apps.token("git", &data(pairs), url, None).await;
        assert!(of(&[("password", "x")]).await.unwrap().is_none());
        let error = of(&[(APP_ID, "1")]).await.unwrap_err();
        assert!(error.to_string().contains("has githubAppID, but no githubAppInstallationID"));
        let error = of(&[(APP_ID, "1"), (INSTALLATION, "2"), (PRIVATE_KEY, "s3cret")]).await;
        let error = error.unwrap_err();
        assert_eq!(error.reason(), "InvalidSecret");
        assert!(error.to_string().contains("not an RSA key in PEM form"), "{error}");
        assert!(!error.to_string().contains("s3cret"));
    }
}
