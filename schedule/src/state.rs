//! What all windows together say of a moment.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::{ScheduleError, Window, WindowSpec};

/// Windows in one list; more than anyone reads, and few enough to be quick.
const MAX_WINDOWS: usize = 16;
/// Every leap day is found within this time.
const HORIZON_YEARS: i16 = 10;
/// Changes that are followed one by one before the answer is that no end is in sight.
const MAX_STEPS: usize = 5_000;

/// When releases may go out: deny wins over allow, and without any allow everything is allowed.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    /// Windows in which releases may go out.
    pub allow: Vec<Window>,
    /// Windows in which they may not.
    pub deny: Vec<Window>,
}

/// Whether a release may go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It may.
    Open {
        /// When that ends; nothing if no end is in sight.
        until: Option<Timestamp>,
    },
    /// It may not.
    Closed {
        /// When that ends; nothing if no end is in sight.
        until: Option<Timestamp>,
        /// Which window says so.
        because: String,
    },
}

impl Windows {
    /// Understands what was written; an error names the field, such as `allow[0].cron`.
    pub fn parse(allow: &[WindowSpec], deny: &[WindowSpec]) -> Result<Self, ScheduleError> {
        let parse = |name: &str, specs: &[WindowSpec]| {
            if specs.len() > MAX_WINDOWS {
                let problem = format!("has {} windows, at most {MAX_WINDOWS} fit", specs.len());
                return Err(ScheduleError::new(name, problem));
            }
            let windows = specs.iter().enumerate().map(|(index, spec)| {
                Window::parse(spec).map_err(|error| error.within(&format!("{name}[{index}]")))
            });
            windows.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { allow: parse("allow", allow)?, deny: parse("deny", deny)? })
    }

    /// Says whether a release may go out at a moment, and until when that holds.
    ///
    /// The end is sought for ten years and 5000 changes of windows.
    pub fn state(&self, now: Timestamp) -> State {
        let horizon = TimeZone::UTC.to_datetime(now).date();
        let horizon = horizon.saturating_add(HORIZON_YEARS.years());
        let mut search = Search {
            allow: Side::new(&self.allow, horizon),
            deny: Side::new(&self.deny, horizon),
            steps: MAX_STEPS,
        };
        let denied = self.deny.iter().position(|window| window.closes(now).is_some());
        let allowed =
            self.allow.is_empty() || self.allow.iter().any(|window| window.closes(now).is_some());
        match denied {
            None if allowed => State::Open { until: search.end_of_open(now) },
            Some(index) => {
                let window = self.deny[index].describe();
                let because = format!("deny[{index}] is open ({window})");
                State::Closed { until: search.end_of_closed(now), because }
            }
            None => {
                let because = "no window of allow is open".to_owned();
                State::Closed { until: search.end_of_closed(now), because }
            }
        }
    }
}

/// The windows of one list, with what is known of their next openings.
struct Side<'a> {
    windows: Vec<(&'a Window, Next)>,
    horizon: Date,
}

#[derive(Clone, Copy)]
enum Next {
    Unknown,
    At(Timestamp),
    Never,
}

impl<'a> Side<'a> {
    fn new(windows: &'a [Window], horizon: Date) -> Self {
        Self { windows: windows.iter().map(|window| (window, Next::Unknown)).collect(), horizon }
    }

    /// Returns the latest end of the windows that are open at a moment.
    fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        self.windows.iter().filter_map(|(window, _)| window.closes(at)).max()
    }

    /// Returns when the first window opens after a moment; moments must not go back.
    fn opens(&mut self, after: Timestamp) -> Option<Timestamp> {
        let horizon = self.horizon;
        let next = self.windows.iter_mut().filter_map(|(window, known)| {
            let stale = match known {
                Next::Unknown => true,
                Next::At(next) => *next <= after,
                Next::Never => false,
            };
            if stale {
                *known = window.opens(after, horizon).map_or(Next::Never, Next::At);
            }
            match known {
                Next::At(next) => Some(*next),
                Next::Unknown | Next::Never => None,
            }
        });
        next.min()
    }
}

struct Search<'a> {
    allow: Side<'a>,
    deny: Side<'a>,
    steps: usize,
}

impl Search<'_> {
    fn step(&mut self) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        Some(())
    }

    /// Returns when the last of the windows closes that follow each other without a gap.
    fn gap(&mut self, mut at: Timestamp, side: fn(&Self) -> &Side<'_>) -> Option<Timestamp> {
        while let Some(end) = side(self).closes(at) {
            self.step()?;
            at = end;
        }
        Some(at)
    }

    fn end_of_open(&mut self, now: Timestamp) -> Option<Timestamp> {
        let denied = self.deny.opens(now);
        let closed = if self.allow.windows.is_empty() {
            None
        } else {
            self.gap(now, |search| &search.allow)
        };
        // A search that was given up has no end before the next deny window that it knows of.
        denied.into_iter().chain(closed).min()
    }

    fn end_of_closed(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        loop {
            self.step()?;
            at = self.gap(at, |search| &search.deny)?;
            if self.allow.windows.is_empty() || self.allow.closes(at).is_some() {
                return Some(at);
            }
            at = self.allow.opens(at)?;
        }
    }
}
