//! How much memory the operator and the programs that it starts take.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

const PAUSE: Duration = Duration::from_millis(100);
const OPERATOR: &str = "gimlet-operator";

/// The most memory that was seen, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// The operator with all its children at one moment; pages that they share count once.
    pub together: u64,
    /// The operator alone, as the kernel kept it.
    pub operator: u64,
}

/// Looks at the memory of this process' operator again and again, on a thread of its own.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Peak>,
}

impl Sampler {
    /// Begins to look.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut peak = Peak::default();
            while !told.load(Ordering::Relaxed) {
                let now = look();
                peak.together = peak.together.max(now.together);
                peak.operator = peak.operator.max(now.operator);
                std::thread::park_timeout(PAUSE);
            }
            peak
        });
        Self { stop, thread }
    }

    /// Ends it, and gives the most that was seen.
    pub fn finish(self) -> Result<Peak> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let peak = self.thread.join().map_err(|_| anyhow!("the memory was not looked at"))?;
        (peak.operator > 0).then_some(peak).context("no operator process was seen")
    }
}

/// Finds the operator's process.
pub fn operator() -> Option<u32> {
    let own = std::process::id();
    let listed = std::fs::read_dir("/proc").ok()?.flatten();
    listed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        parse(&status).is_some_and(|found| found.name == OPERATOR && found.parent == own)
    })
}

/// Gives the memory of the operator with all its children now, in bytes.
pub fn together() -> u64 {
    look().together
}

/// Gives the most memory that this process has had, in bytes.
pub fn own_peak() -> Result<u64> {
    peak(std::process::id())
}

/// Gives the most memory that a process has had, in bytes.
pub fn peak(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(parse(&status).context("the status of a process has changed its form")?.peak)
}

/// Gives the memory that a process has now, in bytes.
pub fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(size(&status, "VmRSS:"))
}

struct Process {
    name: String,
    parent: u32,
    peak: u64,
}

fn look() -> Peak {
    let mut processes = HashMap::new();
    let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in listed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        // A process that ended meanwhile takes no memory.
        let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        if let Some(process) = parse(&text) {
            processes.insert(pid, process);
        }
    }
    let own = std::process::id();
    let mut peak = Peak::default();
    for (pid, process) in &processes {
        let is_operator = process.name == OPERATOR;
        if is_operator && process.parent == own {
            peak.operator = process.peak;
        }
        // A child that is not yet the program it becomes has the operator's own pages.
        let is_fork = is_operator && process.parent != own;
        if !is_fork && is_of_operator(*pid, &processes, own) {
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            peak.together += rollup.map_or(0, |text| size(&text, "Pss:"));
        }
    }
    peak
}

/// Tells whether a process is our operator, or was started by it or by one of its children.
fn is_of_operator(pid: u32, processes: &HashMap<u32, Process>, own: u32) -> bool {
    let mut at = pid;
    while let Some(process) = processes.get(&at) {
        if process.parent == own {
            return process.name == OPERATOR;
        }
        at = process.parent;
    }
    false
}

fn parse(status: &str) -> Option<Process> {
    Some(Process {
        name: field(status, "Name:")?.to_owned(),
        parent: field(status, "PPid:")?.parse().ok()?,
        peak: size(status, "VmHWM:"),
    })
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Gives a size in bytes.
fn size(text: &str, name: &str) -> u64 {
    let kilobytes =
        field(text, name).and_then(|text| text.strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, parent: u32) -> Process {
        Process { name: name.to_owned(), parent, peak: 1 }
    }

    #[test]
    fn children_of_children_belong_to_the_operator() {
        let processes = HashMap::from([
            (10, process("bench", 1)),
            (11, process(OPERATOR, 10)),
            (12, process("git", 11)),
            (13, process("git-remote-http", 12)),
            (14, process("git", 10)),
            (15, process(OPERATOR, 1)),
        ]);
        let of_operator = |pid| is_of_operator(pid, &processes, 10);
        assert!(of_operator(11) && of_operator(12) && of_operator(13));
        assert!(!of_operator(14) && !of_operator(15));
    }

    #[test]
    fn sizes_are_read_in_bytes() {
        let process = parse("Name:\tgit\nPPid:\t7\nVmHWM:\t    20 kB\n").unwrap();
        assert_eq!((process.parent, process.peak), (7, 20_480));
        assert_eq!(size("Rss:     30 kB\nPss:     10 kB\n", "Pss:"), 10_240);
    }
}
