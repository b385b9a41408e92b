//! How a connection is made.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{Certificate, Client, Response, StatusCode, Upgraded, redirect};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::address::Address;
use super::token::Token;
use crate::protocol::MAX_FRAME;

/// For how long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(15);
/// For how long all of the handshake is waited for.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// The most bytes that are shown of an answer that refuses.
const EXPLANATION: usize = 300;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("the authorities in {path} cannot be used: {why}; see --dashboard-ca")]
    Authorities { path: String, why: String },
    #[error("no connection can be prepared: {0}")]
    Unprepared(String),
    #[error("the dashboard is not reached: {0}")]
    Unreached(String),
    #[error("the dashboard does not answer within {} seconds", HANDSHAKE.as_secs())]
    Late,
    #[error("the dashboard answers {status}{said}: {advice}")]
    Refused { status: StatusCode, said: String, advice: &'static str },
    #[error("what answers there is no gateway for agents: {0}")]
    NoGateway(&'static str),
}

/// Connects to the dashboard, through a proxy where the environment names one.
pub(super) async fn dial(
    address: &Address,
    authorities: Option<&Path>,
    token: &Token,
) -> Result<WebSocketStream<Upgraded>, DialError> {
    let handshake = async {
        // A client for each connection: there are few, and the file of authorities may be exchanged.
        let client = client(authorities).await?;
        let key = generate_key();
        let mut bearer = HeaderValue::from_str(&token.bearer())
            .map_err(|error| DialError::Unprepared(error.to_string()))?;
        bearer.set_sensitive(true);
        let request = client
            .get(address.url())
            .header(AUTHORIZATION, bearer)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let answer = request.send().await.map_err(|error| DialError::Unreached(why(&error)))?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refused(answer).await);
        }
        let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.is_none_or(|accepted| {
            accepted.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()
        }) {
            return Err(DialError::NoGateway("it does not speak WebSocket"));
        }
        answer.upgrade().await.map_err(|error| DialError::Unreached(why(&error)))
    };
    let stream =
        tokio::time::timeout(HANDSHAKE, handshake).await.map_err(|_| DialError::Late)??;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(limits)).await)
}

async fn client(authorities: Option<&Path>) -> Result<Client, DialError> {
    let mut builder = Client::builder()
        .user_agent(concat!("gimlet-agent/", env!("CARGO_PKG_VERSION")))
        // The token is for this address and no other.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT)
        // A WebSocket is begun in HTTP/1.1.
        .http1_only();
    if let Some(file) = authorities {
        let unusable =
            |why: String| DialError::Authorities { path: file.display().to_string(), why };
        let pem = tokio::fs::read(file).await.map_err(|error| unusable(error.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(unusable("it holds no certificate in PEM form".to_owned()));
        }
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().map_err(|error| DialError::Unprepared(why(&error)))
}

async fn refused(mut answer: Response) -> DialError {
    let status = answer.status();
    let mut body = Vec::new();
    while body.len() < EXPLANATION
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(EXPLANATION);
    let text = String::from_utf8_lossy(&body);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if words.is_empty() { String::new() } else { format!(", \"{words}\"") };
    let advice = match status {
        StatusCode::UNAUTHORIZED => {
            "the token is not valid, or has expired: put a new one into its file"
        }
        StatusCode::FORBIDDEN => {
            "the token is no agent's: make one of the service account gimlet-agent-<environment>"
        }
        StatusCode::NOT_FOUND => {
            "check the address: it is a dashboard's, and the dashboard may be too old for agents"
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "the proxy wants to know who asks: put user and password into HTTPS_PROXY"
        }
        status if status.is_redirection() => {
            "give the address that it points to: the token is not sent elsewhere by itself"
        }
        status if status.is_server_error() => "it is tried again",
        _ => "check the address",
    };
    DialError::Refused { status, said, advice }
}

/// Tells what went wrong with all that led to it, without the address: it is known.
fn why(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        words.push(error.to_string());
        source = error.source();
    }
    words.dedup();
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}
