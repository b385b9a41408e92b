//! What one rendering may take.

use std::time::Duration;

use clap::Args;
use gimlet_helm::DEEP_STACK_BYTES;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::time::{ClockId, clock_gettime};

/// Address space that takes no memory: the program, its libraries, and what the allocator reserves
/// for each thread.
const RESERVED_BYTES: u64 = 128 << 20;
/// Files that a worker may have open: its pipes, and a chart that it unpacks.
const OPEN_FILES: u64 = 64;

/// What one rendering may take; more ends its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct Budget {
    /// Seconds of processor time that one rendering may take
    #[arg(long, env = "GIMLET_RENDER_SECONDS", default_value_t = 20, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub render_seconds: u64,

    /// MiB of memory that one rendering may take
    #[arg(long, env = "GIMLET_RENDER_MEMORY", default_value_t = 512, value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(64..=65_536))]
    pub render_memory: u64,
}

impl Budget {
    /// How long a rendering may last: processors that others use as well make it last longer.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.render_seconds.saturating_mul(4).saturating_add(10))
    }

    /// Bounds the process for all of its life.
    pub(super) fn confine(&self) -> std::io::Result<()> {
        let stack = u64::try_from(DEEP_STACK_BYTES).unwrap_or(u64::MAX);
        let memory = self.render_memory << 20;
        limit(Resource::RLIMIT_AS, stack.saturating_add(RESERVED_BYTES).saturating_add(memory))?;
        limit(Resource::RLIMIT_NOFILE, OPEN_FILES)?;
        // What a chart made of secrets in memory does not end on a disk.
        limit(Resource::RLIMIT_CORE, 0)
    }

    /// Lets the process run as long again as one rendering may.
    pub(super) fn renew(&self) -> std::io::Result<()> {
        let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.tv_sec();
        let used = u64::try_from(used).unwrap_or(0);
        // The kernel counts whole seconds: the one that has begun is not charged.
        let until = used.saturating_add(1).saturating_add(self.render_seconds);
        Ok(setrlimit(Resource::RLIMIT_CPU, until, RLIM_INFINITY)?)
    }
}

fn limit(resource: Resource, value: u64) -> std::io::Result<()> {
    Ok(setrlimit(resource, value, value)?)
}
