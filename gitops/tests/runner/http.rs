//! A git server over HTTP that counts, asks for a password and misbehaves when told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gimlet_gitops::{Credentials, Remote, Secret};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::fixture::Repo;

/// What happens to one push request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 500, and the push is not looked at.
    ErrorBefore,
    /// The push is accepted, but the answer is 500.
    ErrorAfter,
    /// The push is accepted, but the connection breaks without an answer.
    DropAfter,
    /// The connection breaks and the push is not looked at.
    DropBefore,
    /// The push is accepted, but no answer ever comes.
    HangAfter,
    /// 401, as if the credentials had ended just now, and the push is not looked at.
    Unauthorized,
    /// The push is accepted, but only so many bytes of the answer come, and then a proper end.
    CutAfter(usize),
}

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    root: PathBuf,
    password: Option<String>,
    faults: Mutex<VecDeque<Fault>>,
    redirect: Mutex<Option<(&'static str, String)>>,
    /// How many bytes of each answer to a reader come.
    cut: Mutex<Option<usize>>,
    /// How many answers were made smaller, for those who can read that.
    zipped: AtomicUsize,
    connections: AtomicUsize,
    requests: AtomicUsize,
    pushes: AtomicUsize,
    received: AtomicUsize,
    sent: AtomicUsize,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl Server {
    pub(crate) async fn start(repo: &Repo, password: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            root: repo.dir.path().to_owned(),
            password: password.map(str::to_owned),
            faults: Mutex::default(),
            redirect: Mutex::default(),
            cut: Mutex::default(),
            zipped: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            pushes: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        });
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            // They end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/repo.git", self.address)
    }

    pub(crate) fn remote(&self, repo: &Repo, password: &str) -> Remote {
        let mut remote = repo.remote(&self.url());
        if !password.is_empty() {
            remote.credentials =
                Credentials::Basic { username: "gimlet".into(), password: Secret::new(password) };
        }
        remote
    }

    pub(crate) fn fail_next(&self, faults: &[Fault]) {
        self.state.faults.lock().unwrap().extend(faults);
    }

    /// Takes back the faults that have not happened.
    pub(crate) fn forgive(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// Sends every request with this text in its address to another server.
    pub(crate) fn redirect(&self, part: &'static str, origin: &str) {
        *self.state.redirect.lock().unwrap() = Some((part, origin.to_owned()));
    }

    /// Ends every answer to a reader after so many bytes, as if it were whole; or none any more.
    pub(crate) fn cut(&self, bytes: Option<usize>) {
        *self.state.cut.lock().unwrap() = bytes;
    }

    /// The bytes of requests and answers so far, without their headers.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.state.received.load(Ordering::SeqCst), self.state.sent.load(Ordering::SeqCst))
    }

    /// How many answers were sent as gzip.
    pub(crate) fn zipped(&self) -> usize {
        self.state.zipped.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn pushes(&self) -> usize {
        self.state.pushes.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    // Whoever takes us for a proxy says at which host, too: they all are this one.
    let at_host =
        target.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let target = at_host.unwrap_or(target).to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size).await.ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).await.ok()?;
            if size == 0 {
                break;
            }
            request.body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = request.header("content-length").and_then(|l| l.parse().ok()) {
        request.body = vec![0; length];
        stream.read_exact(&mut request.body).await.ok()?;
    }
    Some(request)
}

async fn respond(stream: &mut BufReader<TcpStream>, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
    let _ = stream.flush().await;
}

fn reads_gzip(request: &Request) -> bool {
    request.header("accept-encoding").is_some_and(|kinds| kinds.contains("gzip"))
}

fn zip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, body).unwrap();
    encoder.finish().unwrap()
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        state.requests.fetch_add(1, Ordering::SeqCst);
        state.received.fetch_add(request.body.len(), Ordering::SeqCst);
        if let Some(password) = &state.password {
            use base64::Engine as _;
            let pair = base64::prelude::BASE64_STANDARD.encode(format!("gimlet:{password}"));
            if request.header("authorization") != Some(&format!("Basic {pair}")) {
                respond(
                    &mut stream,
                    "401 Unauthorized",
                    "WWW-Authenticate: Basic realm=\"t\"\r\n",
                    b"",
                )
                .await;
                continue;
            }
        }
        let redirect = state.redirect.lock().unwrap().clone();
        if let Some((_, origin)) = redirect.filter(|(part, _)| request.target.contains(part)) {
            let header = format!("Location: {origin}{}\r\n", request.target);
            respond(&mut stream, "307 Temporary Redirect", &header, b"").await;
            continue;
        }
        let push = request.method == "POST" && request.target.ends_with("/git-receive-pack");
        let fault = if push { state.faults.lock().unwrap().pop_front() } else { None };
        if push {
            state.pushes.fetch_add(1, Ordering::SeqCst);
        }
        match fault {
            Some(Fault::DropBefore) => return,
            Some(Fault::ErrorBefore) => {
                respond(&mut stream, "500 Internal Server Error", "", b"").await;
                continue;
            }
            Some(Fault::Unauthorized) => {
                let header = "WWW-Authenticate: Basic realm=\"t\"\r\n";
                respond(&mut stream, "401 Unauthorized", header, b"").await;
                continue;
            }
            _ => {}
        }
        let (status, mut headers, mut body) = backend(&state, &request).await;
        let cut = match fault {
            Some(Fault::CutAfter(bytes)) => Some(bytes),
            _ => state.cut.lock().unwrap().filter(|_| !push),
        };
        body.truncate(cut.unwrap_or(body.len()));
        if fault.is_none() && cut.is_none() && reads_gzip(&request) {
            state.zipped.fetch_add(1, Ordering::SeqCst);
            headers.push_str("Content-Encoding: gzip\r\n");
            body = zip(&body);
        }
        state.sent.fetch_add(body.len(), Ordering::SeqCst);
        match fault {
            Some(Fault::DropAfter) => return,
            Some(Fault::HangAfter) => std::future::pending().await,
            Some(Fault::ErrorAfter) => {
                respond(&mut stream, "500 Internal Server Error", "", b"").await;
            }
            _ => respond(&mut stream, &status, &headers, &body).await,
        }
    }
}

/// Runs git's own CGI program.
async fn backend(state: &State, request: &Request) -> (String, String, Vec<u8>) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &state.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REMOTE_USER", "gimlet")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feed = tokio::spawn(async move {
        let _ = input.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
    let mut status = "200 OK".to_owned();
    let mut headers = String::new();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.strip_prefix("Status: ") {
            Some(found) => found.clone_into(&mut status),
            None => headers.extend([line, "\r\n"]),
        }
    }
    (status, headers, output.get(end + 4..).unwrap_or_default().to_vec())
}
