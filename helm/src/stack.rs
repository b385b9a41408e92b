//! A thread with a stack deep enough for nested templates.

use std::thread;

/// Address space of the stack; only touched pages take memory.
const SIZE: usize = 512 << 20;

/// Runs a piece of work on a deep stack; `None` when the thread cannot be had or dies.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("template".to_owned())
            .stack_size(SIZE)
            .spawn_scoped(scope, work)
            .ok()?;
        worker.join().ok()
    })
}
