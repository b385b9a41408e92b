//! The board: what each host is to show, what it was told, and when to try again. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::subject::{Key, Report, State};

/// How often a report is tried before the next sweep takes it up again.
const ATTEMPTS: u32 = 4;
/// Reports that are remembered, so that nothing is told twice.
const REMEMBERED: usize = 10_000;
/// The longest pause that a host is given.
const LONGEST: Duration = Duration::from_hours(1);

/// Why a report did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing changes by trying again.
    Never,
    /// Later; after this time where the host says one.
    Later(Option<Duration>),
}

/// A report to be delivered.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) report: Report,
    /// The deployment at the host, where it is known.
    pub(super) deployment: Option<u64>,
    /// Whether this is the last try for now.
    pub(super) last: bool,
}

/// What each host is to show, and what it was told.
#[derive(Default)]
pub(super) struct Board {
    entries: HashMap<Key, Entry>,
    /// Counts what was asked for, so that the first comes first.
    count: u64,
}

struct Entry {
    report: Report,
    told: Option<State>,
    deployment: Option<u64>,
    attempts: u32,
    /// When to try, and the place among those of the same time.
    due: Option<(Instant, u64)>,
    /// What is on its way.
    sent: Option<State>,
}

impl Board {
    /// Asks for reports. One that was told, or is on its way, is not asked for again.
    pub(super) fn want(&mut self, reports: Vec<(Key, Report)>, now: Instant) {
        for (key, report) in reports {
            self.count += 1;
            let due = Some((now, self.count));
            if let Some(entry) = self.entries.get_mut(&key) {
                let state = report.state();
                let new = entry.report.state() != state;
                entry.report = report;
                if entry.sent.is_some() || entry.told == Some(state) {
                    continue;
                }
                if new {
                    entry.attempts = 0;
                }
                if new || entry.due.is_none() {
                    entry.due = due;
                }
                continue;
            }
            if self.entries.len() >= REMEMBERED {
                self.entries.retain(|_, entry| entry.due.is_some() || entry.sent.is_some());
            }
            if self.entries.len() < REMEMBERED {
                let entry =
                    Entry { report, told: None, deployment: None, attempts: 0, due, sent: None };
                self.entries.insert(key, entry);
            }
        }
    }

    /// Takes the report that is due first.
    pub(super) fn take(&mut self, now: Instant) -> Option<Job> {
        let due = |entry: &Entry| entry.due.filter(|(at, _)| *at <= now);
        let (key, entry) = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| due(entry).is_some())
            .min_by_key(|(_, entry)| entry.due)?;
        entry.due = None;
        entry.sent = Some(entry.report.state());
        Some(Job {
            key: key.clone(),
            report: entry.report.clone(),
            deployment: entry.deployment,
            last: entry.attempts + 1 >= ATTEMPTS,
        })
    }

    /// Says when the next report is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.due).map(|(at, _)| at).min()
    }

    /// Notes what became of a report; a deployment that was shown has an id.
    pub(super) fn done(&mut self, key: &Key, result: Result<Option<u64>, Refusal>, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let sent = entry.sent.take();
        self.count += 1;
        let wanted = Some(entry.report.state());
        match result {
            Ok(deployment) => {
                entry.deployment = deployment.or(entry.deployment);
                entry.told = sent;
            }
            // It would be refused each time.
            Err(Refusal::Never) => entry.told = sent,
            Err(Refusal::Later(pause)) => {
                entry.attempts += 1;
                if entry.attempts >= ATTEMPTS {
                    entry.attempts = 0;
                    return;
                }
                let pause = pause.unwrap_or_else(|| Duration::from_secs(1 << entry.attempts));
                entry.due = Some((now + pause.min(LONGEST), self.count));
                return;
            }
        }
        entry.attempts = 0;
        if entry.told != wanted {
            entry.due = Some((now, self.count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::subject::tests::{check, key};
    use super::*;
    use gimlet_hosts::StatusState::{Failure, Pending, Success};

    fn state(job: Option<Job>) -> Option<State> {
        job.map(|job| job.report.state())
    }

    #[test]
    fn nothing_is_told_twice_and_only_the_last_state_counts() {
        let (mut board, now) = (Board::default(), Instant::now());
        for state in [Pending, Success, Success] {
            board.want(vec![(key("web"), check(state))], now);
        }
        assert_eq!(state(board.take(now)), Some(State::Check(Success)));
        assert_eq!(state(board.take(now)), None, "it is on its way");
        board.want(vec![(key("web"), check(Failure))], now);
        board.done(&key("web"), Ok(None), now);
        assert_eq!(state(board.take(now)), Some(State::Check(Failure)), "it came meanwhile");
        board.done(&key("web"), Ok(None), now);
        board.want(vec![(key("web"), check(Failure))], now);
        assert_eq!(state(board.take(now)), None);
        assert_eq!(board.next(), None);
    }

    #[test]
    fn a_host_that_is_away_is_tried_again_and_then_left_to_the_next_sweep() {
        let (mut board, mut now) = (Board::default(), Instant::now());
        board.want(vec![(key("web"), check(Pending)), (key("api"), check(Pending))], now);
        for attempt in 1..=ATTEMPTS {
            let job = board.take(now).unwrap();
            assert_eq!((&job.key, job.last), (&key("web"), attempt == ATTEMPTS));
            board.done(&job.key, Err(Refusal::Later(None)), now);
            if attempt == 1 {
                let other = board.take(now).unwrap();
                assert_eq!(other.key, key("api"), "others do not wait");
                board.done(&other.key, Ok(None), now);
                assert!(board.take(now).is_none());
            }
            now = board.next().unwrap_or(now);
        }
        assert_eq!(board.next(), None, "it was given up");
        board.want(vec![(key("web"), check(Pending))], now);
        assert!(board.take(now).is_some(), "the sweep takes it up");
    }

    #[test]
    fn what_is_refused_for_good_waits_for_another_state() {
        let (mut board, now) = (Board::default(), Instant::now());
        board.want(vec![(key("web"), check(Pending))], now);
        let job = board.take(now).unwrap();
        board.done(&job.key, Err(Refusal::Never), now);
        board.want(vec![(key("web"), check(Pending))], now);
        assert!(board.take(now).is_none());
        board.want(vec![(key("web"), check(Success))], now);
        assert!(board.take(now).is_some());
    }

    #[test]
    fn the_deployment_that_was_made_is_remembered() {
        let (mut board, now) = (Board::default(), Instant::now());
        board.want(vec![(key("web"), check(Pending))], now);
        let job = board.take(now).unwrap();
        assert_eq!(job.deployment, None);
        board.done(&job.key, Ok(Some(7)), now);
        board.want(vec![(key("web"), check(Success))], now);
        assert_eq!(board.take(now).unwrap().deployment, Some(7));
    }

    #[test]
    fn the_board_does_not_grow_without_end() {
        let (mut board, now) = (Board::default(), Instant::now());
        for count in 0..=REMEMBERED {
            board.want(vec![(key(&count.to_string()), check(Pending))], now);
        }
        assert_eq!(board.entries.len(), REMEMBERED);
        let job = board.take(now).unwrap();
        board.done(&job.key, Ok(None), now);
        board.want(vec![(key("new"), check(Pending))], now);
        assert!(board.entries.contains_key(&key("new")) && !board.entries.contains_key(&job.key));
    }
}
