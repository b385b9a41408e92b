//! A caller's token, which is never printed.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Longest token that is taken, in bytes: larger ones do not fit the header of a request anyway.
const LONGEST: usize = 16 * 1024;

/// A Kubernetes token.
#[derive(Clone)]
pub(crate) struct Token(Arc<Zeroizing<String>>);

impl Token {
    /// Takes a token; none where it cannot be one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let plausible = !text.is_empty()
            && text.len() <= LONGEST
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        plausible.then(|| Self(Arc::new(Zeroizing::new(text.to_owned()))))
    }

    /// Returns the header that carries it.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", **self.0));
        let mut value =
            HeaderValue::from_str(&text).expect("a token consists of graphic ASCII characters");
        value.set_sensitive(true);
        value
    }

    /// Returns the token itself, for a question about it.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Returns what stands for it in memories.
    pub(crate) fn digest(&self) -> String {
        digest(&self.0)
    }

    /// Returns when it expires, as a JWT says of itself.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Claims {
            exp: i64,
        }
        Timestamp::from_second(self.claims::<Claims>()?.exp).ok()
    }

    /// Tells whether a JWT says that it is of an issuer.
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
        }
        self.claims::<Claims>().is_some_and(|claims| claims.iss == issuer)
    }

    /// Tells whether a JWT says something of itself under a name, other than nothing.
    pub(crate) fn has_claim(&self, name: &str) -> bool {
        let claims: serde_json::Map<String, serde_json::Value> = self.claims().unwrap_or_default();
        match claims.get(name) {
            None | Some(serde_json::Value::Null) => false,
            Some(serde_json::Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        }
    }

    fn claims<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        let claims = self.0.split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// Returns a digest of a secret, as text.
pub(crate) fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::new("hush-hush").unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("hush"));
    }

    #[test]
    fn what_cannot_be_a_token_is_not_taken() {
        for text in ["", "  ", "two words", "line\nbreak", "ümlaut", &"x".repeat(LONGEST + 1)] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_jwt_says_when_it_expires() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1800000000,"sub":"x"}"#);
        let token = Token::new(&format!("e30.{claims}.c2ln")).unwrap();
        assert_eq!(token.expires().map(Timestamp::as_second), Some(1_800_000_000));
        assert_eq!(Token::new("opaque").unwrap().expires(), None);
    }

    #[test]
    fn a_claim_that_says_nothing_is_none() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"groups":["dev"],"none":[],"email":"a@b"}"#);
        let token = Token::new(&format!("e30.{claims}.c2ln")).unwrap();
        let has = ["groups", "email", "none", "roles"].map(|name| token.has_claim(name));
        assert_eq!(has, [true, true, false, false]);
        assert!(!Token::new("opaque").unwrap().has_claim("groups"));
    }
}
