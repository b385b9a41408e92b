//! The command line of Gimlet.
//!
//! It speaks the Kubernetes API with the person's own rights, and nothing else: what it may do is
//! decided by the cluster, and whatever it does can be done with `kubectl` too. Data goes to
//! stdout, everything else to stderr; the exit code says what kind of end it was (module `error`).

#![allow(clippy::doc_markdown, reason = "documentation of arguments is shown in a terminal")]

mod access;
mod args;
mod ci;
mod cluster;
mod command;
mod complete;
mod error;
mod follow;
mod git;
mod habit;
mod live;
mod manifest_edit;
mod manifest_source;
mod output;
mod progress;
mod prompt;
#[cfg(test)]
mod reference;
mod seed;
mod settings;
mod source_version;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use error::{CommandError, Finish};

/// Runs the command line of this process, and returns its exit code.
pub fn main() -> ExitCode {
    let program = args::program(std::env::args_os().next().as_ref());
    if program == complete::OF_KUBECTL {
        let words = std::env::args_os().skip(1).collect();
        return match output::print(&complete::for_kubectl(words)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        };
    }
    if complete::answer(&program) {
        return ExitCode::SUCCESS;
    }
    let habit::Rewritten { args, hint } = match habit::rewrite(std::env::args_os().collect()) {
        Ok(rewritten) => rewritten,
        Err(error) => return report(&error),
    };
    let cli = match args::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to do where even this cannot be written.
            let _ = error.print();
            return code(error.exit_code());
        }
    };
    cli.global.color.write_global();
    if let Some(hint) = hint {
        output::note(&format!("hint: {hint}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(&CommandError::general(format!("the runtime does not start: {error}")));
        }
    };
    let result = runtime.block_on(command::run(cli));
    // A fetch that was interrupted may still block one of its threads.
    runtime.shutdown_background();
    match result {
        Ok(Finish::Done) => ExitCode::SUCCESS,
        Ok(Finish::Differences | Finish::Findings) => ExitCode::from(1),
        Err(error) => report(&error),
    }
}

fn report(error: &CommandError) -> ExitCode {
    if !error.is_silent() {
        let _ = anstream::stderr().write_all(error.styled().as_bytes());
    }
    code(error.exit_code())
}

fn code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
