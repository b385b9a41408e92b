//! Who asks: a browser with a session, or a program with a token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use kube::Client;

use crate::http::Dashboard;
use crate::oidc::is_due;
use crate::origin;
use crate::problem::Problem;
use crate::session::Session;
use crate::token::Token;

/// How long it takes until a provider that did not answer is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(3);

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

impl Caller {
    /// Returns the caller with the token of now, where that is renewed from time to time.
    pub(crate) async fn of_now(&self, dashboard: &Dashboard) -> Result<Self, Problem> {
        let over = || Problem::unauthorized("the session is over: sign in again");
        let now = Timestamp::now();
        let Some(key) = &self.session else {
            return if self.stays(dashboard) { Ok(self.clone()) } else { Err(over()) };
        };
        let session = dashboard.sessions.get(key, now).ok_or_else(over)?;
        let token = current(dashboard, key, session, now).await?;
        Ok(Self { token, ..self.clone() })
    }
}

/// Returns the token of a session, renewed where its end is near.
async fn current(
    dashboard: &Dashboard,
    key: &str,
    session: Session,
    now: Timestamp,
) -> Result<Token, Problem> {
    let Session { token, got, renewal, .. } = session;
    let (Some(oidc), Some(renewal), Some(expires)) = (&dashboard.oidc, renewal, token.expires())
    else {
        return Ok(token);
    };
    if !is_due(got, expires, now) {
        return Ok(token);
    }
    let (oidc, sessions) = (Arc::clone(oidc), Arc::clone(&dashboard.sessions));
    let (metrics, key, before) = (dashboard.metrics.clone(), key.to_owned(), token.clone());
    // Whoever asked may go away meanwhile, and the provider gives its answer only once.
    let renewed = tokio::spawn(async move {
        let mut renewal = renewal.lock().await;
        // Somebody else may have done it while this waited, or just have failed.
        if let Some(newer) = sessions.get(&key, now).filter(|newer| newer.got > got) {
            return Ok(newer.token);
        }
        if let Some((at, fault)) = &renewal.failed
            && now.duration_since(*at) < AGAIN
        {
            return if expires > now { Ok(before) } else { Err(fault.problem()) };
        }
        let now = Timestamp::now();
        match oidc.renew(&renewal.refresh).await {
            Ok(tokens) => {
                metrics.sign_in("renewal", "Succeeded");
                renewal.failed = None;
                if let Some(next) = tokens.refresh {
                    renewal.refresh = next;
                }
                sessions.renew(&key, tokens.id.clone(), now);
                Ok(tokens.id)
            }
            Err(fault) => {
                metrics.sign_in("renewal", fault.reason());
                tracing::warn!(why = %fault, "a session is not renewed");
                if fault.is_final() {
                    sessions.end(&key);
                    return Err(Problem::unauthorized(format!("the session is over: {fault}")));
                }
                let problem = fault.problem();
                renewal.failed = Some((now, fault));
                if expires > now { Ok(before) } else { Err(problem) }
            }
        }
    });
    renewed.await.unwrap_or_else(|_| Err(Problem::timeout()))
}

/// Whoever wants to be forgotten: a caller whose token is taken as it is, for none is worth asking for
/// any more.
pub(crate) struct Leaver(pub(crate) Caller);

impl FromRequestParts<Dashboard> for Leaver {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, Problem> {
        match shown(parts, dashboard, Timestamp::now())? {
            Shown::Token(caller) => Ok(Self(caller)),
            Shown::Session(key, Session { token, ends, .. }) => {
                Ok(Self(Caller { token, session: Some(key), expires: Some(ends) }))
            }
        }
    }
}

impl FromRequestParts<Dashboard> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, Problem> {
        let now = Timestamp::now();
        match shown(parts, dashboard, now)? {
            Shown::Token(caller) => Ok(caller),
            Shown::Session(key, session) => {
                let expires = Some(session.ends);
                let token = current(dashboard, &key, session, now).await?;
                Ok(Self { token, session: Some(key), expires })
            }
        }
    }
}

/// What a request shows of who makes it.
enum Shown {
    Token(Caller),
    Session(String, Session),
}

fn shown(parts: &Parts, dashboard: &Dashboard, now: Timestamp) -> Result<Shown, Problem> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.and_then(|(_, token)| Token::new(token)).ok_or_else(|| {
            Problem::unauthorized("send a Kubernetes token as Authorization: Bearer …")
        })?;
        let expires = token.expires();
        return Ok(Shown::Token(Caller { token, session: None, expires }));
    }
    let Some((key, session)) = dashboard.sessions.find(&parts.headers, now) else {
        return Err(Problem::unauthorized(
            "sign in first, or send a Kubernetes token as Authorization: Bearer …",
        ));
    };
    if !parts.method.is_safe() || upgrades(&parts.headers) {
        origin::check(&parts.headers)?;
    }
    Ok(Shown::Session(key, session))
}

fn upgrades(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}
