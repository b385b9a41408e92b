//! Dates.

use jiff::{SignedDuration, Timestamp, Zoned};

use super::Kind::{Any, Text, Time};
use super::numbers::saturating;
use super::{Call, Function, RandomKind, fixed};
use crate::template::fault::{Fault, Outcome, fail};
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
        let moment = time::utc(moment(call, call.arg(1)).timestamp());
        Ok(time::format(&moment, &call.text(0)).into())
    })
    .effort(16),
    fixed("dateInZone", &[Text, Any, Text], DATE_IN_ZONE).effort(16),
    fixed("date_in_zone", &[Text, Any, Text], DATE_IN_ZONE).effort(16),
    fixed("htmlDate", &[Any], |call| {
        let moment = time::utc(moment(call, call.arg(0)).timestamp());
        Ok(time::format(&moment, "2006-01-02").into())
    }),
    fixed("htmlDateInZone", &[Any, Text], |call| {
        let moment = moment(call, call.arg(0)).with_time_zone(time::zone(&call.text(1)));
        Ok(time::format(&moment, "2006-01-02").into())
    }),
    fixed("unixEpoch", &[Time], |call| {
        Ok(moment(call, call.arg(0)).timestamp().as_second().to_string().into())
    }),
    fixed("dateModify", &[Text, Time], DATE_MODIFY),
    fixed("date_modify", &[Text, Time], DATE_MODIFY),
    fixed("mustDateModify", &[Text, Time], MUST_DATE_MODIFY),
    fixed("must_date_modify", &[Text, Time], MUST_DATE_MODIFY),
    fixed("toDate", &[Text, Text], |call| {
        Ok(wrap(time::parse(&call.text(0), &call.text(1)).unwrap_or_else(|_| zero_time())))
    }),
    fixed("mustToDate", &[Text, Text], |call| {
        time::parse(&call.text(0), &call.text(1)).map(wrap).map_err(Fault::new)
    }),
    fixed("duration", &[Any], |call| {
        let seconds = match call.arg(0) {
            Value::Text(text) => saturating(text),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        let duration = SignedDuration::from_nanos(seconds.wrapping_mul(1_000_000_000));
        Ok(time::duration_text(duration).into())
    }),
    fixed("durationRound", &[Any], |call| Ok(rounded(call).into())),
];

/// Functions that look at the clock of the render.
pub(super) const CLOCK: &[Function] = &[
    fixed("now", &[], |call| Ok(wrap(time::utc(call.engine.now())))).draws(RandomKind::Clock),
    fixed("ago", &[Any], |call| {
        let passed = since(call, call.arg(0));
        let whole = passed.round(jiff::Unit::Second).unwrap_or(passed);
        Ok(time::duration_text(whole).into())
    })
    .draws(RandomKind::Clock),
];

fn wrap(moment: Zoned) -> Value {
    Value::object(Object::Time(moment))
}

fn zero_time() -> Zoned {
    time::utc(Timestamp::from_second(time::ZERO).unwrap_or_default())
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
    match time::parse_duration(&text) {
        Ok(by) => Ok(wrap(moment.checked_add(by).unwrap_or(moment))),
        Err(problem) if must => fail(problem),
        Err(_) => Ok(wrap(moment)),
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
    let nanos = duration.as_nanos().unsigned_abs();
    for (size, unit) in
        [(365 * DAY, "y"), (30 * DAY, "mo"), (DAY, "d"), (3600, "h"), (60, "m"), (1, "s")]
    {
        let size = u128::from(size) * 1_000_000_000;
        if nanos > size {
            return format!("{}{unit}", nanos / size);
        }
    }
    "0s".to_owned()
}
