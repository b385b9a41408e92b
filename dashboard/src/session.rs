//! Sessions of browsers: an opaque cookie stands for a token that only the server has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore as _;
use zeroize::Zeroizing;

use crate::oidc::Fault;
use crate::token::{Token, digest};

/// How long somebody is signed in at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);
/// Sessions that are kept; the oldest goes where there are more.
const MOST: usize = 4096;

/// All sessions, in memory: a restart signs everybody out.
pub(crate) struct Sessions {
    /// By digest of the cookie, so that looking one up takes the same time whatever it is.
    sessions: Mutex<HashMap<String, Session>>,
    secure: bool,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) token: Token,
    /// When the token was got.
    pub(crate) got: Timestamp,
    pub(crate) began: Timestamp,
    pub(crate) ends: Timestamp,
    /// How the token is exchanged for a new one, where that is possible.
    pub(crate) renewal: Option<Arc<tokio::sync::Mutex<Renewal>>>,
}

/// What a new token is got with. Whoever renews it holds it meanwhile: refresh tokens are good once.
pub(crate) struct Renewal {
    pub(crate) refresh: Zeroizing<String>,
    /// When it failed last, and why.
    pub(crate) failed: Option<(Timestamp, Fault)>,
}

impl Sessions {
    /// Makes room for sessions; `secure` has browsers send their cookies over HTTPS only.
    pub(crate) fn new(secure: bool) -> Self {
        Self { sessions: Mutex::default(), secure }
    }

    /// Begins a session, and gives the value of `Set-Cookie`. Where the token can be renewed with a
    /// refresh token, the session outlives it.
    pub(crate) fn begin(
        &self,
        token: Token,
        refresh: Option<Zeroizing<String>>,
        now: Timestamp,
    ) -> String {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let ends = now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let own = token.expires().filter(|_| refresh.is_none());
        let ends = own.map_or(ends, |expires| expires.min(ends));
        let renewal = refresh.map(|refresh| Arc::new(Renewal { refresh, failed: None }.into()));
        let session = Session { token, got: now, began: now, ends, renewal };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            sessions.retain(|_, session| session.ends > now);
        }
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.began);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                sessions.remove(&key);
            }
        }
        sessions.insert(digest(&secret), session);
        self.cookie(&secret, (ends.as_second() - now.as_second()).max(0))
    }

    /// Finds the session that a request's cookie stands for, and its key.
    pub(crate) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<(String, Session)> {
        let key = digest(self.secret(headers)?);
        let session = self.get(&key, now)?;
        Some((key, session))
    }

    /// Returns a session by its key, unless it has ended.
    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<Session> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(key).filter(|session| session.ends > now).cloned()
    }

    /// Puts a new token in the place of a session's old one.
    pub(crate) fn renew(&self, key: &str, token: Token, now: Timestamp) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(key) {
            session.token = token;
            session.got = now;
        }
    }

    /// Ends a session.
    pub(crate) fn end(&self, key: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Returns the value of `Set-Cookie` that takes the cookie away.
    pub(crate) fn no_cookie(&self) -> String {
        self.cookie("", 0)
    }

    /// Tells whether browsers are to come over HTTPS only.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the value of `Set-Cookie` for something else that the browser keeps for a while.
    pub(crate) fn aside(&self, what: &str, value: &str, seconds: u32) -> String {
        self.set(&self.aside_name(what), value, seconds.into())
    }

    /// Returns the name of such a cookie.
    pub(crate) fn aside_name(&self, what: &str) -> String {
        format!("{}-{what}", self.name())
    }

    fn cookie(&self, secret: &str, seconds: i64) -> String {
        self.set(self.name(), secret, seconds)
    }

    fn set(&self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }

    /// A page of a subdomain cannot set a cookie whose name begins with `__Host-`.
    fn name(&self) -> &'static str {
        if self.secure { "__Host-gimlet" } else { "gimlet" }
    }

    fn secret<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie_of(headers, self.name())
    }
}

/// Finds a cookie of a request.
pub(crate) fn cookie_of<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn cookie(set: &str) -> HeaderMap {
        let pair = set.split(';').next().unwrap();
        let pair = HeaderValue::from_str(&format!("theme=dark; {pair}")).unwrap();
        HeaderMap::from_iter([(header::COOKIE, pair)])
    }

    fn token() -> Token {
        Token::new("t").unwrap()
    }

    #[test]
    fn a_session_ends_after_eight_hours() {
        let sessions = Sessions::new(false);
        let now = Timestamp::UNIX_EPOCH;
        let headers = cookie(&sessions.begin(token(), None, now));
        let after = |hours| now + SignedDuration::from_hours(hours);
        assert!(sessions.find(&headers, after(7)).is_some());
        assert!(sessions.find(&headers, after(8)).is_none());
    }

    #[test]
    fn a_session_outlives_a_token_that_can_be_renewed_and_no_other() {
        let sessions = Sessions::new(false);
        let now = Timestamp::UNIX_EPOCH;
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":60}"#);
        let short = || Token::new(&format!("e30.{claims}.c2ln")).unwrap();
        let plain = cookie(&sessions.begin(short(), None, now));
        let renewable = cookie(&sessions.begin(short(), Some(Zeroizing::new("r".into())), now));
        let later = now + SignedDuration::from_secs(61);
        assert!(sessions.find(&plain, later).is_none());
        let (key, session) = sessions.find(&renewable, later).unwrap();
        assert_eq!(session.token.text(), short().text());
        sessions.renew(&key, token(), later);
        assert_eq!(sessions.get(&key, later).unwrap().token.text(), "t");
    }

    #[test]
    fn whoever_signs_out_has_no_session() {
        let sessions = Sessions::new(false);
        let headers = cookie(&sessions.begin(token(), None, Timestamp::UNIX_EPOCH));
        let (key, _) = sessions.find(&headers, Timestamp::UNIX_EPOCH).unwrap();
        sessions.end(&key);
        assert!(sessions.find(&headers, Timestamp::UNIX_EPOCH).is_none());
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
        let set = Sessions::new(true).begin(token(), None, Timestamp::UNIX_EPOCH);
        for part in ["__Host-gimlet=", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            assert!(set.contains(part), "{part} is missing in {set}");
        }
    }

    #[test]
    fn there_are_never_more_sessions_than_fit() {
        let sessions = Sessions::new(false);
        let at = |second: usize| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        let first = cookie(&sessions.begin(token(), None, at(0)));
        for second in 1..=MOST {
            sessions.begin(token(), None, at(second));
        }
        assert_eq!(sessions.sessions.lock().unwrap().len(), MOST);
        assert!(sessions.find(&first, at(MOST)).is_none(), "the oldest stays");
    }
}
