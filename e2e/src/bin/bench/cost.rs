//! What a process takes for a while.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::memory;
use crate::processor;
use crate::site::count;

/// A while in which a process is looked at.
#[derive(Debug)]
pub struct Cost {
    process: u32,
    begun: Instant,
    before: Duration,
}

/// What it took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Share of one processor.
    pub share: f64,
    /// Memory at the end, in bytes; none where the process has ended.
    pub memory: u64,
}

impl Cost {
    /// Begins to look at a process.
    pub fn begin(process: u32) -> Result<Self> {
        Ok(Self { process, begun: Instant::now(), before: processor::of(process)? })
    }

    /// Tells what it took since then.
    pub fn end(self) -> Result<Took> {
        let taken = processor::of(self.process)?.saturating_sub(self.before);
        let share = taken.as_secs_f64() / self.begun.elapsed().as_secs_f64();
        Ok(Took { share, memory: memory::resident(self.process)? })
    }
}

/// Writes a share of a processor for a person.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Gives a size in bytes as a number that is judged.
pub fn in_mebibytes(bytes: u64) -> f64 {
    count(usize::try_from(bytes >> 10).unwrap_or(usize::MAX)) / 1024.0
}
