//! The dashboard's binary: parse, wire, run.

use std::process::ExitCode;

use clap::Parser;
use gimlet_dashboard::{Args, run, telemetry};

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::start(args.log_format, &args.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the dashboard ends");
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
