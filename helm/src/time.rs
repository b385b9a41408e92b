//! Dates in Go's layouts.

use jiff::civil::Weekday;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, Zoned};
use std::fmt::Write as _;

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

pub(crate) fn utc(timestamp: Timestamp) -> Zoned {
    timestamp.to_zoned(TimeZone::UTC)
}

/// A time zone by name from the data built into the program; unknown names are UTC.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
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
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
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
    let month = MONTHS[usize::try_from(time.month() - 1).unwrap_or(0) % 12];
    let hour_12 = (time.hour() + 11) % 12 + 1;
    match element {
        "January" => month.to_owned(),
        "Jan" => month[..3].to_owned(),
        "Monday" => weekday_name(time).to_owned(),
        "Mon" => weekday_name(time)[..3].to_owned(),
        "MST" => time.time_zone().to_offset_info(time.timestamp()).abbreviation().to_owned(),
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
    'next: while let Some(symbol) = rest.chars().next() {
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
        for name in ELEMENTS {
            if let Some(after) = rest.strip_prefix(name) {
                // "Jan" must not be the start of another word, as in "Janet".
                let word = matches!(name, "Jan" | "Mon")
                    && after.starts_with(|next: char| next.is_ascii_lowercase());
                if !word {
                    out.push_str(&element(time, name));
                    rest = after;
                    continue 'next;
                }
            }
        }
        out.push(symbol);
        rest = &rest[symbol.len_utf8()..];
    }
    out
}

/// `time.ParseInLocation` for the layouts charts use; `None` when the text does not fit.
pub(crate) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Option<Zoned> {
    let (mut year, mut month, mut day) = (1_i16, 1_i8, 1_i8);
    let (mut hour, mut minute, mut second, mut nanos) = (0_i8, 0_i8, 0_i8, 0_i32);
    let mut offset = None;
    let (mut layout, mut text) = (layout, text);
    'next: while let Some(symbol) = layout.chars().next() {
        for name in ELEMENTS {
            let Some(after) = layout.strip_prefix(name) else { continue };
            layout = after;
            match name {
                "January" | "Jan" => {
                    let found = MONTHS.iter().position(|full| {
                        text.starts_with(if name == "Jan" { &full[..3] } else { full })
                    })?;
                    month = i8::try_from(found + 1).ok()?;
                    text = &text[if name == "Jan" { 3 } else { MONTHS[found].len() }..];
                }
                "Monday" | "Mon" | "MST" => {
                    let end = text.find(|next: char| !next.is_ascii_alphabetic());
                    text = &text[end.unwrap_or(text.len())..];
                }
                "2006" => year = take(&mut text, 4, 4)?,
                "06" => {
                    year = take::<i16>(&mut text, 2, 2)
                        .map(|two| two + if two >= 69 { 1900 } else { 2000 })?;
                }
                "01" => month = take(&mut text, 2, 2)?,
                "1" => month = take(&mut text, 1, 2)?,
                "02" => day = take(&mut text, 2, 2)?,
                "_2" | "2" => {
                    text = text.strip_prefix(' ').unwrap_or(text);
                    day = take(&mut text, 1, 2)?;
                }
                "15" => hour = take(&mut text, 2, 2)?,
                "03" | "3" => hour = take(&mut text, 1, 2)?,
                "04" => minute = take(&mut text, 2, 2)?,
                "4" => minute = take(&mut text, 1, 2)?,
                "05" | "5" => {
                    second = take(&mut text, 1, 2)?;
                    if fraction(layout).is_none()
                        && let Some(digits) = text.strip_prefix('.')
                    {
                        let end = digits.find(|next: char| !next.is_ascii_digit());
                        let (part, rest) = digits.split_at(end.unwrap_or(digits.len()));
                        nanos = format!("{part:0<9}").get(..9)?.parse().ok()?;
                        text = rest;
                    }
                }
                "PM" | "pm" => {
                    let afternoon = text.get(..2)?.eq_ignore_ascii_case("pm");
                    hour = hour % 12 + if afternoon { 12 } else { 0 };
                    text = &text[2..];
                }
                zone if zone.starts_with(['Z', '-']) => {
                    offset = Some(parse_offset(&mut text, zone)?);
                }
                _ => return None,
            }
            continue 'next;
        }
        text = text.strip_prefix(symbol)?;
        layout = &layout[symbol.len_utf8()..];
    }
    if !text.is_empty() {
        return None;
    }
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    let zone = offset.map_or_else(|| zone.clone(), TimeZone::fixed);
    civil.to_zoned(zone).ok()
}

fn take<T: std::str::FromStr>(text: &mut &str, least: usize, most: usize) -> Option<T> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (digits, rest) = text.split_at(count);
    *text = rest;
    digits.parse().ok()
}

fn parse_offset(text: &mut &str, element: &str) -> Option<Offset> {
    if element.starts_with('Z')
        && let Some(rest) = text.strip_prefix('Z')
    {
        *text = rest;
        return Some(Offset::UTC);
    }
    let negative = match text.as_bytes().first()? {
        b'-' => true,
        b'+' => false,
        _ => return None,
    };
    *text = &text[1..];
    let hours: i32 = take(text, 2, 2)?;
    *text = text.strip_prefix(':').unwrap_or(text);
    let minutes: i32 = take(text, 2, 2).unwrap_or(0);
    let seconds = hours * 3600 + minutes * 60;
    Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
}

/// `time.ParseDuration`.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|next: char| !(next.is_ascii_digit() || next == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end =
            rest.find(|next: char| next.is_ascii_digit() || next == '.').unwrap_or(rest.len());
        let seconds = match &rest[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number * seconds;
        rest = &rest[end..];
    }
    SignedDuration::try_from_secs_f64(if negative { -total } else { total }).ok()
}

/// `Duration.String`.
pub(crate) fn duration_text(duration: SignedDuration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let decimal = |unit: u128| {
        let digits = unit.to_string().len() - 1;
        let fraction = format!("{:0digits$}", size % unit);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            format!("{}", size / unit)
        } else {
            format!("{}.{fraction}", size / unit)
        }
    };
    if size < 1_000 {
        return format!("{sign}{size}ns");
    }
    if size < 1_000_000 {
        return format!("{sign}{}µs", decimal(1_000));
    }
    if size < 1_000_000_000 {
        return format!("{sign}{}ms", decimal(1_000_000));
    }
    let seconds = size / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let below_minute = size % 60_000_000_000;
    let fraction = format!("{:09}", below_minute % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let mut text = sign.to_owned();
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if seconds >= 60 {
        let _ = write!(text, "{minutes}m");
    }
    text.push_str(&(below_minute / 1_000_000_000).to_string());
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text.push('s');
    text
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

    #[test]
    fn a_printed_time_is_parsed_again() {
        let layout = "2006-01-02 15:04:05";
        let parsed = parse(layout, "2024-03-05 16:07:09", &TimeZone::UTC).unwrap();
        assert_eq!(parsed.timestamp(), sample().timestamp());
        assert!(parse(layout, "2024-03-05", &TimeZone::UTC).is_none());
    }

    #[test]
    fn durations_print_as_in_go() {
        for (text, expected) in [("90m", "1h30m0s"), ("1500ms", "1.5s"), ("-2h", "-2h0m0s")] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), expected);
        }
    }
}
