//! The way to the API server as somebody else.

use axum::http::{Request, header};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use tower::service_fn;

use crate::token::Token;

/// Speaks to the API server with the tokens of callers, over connections that they share.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// It has no credentials of its own: whoever forgets to say a token is nobody.
    nobody: Client,
}

impl Cluster {
    /// Takes all of a configuration but who it is.
    pub(crate) fn new(config: &Config) -> Result<Self, kube::Error> {
        let mut config = config.clone();
        config.auth_info = AuthInfo::default();
        // What is passed through is repeated by whoever asked.
        config.default_retry = false;
        Ok(Self { nobody: gimlet_process::client(config)? })
    }

    /// Returns a client that is the token's owner.
    pub(crate) fn of(&self, token: &Token) -> Client {
        let (nobody, authorization) = (self.nobody.clone(), token.header());
        let service = service_fn(move |mut request: Request<Body>| {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
            let nobody = nobody.clone();
            async move { nobody.send(request).await }
        });
        Client::new(service, "default")
    }
}
