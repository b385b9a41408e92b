//! How a provider is asked: with limits, and never elsewhere than where was said.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Certificate, Client, redirect};

use super::fault::root;

/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is taken, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Asks a provider.
#[derive(Debug)]
pub(crate) struct Http(Client);

/// No answer came that can be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

impl Http {
    /// Prepares it, with the system's authorities or those of a file.
    pub(super) fn new(authorities: Option<&Path>) -> anyhow::Result<Self> {
        // Another part of the program may have done so already, with the same provider.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("gimlet-dashboard/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(PATIENCE);
        if let Some(file) = authorities {
            let pem = std::fs::read(file)
                .with_context(|| format!("--oidc-ca {} cannot be read", file.display()))?;
            let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
            ensure!(
                !certificates.is_empty(),
                "--oidc-ca {} holds no certificate in PEM form",
                file.display()
            );
            builder = builder.tls_certs_only(certificates);
        }
        Ok(Self(builder.build().context("no connection to a provider can be prepared")?))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Broken> {
        let broken = |error: reqwest::Error| Broken(root(&error));
        let (parts, body) = request.into_parts();
        let mut answer = self
            .0
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body)
            .send()
            .await
            .map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(Broken(format!("the answer has more than {LARGEST} bytes")));
            }
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
