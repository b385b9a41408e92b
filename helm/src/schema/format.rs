//! Why a text is not of a format.

use serde_json::Value as Json;

use super::text::display;
use crate::print::quote;
use crate::semver::Version;

/// Formats that helm's validator knows in old drafts too, and tells of a text.
type Check = fn(&str) -> bool;
pub(super) const OLD: [(&str, Check); 3] =
    [("uuid", is_uuid), ("duration", is_duration), ("semver", is_semver)];

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hex)
}

/// `P1Y2M3DT4H5M6S` or `P7W`.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|byte| byte.is_ascii_digit());
    }
    let in_order = |text: &str, units: &str| {
        let mut units = units.chars();
        let mut digits = 0;
        for symbol in text.chars() {
            if symbol.is_ascii_digit() {
                digits += 1;
            } else if digits == 0 || !units.any(|unit| unit == symbol) {
                return false;
            } else {
                digits = 0;
            }
        }
        digits == 0
    };
    match rest.split_once('T') {
        Some((date, time)) => !time.is_empty() && in_order(date, "YMD") && in_order(time, "HMS"),
        None => !rest.is_empty() && in_order(rest, "YMD"),
    }
}

fn is_semver(text: &str) -> bool {
    text.split(['-', '+']).next().is_some_and(|core| core.split('.').count() == 3)
        && Version::parse(text).is_ok()
        && !text.starts_with('v')
}

/// What helm says of a value that is not of a format.
pub(super) fn refusal(value: &Json, format: &str) -> String {
    let text = value.as_str().unwrap_or_default();
    let shown = display(value);
    match reason(text, format) {
        Some(reason) => format!("{shown} is not valid {format}: {reason}"),
        None => format!("{shown} is not valid {format}"),
    }
}

fn reason(text: &str, format: &str) -> Option<String> {
    match format {
        "ipv4" => Some(ipv4(text)),
        "ipv6" => (!text.contains(':')).then(|| "missing colon".to_owned()),
        "email" => (!text.contains('@')).then(|| "missing @".to_owned()),
        "date-time" => (text.len() < 20).then(|| "less than 20 characters long".to_owned()),
        "time" => (text.len() < 9).then(|| "less than 9 characters long".to_owned()),
        "duration" => (!text.starts_with('P')).then(|| "must start with P".to_owned()),
        "date" => {
            let year = text.len() >= 4 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
            (!year).then(|| {
                let shown = quote(text);
                format!("parsing time {shown} as \"2006-01-02\": cannot parse {shown} as \"2006\"")
            })
        }
        "uuid" => (text.split('-').count() != 5).then(|| "must have 5 elements".to_owned()),
        "hostname" => hostname(text),
        "uri" | "iri" => (!text.contains(':')).then(|| "relative url".to_owned()),
        _ => None,
    }
}

fn ipv4(text: &str) -> String {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return "expected four decimals".to_owned();
    }
    if groups.iter().any(|group| group.len() > 1 && group.starts_with('0')) {
        return "leading zeros".to_owned();
    }
    "decimal must be between 0 and 255".to_owned()
}

fn hostname(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("more than 253 characters long".to_owned());
    }
    for label in text.strip_suffix('.').unwrap_or(text).split('.') {
        if label.is_empty() || label.len() > 63 {
            return Some("label must be 1 to 63 characters long".to_owned());
        }
        if label.starts_with('-') {
            return Some("label starts with hyphen".to_owned());
        }
        if label.ends_with('-') {
            return Some("label ends with hyphen".to_owned());
        }
        let odd = label.chars().find(|symbol| !(symbol.is_ascii_alphanumeric() || *symbol == '-'));
        if let Some(odd) = odd {
            return Some(format!("invalid character '{odd}'"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_newer_drafts_are_told_apart() {
        for (text, fits) in [("P1Y2M3DT4H5M6S", true), ("P7W", true), ("PT1S", true), ("P", false)]
        {
            assert_eq!(is_duration(text), fits, "{text}");
        }
        assert!(!is_duration("P1D2Y") && !is_duration("P1") && !is_duration("P1DT"));
        assert!(is_uuid("123e4567-e89b-12d3-a456-426614174000") && !is_uuid("123e4567"));
        assert!(is_semver("1.2.3-rc.1") && !is_semver("1.2") && !is_semver("v1.2.3"));
    }
}
