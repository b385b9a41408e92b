//! Signing in at an identity provider by OIDC: the authorization code flow with PKCE.
//!
//! The ID token is passed on to the API server, which trusts the same issuer (structured
//! authentication): who somebody is and what they may do is for it to say, as with any other token.

mod fault;
mod http;
mod provider;

use std::path::PathBuf;

use jiff::Timestamp;
use openidconnect::core::{CoreAuthenticationFlow, CoreIdToken, CoreTokenResponse};
use openidconnect::{
    AuthorizationCode, ClientId, CsrfToken, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, RedirectUrl, RefreshToken, Scope, TokenResponse as _,
};
use zeroize::Zeroizing;

pub(crate) use fault::Fault;
use provider::{Provider, Providers};

use crate::token::Token;

/// Scopes that are asked for where none are named, as far as the provider has them: who it is, the
/// groups, and that the sign-in can be renewed.
const USUAL: [&str; 4] = ["email", "profile", "groups", "offline_access"];

/// What the operator of a dashboard says of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// File that holds the client's secret; none for a public client.
    pub(crate) secret_file: Option<PathBuf>,
    /// Scopes beside `openid`; empty: the usual ones.
    pub(crate) scopes: Vec<String>,
    /// File of the authorities (PEM) that are trusted instead of the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// What the button says.
    pub(crate) name: String,
    /// Claim of the ID token that holds the groups.
    pub(crate) groups_claim: String,
}

/// An identity provider.
pub(crate) struct Oidc {
    settings: Settings,
    providers: Providers,
}

/// A sign-in that was begun: where the browser goes, and what has to be known when it comes back.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// What a provider gives for a code or for a refresh token.
pub(crate) struct Tokens {
    pub(crate) id: Token,
    pub(crate) refresh: Option<Zeroizing<String>>,
}

impl Oidc {
    /// Prepares it; the issuer is asked when somebody signs in.
    pub(crate) fn new(settings: Settings) -> anyhow::Result<Self> {
        let providers = Providers::new(&settings.issuer, settings.authorities.as_deref())?;
        Ok(Self { settings, providers })
    }

    /// Returns what the button says.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Returns the address of the issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Returns the audience that its tokens are for.
    pub(crate) fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// Returns the claim that is missing in a token, where it says nothing of groups.
    pub(crate) fn missing_claim(&self, token: &Token) -> Option<&str> {
        let claim = self.settings.groups_claim.as_str();
        (!token.has_claim(claim)).then_some(claim)
    }

    /// Begins a sign-in that comes back to an address of the dashboard.
    pub(crate) async fn begin(&self, back: &str) -> Result<Begun, Fault> {
        let provider = self.providers.get().await?;
        let client = self.client(&provider).await?.set_redirect_uri(address(back)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes(&provider))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Begun {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Returns where a browser ends its session at the provider, and comes back to an address of the
    /// dashboard; none where the provider has no such place.
    ///
    /// The token is no hint in it: it would be in the browser's history and the provider's logs.
    pub(crate) async fn sign_out(&self, back: &str) -> Result<Option<String>, Fault> {
        let Some(request) = self.providers.get().await?.logout() else { return Ok(None) };
        let back = PostLogoutRedirectUrl::new(back.to_owned()).map_err(|_| improper())?;
        let request = request
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(back);
        Ok(Some(request.http_get_url().into()))
    }

    /// Exchanges the code with which the browser came back.
    pub(crate) async fn exchange(
        &self,
        back: &str,
        code: String,
        verifier: String,
        nonce: String,
    ) -> Result<Tokens, Fault> {
        let provider = self.providers.get().await?;
        let client = self.client(&provider).await?.set_redirect_uri(address(back)?);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| Fault::Provider(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(self.providers.http())
            .await
            .map_err(|error| Fault::of_exchange(self.issuer(), &error))?;
        self.tokens(&provider, &answer, Some(&Nonce::new(nonce))).await
    }

    /// Gets a new ID token for a refresh token.
    pub(crate) async fn renew(&self, refresh: &str) -> Result<Tokens, Fault> {
        let provider = self.providers.get().await?;
        let client = self.client(&provider).await?;
        let answer = client
            .exchange_refresh_token(&RefreshToken::new(refresh.to_owned()))
            .map_err(|error| Fault::Provider(error.to_string()))?
            .request_async(self.providers.http())
            .await
            .map_err(|error| Fault::of_exchange(self.issuer(), &error))?;
        self.tokens(&provider, &answer, None).await
    }

    /// Takes the tokens of an answer, once the ID token is found good.
    async fn tokens(
        &self,
        provider: &Provider,
        answer: &CoreTokenResponse,
        nonce: Option<&Nonce>,
    ) -> Result<Tokens, Fault> {
        let id = answer.id_token().ok_or(Fault::NoIdToken)?;
        let mut checked = self.check(provider, id, nonce).await;
        if matches!(checked, Err(Fault::Signature(_))) {
            // Its keys may be newer than those that were read.
            let provider = self.providers.renewed(provider).await?;
            checked = self.check(&provider, id, nonce).await;
        }
        checked?;
        let token = Token::new(&id.to_string()).ok_or(Fault::NoIdToken)?;
        let refresh = answer.refresh_token().map(|token| Zeroizing::new(token.secret().clone()));
        Ok(Tokens { id: token, refresh })
    }

    async fn check(
        &self,
        provider: &Provider,
        id: &CoreIdToken,
        nonce: Option<&Nonce>,
    ) -> Result<(), Fault> {
        let client = self.client(provider).await?;
        let verifier = client.id_token_verifier();
        let verify = |found: Option<&Nonce>| match (nonce, found) {
            // A token that was renewed need not name the nonce of the one before.
            (None, _) => Ok(()),
            (Some(nonce), Some(found)) if nonce.secret() == found.secret() => Ok(()),
            _ => Err("it is of another sign-in".to_owned()),
        };
        id.claims(&verifier, verify).map(|_| ()).map_err(|error| Fault::of_claims(&error))
    }

    async fn client(&self, provider: &Provider) -> Result<provider::Client, Fault> {
        let secret = match &self.settings.secret_file {
            // Read each time, so that it can be exchanged.
            Some(file) => Some(tokio::fs::read_to_string(file).await.map_err(|error| {
                Fault::Settings(format!("the client's secret cannot be read: {error}"))
            })?),
            None => None,
        };
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(provider.client(id, secret.as_deref().map(str::trim)))
    }

    fn scopes(&self, provider: &Provider) -> Vec<Scope> {
        let wanted = &self.settings.scopes;
        let wanted: Vec<_> = if wanted.is_empty() {
            USUAL.into_iter().filter(|scope| provider.has_scope(scope)).map(str::to_owned).collect()
        } else {
            wanted.iter().filter(|scope| *scope != "openid").cloned().collect()
        };
        wanted.into_iter().map(Scope::new).collect()
    }
}

fn address(back: &str) -> Result<RedirectUrl, Fault> {
    RedirectUrl::new(back.to_owned()).map_err(|_| improper())
}

fn improper() -> Fault {
    Fault::Settings("the dashboard is asked by no proper address".to_owned())
}

/// Tells whether a token is to be renewed: in the last third of its time, and in its last minutes.
pub(crate) fn is_due(began: Timestamp, expires: Timestamp, now: Timestamp) -> bool {
    const LAST: i64 = 90;
    let whole = (expires.as_second() - began.as_second()).max(0);
    expires.as_second() - now.as_second() <= LAST.min(whole / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends_however_short_it_is() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (whole, now, due) in [
            (3600, 0, false),
            (3600, 3509, false),
            (3600, 3510, true),
            (30, 19, false),
            (30, 20, true),
            (30, 40, true),
        ] {
            assert_eq!(is_due(at(0), at(whole), at(now)), due, "{now} of {whole}");
        }
    }
}
