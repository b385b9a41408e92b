//! The program `kubectl-gimlet`, which kubectl runs for `kubectl gimlet`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gimlet_cli::main()
}
