//! HTTP servers that nobody can tie up: connections are counted, and slow senders are ended.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::serve::Listener;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How many may be connected, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that are open at once, those that became `WebSockets` among them; the next ones wait.
    pub connections: usize,
    /// How long a connection may be open without the header of a request, or of the next one.
    pub header: Duration,
    /// How long the sender of a body may be silent.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            // Proxies commonly keep a connection for a minute that they may use again.
            header: Duration::from_secs(65),
            body: Duration::from_secs(30),
        }
    }
}

/// Answers requests until the token is cancelled; what is being answered then is given time to end.
///
/// HTTP/1.1 only, as behind every proxy.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let open = TaskTracker::new();
    // The slot comes first: who finds none waits where it costs nothing, in the queue of the system.
    let next = async |listener: &mut L| {
        let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
        let (io, _) = listener.accept().await;
        Some(Held { io, _slot: slot })
    };
    while let Some(Some(held)) = stop.run_until_cancelled(next(&mut listener)).await {
        open.spawn(answer(held, router.clone(), limits, stop.clone()));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// Answers the requests of one connection.
async fn answer<I>(held: Held<I>, router: Router, limits: Limits, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let patient = move |request: Request<Incoming>| {
        request.map(|body| Body::new(Patient::new(body, limits.body)))
    };
    let service = TowerToHyperService::new(router.map_request(patient));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header);
    let connection = builder.serve_connection(TokioIo::new(held), service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = if let Some(ended) = stop.run_until_cancelled(connection.as_mut()).await {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// A connection with its slot: what becomes of it, say a `WebSocket`, has the slot as long as it is open.
struct Held<I> {
    io: I,
    _slot: OwnedSemaphorePermit,
}

impl<I: AsyncRead + Unpin> AsyncRead for Held<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Held<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// A body whose sender may not be silent for long.
struct Patient {
    body: Incoming,
    patience: Duration,
    /// Runs out; made when the body is first waited for.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    const fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, silence: None }
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, patience, silence } = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            *silence = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let silence = silence.get_or_insert_with(|| Box::pin(sleep(*patience)));
        ready!(silence.as_mut().poll(cx));
        let error = io::Error::new(io::ErrorKind::TimedOut, "the body does not come");
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Short enough for a test, and long enough for a machine that is busy.
    const SHORT: Duration = Duration::from_millis(400);
    const SOON: Duration = Duration::from_secs(20);

    struct Server {
        address: SocketAddr,
        /// Lets one request to `/wait` be answered.
        go: Arc<Notify>,
        stop: CancellationToken,
        serving: JoinHandle<()>,
    }

    impl Server {
        async fn start(connections: usize, header: Duration) -> Self {
            let go = Arc::new(Notify::new());
            let wait = Arc::clone(&go);
            let router = Router::new()
                .route("/", get(async || "here"))
                .route(
                    "/wait",
                    get(async move || {
                        wait.notified().await;
                        "waited"
                    }),
                )
                .route("/body", post(async |body: Bytes| body))
                .route("/echo", get(echo));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stop = CancellationToken::new();
            let limits = Limits { connections, header, body: SHORT };
            let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));
            Self { address, go, stop, serving }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        async fn ask(&self, path: &str) -> TcpStream {
            let mut stream = self.connect().await;
            send(&mut stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            stream
        }
    }

    /// Becomes a connection of another protocol, as a `WebSocket` does.
    async fn echo(request: Request) -> (StatusCode, [(&'static str, &'static str); 2]) {
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(request).await.unwrap();
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            tokio::io::copy(&mut from, &mut to).await
        });
        (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")])
    }

    async fn send(stream: &mut TcpStream, text: &str) {
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until a text was seen; None where the server ends it before.
    async fn hear(stream: &mut TcpStream, wanted: &str) -> Option<String> {
        let mut heard = String::new();
        while !heard.contains(wanted) {
            let mut bytes = [0; 1024];
            let read = timeout(SOON, stream.read(&mut bytes)).await.expect("it answers or ends it");
            match read.unwrap_or_default() {
                0 => return None,
                read => heard.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
            }
        }
        Some(heard)
    }

    async fn is_silent(stream: &TcpStream, long: Duration) -> bool {
        timeout(long, stream.readable()).await.is_err()
    }

    #[tokio::test]
    async fn a_slow_sender_is_ended_and_those_who_wait_for_an_answer_are_not() {
        let server = Server::start(10, SHORT).await;
        let mut waiting = server.ask("/wait").await;
        let mut slow = server.connect().await;
        let started = Instant::now();
        // Bytes that come all the time do not help, as long as the header does not end.
        send(&mut slow, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
        let (mut from, mut to) = slow.split();
        let dribble = async {
            while to.write_all(b"x").await.is_ok() {
                sleep(SHORT / 10).await;
            }
        };
        let mut bytes = Vec::new();
        tokio::select! {
            () = dribble => {}
            ended = timeout(SOON, from.read_to_end(&mut bytes)) => { ended.expect("it is ended").ok(); }
        }
        assert!(started.elapsed() >= SHORT);
        // Nor is somebody kept who never says anything, or nothing any more.
        let (mut mute, mut idle) = (server.connect().await, server.ask("/").await);
        assert!(hear(&mut idle, "here").await.is_some());
        assert_eq!(hear(&mut mute, "anything").await, None);
        assert_eq!(hear(&mut idle, "anything").await, None);
        server.go.notify_one();
        assert!(hear(&mut waiting, "waited").await.is_some());
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let server = Server::start(10, SOON).await;
        let mut stream = server.connect().await;
        send(&mut stream, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na").await;
        let answer = hear(&mut stream, "\r\n\r\n").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let mut whole = server.connect().await;
        send(&mut whole, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na").await;
        send(&mut whole, "bc").await;
        assert!(hear(&mut whole, "\r\n\r\nabc").await.is_some());
    }

    #[tokio::test]
    async fn more_connections_than_allowed_wait_while_the_others_go_on() {
        let server = Server::start(2, SOON).await;
        let (mut first, mut second) = (server.ask("/").await, server.ask("/").await);
        assert!(hear(&mut first, "here").await.is_some());
        assert!(hear(&mut second, "here").await.is_some());
        let mut third = server.ask("/").await;
        assert!(is_silent(&third, SHORT).await, "there is no room");
        send(&mut first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(hear(&mut first, "here").await.is_some());
        drop(second);
        assert!(hear(&mut third, "here").await.is_some());
    }

    #[tokio::test]
    async fn what_became_of_a_connection_is_not_timed_and_keeps_its_place() {
        let server = Server::start(1, SHORT).await;
        let mut socket = server.connect().await;
        let upgrade =
            "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        send(&mut socket, upgrade).await;
        assert!(hear(&mut socket, "\r\n\r\n").await.unwrap().starts_with("HTTP/1.1 101"));
        let mut next = server.ask("/").await;
        assert!(is_silent(&socket, 2 * SHORT).await, "it is not ended");
        assert!(is_silent(&next, SHORT / 4).await, "there is no room");
        send(&mut socket, "still here").await;
        assert!(hear(&mut socket, "still here").await.is_some());
        drop(socket);
        assert!(hear(&mut next, "here").await.is_some());
    }

    #[tokio::test]
    async fn it_stops_when_the_last_answer_was_given() {
        let server = Server::start(2, SOON).await;
        let (mut waiting, mut idle) = (server.ask("/wait").await, server.ask("/").await);
        assert!(hear(&mut idle, "here").await.is_some());
        server.stop.cancel();
        assert_eq!(hear(&mut idle, "anything").await, None);
        assert!(!server.serving.is_finished());
        server.go.notify_one();
        assert!(hear(&mut waiting, "waited").await.is_some());
        timeout(SOON, server.serving).await.expect("it stops").unwrap();
    }
}
