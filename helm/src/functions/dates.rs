//! Dates.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::Kind::{Any, Text};
use super::{Call, Function, fixed};
use crate::template::fault::{Outcome, fail};
use crate::time;
use crate::value::{Object, Value};

const DATE_IN_ZONE: super::Body = |call| {
    let zone = time::zone(&call.text(2));
    let moment = moment(call, call.arg(1)).with_time_zone(zone);
    Ok(time::format(&moment, &call.text(0)).into())
};
const DATE_MODIFY: super::Body = |call| modify(call, false);
const MUST_DATE_MODIFY: super::Body = |call| modify(call, true);

/// Functions of dates that are given.
pub(super) const PURE: &[Function] = &[
    fixed("date", &[Text, Any], |call| {
        Ok(time::format(&moment(call, call.arg(1)), &call.text(0)).into())
    })
    .effort(16),
    fixed("dateInZone", &[Text, Any, Text], DATE_IN_ZONE).effort(16),
    fixed("date_in_zone", &[Text, Any, Text], DATE_IN_ZONE).effort(16),
    fixed("htmlDate", &[Any], |call| {
        Ok(time::format(&moment(call, call.arg(0)), "2006-01-02").into())
    }),
    fixed("htmlDateInZone", &[Any, Text], |call| {
        let moment = moment(call, call.arg(0)).with_time_zone(time::zone(&call.text(1)));
        Ok(time::format(&moment, "2006-01-02").into())
    }),
    fixed("unixEpoch", &[Any], |call| {
        Ok(moment(call, call.arg(0)).timestamp().as_second().to_string().into())
    }),
    fixed("dateModify", &[Text, Any], DATE_MODIFY),
    fixed("date_modify", &[Text, Any], DATE_MODIFY),
    fixed("mustDateModify", &[Text, Any], MUST_DATE_MODIFY),
    fixed("must_date_modify", &[Text, Any], MUST_DATE_MODIFY),
    fixed("toDate", &[Text, Text], |call| {
        let parsed = time::parse(&call.text(0), &call.text(1), &TimeZone::UTC);
        Ok(wrap(parsed.unwrap_or_else(zero_time)))
    }),
    fixed("mustToDate", &[Text, Text], |call| {
        let (layout, text) = (call.text(0), call.text(1));
        match time::parse(&layout, &text, &TimeZone::UTC) {
            Some(parsed) => Ok(wrap(parsed)),
            None => fail(format!("parsing time {text:?} as {layout:?}: cannot parse")),
        }
    }),
    fixed("duration", &[Any], |call| {
        let seconds = match call.arg(0) {
            Value::Text(text) => text.parse().unwrap_or(0),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(time::duration_text(SignedDuration::from_secs(seconds)).into())
    }),
    fixed("durationRound", &[Any], |call| Ok(rounded(call).into())),
];

/// Functions that look at the clock of the render.
pub(super) const CLOCK: &[Function] = &[
    fixed("now", &[], |call| Ok(wrap(time::utc(call.engine.now())))),
    fixed("ago", &[Any], |call| {
        let passed = since(call, call.arg(0));
        Ok(time::duration_text(SignedDuration::from_secs(passed.as_secs())).into())
    }),
];

fn wrap(moment: Zoned) -> Value {
    Value::object(Object::Time(moment))
}

/// Go's zero time, the first second of year one.
fn zero_time() -> Zoned {
    time::utc(Timestamp::from_second(-62_135_596_800).unwrap_or_default())
}

/// A moment as Sprig takes it; what is no date is now.
fn moment(call: &Call<'_>, value: &Value) -> Zoned {
    match value {
        Value::Object(object) => match &**object {
            Object::Time(moment) => moment.clone(),
            _ => time::utc(call.engine.now()),
        },
        Value::Int(seconds) | Value::Int64(seconds) => {
            time::utc(Timestamp::from_second(*seconds).unwrap_or_default())
        }
        _ => time::utc(call.engine.now()),
    }
}

fn since(call: &Call<'_>, value: &Value) -> SignedDuration {
    call.engine.now().duration_since(moment(call, value).timestamp())
}

fn modify(call: &Call<'_>, must: bool) -> Outcome<Value> {
    let text = call.text(0);
    let moment = moment(call, call.arg(1));
    match time::parse_duration(&text).and_then(|by| moment.checked_add(by).ok()) {
        Some(moved) => Ok(wrap(moved)),
        None if must => fail(format!("time: invalid duration {text:?}")),
        None => Ok(wrap(moment)),
    }
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The largest unit of a duration, such as `2h` or `3mo`.
fn rounded(call: &Call<'_>) -> String {
    let duration = match call.arg(0) {
        Value::Text(text) => time::parse_duration(text).unwrap_or_default(),
        Value::Int64(nanos) => SignedDuration::from_nanos(*nanos),
        value @ Value::Object(_) => since(call, value),
        _ => SignedDuration::ZERO,
    };
    let sign = if duration.is_negative() { "-" } else { "" };
    let seconds = duration.as_secs().unsigned_abs();
    for (size, unit) in
        [(365 * DAY, "y"), (30 * DAY, "mo"), (DAY, "d"), (3600, "h"), (60, "m"), (1, "s")]
    {
        if seconds >= size {
            return format!("{sign}{}{unit}", seconds / size);
        }
    }
    "0s".to_owned()
}
