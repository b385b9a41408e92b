//! How much processor time all programs of this machine took, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::report::time;

/// Parts of a second that the kernel counts in for programs: `USER_HZ`, which is never another one.
const TICKS: u64 = 100;
/// Times below this are not worth a word.
const LEAST: Duration = Duration::from_millis(500);

/// The processor time that each process has taken, with its children that have ended.
#[derive(Clone, Debug, Default)]
pub struct Taken(BTreeMap<u32, (String, u64)>);

impl Taken {
    /// Reads it from the kernel.
    pub fn now() -> Result<Self> {
        let mut taken = BTreeMap::new();
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|text| text.parse().ok()) else { continue };
            // A process that ended meanwhile is counted by its parent; threads of the kernel have no command.
            let path = entry.path();
            let Ok(command) = std::fs::read(path.join("cmdline")) else { continue };
            let Ok(text) = std::fs::read_to_string(path.join("stat")) else { continue };
            if command.is_empty() {
                continue;
            }
            taken.insert(pid, parse(&text).context("the kernel's `stat` has changed its form")?);
        }
        Ok(Self(taken))
    }

    /// Says what was taken since then, by program, the most first.
    pub fn since(&self, before: &Self) -> String {
        let mut programs: BTreeMap<&str, u64> = BTreeMap::new();
        for (pid, (name, now)) in &self.0 {
            let old = before.0.get(pid).filter(|(old, _)| old == name).map_or(0, |(_, old)| *old);
            *programs.entry(name).or_default() += now.saturating_sub(old);
        }
        let mut programs: Vec<_> = programs
            .into_iter()
            .map(|(name, taken)| (Duration::from_millis(taken * 1000 / TICKS), name))
            .filter(|(taken, _)| *taken >= LEAST)
            .collect();
        programs.sort_unstable_by(|a, b| b.cmp(a));
        let parts =
            programs.iter().map(|(taken, name)| format!("{name} {}", time(taken.as_secs_f64())));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Gives the processor time that a process has taken, with its children that have ended.
pub fn of(process: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, ticks) = parse(&text).context("the kernel's `stat` has changed its form")?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Reads the name and the ticks of a process, user and system, its ended children's with it.
fn parse(stat: &str) -> Option<(String, u64)> {
    // The name is in brackets and may have some itself.
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let ticks = rest.split_ascii_whitespace().skip(11).take(4);
    let ticks: Vec<u64> = ticks.map(|text| text.parse().ok()).collect::<Option<_>>()?;
    (ticks.len() == 4).then(|| (name.to_owned(), ticks.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_and_its_ended_children_is_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 200 0 0 11 12 13 14 20 0 1 0 5 6 7";
        assert_eq!(parse(stat), Some(("a (b) c".to_owned(), 50)));
        assert_eq!(parse("7 (a) S 1"), None);
    }

    #[test]
    fn programs_are_told_by_what_they_took_since_then() {
        let taken = |all: &[(u32, &str, u64)]| {
            Taken(all.iter().map(|(pid, name, t)| (*pid, ((*name).to_owned(), *t))).collect())
        };
        let before = taken(&[(1, "etcd", 1_000_000), (2, "gone", 5)]);
        let after =
            taken(&[(1, "etcd", 1_000_300), (3, "git", 400), (4, "git", 500), (5, "idle", 1)]);
        let told = after.since(&before);
        assert!(
            told.starts_with("git ") && told.contains("etcd") && !told.contains("idle"),
            "{told}"
        );
    }
}
