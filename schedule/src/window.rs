//! One window: when it opens, and for how long.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::ScheduleError;
use crate::cron::Cron;
use crate::recurrence::Recurrence;

const MIN_DURATION: SignedDuration = SignedDuration::from_mins(1);
const MAX_DURATION: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A window as it was written: `cron` or `rrule` with `start`, and a duration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowSpec {
    /// When it opens: minute, hour, day, month, weekday.
    pub cron: Option<String>,
    /// When it opens, as a recurrence rule of RFC 5545; needs `start`.
    pub rrule: Option<String>,
    /// The first time at which a rule opens it, such as `2026-11-26T09:00`, in the time zone.
    pub start: Option<String>,
    /// How long it is open, such as `8h` or `1h30m`; from a minute to 744 hours.
    pub duration: String,
    /// The IANA name of the time zone, such as `Europe/Vienna`; UTC if there is none.
    pub time_zone: Option<String>,
}

#[derive(Clone, Debug)]
enum Days {
    Cron(Cron),
    Recurrence(Recurrence),
}

/// A window that was understood.
#[derive(Clone, Debug)]
pub struct Window {
    days: Days,
    duration: SignedDuration,
    zone: TimeZone,
    text: String,
}

impl Window {
    /// Understands what was written.
    pub fn parse(spec: &WindowSpec) -> Result<Self, ScheduleError> {
        let WindowSpec { cron, rrule, start, duration, time_zone } = spec;
        let zone_name = time_zone.as_deref().unwrap_or("UTC");
        let zone = TimeZoneDatabase::bundled().get(zone_name).map_err(|_| {
            let problem = "is not the IANA name of a time zone, such as Europe/Vienna";
            ScheduleError::new("timeZone", format!("{zone_name:?} {problem}"))
        })?;
        let (days, opens) = match (cron, rrule) {
            (Some(_), Some(_)) => {
                return Err(ScheduleError::new("rrule", "and cron exclude each other; keep one"));
            }
            (None, None) => {
                let problem = "is missing; say when the window opens, such as \"0 9 * * mon-fri\"";
                return Err(ScheduleError::new("cron", problem));
            }
            (Some(cron), None) if start.is_none() => {
                (Days::Cron(Cron::parse(cron)?), cron.trim().to_owned())
            }
            (Some(_), None) => {
                return Err(ScheduleError::new("start", "goes with rrule only; remove it"));
            }
            (None, Some(rrule)) => {
                let recurrence = Recurrence::parse(rrule, parse_start(start.as_deref())?)?;
                (Days::Recurrence(recurrence), rrule.trim().to_owned())
            }
        };
        let text = format!("{opens:?} for {}, {zone_name}", duration.trim());
        Ok(Self { days, duration: parse_duration(duration)?, zone, text })
    }

    /// Returns the window in a few words, for messages.
    pub fn describe(&self) -> &str {
        &self.text
    }

    /// Returns when the window closes that is open at a moment, if one is.
    pub(crate) fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        // A day more on both sides, since clocks can be moved by up to a day.
        let last = self.zone.to_datetime(at).date().checked_add(1.day()).ok()?;
        let days = self.duration.as_hours() / 24 + 4;
        (0..days)
            .find_map(|back| {
                let date = last.checked_sub(back.days()).ok()?;
                let latest = self.starts(date).into_iter().rfind(|start| *start <= at)?;
                Some(latest.checked_add(self.duration).ok())
            })?
            .filter(|end| *end > at)
    }

    /// Returns when the window opens next after a moment, up to a day.
    pub(crate) fn opens(&self, after: Timestamp, horizon: Date) -> Option<Timestamp> {
        let first = self.zone.to_datetime(after).date().checked_sub(1.day()).ok()?;
        first
            .series(1.day())
            .take_while(|date| *date <= horizon)
            .find_map(|date| self.starts(date).into_iter().find(|start| *start > after))
    }

    /// The moments at which the window opens on a day of its zone, in their order.
    fn starts(&self, date: Date) -> Vec<Timestamp> {
        match &self.days {
            Days::Cron(cron) if cron.matches(date) => {
                let times = cron.times.iter();
                let mut starts: Vec<_> = times
                    .flat_map(|time| self.moments(date.to_datetime(*time), cron.names_every_hour))
                    .collect();
                starts.sort();
                starts
            }
            Days::Recurrence(rule) if rule.matches(date) => {
                let local = date.to_datetime(rule.start.time());
                let mut starts = self.moments(local, false);
                starts.retain(|instant| rule.is_before_end(local, *instant));
                starts
            }
            Days::Cron(_) | Days::Recurrence(_) => Vec::new(),
        }
    }

    fn moments(&self, local: DateTime, both: bool) -> Vec<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let twice = both && matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. });
        let later = if twice { ambiguous.later().ok() } else { None };
        ambiguous.compatible().ok().into_iter().chain(later).collect()
    }
}

fn parse_start(start: Option<&str>) -> Result<DateTime, ScheduleError> {
    let wrong = |problem: &str| ScheduleError::new("start", problem.to_owned());
    let Some(text) = start else {
        return Err(wrong("is missing; a rrule needs one, such as 2026-11-26T09:00"));
    };
    let parsed = text.trim().parse::<DateTime>();
    let start = parsed.map_err(|_| {
        wrong("is not a local time such as 2026-11-26T09:00; the zone goes into timeZone")
    })?;
    if start.second() != 0 || start.subsec_nanosecond() != 0 {
        return Err(wrong("has seconds; windows open at full minutes"));
    }
    Ok(start)
}

fn parse_duration(text: &str) -> Result<SignedDuration, ScheduleError> {
    let wrong = |problem: &str| ScheduleError::new("duration", problem.to_owned());
    let parsed = text.trim().parse::<SignedDuration>();
    let duration = parsed.map_err(|_| wrong("is not a time in hours and minutes, such as 8h"))?;
    if duration < MIN_DURATION || duration > MAX_DURATION {
        return Err(wrong("must be from 1m to 744h (31 days)"));
    }
    if duration.as_secs() % 60 != 0 || duration.subsec_nanos() != 0 {
        return Err(wrong("has seconds; windows close at full minutes"));
    }
    Ok(duration)
}
