//! An issuer of identity tokens on loopback, as CI providers have one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types};

/// Longest time that a client may take for a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Name of the key in the tokens and in the list of keys.
const KEY: &str = "one";

/// An issuer that serves its keys over HTTPS, and signs tokens with them.
pub struct Issuer {
    /// Its address, as it is in the tokens.
    pub url: String,
    /// Its certificate, PEM, to trust it by.
    pub certificate: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
    stopped: Arc<AtomicBool>,
}

impl Issuer {
    /// Starts one on a free port of this machine.
    pub fn start() -> Result<Self> {
        let random = SystemRandom::new();
        let broken = |error: &dyn std::fmt::Display| anyhow!("the issuer has no key: {error}");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|e| broken(&e))?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random)
            .map_err(|error| broken(&error))?;
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let chain = vec![own.cert.der().clone()];
        let private = pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der())
            .map_err(|error| anyhow!("the issuer has no private key: {error}"))?;
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("https://{}", listener.local_addr()?);
        // The public key is a byte that says how it is written, and two coordinates.
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}]});
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys"),
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"]});
        let stopped = Arc::new(AtomicBool::new(false));
        let (config, ended) = (Arc::new(config), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away asks again.
                let _ = answer(stream, &config, &discovery, &keys);
            }
        });
        Ok(Self { url, certificate: own.cert.pem(), key, random, stopped })
    }

    /// Signs a token with these claims, valid for as many seconds from now on.
    pub fn token(&self, audience: &str, claims: Value, seconds: i64) -> Result<String> {
        let now = Timestamp::now().as_second();
        let mut all = json!({"iss": self.url, "aud": audience, "iat": now - 60, "nbf": now - 60,
            "exp": now + seconds});
        if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
            all.extend(claims);
        }
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": KEY});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&all));
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .map_err(|error| anyhow!("the token cannot be signed: {error}"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread, so that it sees that it is over.
        let _ = TcpStream::connect(self.url.trim_start_matches("https://"));
    }
}

fn answer(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    discovery: &Value,
    keys: &Value,
) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let connection = ServerConnection::new(Arc::clone(config))?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).context("this is no request")?;
    let (status, body) = match path {
        "/.well-known/openid-configuration" => ("200 OK", discovery.to_string()),
        "/keys" => ("200 OK", keys.to_string()),
        _ => ("404 Not Found", "{}".to_owned()),
    };
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
