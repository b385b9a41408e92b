//! Read-only views of git over HTTP, for callers who may read the objects that they ask about.

mod caller;
mod chart;
mod commits;
mod cursor;
mod deployed;
mod git;
mod model;
mod problem;
mod server;
mod source;
mod source_model;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use kube::Client;
use tokio::sync::{Semaphore, watch};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Context;
use caller::Callers;
use problem::Problem;

pub(crate) use server::Server;
pub(crate) use tls::Certificate;

/// Requests that are answered at once; the next ones are told to come back.
const AT_ONCE: usize = 32;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(OpenApi)]
#[openapi(
    info(title = "Gimlet views", description = "What git has, read by the rights of the caller."),
    tags(
        (name = "git", description = "Views of gitops repositories"),
        (name = "source", description = "Views of application repositories"),
        (name = "chart", description = "What charts say of their values")
    )
)]
struct Api;

/// What every view may use.
#[derive(Clone)]
struct Views {
    seat: watch::Receiver<Seat>,
    callers: Arc<Callers>,
    slots: Arc<Semaphore>,
}

/// Whose caches are read: those of a replica that waits, or of the one that leads.
#[derive(Clone)]
struct Seat {
    ctx: Arc<Context>,
    leads: bool,
}

impl Views {
    fn ctx(&self) -> Arc<Context> {
        Arc::clone(&self.seat.borrow().ctx)
    }

    /// Tells whether this replica leads: then its copies of git are kept up to date anyway.
    fn leads(&self) -> bool {
        self.seat.borrow().leads
    }
}

/// Makes the routes.
fn router(client: Client, seat: watch::Receiver<Seat>) -> Router {
    let callers = Arc::new(Callers::new(client));
    let views = Views { seat, callers, slots: Arc::new(Semaphore::new(AT_ONCE)) };
    let (router, api) = paths().split_for_parts();
    let api = Arc::new(api);
    router
        .route_layer(middleware::from_fn_with_state(views.clone(), limit))
        .route("/v1/openapi.json", get(|| async move { Json((*api).clone()) }))
        .layer(DefaultBodyLimit::max(0))
        .fallback(|| async {
            Problem::not_found("there is no such view; /v1/openapi.json lists all")
        })
        .with_state(views)
}

fn paths() -> OpenApiRouter<Views> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(git::history))
        .routes(routes!(git::files))
        .routes(routes!(git::diff))
        .routes(routes!(git::plan))
        .routes(routes!(chart::chart))
        .routes(routes!(chart::versions))
        .routes(routes!(source::branches))
        .routes(routes!(source::tags))
        .routes(routes!(source::commits))
        .routes(routes!(source::statuses))
        .routes(routes!(source::pull_requests))
        .routes(routes!(source::files))
}

/// Lets so many requests through at once, each for so long.
async fn limit(State(views): State<Views>, request: Request, next: Next) -> Response {
    let Ok(_slot) = views.slots.try_acquire() else {
        return Problem::busy().into_response();
    };
    if !*views.ctx().filled.borrow() {
        return Problem::starting().into_response();
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_the_views_is_what_docs_hold() {
        let (_, api) = paths().split_for_parts();
        let text = format!("{}\n", api.to_pretty_json().unwrap());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/views.openapi.json");
        if std::env::var_os("GIMLET_BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let wanted = std::fs::read_to_string(path).unwrap_or_default();
        assert!(text == wanted, "docs/views.openapi.json is out of date: run with GIMLET_BLESS=1");
    }
}
