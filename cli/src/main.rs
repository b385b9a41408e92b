//! The program `gimlet`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gimlet_cli::main()
}
