//! Signing in and out, and who somebody is.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};

use crate::caller::{Caller, Leaver};
use crate::http::Dashboard;
use crate::origin;
use crate::problem::Problem;
use crate::sso::{self, Why};
use crate::token::Token;

/// What somebody pastes to sign in.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    token: String,
}

/// Who the caller is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    user: String,
    groups: Vec<String>,
    expires: Option<Time>,
    /// Claim of the groups, where the provider's token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_claim: Option<String>,
}

/// What a page needs to know before anybody is signed in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    version: &'static str,
    read_only: bool,
    cluster: String,
    /// What the button of the identity provider says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Why nobody was signed in just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Why>,
}

pub(crate) async fn config(State(dashboard): State<Dashboard>, headers: HeaderMap) -> Json<Config> {
    Json(Config {
        version: env!("CARGO_PKG_VERSION"),
        read_only: dashboard.read_only,
        cluster: dashboard.name.to_string(),
        provider: dashboard.oidc.as_ref().map(|oidc| oidc.name().to_owned()),
        refused: sso::why(&dashboard, &headers),
    })
}

/// Begins a session for whoever the API server says that the token is.
pub(crate) async fn sign_in(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    credentials: Result<Json<Credentials>, JsonRejection>,
) -> Result<Response, Problem> {
    origin::check(&headers)?;
    // The rejection is not told: its text may hold what was sent.
    let Json(Credentials { token }) =
        credentials.map_err(|_| Problem::bad_request("the body has to be JSON with a token"))?;
    let refused = |problem: Problem| {
        dashboard.metrics.sign_in("token", problem.reason);
        problem
    };
    let token = Token::new(&token).ok_or_else(no_token).map_err(refused)?;
    let name = known(&dashboard, &token).await.map_err(refused)?;
    dashboard.metrics.sign_in("token", "Succeeded");
    tracing::info!(user = name, "signed in");
    let cookie = dashboard.sessions.begin(token, None, Timestamp::now());
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn no_token() -> Problem {
    Problem::unauthorized("this is no Kubernetes token")
}

/// Asks the API server whose token it is, and takes no token of nobody.
pub(crate) async fn known(dashboard: &Dashboard, token: &Token) -> Result<String, Problem> {
    let user = ask_who(dashboard.cluster.of(token)).await?;
    let name = user.username.unwrap_or_default();
    if name.is_empty() || name == "system:anonymous" {
        return Err(no_token());
    }
    Ok(name)
}

/// Where a browser goes after it has signed out.
#[derive(Serialize)]
struct SignedOut {
    /// Where the session at the identity provider ends.
    next: String,
}

/// Ends the caller's session, and tells where that at the provider ends, if there is one.
pub(crate) async fn sign_out(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    Leaver(caller): Leaver,
) -> Response {
    let Some(key) = &caller.session else { return StatusCode::NO_CONTENT.into_response() };
    dashboard.sessions.end(key);
    let gone = [(header::SET_COOKIE, dashboard.sessions.no_cookie())];
    match sso::onward(&dashboard, &headers, &caller.token).await {
        Some(next) => (gone, Json(SignedOut { next })).into_response(),
        None => (StatusCode::NO_CONTENT, gone).into_response(),
    }
}

pub(crate) async fn me(
    State(dashboard): State<Dashboard>,
    caller: Caller,
) -> Result<Json<Me>, Problem> {
    let user = who(&dashboard, &caller).await?;
    Ok(Json(Me {
        user: user.username.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        expires: caller.expires.map(Time),
        missing_claim: missing_claim(&dashboard, &caller),
    }))
}

/// Returns the claim that a provider's token does not have, where the caller has signed in there.
fn missing_claim(dashboard: &Dashboard, caller: &Caller) -> Option<String> {
    let oidc = dashboard.oidc.as_ref().filter(|oidc| caller.token.is_of(oidc.issuer()))?;
    oidc.missing_claim(&caller.token).map(str::to_owned)
}

/// Asks the API server who the caller is; a session whose token is not good any more ends.
pub(crate) async fn who(dashboard: &Dashboard, caller: &Caller) -> Result<UserInfo, Problem> {
    let answer = ask_who(caller.client(dashboard)).await;
    if answer.as_ref().is_err_and(|problem| problem.status == StatusCode::UNAUTHORIZED.as_u16())
        && let Some(key) = &caller.session
    {
        dashboard.sessions.end(key);
    }
    answer
}

async fn ask_who(client: Client) -> Result<UserInfo, Problem> {
    let api: Api<SelfSubjectReview> = Api::all(client);
    let answer = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .map_err(|error| Problem::of_api("ask who the token is of", &error))?;
    Ok(answer.status.and_then(|status| status.user_info).unwrap_or_default())
}
