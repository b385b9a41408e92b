//! Who asks: a browser with a session, or a program with a token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use kube::Client;

use crate::http::Dashboard;
use crate::origin;
use crate::problem::Problem;
use crate::token::Token;

/// Who asks. That the token is good is for the API server to say.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Token,
    /// Key of the session, where a cookie stands for the token.
    pub(crate) session: Option<String>,
    /// When what the caller has shown ends.
    pub(crate) expires: Option<Timestamp>,
}

impl Caller {
    /// Returns a client that acts as the caller.
    pub(crate) fn client(&self, dashboard: &Dashboard) -> Client {
        dashboard.cluster.of(&self.token)
    }

    /// Tells whether the caller has not signed out, and the time is not up.
    pub(crate) fn stays(&self, dashboard: &Dashboard) -> bool {
        let now = Timestamp::now();
        let time = self.expires.is_none_or(|expires| expires > now);
        time && self.session.as_ref().is_none_or(|key| dashboard.sessions.get(key, now).is_some())
    }
}

impl FromRequestParts<Dashboard> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, Problem> {
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
            let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let token = bearer.and_then(|(_, token)| Token::new(token)).ok_or_else(|| {
                Problem::unauthorized("send a Kubernetes token as Authorization: Bearer …")
            })?;
            let expires = token.expires();
            return Ok(Self { token, session: None, expires });
        }
        let found = dashboard.sessions.find(&parts.headers, Timestamp::now());
        let Some((key, session)) = found else {
            return Err(Problem::unauthorized(
                "sign in first, or send a Kubernetes token as Authorization: Bearer …",
            ));
        };
        if !parts.method.is_safe() || upgrades(&parts.headers) {
            origin::check(&parts.headers)?;
        }
        Ok(Self { token: session.token, session: Some(key), expires: Some(session.ends) })
    }
}

fn upgrades(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}
