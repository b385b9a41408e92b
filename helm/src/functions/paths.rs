//! Paths and versions.

use super::Kind::Text;
use super::{Call, Function, fixed};
use crate::semver::{Version, satisfies};
use crate::template::fault::Fault;
use crate::value::{Object, Value};

const BASE: super::Body = |call| Ok(path(call, base));
const DIR: super::Body = |call| Ok(path(call, dir));
const CLEAN: super::Body = |call| Ok(path(call, clean));
const EXT: super::Body = |call| Ok(path(call, extension));
const IS_ABS: super::Body = |call| Ok(Value::Bool(call.text(0).starts_with('/')));

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("base", &[Text], BASE),
    fixed("osBase", &[Text], BASE),
    fixed("dir", &[Text], DIR),
    fixed("osDir", &[Text], DIR),
    fixed("clean", &[Text], CLEAN),
    fixed("osClean", &[Text], CLEAN),
    fixed("ext", &[Text], EXT),
    fixed("osExt", &[Text], EXT),
    fixed("isAbs", &[Text], IS_ABS),
    fixed("osIsAbs", &[Text], IS_ABS),
    fixed("semver", &[Text], |call| {
        let version = Version::parse(&call.text(0)).map_err(Fault::new)?;
        Ok(Value::object(Object::Version(version)))
    }),
    fixed("semverCompare", &[Text, Text], |call| {
        satisfies(&call.text(0), &call.text(1)).map(Value::Bool).map_err(Fault::new)
    }),
];

fn path(call: &Call<'_>, of: fn(&str) -> String) -> Value {
    of(&call.text(0)).into()
}

/// `path.Base`.
pub(super) fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed).to_owned(),
    }
}

/// `path.Clean`.
fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute {
        format!("/{joined}")
    } else if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

fn dir(path: &str) -> String {
    path.rfind('/').map_or_else(|| ".".to_owned(), |slash| clean(&path[..=slash]))
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map(|dot| name[dot..].to_owned()).unwrap_or_default()
}
