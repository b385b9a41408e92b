//! The dashboard's gateway: agents that are let in, and what is written of what they say.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use gimlet_agent::protocol::{
    AppKey, AppState, Capability, Cause, FluxItem, FromAgent, FromDashboard, MAX_FRAME, PATH,
    VERSION, Word, Workload, decode, encode,
};
use gimlet_crds::{App, Environment};
use gimlet_e2e::{Dashboard, control_plane, wait_until};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::agents::identity;

const SOON: Duration = Duration::from_secs(30);

/// Speaks as an agent does.
pub(crate) struct Speaker(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Speaker {
    pub(crate) async fn dial(dashboard: &Dashboard, token: Option<&str>) -> Result<Self, Error> {
        let address = format!("{}{PATH}", dashboard.origin().replacen("http", "ws", 1));
        let mut request = address.into_client_request()?;
        if let Some(token) = token {
            let value = format!("Bearer {token}");
            request.headers_mut().insert("authorization", value.parse()?);
        }
        Ok(Self(connect_async(request).await?.0))
    }

    /// Connects, and says hello as the agent of an environment.
    async fn greet(dashboard: &Dashboard, token: &str, environment: &str) -> Result<Self> {
        let mut speaker = Self::dial(dashboard, Some(token)).await?;
        speaker.say(&hello(VERSION, environment)).await?;
        Ok(speaker)
    }

    /// The same, and waits until it is welcome.
    pub(crate) async fn welcome(
        dashboard: &Dashboard,
        token: &str,
        environment: &str,
    ) -> Result<Self> {
        let mut speaker = Self::greet(dashboard, token, environment).await?;
        let welcome = speaker.hear().await?;
        ensure!(matches!(welcome, FromDashboard::Welcome { protocol: 1, .. }), "{welcome:?}");
        Ok(speaker)
    }

    pub(crate) async fn say(&mut self, frame: &FromAgent) -> Result<()> {
        Ok(self.0.send(Message::text(encode(frame)?)).await?)
    }

    pub(crate) async fn tell(&mut self, frames: Vec<FromAgent>) -> Result<()> {
        for frame in frames {
            self.say(&frame).await?;
        }
        Ok(())
    }

    pub(crate) async fn hear(&mut self) -> Result<FromDashboard> {
        loop {
            let next = tokio::time::timeout(SOON, self.0.next()).await?;
            match next.context("the connection is over")?? {
                Message::Text(text) => return Ok(decode(&text)?),
                Message::Close(frame) => bail!("it is closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Reads until it is told of an error.
    async fn error(&mut self) -> Result<String> {
        loop {
            if let FromDashboard::Error { message } = self.hear().await? {
                return Ok(message);
            }
        }
    }

    async fn is_over(&mut self) {
        while let Ok(Some(Ok(_))) = tokio::time::timeout(SOON, self.0.next()).await {}
    }
}

pub(crate) fn hello(protocol: u32, environment: &str) -> FromAgent {
    FromAgent::Hello {
        protocol,
        version: "0.1.0".into(),
        cluster: "5e4d3c2b".into(),
        environment: environment.into(),
        capabilities: vec![Capability::Logs, Capability::Events, Capability::Restart],
    }
}

pub(crate) fn item(kind: &str, name: &str, commit: &str) -> FluxItem {
    FluxItem {
        kind: kind.into(),
        namespace: "flux-system".into(),
        name: name.into(),
        ready: Some(true),
        reason: "ReconciliationSucceeded".into(),
        message: String::new(),
        last_applied_revision: Some(format!("main@sha1:{commit}")),
        last_attempted_revision: Some(format!("main@sha1:{commit}")),
        suspended: false,
    }
}

pub(crate) fn root(commit: &str) -> Vec<FluxItem> {
    ["GitRepository", "Kustomization"].map(|kind| item(kind, "gimlet-prod", commit)).to_vec()
}

/// An app of two replicas.
pub(crate) fn state(name: &str, word: Word, commit: &str) -> AppState {
    let failed = word == Word::Failed;
    let cause = failed.then(|| Cause {
        reason: "CrashLoopBackOff".into(),
        message: "container app ends with exit code 1".into(),
        next_step: "read its last log lines".into(),
    });
    let mut app = AppState::new(AppKey::new("shop", name));
    app.flux = vec![item("Kustomization", &format!("prod-{name}"), commit)];
    app.workloads = vec![Workload {
        kind: "Deployment".into(),
        name: name.into(),
        wanted: 2,
        ready: if failed { 1 } else { 2 },
        updated: 2,
        available: 2,
        images: vec!["web:1".into()],
        autoscalers: Vec::new(),
        cron: None,
        word,
        cause: cause.clone(),
    }];
    app.word = word;
    app.cause = cause;
    app
}

pub(crate) async fn environment(
    client: &Client,
    ns: &str,
    name: &str,
    observer: &str,
) -> Result<()> {
    let object: Environment = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": name},
        "spec": {"observedBy": observer, "gitops": {"url": "https://git.example.com/a/b.git"}},
    }))?;
    Api::namespaced(client.clone(), ns).create(&PostParams::default(), &object).await?;
    Ok(())
}

pub(crate) async fn app(client: &Client, ns: &str, name: &str) -> Result<()> {
    let object: App = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": format!("{name}.prod")}, "spec": {"app": name, "environment": "prod"},
    }))?;
    Api::namespaced(client.clone(), ns).create(&PostParams::default(), &object).await?;
    Ok(())
}

/// Gives what a refusal says.
fn refusal(dialled: Result<Speaker, Error>, status: u16) -> Result<String> {
    match dialled {
        Err(Error::Http(answer)) if answer.status() == status => {
            let body = answer.body().as_deref().unwrap_or_default();
            Ok(String::from_utf8_lossy(body).into_owned())
        }
        other => bail!("{:?}", other.map(|_| ())),
    }
}

/// Waits until an app's live state holds these fields.
async fn shows(apps: &Api<App>, name: &str, expected: &Value) -> Result<App> {
    let what = format!("{name} to show {expected}");
    wait_until(&what, SOON, async || {
        let app = apps.get(&format!("{name}.prod")).await?;
        let live = app.status.as_ref().and_then(|status| status.live.as_ref());
        let live = serde_json::to_value(live)?;
        let fields = expected.as_object().context("no fields")?;
        ensure!(fields.iter().all(|(key, value)| live[key] == *value), "{live}");
        Ok(app)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_let_in_with_the_token_of_its_environment_and_told_why_where_it_is_not()
-> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("gateway").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    environment(&client, ns, "prod", "Agent").await?;
    environment(&client, ns, "here", "Operator").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let other = identity(&cluster, ns, "here").await?;
    cluster.kubectl(["create", "serviceaccount", "ada", "-n", ns])?;
    let person = cluster.token(ns, "ada")?;
    let prod = format!("{ns}/prod");

    for (token, status, why) in [
        (None, 401, "send the agent's token"),
        (Some("not.a.token"), 401, "does not know this token"),
        (Some(person.as_str()), 403, "is no agent: an agent's service account is called"),
    ] {
        let body = refusal(Speaker::dial(&dashboard, token).await, status)?;
        assert!(body.contains(why), "{body}");
    }
    for (token, said, why) in [
        (&token, format!("{ns}/here"), "give it the token of gimlet-agent-here"),
        (&token, "default/prod".into(), "its token is that of"),
        (&other, format!("{ns}/here"), "set spec.observedBy to Agent"),
    ] {
        let mut refused = Speaker::greet(&dashboard, token, &said).await?;
        let told = refused.error().await?;
        assert!(told.contains(why), "{told}");
        refused.is_over().await;
    }

    let mut newer = Speaker::dial(&dashboard, Some(&token)).await?;
    newer.say(&hello(VERSION + 8, &prod)).await?;
    let welcome = newer.hear().await?;
    assert!(matches!(welcome, FromDashboard::Welcome { protocol: VERSION, .. }), "{welcome:?}");
    for (text, why) in [
        (r#"{"kind":"dance","seq":1}"#, "not known: this side may be too old"),
        ("hello", "the frame is malformed"),
    ] {
        newer.0.send(Message::text(text)).await?;
        let told = newer.error().await?;
        assert!(told.contains(why), "{told}");
    }
    // A frame that nobody follows is a gap, and told once.
    newer.tell(FromAgent::deltas(7, [state("web", Word::Healthy, "aaaaaaa")], Vec::new())).await?;
    assert_eq!(newer.hear().await?, FromDashboard::Resync);

    let mut second = Speaker::welcome(&dashboard, &token, &prod).await?;
    let told = newer.error().await?;
    assert!(told.contains("takes this place: one agent speaks for an environment"), "{told}");
    newer.is_over().await;
    second.0.send(Message::text("x".repeat(MAX_FRAME + 1))).await?;
    second.is_over().await;

    let log = dashboard.log();
    assert!(!log.contains(&token) && !log.contains(&person), "a token is in the log");
    let metrics = dashboard.probe("/metrics")?.body.to_string();
    assert!(metrics.contains("gimlet_agent_resyncs_total 1"), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_reports_is_written_with_its_own_token_and_only_what_changed() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("gateway").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    environment(&client, ns, "prod", "Agent").await?;
    app(&client, ns, "web").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let (apps, environments): (Api<App>, Api<Environment>) =
        (Api::namespaced(client.clone(), ns), Api::namespaced(client.clone(), ns));
    let prod = format!("{ns}/prod");
    // An account of that name without the role has no seat, and who has lost it meanwhile writes nothing. Both hear why.
    let mut agent = Speaker::welcome(&dashboard, &token, &prod).await?;
    cluster.kubectl(["delete", "rolebinding", "gimlet-agent-prod", "-n", ns])?;
    wait_until("the account to be refused", SOON, async || {
        let body = refusal(Speaker::dial(&dashboard, Some(&token)).await, 403)?;
        ensure!(body.contains("kubectl create rolebinding gimlet-agent-prod"), "{body}");
        Ok(())
    })
    .await?;
    let reported = ["web", "later"].map(|name| state(name, Word::Healthy, "aaaaaaa"));
    agent.tell(FromAgent::snapshot(1, root("aaaaaaa"), reported)).await?;
    let told = agent.error().await?;
    assert!(told.contains("what you report cannot be written"), "{told}");
    let subject = format!("--serviceaccount={ns}:gimlet-agent-prod");
    let role = "--clusterrole=gimlet-agent-identity";
    cluster.kubectl(["create", "rolebinding", "gimlet-agent-prod", "-n", ns, role, &subject])?;

    let healthy = json!({"state": "Healthy", "commit": "aaaaaaa", "attempted": "aaaaaaa",
        "replicas": "2/2", "images": ["web:1"]});
    let before = shows(&apps, "web", &healthy).await?;
    let managers = before.managed_fields().iter().filter_map(|entry| entry.manager.as_deref());
    assert!(managers.collect::<Vec<_>>().contains(&"gimlet-agent"), "{before:?}");
    let said = wait_until("the agent's contact", SOON, async || {
        let environment = environments.get("prod").await?;
        environment.status.and_then(|status| status.agent).context("no agent")
    })
    .await?;
    assert_eq!((said.version.as_str(), said.cluster.as_str()), ("0.1.0", "5e4d3c2b"));
    assert_eq!(said.flux.len(), 2, "{said:?}");
    assert_eq!(said.flux[1].commit.as_deref(), Some("aaaaaaa"));
    app(&client, ns, "later").await?;
    shows(&apps, "later", &healthy).await?;
    let unchanged = apps.get("web.prod").await?;
    assert_eq!(unchanged.resource_version(), before.resource_version(), "it was written again");

    let failed = [state("web", Word::Failed, "bbbbbbb")];
    let gone = vec![AppKey::new("shop", "later")];
    agent.tell(FromAgent::deltas(5, failed, gone)).await?;
    let expected = json!({"state": "Failed", "commit": "bbbbbbb", "replicas": "1/2",
        "reason": "CrashLoopBackOff", "object": "Deployment/web",
        "message": "container app ends with exit code 1", "nextStep": "read its last log lines"});
    shows(&apps, "web", &expected).await?;
    wait_until("what is not there any more to go", SOON, async || {
        let live = apps.get("later.prod").await?.status.and_then(|status| status.live);
        ensure!(live.is_none(), "{live:?}");
        Ok(())
    })
    .await?;
    agent.say(&FromAgent::EnvironmentState { seq: 6, state: root("bbbbbbb").into() }).await?;
    wait_until("the commit of the environment", SOON, async || {
        let said = environments.get("prod").await?.status.and_then(|status| status.agent);
        let said = said.context("no agent")?;
        ensure!(said.flux[0].commit.as_deref() == Some("bbbbbbb"), "{said:?}");
        Ok(())
    })
    .await?;

    // What somebody else writes over it is mended.
    cluster.kubectl([
        "patch",
        "apps.gimlet.io",
        "web.prod",
        "-n",
        ns,
        "--subresource=status",
        "--type=merge",
        "-p",
        r#"{"status":{"live":{"state":"Healthy"}}}"#,
    ])?;
    shows(&apps, "web", &expected).await?;

    cluster.kubectl([
        "patch",
        "environments.gimlet.io",
        "prod",
        "-n",
        ns,
        "--type=merge",
        "-p",
        r#"{"spec":{"observedBy":"Operator"}}"#,
    ])?;
    let told = agent.error().await?;
    assert!(told.contains("set spec.observedBy to Agent"), "{told}");
    agent.is_over().await;
    let metrics = dashboard.probe("/metrics")?.body.to_string();
    assert!(metrics.contains("gimlet_agents 0"), "{metrics}");
    Ok(())
}
