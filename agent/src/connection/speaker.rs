//! What is said next.
//!
//! Nothing waits here but a snapshot that is being sent, one helping of changes, and a few remarks:
//! what changes meanwhile is known to the [`Cluster`] by its name only.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::cluster::{Cluster, Progress};
use crate::protocol::{FromAgent, FromDashboard, Person, Query};

/// Remarks that wait; a dashboard that makes more necessary does not read them anyhow.
const REMARKS: usize = 32;

/// What is said over one connection.
#[derive(Debug)]
pub(super) struct Speaker {
    /// Number of the frame that was said last.
    seq: u64,
    /// Frames that are numbered already.
    numbered: VecDeque<FromAgent>,
    remarks: VecDeque<FromAgent>,
    /// A part of an answer; there is room for one.
    answer: Option<FromAgent>,
    /// Whether an answer was said last, and it is the turn of what runs.
    answered: bool,
    /// Whether a snapshot is wanted.
    snapshot: bool,
    /// Whether it is time for a heartbeat.
    heartbeat: bool,
}

/// What a frame of the dashboard asks of the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing more.
    Nothing,
    /// The dashboard misses something.
    Resync,
    /// The dashboard complains.
    Complaint(String),
    /// Somebody asks for something.
    Asked(u64, Person, Query),
    /// Nobody waits for an answer any more.
    Cancelled(u64),
    /// More of an answer may be sent.
    Allowed(u64, u32),
}

impl Speaker {
    /// Begins a connection: with a snapshot.
    pub(super) fn new() -> Self {
        Self {
            seq: 0,
            numbered: VecDeque::new(),
            remarks: VecDeque::new(),
            answer: None,
            answered: false,
            snapshot: true,
            heartbeat: false,
        }
    }

    /// Says that it is time for a heartbeat.
    pub(super) fn beat(&mut self) {
        self.heartbeat = true;
    }

    /// Takes in what the dashboard says.
    pub(super) fn hear(&mut self, frame: FromDashboard) -> Heard {
        match frame {
            FromDashboard::Resync => {
                self.snapshot = true;
                // What was on the way is of no use any more.
                self.numbered.clear();
                Heard::Resync
            }
            FromDashboard::Request { id, person, query } => Heard::Asked(id, person, query),
            FromDashboard::Cancel { id } => Heard::Cancelled(id),
            FromDashboard::Credit { id, chunks } => Heard::Allowed(id, chunks),
            FromDashboard::Error { message } => Heard::Complaint(message),
            // Who is there is not welcomed twice.
            FromDashboard::Welcome { .. } => Heard::Nothing,
        }
    }

    /// Says that something was not understood.
    pub(super) fn complain(&mut self, message: String) {
        self.remark(FromAgent::Error { message });
    }

    /// Tells whether there is room for a part of an answer.
    pub(super) fn takes_answer(&self) -> bool {
        self.answer.is_none()
    }

    /// Takes a part of an answer.
    pub(super) fn answer(&mut self, answer: FromAgent) {
        self.answer = Some(answer);
    }

    /// Says that a request was refused.
    pub(super) fn refuse(&mut self, refusal: FromAgent) {
        self.remark(refusal);
    }

    /// Tells whether there is something to say.
    pub(super) fn has_word(&self, progress: Progress) -> bool {
        let state = progress.settled && (self.snapshot || progress.pending);
        let remarks = self.heartbeat || !self.remarks.is_empty();
        remarks || self.answer.is_some() || !self.numbered.is_empty() || state
    }

    /// Returns what is said now: what is short and in time before what is long.
    pub(super) fn speak(&mut self, cluster: &Cluster, now: Timestamp) -> Option<FromAgent> {
        if std::mem::take(&mut self.heartbeat) {
            return Some(FromAgent::Heartbeat { seq: self.seq, time: now });
        }
        if let Some(remark) = self.remarks.pop_front() {
            return Some(remark);
        }
        // They take turns: a log that does not end must not hide what runs, nor the other way round.
        let nothing_else = || {
            let progress = *cluster.progress().borrow();
            self.numbered.is_empty() && !(progress.settled && (self.snapshot || progress.pending))
        };
        if self.answer.is_some() && (!self.answered || nothing_else()) {
            self.answered = true;
            return self.answer.take();
        }
        self.answered = false;
        if self.numbered.is_empty() && cluster.progress().borrow().settled {
            self.fill(cluster, now);
        }
        let frame = self.numbered.pop_front()?;
        self.seq = frame.seq().unwrap_or(self.seq);
        Some(frame)
    }

    fn fill(&mut self, cluster: &Cluster, now: Timestamp) {
        if std::mem::take(&mut self.snapshot) {
            let (environment, apps) = cluster.snapshot(now);
            self.numbered.extend(FromAgent::snapshot(self.seq + 1, environment, apps));
            return;
        }
        let mut news = cluster.changes(now);
        let mut next = self.seq + 1;
        if let Some(state) = news.environment.take() {
            self.numbered.push_back(FromAgent::EnvironmentState { seq: next, state });
            next += 1;
        }
        self.numbered.extend(FromAgent::deltas(next, news.upserts, news.removals));
    }

    fn remark(&mut self, remark: FromAgent) {
        if self.remarks.len() < REMARKS {
            self.remarks.push_back(remark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing;
    use crate::protocol::{Applied, Mirror};

    fn now() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    /// Has everything said, and a mirror take it in.
    fn listen(speaker: &mut Speaker, cluster: &Cluster, mirror: &mut Mirror) -> Vec<Applied> {
        let mut applied = Vec::new();
        loop {
            let progress = *cluster.progress().borrow();
            if !speaker.has_word(progress) {
                return applied;
            }
            match speaker.speak(cluster, now()) {
                Some(frame) => applied.push(mirror.apply(frame)),
                None => return applied,
            }
        }
    }

    #[test]
    fn a_mirror_follows_from_the_snapshot_on_without_a_gap() {
        let cluster = testing::settled(&["a", "b"]);
        let (mut speaker, mut mirror) = (Speaker::new(), Mirror::default());
        assert_eq!(listen(&mut speaker, &cluster, &mut mirror).pop(), Some(Applied::Everything));
        assert_eq!(mirror.apps().len(), 2);
        testing::add(&cluster, "c");
        testing::remove(&cluster, "a");
        assert!(!listen(&mut speaker, &cluster, &mut mirror).contains(&Applied::Gap));
        let names: Vec<_> = mirror.apps().keys().map(|key| key.app.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        speaker.beat();
        assert_eq!(listen(&mut speaker, &cluster, &mut mirror), [Applied::Nothing]);
    }

    #[test]
    fn a_resync_in_the_middle_of_a_snapshot_begins_it_again() {
        let cluster = testing::settled(&["a"]);
        let (mut speaker, mut mirror) = (Speaker::new(), Mirror::default());
        mirror.apply(speaker.speak(&cluster, now()).unwrap());
        assert_eq!(speaker.hear(FromDashboard::Resync), Heard::Resync);
        testing::add(&cluster, "b");
        let applied = listen(&mut speaker, &cluster, &mut mirror);
        assert!(applied.contains(&Applied::Everything) && !applied.contains(&Applied::Gap));
        assert_eq!(mirror.apps().len(), 2);
    }

    #[test]
    fn nothing_but_heartbeats_is_said_before_everything_was_read() {
        let cluster = Cluster::new("prod", None);
        let mut speaker = Speaker::new();
        assert!(!speaker.has_word(*cluster.progress().borrow()));
        speaker.beat();
        let said = speaker.speak(&cluster, now());
        assert_eq!(said, Some(FromAgent::Heartbeat { seq: 0, time: now() }));
        assert_eq!(speaker.speak(&cluster, now()), None);
    }

    #[test]
    fn remarks_do_not_pile_up() {
        let mut speaker = Speaker::new();
        for _ in 0..1000 {
            speaker.complain("what".to_owned());
        }
        assert_eq!(speaker.remarks.len(), REMARKS);
    }
}
