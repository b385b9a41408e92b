//! The agent's binary: parse, wire, run.

use std::process::ExitCode;

use clap::Parser as _;
use gimlet_agent::{Args, run};

fn main() -> ExitCode {
    let args = Args::parse();
    gimlet_process::start_logs(args.log_format, &args.log);
    gimlet_process::run("agent", run(args))
}
