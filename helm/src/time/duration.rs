//! Durations read and written as Go does.

use std::fmt::Write as _;

use jiff::SignedDuration;

use super::quote;

/// Nanoseconds of a unit.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `time.ParseDuration`.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end =
            after.find(|next: char| next == '.' || next.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(size) = unit(name) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(name), quote(text)));
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let part = whole.checked_mul(size).filter(|part| *part <= 1 << 63).ok_or_else(invalid)?;
        // More digits than a nanosecond has do not count.
        let kept = &fraction[..fraction.len().min(18)];
        let part = if kept.is_empty() {
            part
        } else {
            let value: u64 = kept.parse().map_err(|_| invalid())?;
            let scale = 10_u128.pow(u32::try_from(kept.len()).unwrap_or(18));
            let extra = u128::from(value) * u128::from(size) / scale;
            part.checked_add(u64::try_from(extra).unwrap_or(0)).ok_or_else(invalid)?
        };
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(SignedDuration::from_nanos(0_i64.wrapping_sub_unsigned(total)));
    }
    i64::try_from(total).map(SignedDuration::from_nanos).map_err(|_| invalid())
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

    #[test]
    fn durations_print_as_in_go() {
        for (text, expected) in [("90m", "1h30m0s"), ("1500ms", "1.5s"), ("-2h", "-2h0m0s")] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), expected);
        }
    }

    #[test]
    fn wrong_durations_are_explained() {
        for (text, expected) in [
            ("x", "time: invalid duration \"x\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5d", "time: unknown unit \"d\" in duration \"5d\""),
        ] {
            assert_eq!(parse_duration(text).unwrap_err(), expected);
        }
    }
}
