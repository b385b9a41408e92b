//! The routes, and what every answer has.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::denials::{Denials, denials};
use crate::gateway::Gateway;
use crate::metrics::{self, Metrics};
use crate::oidc::Oidc;
use crate::page::page;
use crate::problem::Problem;
use crate::rights::{Rights, rights};
use crate::session::Sessions;
use crate::watched::Watched;
use crate::{access, gateway, groundwork, live, overview, passthrough, people, sso};

/// Requests that are passed through at once.
const AT_ONCE: usize = 256;
/// Largest body of the dashboard's own API, in bytes.
const LARGEST: usize = 64 * 1024;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Dashboard {
    pub(crate) cluster: Cluster,
    pub(crate) operator: Option<Cluster>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) rights: Arc<Rights>,
    pub(crate) watched: Watched,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) oidc: Option<Arc<Oidc>>,
    pub(crate) denials: Arc<Denials>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) name: Arc<str>,
    pub(crate) read_only: bool,
    pub(crate) stop: CancellationToken,
}

/// What the operator of a dashboard decides.
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) read_only: bool,
    pub(crate) behind_https: bool,
    /// Where people sign in, beside a pasted token.
    pub(crate) oidc: Option<Oidc>,
}

impl Dashboard {
    pub(crate) fn new(
        cluster: Cluster,
        operator: Option<Cluster>,
        watched: Watched,
        gateway: Gateway,
        metrics: Metrics,
        settings: Settings,
        stop: CancellationToken,
    ) -> Self {
        Self {
            cluster,
            operator,
            sessions: Arc::new(Sessions::new(settings.behind_https)),
            rights: Arc::default(),
            watched,
            gateway: Arc::new(gateway),
            oidc: settings.oidc.map(Arc::new),
            denials: Arc::new(Denials::new()),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            metrics,
            name: settings.name.into(),
            read_only: settings.read_only,
            stop,
        }
    }
}

/// Makes the routes.
pub(crate) fn router(dashboard: Dashboard) -> Router {
    let metrics = dashboard.metrics.clone();
    Router::new()
        .route("/api/v1/session", post(people::sign_in).delete(people::sign_out))
        .route("/api/v1/config", get(people::config))
        .route("/api/v1/me", get(people::me))
        .route("/api/v1/rights", post(rights))
        .route("/api/v1/namespaces", get(overview::namespaces).post(groundwork::namespace))
        .route("/api/v1/credentials", post(groundwork::credentials))
        .route("/api/v1/access", get(access::access))
        .route("/api/v1/overview", get(overview::overview))
        .route("/api/v1/denials", get(denials))
        .route("/api/v1/live", get(live::live))
        .merge(gateway::routes())
        .route("/api/v1/views/{*rest}", get(passthrough::views))
        .route("/apis/{*rest}", any(passthrough::kinds))
        .route("/api", any(nothing))
        .route("/api/{*rest}", any(nothing))
        .route("/apis", any(nothing))
        .route("/auth/login", get(sso::begin))
        .route("/auth/callback", get(sso::finish))
        .route("/auth/{*rest}", any(nothing))
        .fallback(page)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn(guard))
        .layer(middleware::from_fn_with_state(metrics, metrics::count))
        .with_state(dashboard)
}

async fn nothing() -> Problem {
    Problem::not_found("there is no such address of the dashboard's API")
}

/// Tells browsers what they must not do with an answer.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` browsers would send forms without an Origin.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
