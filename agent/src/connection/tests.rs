//! The connection against a dashboard that does what it is told.

mod dialling;
mod speaking;
mod storm;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::ask::People;
use crate::cluster::testing;
use crate::protocol::{Applied, FromDashboard, Mirror, PATH, decode, encode};

/// A dashboard's side of a connection.
struct Peer {
    socket: WebSocketStream<TcpStream>,
    authorization: String,
}

/// A dashboard.
struct Dashboard {
    address: SocketAddr,
    peers: mpsc::Receiver<Peer>,
    serving: tokio::task::JoinHandle<()>,
}

impl Dashboard {
    async fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, peers) = mpsc::channel(8);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut authorization = String::new();
                #[expect(clippy::result_large_err, reason = "the library's own type")]
                let callback = |request: &server::Request, answer: server::Response| {
                    assert_eq!(request.uri().path(), PATH);
                    let header = request.headers().get("authorization").unwrap();
                    header.to_str().unwrap().clone_into(&mut authorization);
                    Ok(answer)
                };
                let socket = accept_hdr_async(stream, callback).await.unwrap();
                if tell.send(Peer { socket, authorization }).await.is_err() {
                    return;
                }
            }
        });
        Self { address, peers, serving }
    }

    /// Goes away; gives where it was.
    async fn stop(self) -> SocketAddr {
        self.serving.abort();
        let _ = self.serving.await;
        self.address
    }

    async fn peer(&mut self) -> Peer {
        let peer = tokio::time::timeout(Duration::from_secs(20), self.peers.recv()).await;
        peer.expect("the agent connects").unwrap()
    }
}

impl Peer {
    /// Hears the next frame.
    async fn hear(&mut self) -> FromAgent {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return decode(text.as_str()).unwrap(),
                    Some(Ok(_)) => {}
                    other => panic!("no frame: {other:?}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), next).await.expect("the agent speaks")
    }

    async fn say(&mut self, frame: &FromDashboard) {
        self.send(Message::text(encode(frame).unwrap())).await;
    }

    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Hears Hello and says Welcome; heartbeats are this many seconds apart.
    async fn welcome(&mut self, heartbeat_seconds: u32) -> FromAgent {
        let hello = self.hear().await;
        self.say(&FromDashboard::Welcome { protocol: 1, heartbeat_seconds }).await;
        hello
    }

    /// Takes in what comes until it is like this.
    async fn until(&mut self, mirror: &mut Mirror, holds: impl Fn(&Mirror) -> bool) {
        while !holds(mirror) {
            let applied = mirror.apply(self.hear().await);
            assert!(!matches!(applied, Applied::Gap | Applied::TooMany), "{applied:?}");
        }
    }
}

/// An agent that is connected to a dashboard until it is dropped.
struct Agent {
    cluster: Cluster,
    metrics: Metrics,
    folder: tempfile::TempDir,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Agent {
    fn start(dashboard: SocketAddr, cluster: Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one").unwrap();
        let (metrics, stop) = (Metrics::new().unwrap(), CancellationToken::new());
        let connection = Connection {
            address: format!("ws://{dashboard}").parse().unwrap(),
            authorities: None,
            token: TokenFile::new(path, Duration::from_millis(20)),
            environment: "team/prod".to_owned(),
            identity: Identity { cluster: "uid-1".to_owned() },
            cluster: cluster.clone(),
            metrics: metrics.clone(),
            powers: Powers {
                allowed: Vec::new(),
                people: Arc::new(People::new(kube::Config::new(http::Uri::from_static(
                    "http://127.0.0.1:1",
                )))),
                cluster: cluster.clone(),
                metrics: metrics.clone(),
            },
        };
        let running = tokio::spawn(connection.keep(stop.clone()));
        Self { cluster, metrics, folder, stop, running }
    }

    fn exchange(&self, token: &str) {
        // As a kubelet does: the new file takes the place of the old.
        let new = self.folder.path().join("new");
        std::fs::write(&new, token).unwrap();
        std::fs::rename(new, self.folder.path().join("token")).unwrap();
    }

    fn measured(&self, line: &str) -> bool {
        self.metrics.encode(&self.cluster).unwrap().lines().any(|found| found == line)
    }
}
