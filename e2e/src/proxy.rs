//! A proxy in front of the git host that counts, and is slow or fails when it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use socket2::{SockFilter, SockRef, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Stage, gitea};

/// How long a trap may take to be sprung.
const SPRUNG: Duration = Duration::from_mins(1);

/// What a client is told by a server that failed.
const FAILURE: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What a socket has that takes in nothing: not even a packet that is empty is answered.
const DROP: &[SockFilter] = &[SockFilter::new(0x06, 0, 0, 0)];

/// A proxy on loopback in front of an HTTP server; it ends when it is dropped.
///
/// It belongs to the runtime that started it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    upstream: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What happens to the next push that comes by; the one after it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The request reaches the server only after [`Proxy::resume`].
    HoldRequest,
    /// The server answers, and the connection breaks before the answer is passed on.
    DropAnswer,
    /// The server answers, and the client waits for it until it gives up.
    HoldAnswer,
    /// The server answers, and the client is told that the server failed.
    FailAnswer,
}

/// What has come by since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Connections that were made.
    pub connections: u64,
    /// Requests that were begun.
    pub requests: u64,
    /// Bytes to the server.
    pub up: u64,
    /// Bytes from the server.
    pub down: u64,
}

impl Passed {
    /// Gives what has come by since an earlier moment.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            connections: self.connections - before.connections,
            requests: self.requests - before.requests,
            up: self.up - before.up,
            down: self.down - before.down,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    Flowing,
    Paused,
    Lost,
    Cut,
}

#[derive(Debug)]
struct Shared {
    server: String,
    traffic: watch::Sender<Traffic>,
    /// What new connections knock at.
    door: Socket,
    trap: Mutex<Option<Trap>>,
    /// Counts the traps that were sprung.
    sprung: watch::Sender<usize>,
    /// Counts the connections that were accepted.
    accepted: watch::Sender<usize>,
    passed: Mutex<Passed>,
    /// How long a request and its answer are on their way, both together.
    round_trip: Mutex<Duration>,
}

impl Proxy {
    /// Starts a proxy in front of a server, such as `http://127.0.0.1:3000`; what is said under TLS is
    /// passed on, but there is nothing to trap.
    pub async fn start(upstream: &str) -> Result<Self> {
        let (_, server) =
            upstream.split_once("://").context("the server's address has no scheme")?;
        let server = server.trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            traffic: watch::Sender::new(Traffic::Flowing),
            door: SockRef::from(&listener).try_clone()?,
            trap: Mutex::default(),
            sprung: watch::Sender::new(0),
            accepted: watch::Sender::new(0),
            passed: Mutex::default(),
            round_trip: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        let upstream = upstream.trim_end_matches('/').to_owned();
        Ok(Self { address, upstream, shared, task })
    }

    /// Makes a stage whose environment `staging` reaches the git host through a proxy only.
    pub async fn stage(prefix: &str) -> Result<(Stage, Self)> {
        let proxy = Self::start(&gitea()?.url).await?;
        let stage = Stage::bare(prefix).await?;
        let url = proxy.through(&stage.repository.http_url);
        stage.environment("staging", "staging", json!({"gitops": {"url": url}})).await?;
        stage.environment_ready("staging").await?;
        Ok((stage, proxy))
    }

    /// Gives an address of the server as it is through the proxy.
    pub fn through(&self, url: &str) -> String {
        let (scheme, _) = self.upstream.split_once("://").unwrap_or_default();
        url.replacen(&self.upstream, &format!("{scheme}://{}", self.address), 1)
    }

    /// Accepts connections from now on, and passes nothing on in either direction.
    pub fn pause(&self) {
        self.shared.traffic.send_replace(Traffic::Paused);
    }

    /// Breaks all connections, and every new one at once.
    pub fn cut(&self) {
        self.shared.traffic.send_replace(Traffic::Cut);
    }

    /// Drops all packets from now on without a word, as a network does that has failed. The connections
    /// of now stay like that for ever; new ones can be made after [`Proxy::find`].
    pub fn lose(&self) -> Result<()> {
        self.shared.door.attach_filter(DROP)?;
        self.shared.traffic.send_replace(Traffic::Lost);
        Ok(())
    }

    /// Lets new connections be made again after [`Proxy::lose`].
    pub fn find(&self) -> Result<()> {
        self.resume();
        Ok(self.shared.door.detach_filter()?)
    }

    /// Passes everything on again, also what a trap held back.
    pub fn resume(&self) {
        self.shared.traffic.send_replace(Traffic::Flowing);
    }

    /// Sets what happens to the next push.
    pub fn trap_next_push(&self, trap: Trap) {
        *self.shared.trap() = Some(trap);
    }

    /// Takes back the trap for the next push, if it was not sprung.
    pub fn disarm(&self) {
        *self.shared.trap() = None;
    }

    /// Waits until so many traps have been sprung since the start.
    pub async fn sprung(&self, count: usize) -> Result<()> {
        let mut sprung = self.shared.sprung.subscribe();
        let waited = tokio::time::timeout(SPRUNG, sprung.wait_for(|seen| *seen >= count)).await;
        waited.context("no push came by")??;
        Ok(())
    }

    /// Says what has come by since the start.
    pub fn passed(&self) -> Passed {
        *self.shared.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets each request and its answer take so long on their way, and each new connection too.
    pub fn slow_down(&self, round_trip: Duration) {
        *self.shared.round_trip.lock().unwrap_or_else(PoisonError::into_inner) = round_trip;
    }

    /// Counts the connections that were made since the start.
    pub fn visits(&self) -> usize {
        *self.shared.accepted.borrow()
    }

    /// Waits until more connections than so many were made since the start.
    pub async fn visited(&self, before: usize) -> Result<()> {
        let mut accepted = self.shared.accepted.subscribe();
        let waited = tokio::time::timeout(SPRUNG, accepted.wait_for(|seen| *seen > before)).await;
        waited.context("nobody came by")??;
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.traffic.send_replace(Traffic::Cut);
    }
}

impl Shared {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, count: impl FnOnce(&mut Passed)) {
        count(&mut self.passed.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the time that a message is on its way.
    async fn travel(&self) {
        let round_trip = *self.round_trip.lock().unwrap_or_else(PoisonError::into_inner);
        if !round_trip.is_zero() {
            tokio::time::sleep(round_trip / 2).await;
        }
    }

    fn spring(&self) {
        self.sprung.send_modify(|count| *count += 1);
    }

    /// Waits until what was read may be passed on.
    async fn flowing(&self) {
        // An error means that the proxy is gone; then the connection is about to end as well.
        let _ = self.traffic.subscribe().wait_for(|now| *now == Traffic::Flowing).await;
    }

    async fn lost(&self) {
        let lost = |now: &Traffic| *now == Traffic::Lost;
        if self.traffic.subscribe().wait_for(lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn cut(&self) {
        let _ = self.traffic.subscribe().wait_for(|now| *now == Traffic::Cut).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.send_modify(|count| *count += 1);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let Ok(own) = SockRef::from(&client).try_clone() else { return };
            tokio::select! {
                () = shared.cut() => return,
                () = shared.lost() => {}
                // A connection that breaks is what this proxy is for.
                _ = relay(client, &shared) => return,
            }
            // It is kept, so that nobody is told that it is over.
            if own.attach_filter(DROP).is_ok() {
                shared.cut().await;
            }
        });
    }
}

/// Passes on what one client and the server say. HTTP/1.1 without pipelining: a request begins at
/// the start, and with the first bytes after an answer.
async fn relay(mut client: TcpStream, shared: &Shared) -> Result<()> {
    shared.count(|passed| passed.connections += 1);
    // There and back, until a connection stands.
    shared.travel().await;
    shared.travel().await;
    let mut server = TcpStream::connect(&shared.server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut answered = true;
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut head = Vec::new();
    let mut trap = None;
    let mut answer = Vec::new();
    loop {
        tokio::select! {
            count = client.read(&mut up) => {
                let chunk = &up[..count?];
                if chunk.is_empty() {
                    return Ok(());
                }
                shared.count(|passed| {
                    passed.up += chunk.len() as u64;
                    passed.requests += u64::from(answered);
                });
                if std::mem::take(&mut answered) {
                    shared.travel().await;
                }
                if !head.contains(&b'\n') {
                    head.extend_from_slice(chunk);
                    if is_push(&head) {
                        trap = shared.trap().take();
                    }
                    if trap == Some(Trap::HoldRequest) {
                        shared.traffic.send_replace(Traffic::Paused);
                        shared.spring();
                        trap = None;
                    }
                }
                shared.flowing().await;
                server.write_all(chunk).await?;
            }
            count = server.read(&mut down) => {
                let chunk = &down[..count?];
                if chunk.is_empty() {
                    return Ok(());
                }
                shared.count(|passed| passed.down += chunk.len() as u64);
                if !std::mem::replace(&mut answered, true) {
                    shared.travel().await;
                }
                if let Some(trap) = trap {
                    answer.extend_from_slice(chunk);
                    if is_whole(&answer) {
                        shared.spring();
                        match trap {
                            Trap::HoldAnswer => std::future::pending::<()>().await,
                            Trap::FailAnswer => client.write_all(FAILURE).await?,
                            Trap::DropAnswer | Trap::HoldRequest => {}
                        }
                        return Ok(());
                    }
                    continue;
                }
                head.clear();
                shared.flowing().await;
                client.write_all(chunk).await?;
            }
        }
    }
}

fn is_push(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.starts_with("POST ") && line.contains("/git-receive-pack HTTP/1.1")
}

/// Tells whether an answer is complete, so that the server has done all that was asked.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let body = &answer[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    match length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => body.ends_with(b"0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every request with how many there were.
    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut count = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                if stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                    count += 1;
                    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{count}");
                    let _ = stream.write_all(text.as_bytes()).await;
                }
            }
        });
        format!("http://{address}")
    }

    async fn ask(proxy: &Proxy, path: &str) -> String {
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_cut_proxy_answers_nothing_and_a_resumed_one_everything() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        assert!(ask(&proxy, "/").await.ends_with('1'));
        proxy.cut();
        assert_eq!(ask(&proxy, "/").await, "");
        proxy.resume();
        assert!(ask(&proxy, "/").await.ends_with('2'));
    }

    #[tokio::test]
    async fn what_comes_by_is_counted() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        ask(&proxy, "/").await;
        let before = proxy.passed();
        assert_eq!((before.connections, before.requests), (1, 1));
        assert!(before.up > 0 && before.down > 0, "{before:?}");
        ask(&proxy, "/").await;
        let again = proxy.passed().since(before);
        assert_eq!((again.connections, again.requests), (1, 1));
        assert_eq!((again.up, again.down), (before.up, before.down));
    }

    #[tokio::test]
    async fn a_paused_request_arrives_when_the_proxy_resumes() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        proxy.pause();
        let (answer, ()) = tokio::join!(ask(&proxy, "/"), async {
            proxy.visited(0).await.unwrap();
            proxy.resume();
        });
        assert!(answer.ends_with('1'), "{answer}");
    }

    #[tokio::test]
    async fn a_network_that_drops_everything_says_nothing_and_takes_new_connections_later() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        let mut old = TcpStream::connect(proxy.address).await.unwrap();
        proxy.visited(0).await.unwrap();
        proxy.lose().unwrap();
        old.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
        let soon = Duration::from_millis(300);
        let mut answer = [0; 16];
        let heard = tokio::time::timeout(soon, old.read(&mut answer)).await;
        assert!(heard.is_err(), "{heard:?}");
        let dialled = tokio::time::timeout(soon, TcpStream::connect(proxy.address)).await;
        assert!(dialled.is_err(), "{dialled:?}");
        proxy.find().unwrap();
        assert!(ask(&proxy, "/").await.ends_with('1'));
        let heard = tokio::time::timeout(soon, old.read(&mut answer)).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    #[tokio::test]
    async fn a_lost_answer_is_one_to_a_push_that_the_server_got() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        proxy.trap_next_push(Trap::DropAnswer);
        assert!(ask(&proxy, "/a/b.git/git-upload-pack").await.ends_with('1'));
        assert_eq!(ask(&proxy, "/a/b.git/git-receive-pack").await, "");
        proxy.sprung(1).await.unwrap();
        assert!(ask(&proxy, "/a/b.git/git-receive-pack").await.ends_with('3'));
    }

    #[tokio::test]
    async fn a_failed_answer_is_one_to_a_push_that_the_server_got() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        proxy.trap_next_push(Trap::FailAnswer);
        let answer = ask(&proxy, "/a/b.git/git-receive-pack").await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(ask(&proxy, "/a/b.git/git-receive-pack").await.ends_with('2'));
    }

    #[tokio::test]
    async fn a_held_push_arrives_when_the_proxy_resumes() {
        let proxy = Proxy::start(&server().await).await.unwrap();
        proxy.trap_next_push(Trap::HoldRequest);
        let (answer, ()) = tokio::join!(ask(&proxy, "/a/b.git/git-receive-pack"), async {
            proxy.sprung(1).await.unwrap();
            proxy.resume();
        });
        assert!(answer.ends_with('1'), "{answer}");
    }
}
