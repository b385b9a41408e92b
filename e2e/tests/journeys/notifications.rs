//! Notifications: told to a receiver of this test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gimlet_crds::condition;
use gimlet_e2e::{Stage, wait_until};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

/// What a receiver was sent.
#[derive(Clone, Default)]
struct Received {
    bodies: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// Requests that are still refused, as a receiver that is busy does.
    refuse: Arc<Mutex<u32>>,
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: String) -> StatusCode {
    if let Ok(mut left) = received.refuse.lock()
        && *left > 0
    {
        *left -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    if let Ok(mut bodies) = received.bodies.lock() {
        bodies.push((headers, body));
    }
    StatusCode::OK
}

async fn receiver(received: Received) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/secret-path", post(take)).with_state(received);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/secret-path"))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_happens_and_how_to_go_on() -> Result<()> {
    let received = Received::default();
    *received.refuse.lock().map_err(|_| anyhow::anyhow!("poisoned"))? = 1;
    let address = receiver(received.clone()).await?;
    let stage = Stage::bare("notify").await?;
    let secret = |name: &str, address: &str| {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": stage.namespace.name()},
            "stringData": {"address": address, "key": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"},
        });
        stage.cluster.apply(&object.to_string())
    };
    secret("hook", &address)?;
    secret("wrong", "ftp://nowhere.example.com")?;
    let notifications = json!({"notifications": [
        {"name": "all", "provider": "Webhook", "secretRef": {"name": "hook"}, "apps": ["web"]},
        {"name": "own", "provider": "Webhook", "secretRef": {"name": "hook"}, "apps": ["web"],
         "events": ["Released", "Failed"], "template": {
            "title": "{{ .app | upper }} {{ .kind }} by {{ .who }}", "text": "{{ .cause }}"}},
        {"name": "broken", "provider": "Webhook", "secretRef": {"name": "hook"}, "apps": ["web"],
         "events": ["Released"], "template": {"title": "ok", "text": "a\n{{ .token }}"}},
        {"name": "wrong", "provider": "Slack", "secretRef": {"name": "wrong"}, "events": ["Failed"]},
    ]});
    stage.environment("staging", "staging", notifications).await?;
    stage.environment_ready("staging").await?;
    let spec = json!({"manifest": stage.web("1"), "requestedBy": "ada", "reason": "the first"});
    let release = stage.create("web", spec).await?;
    stage.ended(&release.name_any()).await?;
    let quiet = stage.release("other", stage.web("1")).await?;
    stage.ended(&quiet.name_any()).await?;
    let mut broken = stage.web("1");
    broken["chart"]["name"] = json!("https://127.0.0.1:1/no.git?path=/&tag=v1");
    broken["values"]["image"]["tag"] = json!("{{ .MISSING }}");
    let failed = stage.release("web", broken).await?;
    stage.ended(&failed.name_any()).await?;

    let of = |kind: &str| {
        let bodies = received.bodies.lock().map(|all| all.clone()).unwrap_or_default();
        bodies.into_iter().find(|(_, body)| body["message"]["kind"] == kind)
    };
    let (headers, body) = wait_until("the release is told", SOON, async || {
        of("released").context("nothing was told of it")
    })
    .await?;
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert!(headers.contains_key(header), "{header} is missing");
    }
    let message = &body["message"];
    assert_eq!((&body["version"], &message["app"]), (&json!(1), &json!("web")));
    assert_eq!((&message["who"], &message["reason"]), (&json!("ada"), &json!("the first")));
    assert_eq!(message["plan"]["removed"], 0);
    let (_, body) = wait_until("the failure is told", SOON, async || {
        of("failed").context("nothing was told of it")
    })
    .await?;
    let message = &body["message"];
    assert!(message["cause"].as_str().is_some_and(|cause| cause.contains("MISSING")), "{message}");
    assert!(message["nextStep"].is_string(), "{message}");
    let others = received.bodies.lock().map(|all| all.clone()).unwrap_or_default();
    assert!(others.iter().all(|(_, body)| body["message"]["app"] == "web"), "{others:?}");

    // Texts of one's own, and one that cannot be made.
    let told = |is: &dyn Fn(&Value) -> bool| {
        let bodies = received.bodies.lock().map(|all| all.clone()).unwrap_or_default();
        bodies.into_iter().map(|(_, body)| body["message"].clone()).find(is)
    };
    wait_until("a text of one's own", SOON, async || {
        told(&|message| message["title"] == "WEB released by ada").context("it was not told")?;
        let own = told(&|message| message["title"] == "WEB failed by ").context("nor this")?;
        let cause = own["text"].as_str().unwrap_or_default();
        ensure!(cause.contains("MISSING"), "{own}");
        let usual = |message: &Value| message["title"] == "ok" && message.get("text").is_none();
        told(&usual).context("the usual text was not sent")
    })
    .await?;
    let environment = stage.environments().get("staging").await?;
    let conditions = environment.status.map(|status| status.conditions).unwrap_or_default();
    let broken = condition::find(&conditions, condition::NOTIFICATIONS_READY);
    let broken = broken.context("it does not say that a template is broken")?;
    assert_eq!((broken.status.as_str(), broken.reason.as_str()), ("False", "InvalidTemplate"));
    assert!(broken.message.starts_with("broken: template: text:2:"), "{}", broken.message);

    // A receiver that cannot be told is named at the environment, without its address.
    let events: Api<Event> = Api::namespaced(stage.client.clone(), &stage.namespace);
    wait_until("the event of the wrong receiver", SOON, async || {
        let all = events.list(&ListParams::default()).await?;
        let notes: Vec<_> = all.iter().filter_map(|event| event.note.as_deref()).collect();
        let found = notes.iter().any(|note| note.starts_with("notification wrong:"));
        ensure!(found, "{notes:?}");
        Ok(())
    })
    .await?;
    let log = stage.operator.log();
    assert!(!log.contains("secret-path") && !log.contains("nowhere.example.com"));
    stage.end().await
}
