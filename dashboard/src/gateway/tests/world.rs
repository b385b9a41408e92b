//! A dashboard that serves, the API server beside it, and agents that speak by hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt as _, StreamExt as _};
use gimlet_agent::protocol::{FromAgent, FromDashboard, PATH, VERSION, decode, encode};
use jiff::{SignedDuration, Timestamp};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cluster::Cluster;
use crate::gateway::Gateway;
use crate::http::{Dashboard, Settings, router};
use crate::metrics::Metrics;
use crate::token::Token;
use crate::watched::Watched;

pub(super) const NAMESPACE: &str = "team";
const SOON: Duration = Duration::from_mins(1);

/// What there is for a test; it ends with it.
pub(super) struct World {
    pub(super) dashboard: Dashboard,
    address: String,
    server: Server,
    _stop: DropGuard,
}

/// The API server.
#[derive(Clone, Default)]
struct Server(Arc<Api>);

#[derive(Default)]
struct Api {
    /// How many environments there are.
    environments: usize,
    /// What was written last, by kind and environment.
    written: Mutex<HashMap<(String, String), String>>,
    apps: AtomicUsize,
    environments_written: AtomicUsize,
    /// Writes with a token that is none of the environment.
    strangers: AtomicUsize,
    refuses_expired: AtomicBool,
    /// What was asked whether it may be done; nothing is allowed to who has no role.
    asked: Mutex<Vec<Value>>,
    no_roles: AtomicBool,
}

/// Makes a token of an environment's agent, as an API server does but for the signature.
pub(super) fn token(environment: &str, expires: Timestamp) -> String {
    let claims = json!({"exp": expires.as_second(),
        "sub": format!("system:serviceaccount:{NAMESPACE}:gimlet-agent-{environment}")});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn owner(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}

fn environment(name: &str) -> Value {
    json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": name, "resourceVersion": "1"},
        "spec": {"observedBy": "Agent", "gitops": {"url": "https://git.example.com/a/b.git"}}})
}

fn app(environment: &str) -> Value {
    json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "App",
        "metadata": {"name": format!("app-0.{environment}"), "namespace": NAMESPACE,
                     "uid": environment, "resourceVersion": "1"},
        "spec": {"app": "app-0", "environment": environment}})
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path: Vec<_> = parts.uri.path().split('/').collect();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    match (&parts.method, path.as_slice()) {
        (&Method::POST, [.., "tokenreviews"]) => {
            let review: Value = serde_json::from_slice(&body).unwrap();
            let token = review["spec"]["token"].as_str().unwrap();
            let refused = server.0.refuses_expired.load(Ordering::Relaxed)
                && Token::new(token).unwrap().expires() <= Some(Timestamp::now());
            let status = if refused {
                json!({"authenticated": false})
            } else {
                json!({"authenticated": true,
                    "user": {"username": owner(token), "groups": ["system:serviceaccounts"]}})
            };
            axum::Json(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                "metadata": {}, "spec": {"token": ""}, "status": status}))
            .into_response()
        }
        (&Method::POST, [.., "subjectaccessreviews"]) => {
            let mut review: Value = serde_json::from_slice(&body).unwrap();
            server.0.asked.lock().unwrap().push(review["spec"].clone());
            let allowed = !server.0.no_roles.load(Ordering::Relaxed);
            review["status"] = json!({"allowed": allowed});
            axum::Json(review).into_response()
        }
        (&Method::GET, [.., _]) if parts.uri.query().is_some_and(|q| q.contains("watch=true")) => {
            Body::from_stream(futures::stream::pending::<Result<String, Error>>()).into_response()
        }
        (&Method::GET, [.., kind]) => {
            let names = (0..server.0.environments).map(super::name);
            let items: Vec<_> = match *kind {
                "environments" => names.map(|name| environment(&name)).collect(),
                "apps" => names.map(|name| app(&name)).collect(),
                _ => Vec::new(),
            };
            axum::Json(json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "List",
                "metadata": {"resourceVersion": "1"}, "items": items}))
            .into_response()
        }
        (&Method::PATCH, [.., kind, name, "status"]) => {
            let of = name.rsplit('.').next().unwrap();
            let said = parts.headers[header::AUTHORIZATION].to_str().unwrap();
            if !owner(said).ends_with(&format!(":gimlet-agent-{of}")) {
                server.0.strangers.fetch_add(1, Ordering::Relaxed);
            }
            server.counter(kind).fetch_add(1, Ordering::Relaxed);
            let text = String::from_utf8(body.to_vec()).unwrap();
            server.0.written.lock().unwrap().insert(((*kind).to_owned(), of.to_owned()), text);
            let object = if *kind == "apps" { app(of) } else { environment(of) };
            axum::Json(object).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Server {
    fn counter(&self, kind: &str) -> &AtomicUsize {
        if kind == "apps" { &self.0.apps } else { &self.0.environments_written }
    }
}

impl World {
    /// Starts all with so many environments, and waits until the dashboard knows them.
    pub(super) async fn start(environments: usize) -> Self {
        let server = Server(Arc::new(Api { environments, ..Api::default() }));
        let routes = Router::new().fallback(answer).with_state(server.clone());
        let config = Config::new(serve(routes).await.parse().unwrap());
        let client = Client::try_from(config.clone()).unwrap();
        let stop = CancellationToken::new();
        let watched = Watched::follow(&client, &stop);
        let settings =
            Settings { name: String::new(), read_only: false, behind_https: false, oidc: None };
        let dashboard = Dashboard::new(
            Cluster::new(&config).unwrap(),
            None,
            watched,
            Gateway::new(client),
            Metrics::new().unwrap(),
            settings,
            stop.clone(),
        );
        let address = serve(router(dashboard.clone())).await;
        let world = Self { dashboard, address, server, _stop: stop.drop_guard() };
        let last = super::name(environments - 1);
        let watched = &world.dashboard.watched;
        world.until("the board", || watched.board().is_some()).await;
        assert!(watched.environment(NAMESPACE, &last).is_some());
        world
    }

    /// Waits until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let waited = tokio::time::timeout(SOON, async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}");
    }

    /// Counts the writes of a kind.
    pub(super) fn writes(&self, kind: &str) -> usize {
        self.server.counter(kind).load(Ordering::Relaxed)
    }

    /// Counts the writes with the token of another environment.
    pub(super) fn strangers(&self) -> usize {
        self.server.0.strangers.load(Ordering::Relaxed)
    }

    /// Returns what was written last of a kind in an environment.
    pub(super) fn written(&self, kind: &str, environment: &str) -> String {
        let written = self.server.0.written.lock().unwrap();
        written.get(&(kind.to_owned(), environment.to_owned())).cloned().unwrap_or_default()
    }

    /// Has the API server allow nobody anything.
    pub(super) fn take_roles(&self) {
        self.server.0.no_roles.store(true, Ordering::Relaxed);
    }

    /// Returns what the API server was asked last whether somebody may do it.
    pub(super) fn asked(&self) -> Value {
        self.server.0.asked.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Has the API server look at the time of tokens.
    pub(super) fn refuse_expired(&self) {
        self.server.0.refuses_expired.store(true, Ordering::Relaxed);
    }
}

/// Serves until the test ends; gives the address.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// Speaks as an agent does.
pub(super) struct Speaker {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Number of the frame that was said last.
    pub(super) seq: u64,
}

impl Speaker {
    /// Connects with a token, or gives the status of the refusal.
    pub(super) async fn with(world: &World, token: &str) -> Result<Self, StatusCode> {
        let address = format!("{}{PATH}", world.address.replacen("http", "ws", 1));
        let mut request = address.into_client_request().unwrap();
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket, seq: 0 }),
            Err(Error::Http(answer)) => Err(answer.status()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Says hello, and waits for the welcome.
    pub(super) async fn hello(&mut self, environment: &str) {
        let hello = FromAgent::Hello {
            protocol: VERSION,
            version: "0.1.0".into(),
            cluster: "c".into(),
            environment: format!("{NAMESPACE}/{environment}"),
            capabilities: Vec::new(),
        };
        self.tell(vec![hello]).await;
        let welcome = self.hear().await;
        assert!(matches!(welcome, Some(FromDashboard::Welcome { .. })), "{welcome:?}");
    }

    /// Connects as the agent of an environment, and is welcome.
    pub(super) async fn welcome(world: &World, environment: String) -> Self {
        let token = token(&environment, Timestamp::now() + SignedDuration::from_hours(1));
        let mut speaker = Self::with(world, &token).await.unwrap();
        speaker.hello(&environment).await;
        speaker
    }

    pub(super) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(super) async fn tell(&mut self, frames: Vec<FromAgent>) {
        for frame in frames {
            self.seq = frame.seq().unwrap_or(self.seq);
            self.send(Message::text(encode(&frame).unwrap())).await;
        }
    }

    /// Hears the next frame; none when it is over.
    async fn hear(&mut self) -> Option<FromDashboard> {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return Some(decode(&text).unwrap()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(SOON, next).await.expect("the dashboard speaks, or ends it")
    }

    /// Hears of an error next.
    pub(super) async fn error(&mut self) -> String {
        match self.hear().await {
            Some(FromDashboard::Error { message }) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Hears everything to the end, and returns the last error.
    pub(super) async fn last_words(&mut self) -> String {
        let mut last = String::new();
        while let Some(frame) = self.hear().await {
            if let FromDashboard::Error { message } = frame {
                last = message;
            }
        }
        last
    }

    /// Tells whether nothing is said for a while.
    pub(super) async fn hears_nothing(&mut self, long: Duration) -> bool {
        tokio::time::timeout(long, self.hear()).await.is_err()
    }
}
