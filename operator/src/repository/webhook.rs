//! Webhooks: a host says that something is new; what it is, is read from git.
//!
//! Every replica takes them, whether it leads or not: it writes a mark on the Repository, which the
//! one that leads sees.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use gimlet_crds::{Repository, labels};
use gimlet_hosts::{Address, MAX_BODY, Replays, receive};
use gimlet_process::Limits;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::caches;
use crate::context::{Common, Context, Guarded, find};
use crate::hosting::provider;
use crate::metrics::Metrics;
use crate::sources::Sources;

/// Deliveries that are remembered, so that nobody can send them again.
const REMEMBERED: usize = 20_000;
/// How long they are.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);
/// Deliveries that are read at once; the bodies of others stay where they are.
const AT_ONCE: usize = 32;
/// How long one may take, its body included.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes webhooks, from the start of a process to its end.
pub(crate) struct Server {
    repositories: Store<Guarded<Repository>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// What a delivery needs.
#[derive(Clone)]
struct Hooks {
    client: Client,
    metrics: Metrics,
    sources: Arc<Sources>,
    repositories: Store<Guarded<Repository>>,
    replays: Arc<Replays>,
    slots: Arc<Semaphore>,
    patience: Duration,
}

impl Server {
    /// Starts to fill the cache of Repositories and to listen.
    pub(crate) async fn start(
        address: SocketAddr,
        common: &Common,
        args: &Args,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the address {address} of webhooks cannot be listened on"))?;
        let stop = CancellationToken::new();
        let repositories = caches::follow::<Repository>(&common.client, args, &stop);
        let router = router(Hooks {
            client: common.client.clone(),
            metrics: common.metrics.clone(),
            sources: Arc::clone(&common.sources),
            repositories: repositories.clone(),
            replays: Arc::new(Replays::new(REMEMBERED, MEMORY)),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            patience: PATIENCE,
        });
        let limits = Limits::default();
        let serving = tokio::spawn(gimlet_process::serve(listener, router, limits, stop.clone()));
        Ok(Self { repositories, stop, serving })
    }

    /// Waits until the Repositories were read once: before that every webhook is unknown.
    pub(crate) async fn filled(&self) {
        // An error means that the process is about to end.
        let _ = self.repositories.wait_until_ready().await;
    }

    /// Stops to serve; what is being answered is given time to end.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        let Self { repositories: _, stop, serving } = self;
        stop.cancel();
        serving.await.context("the webhooks broke")
    }
}

fn router(hooks: Hooks) -> Router {
    Router::new()
        .route("/webhooks/{namespace}/{name}", post(take))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(hooks)
}

/// Takes a delivery, if there is room and it does not take for ever.
async fn take(
    State(hooks): State<Hooks>,
    Path((namespace, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    // Before a byte of the body is read: it is kept in memory until its signature was checked.
    let Ok(_slot) = hooks.slots.try_acquire() else {
        return told(StatusCode::SERVICE_UNAVAILABLE, "busy: send it again later");
    };
    match tokio::time::timeout(hooks.patience, deliver(&hooks, &namespace, &name, request)).await {
        Ok(response) => response,
        Err(_) => told(StatusCode::REQUEST_TIMEOUT, "it took too long: send it again"),
    }
}

/// Whoever cannot sign learns nothing, not even which repositories there are.
async fn deliver(hooks: &Hooks, namespace: &str, name: &str, request: Request) -> Response {
    let unknown = || told(StatusCode::NOT_FOUND, "there is no such webhook");
    let Some(repository) = find(&hooks.repositories, namespace, name) else { return unknown() };
    let Some(provider) = provider(repository.spec.provider) else { return unknown() };
    let secret = match hooks.sources.webhook(&hooks.client, &repository).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return unknown(),
        Err(error) => {
            tracing::warn!(name, namespace, error = %error, "a webhook cannot be checked");
            return told(StatusCode::SERVICE_UNAVAILABLE, "the webhook cannot be checked now");
        }
    };
    let headers = request.headers().clone();
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let now = Context::now();
    let delivery = match receive(provider, &headers, &body, &secret, now) {
        Ok(delivery) => delivery,
        Err(error) => {
            hooks.metrics.webhook(provider, error.reason());
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
        hooks.metrics.webhook(provider, "OtherRepository");
        return told(StatusCode::UNPROCESSABLE_ENTITY, "the webhook is of another repository");
    }
    let scope = format!("{namespace}/{name}");
    let mark = format!("webhook-{}", delivery.signed_digest());
    // The last one may have come to another replica, or to this one before it was started anew.
    let last = repository.annotations().get(labels::LOOK_REQUESTED) == Some(&mark);
    if hooks.replays.seen(&scope, &delivery, now) || last {
        hooks.metrics.webhook(provider, "Replay");
        return told(StatusCode::OK, "it was here before");
    }
    if let Err(error) = ask_for_a_look(&hooks.client, &repository, &mark, now).await {
        hooks.replays.forget(&scope, &delivery);
        hooks.metrics.webhook(provider, "ApiError");
        tracing::warn!(name, namespace, error = %error, "a webhook was not passed on");
        return told(StatusCode::SERVICE_UNAVAILABLE, "it was not passed on: send it again");
    }
    hooks.metrics.webhook(provider, "ok");
    told(StatusCode::ACCEPTED, "thank you")
}

/// Writes a mark on a Repository. The replica that leads looks at one whose mark it has not seen, and
/// at all of them when it begins to lead.
async fn ask_for_a_look(
    client: &Client,
    repository: &Repository,
    mark: &str,
    now: Timestamp,
) -> kube::Result<Repository> {
    let namespace = repository.namespace().unwrap_or_default();
    let api: Api<Repository> = Api::namespaced(client.clone(), &namespace);
    // With the UID: one of the same name that was made meanwhile is another.
    let patch = json!({"metadata": {
        "uid": repository.uid(),
        "annotations": {labels::LOOK_REQUESTED: mark, labels::WEBHOOK_SEEN: now.to_string()},
    }});
    let params = PatchParams { field_manager: Some(labels::OPERATOR.into()), ..Default::default() };
    api.patch(&repository.name_any(), &params, &Patch::Merge(patch)).await
}

fn told(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
