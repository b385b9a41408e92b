//! `/auth/…`: the way to an identity provider and back.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::Dashboard;
use crate::oidc::{Oidc, Tokens};
use crate::people;
use crate::problem::Problem;
use crate::session::cookie_of;
use crate::token::Token;

/// How long somebody may take at the provider, in seconds.
const PATIENCE: u32 = 600;
/// How long it is told why somebody is not signed in, in seconds.
const TOLD: u32 = 30;
/// Longest page that a sign-in comes back to, in bytes.
const LONGEST: usize = 1024;

/// Where somebody wants to be once they are signed in.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    #[serde(default)]
    to: String,
}

/// With what the provider sends the browser back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Back {
    code: Option<String>,
    state: String,
    error: Option<String>,
    error_description: Option<String>,
}

impl Back {
    fn is_nothing(&self) -> bool {
        let Self { code, state, error, error_description } = self;
        code.is_none() && state.is_empty() && error.is_none() && error_description.is_none()
    }
}

/// What the browser keeps while somebody is at the provider. Scripts and other sites cannot read it.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    to: String,
}

/// Sends the browser to the provider.
pub(crate) async fn begin(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    Query(Wish { to }): Query<Wish>,
) -> Response {
    let started = async {
        let oidc = provider(&dashboard)?;
        let begun = oidc.begin(&back(&dashboard, &headers)?).await.map_err(|f| f.problem())?;
        let kept = Begun {
            state: begun.state,
            nonce: begun.nonce,
            verifier: begun.verifier,
            to: page(&to),
        };
        Ok::<_, Problem>((begun.url, kept))
    };
    match started.await {
        Ok((url, kept)) => {
            let cookie = dashboard.sessions.aside("sign-in", &packed(&kept), PATIENCE);
            going(StatusCode::FOUND, &url, [cookie])
        }
        Err(problem) => failed(&dashboard, &problem, &page(&to)),
    }
}

/// Takes the browser back from the provider, and begins a session.
pub(crate) async fn finish(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    Query(said): Query<Back>,
) -> Response {
    if said.is_nothing() {
        // Back from signing out at the provider.
        return going(StatusCode::SEE_OTHER, "/", []);
    }
    let name = dashboard.sessions.aside_name("sign-in");
    let begun: Option<Begun> = cookie_of(&headers, &name).and_then(unpacked);
    let to = begun.as_ref().map_or_else(|| "/".to_owned(), |begun| page(&begun.to));
    match enter(&dashboard, &headers, said, begun).await {
        Ok(session) => {
            let done = dashboard.sessions.aside("sign-in", "", 0);
            going(StatusCode::SEE_OTHER, &to, [session, done])
        }
        Err(problem) => failed(&dashboard, &problem, &to),
    }
}

/// Gives the cookie of a new session.
async fn enter(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    said: Back,
    begun: Option<Begun>,
) -> Result<String, Problem> {
    let oidc = provider(dashboard)?;
    let begun = begun.filter(|begun| !begun.state.is_empty() && begun.state == said.state);
    let begun = begun.ok_or_else(|| {
        let detail = "this sign-in was not begun in this browser, was begun again in another tab, or \
                      took more than 10 minutes: begin again";
        Problem::new(StatusCode::BAD_REQUEST, "NotBegun", detail)
    })?;
    let refused = |said: String| {
        Problem::new(StatusCode::FORBIDDEN, "ProviderRefused", format!("the provider says: {said}"))
    };
    if let Some(error) = said.error {
        let why = said.error_description.map_or_else(String::new, |why| format!(": {why}"));
        return Err(refused(format!("{error}{why}")));
    }
    let code = said.code.ok_or_else(|| refused("nothing: there is no code".to_owned()))?;
    let back = back(dashboard, headers)?;
    let tokens = oidc.exchange(&back, code, begun.verifier, begun.nonce).await;
    let Tokens { id, refresh } = tokens.map_err(|fault| fault.problem())?;
    let user = people::known(dashboard, &id).await.map_err(|problem| {
        if problem.status != StatusCode::UNAUTHORIZED.as_u16() {
            return problem;
        }
        let (issuer, audience) = (oidc.issuer(), oidc.client_id());
        let detail = format!(
            "you are known to the provider, but the API server does not take its tokens: its \
             --authentication-config has to name the issuer {issuer} and the audience {audience}, and \
             may ask for claims that your token does not have"
        );
        Problem::new(StatusCode::FORBIDDEN, "TokenNotTaken", detail)
    })?;
    dashboard.metrics.sign_in("provider", "Succeeded");
    tracing::info!(user, renewable = refresh.is_some(), "signed in at the provider");
    Ok(dashboard.sessions.begin(id, refresh, Timestamp::now()))
}

/// Returns where the session at the provider ends, of whoever has signed in there. That it cannot be found
/// out keeps nobody from signing out here.
pub(crate) async fn onward(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    token: &Token,
) -> Option<String> {
    let oidc = dashboard.oidc.as_deref().filter(|oidc| token.is_of(oidc.issuer()))?;
    let back = back(dashboard, headers).ok()?;
    match oidc.sign_out(&back).await {
        Ok(onward) => onward,
        Err(fault) => {
            tracing::warn!(why = %fault, "the session at the provider stays");
            None
        }
    }
}

fn provider(dashboard: &Dashboard) -> Result<&Oidc, Problem> {
    let oidc = dashboard.oidc.as_deref();
    oidc.ok_or_else(|| {
        Problem::not_found("there is no single sign-on here: --oidc-issuer is not set")
    })
}

/// Returns the address that the provider sends the browser back to; it checks that it knows it.
fn back(dashboard: &Dashboard, headers: &HeaderMap) -> Result<String, Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Problem::bad_request("the request names no Host"))?;
    let scheme = if dashboard.sessions.is_secure() { "https" } else { "http" };
    Ok(format!("{scheme}://{host}/auth/callback"))
}

/// Takes a page of the dashboard, and nothing that a browser might read as an address elsewhere.
fn page(wish: &str) -> String {
    let here = wish.starts_with('/')
        && wish.len() <= LONGEST
        && !wish.starts_with("//")
        && wish.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if here { wish.to_owned() } else { "/".to_owned() }
}

fn failed(dashboard: &Dashboard, problem: &Problem, to: &str) -> Response {
    dashboard.metrics.sign_in("provider", problem.reason);
    tracing::warn!(reason = problem.reason, why = problem.detail, "nobody is signed in");
    let why = dashboard.sessions.aside("why", &packed(problem), TOLD);
    let done = dashboard.sessions.aside("sign-in", "", 0);
    going(StatusCode::SEE_OTHER, to, [why, done])
}

/// Why nobody was signed in just now, as the browser was told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Why {
    reason: String,
    detail: String,
}

/// Returns why nobody was signed in just now.
pub(crate) fn why(dashboard: &Dashboard, headers: &HeaderMap) -> Option<Why> {
    cookie_of(headers, &dashboard.sessions.aside_name("why")).and_then(unpacked)
}

fn going<const N: usize>(status: StatusCode, to: &str, cookies: [String; N]) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(header::LOCATION, to);
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn packed(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

fn unpacked<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_comes_back_to_a_page_of_the_dashboard_and_nowhere_else() {
        for (wish, to) in [
            (
                "/apps/team/web/prod?panel=logs/team/web/prod",
                "/apps/team/web/prod?panel=logs/team/web/prod",
            ),
            ("https://evil.example", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: a=b", "/"),
            ("", "/"),
        ] {
            assert_eq!(page(wish), to, "{wish:?}");
        }
        assert_eq!(page(&format!("/{}", "x".repeat(LONGEST))), "/");
    }

    #[test]
    fn what_the_browser_keeps_is_read_again() {
        let problem = Problem::forbidden("no; \"never\" ä");
        let why: Why = unpacked(&packed(&problem)).unwrap();
        assert_eq!((why.reason.as_str(), why.detail.as_str()), ("Forbidden", "no; \"never\" ä"));
        assert!(unpacked::<Why>("%%%").is_none());
    }
}
