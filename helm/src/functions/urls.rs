//! URLs.

use std::fmt::Write as _;

use smol_str::SmolStr;

use super::Kind::{Map, Text};
use super::{Function, fixed};
use crate::value::{Entries, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("urlParse", &[Text], |call| Ok(Value::map(parse(&call.text(0))))),
    fixed("urlJoin", &[Map], |call| Ok(join(&call.map(0).borrow()).into())),
];

/// `url.QueryEscape`.
pub(super) fn escape_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|next| next.is_ascii_alphanumeric() || "+-.".contains(next));
    valid.then_some((scheme, rest))
}

fn parse(text: &str) -> Entries {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = scheme(rest).unwrap_or(("", rest));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut user, mut host, mut path, mut opaque) = ("", "", rest, "");
    if let Some(after) = rest.strip_prefix("//") {
        let slash = after.find('/').unwrap_or(after.len());
        let authority = &after[..slash];
        path = &after[slash..];
        (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    } else if !scheme.is_empty() && !rest.starts_with('/') {
        (path, opaque) = ("", rest);
    }
    let name = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(inner),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    [
        ("scheme", scheme.to_lowercase()),
        ("host", host.to_owned()),
        ("hostname", name.to_owned()),
        ("path", path.to_owned()),
        ("query", query.to_owned()),
        ("opaque", opaque.to_owned()),
        ("fragment", fragment.to_owned()),
        ("userinfo", user.to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (SmolStr::new(key), Value::from(value)))
    .collect()
}

fn join(parts: &Entries) -> String {
    let part =
        |key: &str| parts.get(key).and_then(Value::as_text).map(str::to_owned).unwrap_or_default();
    let (scheme, host, path, user) = (part("scheme"), part("host"), part("path"), part("userinfo"));
    let opaque = part("opaque");
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&scheme);
        out.push(':');
    }
    if opaque.is_empty() {
        if !host.is_empty() || !user.is_empty() || (!scheme.is_empty() && !path.is_empty()) {
            out.push_str("//");
        }
        if !user.is_empty() {
            out.push_str(&user);
            out.push('@');
        }
        out.push_str(&host);
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        out.push_str(&path);
    } else {
        out.push_str(&opaque);
    }
    for (mark, text) in [('?', part("query")), ('#', part("fragment"))] {
        if !text.is_empty() {
            out.push(mark);
            out.push_str(&text);
        }
    }
    out
}
