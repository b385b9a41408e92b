//! Times read in Go's layouts.

use jiff::Zoned;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use super::{ELEMENTS, MONTHS, WEEKDAYS, element_at, fraction, quote};

/// Why an element of the layout does not fit.
enum Misfit {
    /// The text is something else.
    Bad,
    /// The number is too large for what it stands for.
    Range(&'static str),
}

type Fit<T> = Result<T, Misfit>;

#[derive(Default)]
struct Found {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: String,
}

/// `time.Parse`; what has no zone is UTC.
pub(crate) fn parse(layout: &str, text: &str) -> Result<Zoned, String> {
    let wrong = |element: &str, rest: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text),
            quote(layout),
            quote(rest),
            quote(element)
        )
    };
    let said = |message: &str| format!("parsing time {}: {message}", quote(text));
    let mut found = Found::default();
    let (mut left, mut rest) = (layout, text);
    loop {
        let (prefix, element, after) = next_element(left);
        rest = skip(rest, prefix).map_err(|rest| wrong(prefix, rest))?;
        if element.is_empty() {
            break;
        }
        left = after;
        let held = rest;
        match found.take(element, after, &mut rest) {
            Ok(()) => {}
            Err(Misfit::Bad) => return Err(wrong(element, held)),
            Err(Misfit::Range(what)) => return Err(said(&format!("{what} out of range"))),
        }
    }
    if !rest.is_empty() {
        return Err(said(&format!("extra text: {}", quote(rest))));
    }
    found.zoned().map_err(said)
}

/// The literal text before the next element, the element and what follows.
fn next_element(layout: &str) -> (&str, &str, &str) {
    for (at, _) in layout.char_indices() {
        let here = &layout[at..];
        if let Some((count, _)) = fraction(here) {
            return (&layout[..at], &here[..=count], &here[count + 1..]);
        }
        if let Some(name) = element_at(here) {
            // "_2006" is an underscore and a year.
            let skipped = usize::from(name == "_2006");
            let start = at + skipped;
            let end = at + name.len();
            return (&layout[..start], &layout[start..end], &layout[end..]);
        }
    }
    (layout, "", "")
}

/// Skips literal text; any number of spaces stands for any other.
fn skip<'t>(mut text: &'t str, mut prefix: &str) -> Result<&'t str, &'t str> {
    while let Some(symbol) = prefix.chars().next() {
        if symbol == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            prefix = prefix.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        text = text.strip_prefix(symbol).ok_or(text)?;
        prefix = &prefix[symbol.len_utf8()..];
    }
    Ok(text)
}

fn digits(text: &str, most: usize) -> usize {
    text.bytes().take(most).take_while(u8::is_ascii_digit).count()
}

/// A number of some digits; fewer are fine only where the layout does not fix them.
fn number<T: std::str::FromStr>(text: &mut &str, most: usize, fixed: bool) -> Fit<T> {
    let count = digits(text, most);
    if count == 0 || (fixed && count < most) {
        return Err(Misfit::Bad);
    }
    let (taken, rest) = text.split_at(count);
    *text = rest;
    taken.parse().map_err(|_| Misfit::Bad)
}

fn bounded(value: i8, range: std::ops::Range<i8>, what: &'static str) -> Fit<i8> {
    if range.contains(&value) { Ok(value) } else { Err(Misfit::Range(what)) }
}

/// A name from a list, short or in full, in whatever case.
fn name(text: &mut &str, names: &[&str], short: bool) -> Fit<i8> {
    for (index, full) in names.iter().enumerate() {
        let wanted = if short { &full[..3] } else { full };
        if let Some(start) = text.get(..wanted.len())
            && start.eq_ignore_ascii_case(wanted)
        {
            *text = &text[wanted.len()..];
            return i8::try_from(index).map_err(|_| Misfit::Bad);
        }
    }
    Err(Misfit::Bad)
}

/// A fraction with its point, of some bytes.
fn nanoseconds(text: &mut &str, count: usize) -> Fit<i32> {
    let Some(taken) = text.get(..count) else { return Err(Misfit::Bad) };
    let Some(digits) = taken.strip_prefix(['.', ',']) else { return Err(Misfit::Bad) };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Misfit::Bad);
    }
    *text = &text[count..];
    let digits = &digits[..digits.len().min(9)];
    format!("{digits:0<9}").parse().map_err(|_| Misfit::Bad)
}

/// How many bytes look like the name of a zone.
fn zone_length(text: &str) -> Option<usize> {
    let signed = |text: &str| {
        let count = digits(text.get(1..).unwrap_or_default(), 3);
        let hours: u16 = text.get(1..=count).and_then(|hours| hours.parse().ok()).unwrap_or(99);
        (text.starts_with(['+', '-']) && count > 0 && hours < 24).then_some(1 + count)
    };
    if text.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix("GMT") {
        return Some(3 + signed(rest).unwrap_or(0));
    }
    if text.starts_with(['+', '-']) {
        return signed(text);
    }
    let upper = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match upper {
        3 => Some(3),
        4 if text.as_bytes()[3] == b'T' || text.starts_with("WITA") => Some(4),
        5 if text.as_bytes()[4] == b'T' => Some(5),
        _ => None,
    }
}

impl Found {
    fn take(&mut self, element: &str, after: &str, text: &mut &str) -> Fit<()> {
        match element {
            "2006" => self.year = number(text, 4, true)?,
            "06" => {
                let year: i16 = number(text, 2, true)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            "January" => self.month = Some(name(text, &MONTHS, false)? + 1),
            "Jan" => self.month = Some(name(text, &MONTHS, true)? + 1),
            "01" | "1" => {
                self.month = Some(bounded(number(text, 2, element == "01")?, 1..13, "month")?);
            }
            "Monday" => drop(name(text, &WEEKDAYS, false)?),
            "Mon" => drop(name(text, &WEEKDAYS, true)?),
            "02" | "_2" | "2" => {
                if element == "_2" {
                    *text = text.strip_prefix(' ').unwrap_or(text);
                }
                self.day = Some(number(text, 2, element == "02")?);
            }
            "002" | "__2" => {
                if element == "__2" {
                    for _ in 0..2 {
                        *text = text.strip_prefix(' ').unwrap_or(text);
                    }
                }
                self.day_of_year = Some(number(text, 3, element == "002")?);
            }
            "15" => self.hour = bounded(number(text, 2, false)?, 0..24, "hour")?,
            "03" | "3" => {
                self.hour = bounded(number(text, 2, element == "03")?, 0..13, "hour")?;
            }
            "04" | "4" => {
                self.minute = bounded(number(text, 2, element == "04")?, 0..60, "minute")?;
            }
            "05" | "5" => {
                self.second = bounded(number(text, 2, element == "05")?, 0..60, "second")?;
                // A fraction is welcome even when the layout does not ask for one.
                let count = digits(text.get(1..).unwrap_or_default(), usize::MAX);
                let asked = fraction(next_element(after).1).is_some();
                if text.starts_with(['.', ',']) && count > 0 && !asked {
                    self.nanos = nanoseconds(text, 1 + count)?;
                }
            }
            "PM" | "pm" => {
                let upper = element == "PM";
                self.afternoon = Some(match text.get(..2) {
                    Some("PM") if upper => true,
                    Some("AM") if upper => false,
                    Some("pm") if !upper => true,
                    Some("am") if !upper => false,
                    _ => return Err(Misfit::Bad),
                });
                *text = &text[2..];
            }
            "MST" => {
                if let Some(rest) = text.strip_prefix("UTC") {
                    *text = rest;
                    self.utc = true;
                } else {
                    let count = zone_length(text).ok_or(Misfit::Bad)?;
                    let (zone, rest) = text.split_at(count);
                    zone.clone_into(&mut self.zone);
                    *text = rest;
                }
            }
            _ if fraction(element).is_some() => self.fraction(element, text)?,
            zone => self.numeric_zone(zone, text)?,
        }
        Ok(())
    }

    fn fraction(&mut self, element: &str, text: &mut &str) -> Fit<()> {
        if element.ends_with('0') {
            self.nanos = nanoseconds(text, element.len())?;
            return Ok(());
        }
        let count = digits(text.get(1..).unwrap_or_default(), usize::MAX);
        if text.starts_with(['.', ',']) && count > 0 {
            self.nanos = nanoseconds(text, 1 + count)?;
        }
        Ok(())
    }

    fn numeric_zone(&mut self, element: &str, text: &mut &str) -> Fit<()> {
        if element.starts_with('Z')
            && let Some(rest) = text.strip_prefix('Z')
        {
            *text = rest;
            self.utc = true;
            return Ok(());
        }
        let Some(taken) = text.get(..element.len()) else { return Err(Misfit::Bad) };
        let negative = match taken.as_bytes()[0] {
            b'-' => true,
            b'+' => false,
            _ => return Err(Misfit::Bad),
        };
        let shape = element[1..].bytes().zip(taken[1..].bytes());
        if shape.clone().any(|(wanted, found)| (wanted == b':') != (found == b':')) {
            return Err(Misfit::Bad);
        }
        let compact: String = taken[1..].chars().filter(|symbol| *symbol != ':').collect();
        let mut rest = &*compact;
        let mut parts = [0_i32; 3];
        let limits = [
            (24, "time zone offset hour"),
            (60, "time zone offset minute"),
            (60, "time zone offset second"),
        ];
        for (part, (limit, what)) in parts.iter_mut().zip(limits) {
            if rest.is_empty() {
                break;
            }
            *part = number(&mut rest, 2, true)?;
            if *part > limit {
                return Err(Misfit::Range(what));
            }
        }
        let seconds = (parts[0] * 60 + parts[1]) * 60 + parts[2];
        self.offset = Some(if negative { -seconds } else { seconds });
        *text = &text[element.len()..];
        Ok(())
    }

    fn date(&self) -> Result<Date, &'static str> {
        let Some(day) = self.day_of_year else {
            return Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
                .map_err(|_| "day out of range");
        };
        let date = Date::new(self.year, 1, 1)
            .and_then(|first| first.with().day_of_year(day).build())
            .map_err(|_| "day-of-year out of range")?;
        if self.month.is_some_and(|month| month != date.month()) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|day| day != date.day()) {
            return Err("day-of-year does not match day");
        }
        Ok(date)
    }

    fn zoned(&self) -> Result<Zoned, &'static str> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = self.date()?;
        let civil = DateTime::new(
            date.year(),
            date.month(),
            date.day(),
            hour,
            self.minute,
            self.second,
            self.nanos,
        )
        .map_err(|_| "day out of range")?;
        civil.to_zoned(self.time_zone()).map_err(|_| "year out of range")
    }

    fn time_zone(&self) -> TimeZone {
        if self.utc {
            return TimeZone::UTC;
        }
        let seconds = match (self.offset, self.zone.strip_prefix("GMT")) {
            (Some(seconds), _) => seconds,
            (None, Some(hours)) => hours.parse::<i32>().unwrap_or(0) * 3600,
            (None, None) => 0,
        };
        if seconds == 0 && (self.zone.is_empty() || self.zone == "UTC") {
            return TimeZone::UTC;
        }
        if self.zone.is_empty() {
            return Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed);
        }
        fixed_zone(&self.zone, seconds)
    }
}

/// A zone with a name of its own.
pub(crate) fn fixed_zone(name: &str, seconds: i32) -> TimeZone {
    // POSIX counts westwards.
    let sign = if seconds < 0 { "" } else { "-" };
    let size = seconds.abs();
    let rule = format!("<{name}>{sign}{}:{:02}:{:02}", size / 3600, size / 60 % 60, size % 60);
    TimeZone::posix(&rule).unwrap_or(TimeZone::UTC)
}

/// The element a layout starts with, if any.
pub(super) fn longest(layout: &str) -> Option<&'static str> {
    ELEMENTS.into_iter().find(|name| {
        layout.strip_prefix(name).is_some_and(|after| {
            // "Jan" must not be the start of another word, as in "Janet".
            !(matches!(*name, "Jan" | "Mon")
                && after.starts_with(|next: char| next.is_ascii_lowercase()))
        })
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
