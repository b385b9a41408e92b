//! Methods of the objects templates see.
//!
//! The receiver is the first argument of the body and no parameter of the signature.

use jiff::SignedDuration;
use serde_json::{Map, Value as Json};

use super::Kind::{Int, SemVer, Text, Time};
use super::{Call, Function, fixed, paths};
use crate::encoding::base64;
use crate::files::Files;
use crate::semver::Version;
use crate::template::fault::{Outcome, fail};
use crate::time;
use crate::value::{Object, Value};
use crate::yaml::{self, Layout};

const FILES: &[Function] = &[
    fixed("Get", &[Text], |call| {
        Ok(Value::byte_text(files(call)?.get(&call.text(1)).unwrap_or_default().to_vec()))
    }),
    fixed("GetBytes", &[Text], |call| {
        Ok(Value::Bytes(files(call)?.get(&call.text(1)).unwrap_or_default().into()))
    }),
    fixed("Lines", &[Text], |call| {
        let data = files(call)?.get(&call.text(1)).unwrap_or_default();
        let text = String::from_utf8_lossy(data);
        let lines = text.matches('\n').count();
        call.engine.check_length(i64::try_from(lines).unwrap_or(i64::MAX))?;
        call.engine.work(data.len())?;
        if text.is_empty() {
            return Ok(Value::texts(Vec::<String>::new()));
        }
        Ok(Value::texts(text.strip_suffix('\n').unwrap_or(&text).split('\n')))
    }),
    fixed("Glob", &[Text], |call| {
        let (files, pattern) = (files(call)?, call.text(1));
        // The pattern is compiled anew, then matched with every name.
        call.engine.work(pattern.len().saturating_mul(1000))?;
        call.engine.write(files.len().saturating_mul(256))?;
        Ok(Value::object(Object::Files(files.glob(&pattern))))
    }),
    fixed("AsConfig", &[], |call| as_yaml(call, |data| String::from_utf8_lossy(data).into_owned())),
    fixed("AsSecrets", &[], |call| as_yaml(call, base64)),
];

const VERSIONS: &[Function] = &[fixed("Has", &[Text], |call| {
    let wanted = call.text(1);
    Ok(Value::Bool(match call.arg(0) {
        Value::Object(object) => match &**object {
            Object::Versions(versions) => versions.contains(&wanted),
            _ => false,
        },
        _ => false,
    }))
})];

/// What types with a `String` method share.
const DISPLAY: &[Function] = &[
    fixed("String", &[], |call| Ok(shown(call.arg(0)).into())),
    fixed("GitVersion", &[], |call| Ok(shown(call.arg(0)).into())),
];

const TIME: &[Function] = &[
    fixed("Unix", &[], |call| Ok(Value::Int64(moment(call, 0)?.timestamp().as_second()))),
    fixed("UnixMilli", &[], |call| Ok(Value::Int64(moment(call, 0)?.timestamp().as_millisecond()))),
    fixed("UnixMicro", &[], |call| Ok(Value::Int64(moment(call, 0)?.timestamp().as_microsecond()))),
    fixed("UnixNano", &[], |call| {
        let nanos = moment(call, 0)?.timestamp().as_nanosecond();
        Ok(Value::Int64(i64::try_from(nanos).unwrap_or(0)))
    }),
    fixed("Format", &[Text], |call| Ok(time::format(moment(call, 0)?, &call.text(1)).into()))
        .effort(16),
    fixed("Year", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.year())))),
    fixed("Month", &[], |call| Ok(time::month_name(moment(call, 0)?).into())),
    fixed("Day", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.day())))),
    fixed("YearDay", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.day_of_year())))),
    fixed("Hour", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.hour())))),
    fixed("Minute", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.minute())))),
    fixed("Second", &[], |call| Ok(Value::Int(i64::from(moment(call, 0)?.second())))),
    fixed("Nanosecond", &[], |call| {
        Ok(Value::Int(i64::from(moment(call, 0)?.subsec_nanosecond())))
    }),
    fixed("Weekday", &[], |call| Ok(time::weekday_name(moment(call, 0)?).into())),
    fixed("IsZero", &[], |call| {
        Ok(Value::Bool(moment(call, 0)?.timestamp().as_second() == time::ZERO))
    }),
    fixed("UTC", &[], |call| Ok(wrap(time::utc(moment(call, 0)?.timestamp())))),
    fixed("Local", &[], |call| Ok(wrap(time::utc(moment(call, 0)?.timestamp())))),
    fixed("AddDate", &[Int, Int, Int], |call| {
        let moved = time::add_date(moment(call, 0)?, call.int(1), call.int(2), call.int(3));
        moved.map(wrap).map_or_else(|| fail("the date is out of range"), Ok)
    }),
    fixed("After", &[Time], |call| Ok(Value::Bool(moment(call, 0)? > moment(call, 1)?))),
    fixed("Before", &[Time], |call| Ok(Value::Bool(moment(call, 0)? < moment(call, 1)?))),
    fixed("Equal", &[Time], |call| {
        Ok(Value::Bool(moment(call, 0)?.timestamp() == moment(call, 1)?.timestamp()))
    }),
    fixed("Sub", &[Time], |call| Ok(lasting(moment(call, 1)?.duration_until(moment(call, 0)?)))),
    fixed("Compare", &[Time], |call| Ok(Value::Int(moment(call, 0)?.cmp(moment(call, 1)?) as i64))),
    fixed("String", &[], |call| Ok(time::display(moment(call, 0)?).into())),
];

const DURATION: &[Function] = &[
    fixed("Hours", &[], |call| Ok(Value::Float(duration(call)?.as_secs_f64() / 3600.0))),
    fixed("Minutes", &[], |call| Ok(Value::Float(duration(call)?.as_secs_f64() / 60.0))),
    fixed("Seconds", &[], |call| Ok(Value::Float(duration(call)?.as_secs_f64()))),
    fixed("Milliseconds", &[], |call| Ok(nanos(duration(call)?, 1_000_000))),
    fixed("Microseconds", &[], |call| Ok(nanos(duration(call)?, 1_000))),
    fixed("Nanoseconds", &[], |call| Ok(nanos(duration(call)?, 1))),
    fixed("Abs", &[], |call| Ok(lasting(duration(call)?.abs()))),
    fixed("String", &[], |call| Ok(time::duration_text(duration(call)?).into())),
];

const VERSION: &[Function] = &[
    fixed("Major", &[], |call| Ok(number(version(call, 0)?.major))),
    fixed("Minor", &[], |call| Ok(number(version(call, 0)?.minor))),
    fixed("Patch", &[], |call| Ok(number(version(call, 0)?.patch))),
    fixed("Prerelease", &[], |call| Ok(Value::text(&version(call, 0)?.pre))),
    fixed("Metadata", &[], |call| Ok(Value::text(&version(call, 0)?.metadata))),
    fixed("Original", &[], |call| Ok(Value::text(&version(call, 0)?.original))),
    fixed("String", &[], |call| Ok(version(call, 0)?.to_string().into())),
    fixed("IncMajor", &[], |call| Ok(raised(&version(call, 0)?.next_major()))),
    fixed("IncMinor", &[], |call| Ok(raised(&version(call, 0)?.next_minor()))),
    fixed("IncPatch", &[], |call| Ok(raised(&version(call, 0)?.next_patch()))),
    fixed("Compare", &[SemVer], |call| {
        Ok(Value::Int(version(call, 0)?.compare(version(call, 1)?) as i64))
    }),
    fixed("GreaterThan", &[SemVer], |call| {
        Ok(Value::Bool(version(call, 0)?.compare(version(call, 1)?).is_gt()))
    }),
    fixed("LessThan", &[SemVer], |call| {
        Ok(Value::Bool(version(call, 0)?.compare(version(call, 1)?).is_lt()))
    }),
    fixed("Equal", &[SemVer], |call| {
        Ok(Value::Bool(version(call, 0)?.compare(version(call, 1)?).is_eq()))
    }),
];

/// Finds a method of an object.
pub(crate) fn method(object: &Object, name: &str) -> Option<&'static Function> {
    let methods = match object {
        Object::Files(_) => FILES,
        Object::Versions(_) => VERSIONS,
        Object::Time(_) => TIME,
        Object::Version(_) => VERSION,
        Object::Duration(_) => DURATION,
        Object::Struct(inner) if inner.display.is_some() => DISPLAY,
        Object::Struct(_) => return None,
    };
    methods.iter().find(|method| method.name == name)
}

fn shown(value: &Value) -> &str {
    if let Value::Object(object) = value { object.display().unwrap_or_default() } else { "" }
}

fn files<'a>(call: &'a Call<'_>) -> Outcome<&'a Files> {
    if let Value::Object(object) = call.arg(0)
        && let Object::Files(files) = &**object
    {
        return Ok(files);
    }
    fail("receiver is no set of files")
}

fn lasting(duration: SignedDuration) -> Value {
    Value::object(Object::Duration(duration))
}

fn nanos(duration: SignedDuration, unit: i128) -> Value {
    Value::Int64(i64::try_from(duration.as_nanos() / unit).unwrap_or(i64::MAX))
}

fn duration(call: &Call<'_>) -> Outcome<SignedDuration> {
    match call.arg(0) {
        Value::Object(object) => match &**object {
            Object::Duration(duration) => Ok(*duration),
            _ => fail("receiver is no duration"),
        },
        _ => fail("receiver is no duration"),
    }
}

fn wrap(moment: jiff::Zoned) -> Value {
    Value::object(Object::Time(moment))
}

fn moment<'a>(call: &'a Call<'_>, index: usize) -> Outcome<&'a jiff::Zoned> {
    if let Value::Object(object) = call.arg(index)
        && let Object::Time(moment) = &**object
    {
        return Ok(moment);
    }
    fail("receiver is no time")
}

fn version<'a>(call: &'a Call<'_>, index: usize) -> Outcome<&'a Version> {
    if let Value::Object(object) = call.arg(index)
        && let Object::Version(version) = &**object
    {
        return Ok(version);
    }
    let found = call.arg(index).type_name();
    fail(format!("wrong type for value; expected *semver.Version; got {found}"))
}

fn raised(version: &Version) -> Value {
    Value::object(Object::Version(version.clone()))
}

fn number(value: u64) -> Value {
    Value::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Files by base name, as YAML.
fn as_yaml(call: &Call<'_>, encode: impl Fn(&[u8]) -> String) -> Outcome<Value> {
    let files = files(call)?;
    call.engine.check_size(files.size())?;
    call.engine.work(files.size().saturating_mul(4))?;
    let entries: Map<String, Json> =
        files.iter().map(|(name, data)| (paths::base(name), Json::String(encode(data)))).collect();
    let text = yaml::write(&Json::Object(entries), Layout::Compact);
    Ok(text.trim_end_matches('\n').into())
}
