//! The program `gimlet`.

use std::process::ExitCode;

/// Charts make many small values, for which it takes a fifth less time than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gimlet_cli::main()
}
