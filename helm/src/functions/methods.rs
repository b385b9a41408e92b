//! Methods of the objects templates see.
//!
//! The receiver is the first argument of the body and no parameter of the signature.

use serde_json::{Map, Value as Json};

use super::Kind::{Any, Text};
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
    fixed("Unix", &[], |call| Ok(Value::Int64(moment(call)?.timestamp().as_second()))),
    fixed("Format", &[Text], |call| Ok(time::format(moment(call)?, &call.text(1)).into()))
        .effort(16),
    fixed("Year", &[], |call| Ok(Value::Int(i64::from(moment(call)?.year())))),
    fixed("Day", &[], |call| Ok(Value::Int(i64::from(moment(call)?.day())))),
    fixed("YearDay", &[], |call| Ok(Value::Int(i64::from(moment(call)?.day_of_year())))),
    fixed("Hour", &[], |call| Ok(Value::Int(i64::from(moment(call)?.hour())))),
    fixed("Minute", &[], |call| Ok(Value::Int(i64::from(moment(call)?.minute())))),
    fixed("Second", &[], |call| Ok(Value::Int(i64::from(moment(call)?.second())))),
    fixed("Weekday", &[], |call| Ok(time::weekday_name(moment(call)?).into())),
    fixed("UTC", &[], |call| Ok(Value::object(Object::Time(time::utc(moment(call)?.timestamp()))))),
    fixed("String", &[], |call| Ok(time::display(moment(call)?).into())),
];

const VERSION: &[Function] = &[
    fixed("Major", &[], |call| Ok(number(version(call, 0)?.major))),
    fixed("Minor", &[], |call| Ok(number(version(call, 0)?.minor))),
    fixed("Patch", &[], |call| Ok(number(version(call, 0)?.patch))),
    fixed("Prerelease", &[], |call| Ok(Value::text(&version(call, 0)?.pre))),
    fixed("Metadata", &[], |call| Ok(Value::text(&version(call, 0)?.metadata))),
    fixed("Original", &[], |call| Ok(Value::text(&version(call, 0)?.original))),
    fixed("String", &[], |call| Ok(version(call, 0)?.to_string().into())),
    fixed("Compare", &[Any], |call| {
        Ok(Value::Int(version(call, 0)?.compare(version(call, 1)?) as i64))
    }),
    fixed("GreaterThan", &[Any], |call| {
        Ok(Value::Bool(version(call, 0)?.compare(version(call, 1)?).is_gt()))
    }),
    fixed("LessThan", &[Any], |call| {
        Ok(Value::Bool(version(call, 0)?.compare(version(call, 1)?).is_lt()))
    }),
    fixed("Equal", &[Any], |call| {
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

fn moment<'a>(call: &'a Call<'_>) -> Outcome<&'a jiff::Zoned> {
    if let Value::Object(object) = call.arg(0)
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
