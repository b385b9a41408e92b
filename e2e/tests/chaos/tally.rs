//! What came of all rounds together.

use std::fmt::{self, Write as _};
use std::time::Duration;

use anyhow::Result;

use super::round::Outcome;
use super::script::Script;

/// What came of the rounds that were played.
#[derive(Debug, Default)]
pub struct Tally {
    /// The seeds of those that went wrong.
    pub wrong: Vec<u64>,
    rounds: usize,
    blows: usize,
    kills: usize,
    asked: usize,
    commits: usize,
    settled: Vec<Duration>,
}

impl Tally {
    /// Counts a round, and tells of it.
    pub fn add(
        &mut self,
        seed: u64,
        script: &Script,
        played: &Result<Outcome>,
        took: Duration,
    ) -> String {
        self.rounds += 1;
        self.blows += script.blows.len();
        self.kills += script.blows.iter().filter(|blow| blow.trouble.kills()).count();
        let mut report = format!("seed {seed}: {script}");
        // Writing to a String cannot fail.
        let _ = match played {
            Ok(outcome) => {
                self.asked += outcome.asked;
                self.commits += outcome.commits;
                self.settled.push(outcome.settled);
                write!(
                    report,
                    "\n  {} commits, right after {:.1} s, {:.1} s in all",
                    outcome.commits,
                    outcome.settled.as_secs_f64(),
                    took.as_secs_f64()
                )
            }
            Err(error) => write!(report, "\n  BROKEN {error:#}"),
        };
        let violations = played.as_ref().map_or(&[][..], |outcome| &outcome.violations);
        for violation in violations {
            let _ = write!(report, "\n  WRONG {violation}");
        }
        if played.is_err() || !violations.is_empty() {
            self.wrong.push(seed);
        }
        report
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settled: Vec<_> = self.settled.iter().map(Duration::as_secs_f64).collect();
        settled.sort_by(f64::total_cmp);
        let at = |part: usize| settled.get(settled.len() * part / 100).copied().unwrap_or(0.0);
        write!(
            f,
            "{} rounds, {} wrong, {} releases, {} commits, {} troubles, {} of them a process that was killed; \
             right after: median {:.1} s, 95 of 100 within {:.1} s, all within {:.1} s",
            self.rounds,
            self.wrong.len(),
            self.asked,
            self.commits,
            self.blows,
            self.kills,
            at(50),
            at(95),
            settled.last().copied().unwrap_or(0.0),
        )
    }
}
