//! How many requests the host still takes, told from its answers.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// One in so many requests is kept for writing.
const RESERVED_SHARE: u64 = 20;
const MOST_RESERVED: u64 = 100;
/// No host's window is longer; what an answer says beyond it is not believed.
const LONGEST: SignedDuration = SignedDuration::from_mins(65);
const UNTOLD: SignedDuration = SignedDuration::from_secs(60);

/// Says how many requests a host takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in a window of time.
    pub limit: u64,
    /// Requests left in this window.
    pub remaining: u64,
    /// When the next window begins.
    pub reset: Timestamp,
}

/// Holds what the last answers said.
#[derive(Debug, Default)]
pub(super) struct Limits {
    known: Option<RateLimit>,
    closed_until: Option<Timestamp>,
}

impl Limits {
    /// Returns what is known of the present window.
    pub(super) fn known(&self, now: Timestamp) -> Option<RateLimit> {
        self.known.filter(|known| known.reset > now)
    }

    /// Says until when a request has to wait, if it has to; reading stops a little before the end.
    pub(super) fn wait(&self, write: bool, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Some(until);
        }
        let RateLimit { limit, remaining, reset } = self.known(now)?;
        let kept = if write { 0 } else { (limit / RESERVED_SHARE).min(MOST_RESERVED) };
        (remaining <= kept).then_some(reset)
    }

    /// Takes over what the headers of an answer say.
    pub(super) fn record(&mut self, headers: &HeaderMap, now: Timestamp) {
        // Search and others are counted apart, and not used here.
        if text(headers, "x-ratelimit-resource").is_some_and(|resource| resource != "core") {
            return;
        }
        let Some(found) = window(headers, now) else { return };
        let remaining = match self.known {
            // Answers may overtake each other.
            Some(known) if known.limit == found.limit && known.reset == found.reset => {
                known.remaining.min(found.remaining)
            }
            _ => found.remaining,
        };
        self.known = Some(RateLimit { remaining, ..found });
    }

    /// Tells whether an answer says that there were too many requests, and remembers until when.
    pub(super) fn refused(
        &mut self,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let used_up = window(headers, now).filter(|window| window.remaining == 0);
        let told = text(headers, "retry-after").is_some();
        let refused = match status {
            429 => true,
            // GitHub answers so for both of its kinds of limits.
            403 => told || used_up.is_some() || says_rate_limit(body),
            _ => false,
        };
        if !refused {
            return None;
        }
        let until = retry_after(headers, now)
            .or_else(|| used_up.map(|window| window.reset))
            .unwrap_or_else(|| later(now, UNTOLD));
        self.closed_until = Some(until);
        Some(until)
    }
}

fn says_rate_limit(body: &[u8]) -> bool {
    let start = &body[..body.len().min(4096)];
    String::from_utf8_lossy(start).to_ascii_lowercase().contains("rate limit")
}

fn window(headers: &HeaderMap, now: Timestamp) -> Option<RateLimit> {
    let number = |name: &str| -> Option<u64> {
        let value = text(headers, &format!("x-{name}")).or_else(|| text(headers, name))?;
        value.trim().parse().ok()
    };
    let (limit, remaining) = (number("ratelimit-limit")?, number("ratelimit-remaining")?);
    let reset = i64::try_from(number("ratelimit-reset")?).ok()?;
    // Some write the moment, others how many seconds are left.
    let reset = if reset < 1_000_000 {
        later(now, SignedDuration::from_secs(reset))
    } else {
        Timestamp::from_second(reset).ok()?.min(later(now, LONGEST))
    };
    Some(RateLimit { limit, remaining, reset })
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let value = text(headers, "retry-after")?.trim();
    let until = match value.parse::<u32>() {
        Ok(seconds) => later(now, SignedDuration::from_secs(i64::from(seconds))),
        Err(_) => rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?,
    };
    Some(until.clamp(later(now, SignedDuration::from_secs(1)), later(now, LONGEST)))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by.min(LONGEST)).unwrap_or(now)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(NOW + second).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
            })
            .collect()
    }

    fn github(remaining: &str) -> HeaderMap {
        let reset = (NOW + 600).to_string();
        headers(&[
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", &reset),
        ])
    }

    #[test]
    fn reading_stops_while_writing_still_works() {
        let mut limits = Limits::default();
        limits.record(&github("101"), at(0));
        assert_eq!(limits.wait(false, at(0)), None);
        limits.record(&github("100"), at(0));
        assert_eq!(limits.wait(false, at(0)), Some(at(600)));
        assert_eq!(limits.wait(true, at(0)), None);
        limits.record(&github("0"), at(0));
        assert_eq!(limits.wait(true, at(0)), Some(at(600)));
        assert_eq!(limits.wait(true, at(600)), None, "the next window");
        assert_eq!(limits.known(at(600)), None);
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_what_is_left() {
        let mut limits = Limits::default();
        limits.record(&github("10"), at(0));
        limits.record(&github("11"), at(0));
        assert_eq!(limits.known(at(0)).unwrap().remaining, 10);
    }

    #[test]
    fn the_names_and_units_of_other_hosts_are_understood() {
        let mut limits = Limits::default();
        let given =
            [("ratelimit-limit", "60"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "30")];
        limits.record(&headers(&given), at(0));
        assert_eq!(limits.wait(true, at(0)), Some(at(30)));
    }

    #[test]
    fn refusals_for_too_many_requests_are_told_from_others() {
        let none = HeaderMap::new();
        let refused = |status, headers: &HeaderMap, body: &str| {
            Limits::default().refused(status, headers, body.as_bytes(), at(0))
        };
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(refused(403, &none, r#"{"message":"Resource not accessible"}"#), None);
        assert_eq!(refused(500, &headers(&[("retry-after", "5")]), ""), None);
        assert_eq!(refused(403, &none, secondary), Some(at(60)));
        assert_eq!(refused(403, &headers(&[("retry-after", "7")]), secondary), Some(at(7)));
        assert_eq!(refused(403, &github("0"), ""), Some(at(600)));
        assert_eq!(refused(403, &github("9"), "no"), None);
        assert_eq!(refused(429, &none, ""), Some(at(60)));
    }

    #[test]
    fn no_host_can_close_itself_for_ever() {
        let mut limits = Limits::default();
        let far = headers(&[("retry-after", "4000000000")]);
        assert_eq!(limits.refused(429, &far, b"", at(0)), Some(at(65 * 60)));
        let date = headers(&[("retry-after", "Fri, 15 Jan 2027 08:00:10 GMT")]);
        assert_eq!(limits.refused(429, &date, b"", at(0)), Some(at(10)));
        assert_eq!(limits.wait(true, at(9)), Some(at(10)));
        assert_eq!(limits.wait(true, at(10)), None);
    }
}
