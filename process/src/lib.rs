//! What the programs that run in a cluster share: the way to it, logs, servers, an end in order, an exit code.

mod cluster;
mod logs;
mod pauses;
mod serve;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use cluster::client;
pub use logs::{LogFormat, start_logs};
pub use pauses::Pauses;
pub use serve::{Limits, serve};

/// Runs a program to its end; `name` is what the log calls it.
pub fn run(name: &str, program: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the {name} ends");
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns a token that is cancelled by the first SIGTERM or SIGINT. Runs in a runtime of tokio.
///
/// # Errors
///
/// The signals cannot be taken.
pub fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        token.cancel();
    });
    Ok(stop)
}
