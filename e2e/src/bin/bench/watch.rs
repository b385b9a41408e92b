//! A program run by a process of its own, which tells what it took.
//!
//! The kernel counts the memory of the starting process as that of its child until the child is
//! another program. This process is small, and it starts one program only.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

/// What a run of a program or a render took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The time on the clock.
    pub wall: Duration,
    /// The processor time of all threads.
    pub cpu: Duration,
    /// The most memory of the process so far, in bytes.
    pub peak: u64,
}

impl Cost {
    /// Reads it from an answer.
    pub fn parse(answer: &Value) -> Result<Self> {
        let number = |name| {
            answer[name].as_u64().with_context(|| format!("no number \"{name}\" in {answer}"))
        };
        Ok(Self {
            wall: Duration::from_nanos(number("wall")?),
            cpu: Duration::from_nanos(number("cpu")?),
            peak: number("peak")?,
        })
    }

    /// Writes it as an answer.
    pub fn to_json(self) -> Value {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        json!({"wall": nanos(self.wall), "cpu": nanos(self.cpu), "peak": self.peak})
    }
}

/// Runs a program, whose output nobody sees, and gives what it took.
pub fn watch(program: &OsStr, args: &[OsString]) -> Result<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("watch").arg(program).args(args);
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Cost::parse(&serde_json::from_slice(&output.stdout)?)
}

/// Is the process between: runs the command and prints what it took.
pub fn report(command: &[OsString]) -> Result<()> {
    let [program, args @ ..] = command else { bail!("no program is given") };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status()?;
    let wall = begun.elapsed();
    ensure!(status.success(), "{status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let kilobytes = u64::try_from(usage.max_rss()).unwrap_or_default();
    let cost = Cost { wall, cpu: processor_time(&usage), peak: kilobytes * 1024 };
    println!("{}", cost.to_json());
    Ok(())
}

/// Gives the processor time of this process so far.
pub fn own_processor_time() -> Result<Duration> {
    Ok(processor_time(&getrusage(UsageWho::RUSAGE_SELF)?))
}

fn processor_time(usage: &Usage) -> Duration {
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let cost =
            Cost { wall: Duration::from_millis(5), cpu: Duration::from_micros(7), peak: 4096 };
        assert_eq!(Cost::parse(&cost.to_json()).unwrap(), cost);
        assert!(Cost::parse(&json!({"wall": 1, "cpu": 2})).is_err());
    }
}
