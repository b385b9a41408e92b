//! Dates in Go's layouts.

mod duration;
mod parse;

use std::fmt::Write as _;

use jiff::civil::Weekday;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};

pub(crate) use duration::{duration_text, parse_duration};
use parse::longest as element_at;
pub(crate) use parse::{fixed_zone, parse};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How the messages about times quote.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for symbol in text.chars() {
        match symbol {
            '"' | '\\' => out.extend(['\\', symbol]),
            ' '..='\x7f' => out.push(symbol),
            _ => {
                for byte in symbol.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// The short name of the zone a time is in; one without a name shows its offset.
fn zone_name(time: &Zoned) -> String {
    if time.time_zone().to_fixed_offset().is_ok() && time.offset() != Offset::UTC {
        return offset(time.offset(), "-0700");
    }
    time.time_zone().to_offset_info(time.timestamp()).abbreviation().to_owned()
}

pub(crate) fn utc(timestamp: Timestamp) -> Zoned {
    timestamp.to_zoned(TimeZone::UTC)
}

/// A time zone by name from the data built into the program; unknown names are UTC.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// The Unix time of Go's zero time, the first second of year one.
pub(crate) const ZERO: i64 = -62_135_596_800;

/// Adds years, months and days; like Go, a day past the end of a month runs into the next.
pub(crate) fn add_date(time: &Zoned, years: i64, months: i64, days: i64) -> Option<Zoned> {
    let months = years.checked_mul(12)?.checked_add(months)?;
    let first = time.datetime().with().day(1).build().ok()?;
    let moved = first.checked_add(jiff::Span::new().try_months(months).ok()?).ok()?;
    let days = (i64::from(time.day()) - 1).checked_add(days)?;
    let moved = moved.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    moved.to_zoned(time.time_zone().clone()).ok()
}

/// How a time appears in JSON.
pub(crate) fn rfc3339(time: &Zoned) -> String {
    format(time, "2006-01-02T15:04:05.999999999Z07:00")
}

/// How a time prints.
pub(crate) fn display(time: &Zoned) -> String {
    format(time, "2006-01-02 15:04:05.999999999 -0700 MST")
}

pub(crate) fn weekday_name(time: &Zoned) -> &'static str {
    match time.weekday() {
        Weekday::Sunday => WEEKDAYS[0],
        Weekday::Monday => WEEKDAYS[1],
        Weekday::Tuesday => WEEKDAYS[2],
        Weekday::Wednesday => WEEKDAYS[3],
        Weekday::Thursday => WEEKDAYS[4],
        Weekday::Friday => WEEKDAYS[5],
        Weekday::Saturday => WEEKDAYS[6],
    }
}

pub(crate) fn month_name(time: &Zoned) -> &'static str {
    MONTHS[usize::try_from(time.month() - 1).unwrap_or(0) % 12]
}

/// An element of a layout, longest spellings first where one begins another.
const ELEMENTS: [&str; 34] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "PM",
    "pm",
    "_2006",
    "__2",
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
];

fn offset(offset: Offset, element: &str) -> String {
    let seconds = offset.seconds();
    if element.starts_with('Z') && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.abs();
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    let shape = element[1..].replace("07", "");
    match shape.as_str() {
        ":00:00" => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
        "0000" => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
        ":00" => format!("{sign}{hours:02}:{minutes:02}"),
        "00" => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}"),
    }
}

fn element(time: &Zoned, element: &str) -> String {
    let month = month_name(time);
    let hour_12 = (time.hour() + 11) % 12 + 1;
    match element {
        "January" => month.to_owned(),
        "Jan" => month[..3].to_owned(),
        "Monday" => weekday_name(time).to_owned(),
        "Mon" => weekday_name(time)[..3].to_owned(),
        "MST" => zone_name(time),
        "2006" => format!("{:04}", time.year()),
        "_2006" => format!("_{:04}", time.year()),
        "002" => format!("{:03}", time.day_of_year()),
        "__2" => format!("{:3}", time.day_of_year()),
        "01" => format!("{:02}", time.month()),
        "02" => format!("{:02}", time.day()),
        "_2" => format!("{:2}", time.day()),
        "03" => format!("{hour_12:02}"),
        "04" => format!("{:02}", time.minute()),
        "05" => format!("{:02}", time.second()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "15" => format!("{:02}", time.hour()),
        "PM" => if time.hour() >= 12 { "PM" } else { "AM" }.to_owned(),
        "pm" => if time.hour() >= 12 { "pm" } else { "am" }.to_owned(),
        "1" => time.month().to_string(),
        "2" => time.day().to_string(),
        "3" => hour_12.to_string(),
        "4" => time.minute().to_string(),
        "5" => time.second().to_string(),
        zone => offset(time.offset(), zone),
    }
}

/// A fraction of a second such as `.000` or `,999` at the start of a layout.
fn fraction(layout: &str) -> Option<(usize, bool)> {
    let rest = layout.strip_prefix(['.', ','])?;
    let digit = rest.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let count = rest.chars().take_while(|next| *next == digit).count();
    let ends = !rest[count..].starts_with(|next: char| next.is_ascii_digit());
    ends.then_some((count, digit == '9'))
}

/// `Time.Format`.
pub(crate) fn format(time: &Zoned, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some(symbol) = rest.chars().next() {
        if let Some((count, trimmed)) = fraction(rest) {
            let nanos = format!("{:09}", time.subsec_nanosecond());
            let digits = &nanos[..count.min(9)];
            let digits = if trimmed { digits.trim_end_matches('0') } else { digits };
            if !digits.is_empty() {
                out.push(symbol);
                out.push_str(digits);
            }
            rest = &rest[count + 1..];
            continue;
        }
        if let Some(name) = element_at(rest) {
            out.push_str(&element(time, name));
            rest = &rest[name.len()..];
            continue;
        }
        out.push(symbol);
        rest = &rest[symbol.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Zoned {
        utc("2024-03-05T16:07:09Z".parse().unwrap())
    }

    #[test]
    fn layouts_print_as_in_go() {
        for (layout, expected) in [
            ("2006-01-02T15:04:05Z07:00", "2024-03-05T16:07:09Z"),
            ("Mon Jan _2 3:04PM 06", "Tue Mar  5 4:07PM 24"),
            ("20060102150405.000", "20240305160709.000"),
            ("-0700 MST", "+0000 UTC"),
        ] {
            assert_eq!(format(&sample(), layout), expected, "{layout}");
        }
    }

    #[test]
    fn zones_come_from_bundled_data() {
        let time = sample().with_time_zone(zone("America/New_York"));
        assert_eq!(format(&time, "15:04 -0700 MST"), "11:07 -0500 EST");
    }
}
