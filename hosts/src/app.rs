//! GitHub Apps: a signed statement of who one is, exchanged for a token of an hour.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use crate::client::{Call, Client, Clock, Observer, Settings, Task};
use crate::error::{HostError, Retry};
use crate::provider::Provider;
use crate::secret::Secret;

/// A statement is dated back, for GitHub refuses those of clocks that are ahead of its own.
const BACK: i64 = 60;
/// How long a statement holds, in seconds; GitHub takes ten minutes at most.
const HOLDS: i64 = 540;
/// How long before its end a token is exchanged for a new one: a long fetch begins with it.
const EARLY: SignedDuration = SignedDuration::from_mins(10);
/// A token is not used for the last moments of its time, even where there is no other.
const LAST: SignedDuration = SignedDuration::from_secs(30);
/// A token that was just made is not the reason why something is refused.
const YOUNG: SignedDuration = SignedDuration::from_secs(15);
/// No token is believed to hold longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

const EXCHANGE: Task = Task {
    doing: "get a token for the GitHub App",
    right: "of an App that is installed for the repository's owner",
};

/// Says which App is used, and where.
pub struct AppSettings {
    /// The App's id, or its client id.
    pub app: String,
    /// The id of its installation for the owner of the repositories.
    pub installation: String,
    /// The App's private key, in PEM form as GitHub gives it.
    pub private_key: Secret,
    /// The address of the API.
    pub api: Url,
    /// Certificate authorities (PEM) to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// Lets the API be at an address of this machine, also over plain http.
    pub allow_loopback: bool,
    /// How long a request may take.
    pub timeout: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Who is told of the requests.
    pub observer: Option<Arc<dyn Observer>>,
}

impl AppSettings {
    /// Makes settings with a time limit of 30 seconds and the system's clock.
    pub fn new(app: &str, installation: &str, private_key: Secret, api: Url) -> Self {
        Self {
            app: app.to_owned(),
            installation: installation.to_owned(),
            private_key,
            api,
            ca: None,
            allow_loopback: false,
            timeout: Duration::from_secs(30),
            clock: Arc::new(Timestamp::now),
            observer: None,
        }
    }
}

/// Says why there is no token for a GitHub App.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// An id has a form that no id has.
    #[error("{field} {value:?} is no id: copy it from the settings of the GitHub App")]
    Id {
        /// `githubAppID` or `githubAppInstallationID`.
        field: &'static str,
        /// What it is.
        value: String,
    },
    /// The key is none.
    #[error(
        "githubAppPrivateKey is not an RSA key in PEM form: use the .pem file that GitHub gave for the App, with its line breaks"
    )]
    Key,
    /// The statement could not be signed.
    #[error("githubAppPrivateKey cannot sign: the machine gives no random numbers")]
    Sign,
    /// GitHub does not believe the statement.
    #[error(
        "{host} does not accept the key of the GitHub App {app}: check that githubAppPrivateKey is a key of githubAppID, and that the clock is right"
    )]
    NotBelieved {
        /// The host.
        host: String,
        /// The App.
        app: String,
    },
    /// The App has no such installation.
    #[error(
        "the GitHub App {app} has no installation {installation} at {host}: check githubAppInstallationID, or install the App for the repository's owner"
    )]
    NotInstalled {
        /// The host.
        host: String,
        /// The App.
        app: String,
        /// The installation.
        installation: String,
    },
    /// Anything else that hosts do.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl AppError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Id { .. } | Self::Key => "InvalidSecret",
            Self::Sign => "SigningFailed",
            Self::NotBelieved { .. } => "Unauthorized",
            Self::NotInstalled { .. } => "AppNotInstalled",
            Self::Host(error) => error.reason(),
        }
    }

    /// Says when the same request is worth repeating.
    pub fn retry(&self, now: Timestamp) -> Retry {
        match self {
            Self::Id { .. }
            | Self::Key
            | Self::Sign
            | Self::NotBelieved { .. }
            | Self::NotInstalled { .. } => Retry::Stalled,
            Self::Host(error) => error.retry(now),
        }
    }
}

/// Stands for an installation of a GitHub App; clones share its token, which is kept in memory only.
#[derive(Clone)]
pub struct GitHubApp(Arc<Inner>);

struct Inner {
    app: String,
    installation: String,
    key: RsaKeyPair,
    client: Client,
    clock: Clock,
    token: Mutex<Option<Token>>,
}

struct Token {
    text: Secret,
    made: Timestamp,
    ends: Timestamp,
}

#[derive(Deserialize)]
struct Exchanged {
    token: String,
    expires_at: String,
}

impl fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubApp")
            .field("app", &self.0.app)
            .field("installation", &self.0.installation)
            .finish_non_exhaustive()
    }
}

impl GitHubApp {
    /// Reads the key; nothing is requested yet.
    pub fn new(settings: AppSettings) -> Result<Self, AppError> {
        let AppSettings {
            app,
            installation,
            private_key,
            api,
            ca,
            allow_loopback,
            timeout,
            clock,
            observer,
        } = settings;
        let app = id("githubAppID", &app)?;
        let installation = id("githubAppInstallationID", &installation)?;
        let key = key(&private_key)?;
        let settings = Settings {
            ca,
            allow_loopback,
            timeout,
            clock: Arc::clone(&clock),
            observer,
            // Nothing is read with it.
            cache: 0,
            ..Settings::new(Provider::GitHub, api)
        };
        let client = Client::new(settings)?;
        let token = Mutex::new(None);
        Ok(Self(Arc::new(Inner { app, installation, key, client, clock, token })))
    }

    /// Returns a token for git and the API; a new one in time before the end of the last.
    ///
    /// While GitHub cannot be reached, the last one is used to its end.
    pub async fn token(&self) -> Result<Secret, AppError> {
        let mut kept = self.0.token.lock().await;
        let left = |token: &Token| token.ends.duration_since((self.0.clock)());
        if let Some(token) = kept.as_ref().filter(|token| left(token) > EARLY) {
            return Ok(token.text.clone());
        }
        match self.exchange().await {
            Ok(token) => {
                let text = token.text.clone();
                *kept = Some(token);
                Ok(text)
            }
            Err(error) => match kept.as_ref().filter(|token| left(token) > LAST) {
                Some(token) if error.retry((self.0.clock)()) != Retry::Stalled => {
                    Ok(token.text.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Forgets the token, because something was refused with it: it may have been revoked, and it lacks
    /// the rights that the App got after it was made.
    pub fn distrust(&self) {
        // Whoever holds it is about to get a new one.
        let Ok(mut kept) = self.0.token.try_lock() else { return };
        let now = (self.0.clock)();
        kept.take_if(|token| now.duration_since(token.made) > YOUNG);
    }

    async fn exchange(&self) -> Result<Token, AppError> {
        let Inner { app, installation, key, client, clock, token: _ } = &*self.0;
        let now = clock();
        client.set_token(Some(statement(app, key, now)?))?;
        let path = vec!["app", "installations", installation, "access_tokens"];
        let what = format!("installation {installation}");
        let call = Call::new(Method::POST, path, EXCHANGE, &what).body(json!({}));
        let (app, installation) = (app.clone(), installation.clone());
        let answer = client.send(call).await.map_err(|error| match error {
            HostError::Unauthorized { host, .. } => AppError::NotBelieved { host, app },
            HostError::NotFound { host, .. } => AppError::NotInstalled { host, app, installation },
            other => AppError::Host(other),
        })?;
        let Exchanged { token, expires_at } = answer.json()?;
        let ends: Timestamp = expires_at.parse().map_err(|error| answer.invalid(&error))?;
        let longest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        Ok(Token { text: Secret::new(token), made: now, ends: ends.min(longest) })
    }
}

fn id(field: &'static str, text: &str) -> Result<String, AppError> {
    let text = text.trim();
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > 64 || !text.chars().all(usual) || text.starts_with('.') {
        let value = text.chars().take(64).collect();
        return Err(AppError::Id { field, value });
    }
    Ok(text.to_owned())
}

fn key(pem: &Secret) -> Result<RsaKeyPair, AppError> {
    let der = PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| AppError::Key)?;
    let pair = match &der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err(AppError::Key),
    };
    pair.map_err(|_| AppError::Key)
}

/// Makes the statement: a JSON Web Token that is signed with RS256.
fn statement(app: &str, key: &RsaKeyPair, now: Timestamp) -> Result<Secret, AppError> {
    let now = now.as_second();
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = part(json!({"iat": now - BACK, "exp": now + HOLDS, "iss": app}));
    let signed = format!("{head}.{claims}");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| AppError::Sign)?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_place_in_the_address() {
        assert_eq!(id("githubAppID", " 12345\n").unwrap(), "12345");
        assert!(id("githubAppID", "Iv23liABC").is_ok());
        for text in ["", "..", "1/../2", "a b", "?x", &"1".repeat(65)] {
            assert!(id("githubAppID", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        for text in [
            "",
            "hunter2",
            "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\n",
        ] {
            let error = key(&Secret::new(text)).unwrap_err();
            assert_eq!(error, AppError::Key);
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
