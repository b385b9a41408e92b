//! The dashboard's binary: parse, wire, run.

use std::process::ExitCode;

use clap::Parser;
use gimlet_dashboard::{Args, run};

fn main() -> ExitCode {
    let args = Args::parse();
    gimlet_process::start_logs(args.log_format, &args.log);
    gimlet_process::run("dashboard", run(args))
}
