//! A git server over HTTP that measures its own time, so that it can be left out.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The largest request: a push of a release is some kilobytes.
const MAX_REQUEST: usize = 64 * 1024 * 1024;

/// Serves all repositories of a folder through git's own CGI program.
#[derive(Debug)]
pub struct Server {
    address: String,
    served: Arc<Served>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Served {
    root: PathBuf,
    busy: Mutex<Duration>,
}

impl Server {
    /// Starts to serve.
    pub async fn start(root: PathBuf) -> Result<Self> {
        let served = Arc::new(Served { root, busy: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(serve).with_state(Arc::clone(&served));
        let task = tokio::spawn(async move {
            // As git servers do: without it an answer in two pieces waits for the client's receipt.
            let listener = listener.tap_io(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    eprintln!("a connection keeps its delay: {error}");
                }
            });
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the git server ended: {error}");
            }
        });
        Ok(Self { address, served, task })
    }

    /// Gives the address of a repository.
    pub fn url(&self, repository: &str) -> String {
        format!("{}/{repository}", self.address)
    }

    /// Gives the time that requests took since it was asked last.
    pub fn take_busy(&self) -> Duration {
        std::mem::take(&mut *self.served.busy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(served): State<Arc<Served>>, request: Request) -> Response {
    match backend(&served, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

/// An answer on its way: its end is the end of the server's time.
struct Answer {
    output: BufReader<ChildStdout>,
    /// Kept, so that the program lives until all of its answer was read.
    _child: Child,
    served: Arc<Served>,
    began: Instant,
}

async fn backend(served: &Arc<Served>, request: Request) -> Result<Response> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_REQUEST).await?;
    let header = |name: &str| text(&parts.headers, name);
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &served.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REMOTE_USER", "bench")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("git does not start: is it installed?")?;
    let mut input = child.stdin.take().context("git takes no input")?;
    // A program that ends before it has read everything says why in its answer.
    tokio::spawn(async move { input.write_all(&body).await });
    let mut output = BufReader::new(child.stdout.take().context("git gives no output")?);
    let mut response = Response::builder();
    loop {
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        response = if name == "Status" {
            response.status(value.split(' ').next().unwrap_or(value))
        } else {
            response.header(name, value)
        };
    }
    let answer = Answer { output, _child: child, served: Arc::clone(served), began };
    Ok(response.body(Body::from_stream(futures::stream::unfold(answer, next)))?)
}

async fn next(mut answer: Answer) -> Option<(std::io::Result<Vec<u8>>, Answer)> {
    let mut chunk = Vec::with_capacity(64 * 1024);
    match answer.output.read_buf(&mut chunk).await {
        Ok(0) => {
            let mut busy = answer.served.busy.lock().unwrap_or_else(PoisonError::into_inner);
            *busy += answer.began.elapsed();
            None
        }
        Ok(_) => Some((Ok(chunk), answer)),
        Err(error) => Some((Err(error), answer)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
