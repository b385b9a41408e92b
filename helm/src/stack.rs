//! A thread with a stack deep enough for nested templates.

use std::cell::Cell;
use std::thread;

/// Address space of the stack; only touched pages take memory.
pub const DEEP_STACK_BYTES: usize = 512 << 20;

thread_local! {
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs a piece of work on a stack deep enough for all renders in it.
///
/// Renders make such a stack for themselves, which costs a thread each. A program that renders much
/// does it in here, where they run as they are. `None` when the thread cannot be had or dies.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    if IS_DEEP.get() {
        return Some(work());
    }
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("template".to_owned())
            .stack_size(DEEP_STACK_BYTES)
            .spawn_scoped(scope, || {
                IS_DEEP.set(true);
                work()
            })
            .ok()?;
        worker.join().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_within_deep_work_stays_on_its_thread() {
        let ids = on_deep_stack(|| {
            let inner = on_deep_stack(|| thread::current().id());
            (thread::current().id(), inner)
        });
        let (outer, inner) = ids.expect("the thread starts");
        assert_eq!(Some(outer), inner);
        assert_ne!(outer, thread::current().id());
    }
}
