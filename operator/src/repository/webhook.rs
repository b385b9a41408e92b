//! Webhooks: a host says that something is new; what it is, is read from git.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gimlet_hosts::{Address, MAX_BODY, Replays, receive};
use jiff::SignedDuration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::hosting::provider;

/// Deliveries that are remembered, so that nobody can send them again.
const REMEMBERED: usize = 20_000;
/// How long they are.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);
/// Deliveries that are read at once.
const AT_ONCE: usize = 16;

/// What a delivery needs.
#[derive(Clone)]
struct Hooks {
    ctx: Arc<Context>,
    replays: Arc<Replays>,
    slots: Arc<Semaphore>,
    news: mpsc::Sender<()>,
}

/// Takes webhooks until the token is cancelled; `news` is told of each that counts.
pub(crate) async fn serve(
    address: SocketAddr,
    ctx: Arc<Context>,
    news: mpsc::Sender<()>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("the address {address} of webhooks cannot be listened on"))?;
    let hooks = Hooks {
        ctx,
        replays: Arc::new(Replays::new(REMEMBERED, MEMORY)),
        slots: Arc::new(Semaphore::new(AT_ONCE)),
        news,
    };
    let router = Router::new()
        .route("/webhooks/{namespace}/{name}", post(deliver))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(hooks);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

/// Takes a delivery. Whoever cannot sign learns nothing, not even which repositories there are.
async fn deliver(
    State(hooks): State<Hooks>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let told = |status: StatusCode, text: &str| (status, format!("{text}\n"));
    let Ok(_slot) = hooks.slots.try_acquire() else {
        return told(StatusCode::SERVICE_UNAVAILABLE, "busy: send it again later");
    };
    let unknown = || told(StatusCode::NOT_FOUND, "there is no such webhook");
    let Some(repository) = hooks.ctx.repository(&namespace, &name) else { return unknown() };
    let Some(provider) = provider(repository.spec.provider) else { return unknown() };
    let source = match hooks.ctx.sources.open(&hooks.ctx.client, &repository).await {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(name, namespace, error = %error, "a webhook cannot be checked");
            return told(StatusCode::SERVICE_UNAVAILABLE, "the webhook cannot be checked now");
        }
    };
    let Some(secret) = &source.webhook else { return unknown() };
    let now = Context::now();
    let delivery = match receive(provider, &headers, &body, secret, now) {
        Ok(delivery) => delivery,
        Err(error) => {
            hooks.ctx.metrics.webhook(provider, error.reason());
            tracing::warn!(name, namespace, reason = error.reason(), "a webhook was refused");
            let status = StatusCode::from_u16(error.status());
            return told(status.unwrap_or(StatusCode::BAD_REQUEST), &error.to_string());
        }
    };
    let address = Address::parse(&repository.spec.url);
    let ours = |named: &gimlet_hosts::NamedRepository| {
        address.as_ref().is_ok_and(|address| named.is(address))
    };
    if !delivery.repository.as_ref().is_none_or(ours) {
        hooks.ctx.metrics.webhook(provider, "OtherRepository");
        return told(StatusCode::UNPROCESSABLE_ENTITY, "the webhook is of another repository");
    }
    if hooks.replays.seen(&format!("{namespace}/{name}"), &delivery, now) {
        hooks.ctx.metrics.webhook(provider, "Replay");
        return told(StatusCode::OK, "it was here before");
    }
    hooks.ctx.metrics.webhook(provider, "ok");
    hooks.ctx.sources.poke(&namespace, &name);
    // A full channel means that somebody is told already.
    let _ = hooks.news.try_send(());
    told(StatusCode::ACCEPTED, "thank you")
}
