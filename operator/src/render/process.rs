//! One worker process, seen from the operator.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::budget::Budget;
use super::fault::RenderFault;
use super::protocol::{self, Answer, Request};

/// Bytes of a worker's complaints that are read.
const COMPLAINT_LIMIT: u64 = 4096;
/// How long a worker that has closed its pipes may take to be gone.
const FAREWELL: Duration = Duration::from_secs(5);

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// Reads the bytes of a chart, for a worker that lacks it; `None` where they are gone. It may block.
pub type LoadChart = Arc<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

/// A worker process; dropping it kills it.
pub(super) struct Process {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    complaint: JoinHandle<String>,
    budget: Budget,
    /// Requests that it has answered.
    pub(super) answered: u32,
}

/// How a question to a worker failed.
pub(super) enum Trouble {
    /// Another worker would answer no better.
    Fault(RenderFault),
    /// The worker ended in a way that another may not.
    Died(RenderFault),
}

/// Address space that the allocator takes at once: its own choice is more than the budget.
const ARENA_KIBIBYTES: &str = "32768";

impl Process {
    /// Starts a worker that has nothing of this process but a budget.
    pub(super) fn start(program: &Path, budget: Budget) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg0("gimlet-operator")
            .arg("render-worker")
            .arg(format!("--render-seconds={}", budget.render_seconds))
            .arg(format!("--render-memory={}", budget.render_memory))
            .env_clear()
            .env("MIMALLOC_ARENA_RESERVE", ARENA_KIBIBYTES)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || io::Error::other("a worker has no pipe");
        let to = child.stdin.take().ok_or_else(missing)?;
        let from = child.stdout.take().ok_or_else(missing)?;
        let complaint = tokio::spawn(complaint(child.stderr.take().ok_or_else(missing)?));
        Ok(Self { child, to, from, complaint, budget, answered: 0 })
    }

    /// Asks for something; after any trouble the worker is of no more use.
    pub(super) async fn ask(
        &mut self,
        request: &Request,
        chart: Option<&LoadChart>,
    ) -> Result<Answer, Trouble> {
        let exchange = tokio::time::timeout(self.budget.patience(), self.exchange(request, chart));
        match exchange.await {
            Ok(Ok(answer)) => {
                self.answered += 1;
                Ok(answer)
            }
            Ok(Err(Interrupted::ChartGone)) => Err(Trouble::Fault(RenderFault::ChartGone)),
            Ok(Err(Interrupted::Pipe(error))) => Err(self.post_mortem(error).await),
            Err(_) => Err(Trouble::Fault(RenderFault::patience(self.budget))),
        }
    }

    async fn exchange(
        &mut self,
        request: &Request,
        chart: Option<&LoadChart>,
    ) -> Result<Answer, Interrupted> {
        protocol::send(&mut self.to, &protocol::encode(request)?).await?;
        let answer = protocol::decode(&protocol::receive(&mut self.from).await?)?;
        if !matches!(answer, Answer::ChartWanted) {
            return Ok(answer);
        }
        let load = chart.cloned().ok_or(Interrupted::ChartGone)?;
        let bytes = tokio::task::spawn_blocking(move || load()).await.map_err(io::Error::other)?;
        let bytes = bytes.ok_or(Interrupted::ChartGone)?;
        protocol::send(&mut self.to, &bytes).await?;
        Ok(protocol::decode(&protocol::receive(&mut self.from).await?)?)
    }

    /// Finds out why a worker stopped answering.
    async fn post_mortem(&mut self, error: io::Error) -> Trouble {
        let Ok(Ok(status)) = tokio::time::timeout(FAREWELL, self.child.wait()).await else {
            return Trouble::Fault(RenderFault::Worker(error));
        };
        let complaint = (&mut self.complaint).await.unwrap_or_default();
        cause(status, &complaint, self.budget)
    }
}

fn cause(status: ExitStatus, complaint: &str, budget: Budget) -> Trouble {
    match status.signal() {
        Some(SIGXCPU) => Trouble::Fault(RenderFault::processor(budget)),
        Some(SIGABRT) if complaint.contains("memory allocation of") => {
            Trouble::Fault(RenderFault::memory(budget))
        }
        Some(SIGKILL) => Trouble::Died(RenderFault::Killed),
        _ => {
            let line = complaint.lines().find(|line| !line.trim().is_empty());
            let how = format!("{status} ({})", line.unwrap_or("no word").trim());
            Trouble::Died(RenderFault::Crashed { how })
        }
    }
}

enum Interrupted {
    ChartGone,
    Pipe(io::Error),
}

impl From<io::Error> for Interrupted {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

/// Collects the first of what a worker complains of, and lets the rest go.
async fn complaint(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let _ = (&mut from).take(COMPLAINT_LIMIT).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&text).into_owned()
}
