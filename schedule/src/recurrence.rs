//! The days of a recurrence rule of RFC 5545.
//!
//! Rules repeat by days or longer; the time of day is that of the start. What such a rule says of
//! a day can be told from that day alone, so that nothing has to be counted from the start on.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};

use crate::ScheduleError;

const MAX_TEXT: usize = 500;
const MAX_COUNT: u32 = 10_000;
const MAX_INTERVAL: i32 = 1_000;
/// How far a `COUNT` is followed.
const MAX_DAYS: usize = 36_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Never,
    Civil(DateTime),
    Instant(Timestamp),
}

/// A recurrence rule with its start.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    pub(crate) start: DateTime,
    frequency: Frequency,
    interval: i32,
    /// Weekdays, with the place in the month or year, or 0 for all of them.
    by_day: Vec<(i8, Weekday)>,
    by_month_day: Vec<i8>,
    by_month: Vec<i8>,
    by_set_position: Vec<i8>,
    week_start: Weekday,
    end: End,
}

impl Recurrence {
    pub(crate) fn parse(text: &str, start: DateTime) -> Result<Self, ScheduleError> {
        if text.len() > MAX_TEXT {
            return Err(refused(format!("is longer than {MAX_TEXT} characters")));
        }
        let mut rule = Self {
            start,
            frequency: Frequency::Daily,
            interval: 1,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_month: Vec::new(),
            by_set_position: Vec::new(),
            week_start: Weekday::Monday,
            end: End::Never,
        };
        let (mut frequency, mut count, mut seen) = (None, None, Vec::new());
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(refused(format!("has the part {part:?}, which is not NAME=VALUE")));
            };
            let name = name.to_ascii_uppercase();
            if seen.contains(&name) {
                return Err(refused(format!("names {name} twice")));
            }
            match name.as_str() {
                "FREQ" => frequency = Some(read_frequency(value)?),
                "INTERVAL" => rule.interval = read_number("INTERVAL", value, 1, MAX_INTERVAL)?,
                "COUNT" => count = Some(read_number("COUNT", value, 1, MAX_COUNT)?),
                "UNTIL" => rule.end = read_until(value)?,
                "BYDAY" => rule.by_day = read_list(value, read_day)?,
                "BYMONTHDAY" => rule.by_month_day = read_list(value, |v| signed(&name, v, 31))?,
                "BYMONTH" => {
                    rule.by_month = read_list(value, |v| read_number("BYMONTH", v, 1, 12))?;
                }
                "BYSETPOS" => rule.by_set_position = read_list(value, |v| signed(&name, v, 31))?,
                "WKST" => rule.week_start = read_weekday(value)?,
                _ => {
                    return Err(refused(format!(
                        "has the part {name}, which windows do not know; they know FREQ, INTERVAL, \
                         COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST"
                    )));
                }
            }
            seen.push(name);
        }
        rule.frequency = frequency
            .ok_or_else(|| refused("has no FREQ, such as FREQ=WEEKLY;BYDAY=MO,TU".to_owned()))?;
        rule.check()?;
        rule.fill();
        if !rule.matches(start.date()) {
            return Err(ScheduleError::new(
                "start",
                format!("{} is not a day of the rule; begin with its first day", start.date()),
            ));
        }
        if let Some(count) = count {
            if !matches!(rule.end, End::Never) {
                return Err(refused("has both COUNT and UNTIL; RFC 5545 allows one".to_owned()));
            }
            rule.end = End::Civil(rule.last(count)?);
        }
        Ok(rule)
    }

    fn check(&self) -> Result<(), ScheduleError> {
        let ordinals = self.by_day.iter().any(|(place, _)| *place != 0);
        let short = matches!(self.frequency, Frequency::Daily | Frequency::Weekly);
        if ordinals && short {
            return Err(refused(
                "numbers weekdays, which FREQ=MONTHLY and FREQ=YEARLY can".to_owned(),
            ));
        }
        if self.frequency == Frequency::Weekly && !self.by_month_day.is_empty() {
            return Err(refused("has BYMONTHDAY, which FREQ=WEEKLY cannot have".to_owned()));
        }
        if self.frequency != Frequency::Monthly && !self.by_set_position.is_empty() {
            return Err(refused("has BYSETPOS, which only FREQ=MONTHLY can have here".to_owned()));
        }
        if !self.by_set_position.is_empty() && self.by_day.len() + self.by_month_day.len() == 0 {
            return Err(refused("has BYSETPOS, which needs BYDAY or BYMONTHDAY".to_owned()));
        }
        Ok(())
    }

    /// Takes from the start what the rule leaves open.
    fn fill(&mut self) {
        let date = self.start.date();
        if !self.by_day.is_empty() || !self.by_month_day.is_empty() {
            return;
        }
        match self.frequency {
            Frequency::Daily => {}
            Frequency::Weekly => self.by_day = vec![(0, date.weekday())],
            Frequency::Monthly => self.by_month_day = vec![date.day()],
            Frequency::Yearly => {
                self.by_month_day = vec![date.day()];
                if self.by_month.is_empty() {
                    self.by_month = vec![date.month()];
                }
            }
        }
    }

    /// Tells whether a window opens on a day, its end left aside.
    pub(crate) fn matches(&self, date: Date) -> bool {
        if date < self.start.date() || !self.matches_parts(date) {
            return false;
        }
        if self.by_set_position.is_empty() {
            return true;
        }
        let first = date.first_of_month();
        let days: Vec<Date> = (0..i32::from(date.days_in_month()))
            .filter_map(|offset| first.checked_add(offset.days()).ok())
            .filter(|day| self.matches_parts(*day))
            .collect();
        let count = i32::try_from(days.len()).unwrap_or_default();
        let position = days.iter().position(|day| *day == date);
        let position = position.and_then(|place| i32::try_from(place).ok()).unwrap_or_default();
        self.by_set_position.iter().any(|wanted| {
            let wanted = i32::from(*wanted);
            position == if wanted > 0 { wanted - 1 } else { count + wanted }
        })
    }

    /// Tells whether a window that opens at this time opens before the rule ends.
    pub(crate) fn is_before_end(&self, local: DateTime, instant: Timestamp) -> bool {
        match self.end {
            End::Never => true,
            End::Civil(end) => local <= end,
            End::Instant(end) => instant <= end,
        }
    }

    fn matches_parts(&self, date: Date) -> bool {
        self.matches_interval(date)
            && (self.by_month.is_empty() || self.by_month.contains(&date.month()))
            && self.matches_month_day(date)
            && self.matches_weekday(date)
    }

    fn matches_interval(&self, date: Date) -> bool {
        let first = self.start.date();
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let passed = match self.frequency {
            Frequency::Daily => days_between(first, date),
            Frequency::Weekly => {
                let week = |date: Date| {
                    let offset = date.weekday().since(self.week_start);
                    date.checked_sub(i32::from(offset).days()).unwrap_or(date)
                };
                days_between(week(first), week(date)) / 7
            }
            Frequency::Monthly => months(date) - months(first),
            Frequency::Yearly => i32::from(date.year()) - i32::from(first.year()),
        };
        passed % self.interval == 0
    }

    fn matches_month_day(&self, date: Date) -> bool {
        let from_end = date.day() - date.days_in_month() - 1;
        self.by_month_day.is_empty()
            || self.by_month_day.iter().any(|day| *day == date.day() || *day == from_end)
    }

    fn matches_weekday(&self, date: Date) -> bool {
        // A number counts within the month, unless a yearly rule names no month.
        let in_year = self.frequency == Frequency::Yearly && self.by_month.is_empty();
        let (day, days) = if in_year {
            (i32::from(date.day_of_year()), i32::from(date.days_in_year()))
        } else {
            (i32::from(date.day()), i32::from(date.days_in_month()))
        };
        let (from_start, from_end) = ((day - 1) / 7 + 1, -((days - day) / 7 + 1));
        self.by_day.is_empty()
            || self.by_day.iter().any(|(place, weekday)| {
                let place = i32::from(*place);
                *weekday == date.weekday()
                    && (place == 0 || place == from_start || place == from_end)
            })
    }

    /// The time at which the last of `count` windows opens.
    fn last(&self, count: u32) -> Result<DateTime, ScheduleError> {
        let mut left = count;
        for date in self.start.date().series(1.day()).take(MAX_DAYS) {
            if self.matches(date) {
                left -= 1;
                if left == 0 {
                    return Ok(date.to_datetime(self.start.time()));
                }
            }
        }
        Err(refused("has a COUNT that takes more than a hundred years; leave it out".to_owned()))
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to)).map_or(0, |span| span.get_days())
}

fn refused(problem: String) -> ScheduleError {
    ScheduleError::new("rrule", problem)
}

fn read_frequency(text: &str) -> Result<Frequency, ScheduleError> {
    match text.to_ascii_uppercase().as_str() {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        _ => Err(refused(format!("has FREQ={text}; use DAILY, WEEKLY, MONTHLY or YEARLY"))),
    }
}

fn read_number<T>(name: &str, text: &str, min: T, max: T) -> Result<T, ScheduleError>
where
    T: Copy + std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match text.parse::<T>() {
        Ok(number) if number >= min && number <= max => Ok(number),
        _ => Err(refused(format!("has {name}={text}; use a number from {min} to {max}"))),
    }
}

fn signed(name: &str, text: &str, max: i8) -> Result<i8, ScheduleError> {
    match read_number(name, text, -max, max) {
        Ok(number) if number != 0 => Ok(number),
        _ => {
            Err(refused(format!("has {name}={text}; use 1 to {max}, or -1 to -{max} from the end")))
        }
    }
}

fn read_list<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, ScheduleError>,
) -> Result<Vec<T>, ScheduleError> {
    text.split(',').map(|item| read(item.trim())).collect()
}

fn read_day(text: &str) -> Result<(i8, Weekday), ScheduleError> {
    let split = text.len().checked_sub(2).and_then(|middle| text.split_at_checked(middle));
    let Some((place, weekday)) = split else {
        return Err(refused(format!("has BYDAY={text}; use MO to SU, such as MO or -1FR")));
    };
    let place = if place.is_empty() { 0 } else { signed("BYDAY", place, 53)? };
    Ok((place, read_weekday(weekday)?))
}

fn read_weekday(text: &str) -> Result<Weekday, ScheduleError> {
    match text.to_ascii_uppercase().as_str() {
        "MO" => Ok(Weekday::Monday),
        "TU" => Ok(Weekday::Tuesday),
        "WE" => Ok(Weekday::Wednesday),
        "TH" => Ok(Weekday::Thursday),
        "FR" => Ok(Weekday::Friday),
        "SA" => Ok(Weekday::Saturday),
        "SU" => Ok(Weekday::Sunday),
        _ => Err(refused(format!("has the weekday {text}; use MO, TU, WE, TH, FR, SA or SU"))),
    }
}

fn read_until(text: &str) -> Result<End, ScheduleError> {
    let wrong = || refused(format!("has UNTIL={text}; write 20261231 or 20261231T235959Z"));
    if let Some(local) = text.strip_suffix('Z') {
        let utc = local.parse::<DateTime>().map_err(|_| wrong())?;
        let utc = utc.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
        return Ok(End::Instant(utc.timestamp()));
    }
    if text.len() == 8 {
        let date = text.parse::<Date>().map_err(|_| wrong())?;
        return Ok(End::Civil(date.at(23, 59, 59, 0)));
    }
    text.parse().map(End::Civil).map_err(|_| wrong())
}
