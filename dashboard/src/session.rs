//! Sessions of browsers: an opaque cookie stands for a token that only the server has.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore as _;

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
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) token: Token,
    pub(crate) began: Timestamp,
    pub(crate) ends: Timestamp,
}

impl Sessions {
    /// Makes room for sessions; `secure` has browsers send their cookies over HTTPS only.
    pub(crate) fn new(secure: bool) -> Self {
        Self { sessions: Mutex::default(), secure }
    }

    /// Begins a session, and gives the value of `Set-Cookie`.
    pub(crate) fn begin(&self, token: Token, now: Timestamp) -> String {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let ends = now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let ends = token.expires().map_or(ends, |expires| expires.min(ends));
        let session = Session { token, began: now, ends };
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

    /// Ends a session.
    pub(crate) fn end(&self, key: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Returns the value of `Set-Cookie` that takes the cookie away.
    pub(crate) fn no_cookie(&self) -> String {
        self.cookie("", 0)
    }

    fn cookie(&self, secret: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }

    /// A page of a subdomain cannot set a cookie whose name begins with `__Host-`.
    fn name(&self) -> &'static str {
        if self.secure { "__Host-gimlet" } else { "gimlet" }
    }

    fn secret<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        pairs.find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name()).then_some(value)
        })
    }
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
        let headers = cookie(&sessions.begin(token(), now));
        let after = |hours| now + SignedDuration::from_hours(hours);
        assert!(sessions.find(&headers, after(7)).is_some());
        assert!(sessions.find(&headers, after(8)).is_none());
    }

    #[test]
    fn whoever_signs_out_has_no_session() {
        let sessions = Sessions::new(false);
        let headers = cookie(&sessions.begin(token(), Timestamp::UNIX_EPOCH));
        let (key, _) = sessions.find(&headers, Timestamp::UNIX_EPOCH).unwrap();
        sessions.end(&key);
        assert!(sessions.find(&headers, Timestamp::UNIX_EPOCH).is_none());
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
        let set = Sessions::new(true).begin(token(), Timestamp::UNIX_EPOCH);
        for part in ["__Host-gimlet=", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
            assert!(set.contains(part), "{part} is missing in {set}");
        }
    }

    #[test]
    fn there_are_never_more_sessions_than_fit() {
        let sessions = Sessions::new(false);
        let at = |second: usize| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        let first = cookie(&sessions.begin(token(), at(0)));
        for second in 1..=MOST {
            sessions.begin(token(), at(second));
        }
        assert_eq!(sessions.sessions.lock().unwrap().len(), MOST);
        assert!(sessions.find(&first, at(MOST)).is_none(), "the oldest stays");
    }
}
