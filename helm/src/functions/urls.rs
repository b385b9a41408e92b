//! URLs, taken apart and put together as Go's `net/url` does.

use std::fmt::Write as _;
use std::net::IpAddr;

use smol_str::SmolStr;

use super::Kind::{Map, Text};
use super::{Call, Function, fixed};
use crate::print::quote;
use crate::template::fault::{Fault, Outcome, fail};
use crate::value::{Entries, Value};

pub(super) const FUNCTIONS: &[Function] =
    &[fixed("urlParse", &[Text], url_parse), fixed("urlJoin", &[Map], url_join)];

/// `url.QueryEscape`.
pub(super) fn escape_query(text: &str) -> String {
    escape(text.as_bytes(), Part::Query)
}

/// What a text is part of, which decides what has to be escaped in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

impl Part {
    fn keeps(self, byte: u8) -> bool {
        let marks: &[u8] = match self {
            Self::Path => b"$&+,/:;=@",
            Self::Host | Self::Zone => b"!\"$&'()*+,:;<=>[]",
            Self::User => b"$&+,;=",
            Self::Query => b"",
            Self::Fragment => b"!$&()*+,/:;=?@",
        };
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || marks.contains(&byte)
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte == b' ' && part == Part::Query {
            out.push('+');
        } else if part.keeps(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn bad_escape(text: &[u8]) -> String {
    let shown = crate::print::quote_bytes(&text[..text.len().min(3)]);
    format!("invalid URL escape {shown}")
}

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let in_host = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if *byte != b'%' {
            if in_host && byte.is_ascii() && !part.keeps(*byte) {
                let shown = quote(char::from(*byte).encode_utf8(&mut [0; 4]));
                return Err(format!("invalid character {shown} in host name"));
            }
            out.push(*byte);
            rest = after;
            continue;
        }
        let (Some(high), Some(low)) = (hex_digit(after.first()), hex_digit(after.get(1))) else {
            return Err(bad_escape(rest));
        };
        let value = high << 4 | low;
        // A host may only have escapes of what is not ASCII; a zone also those of few others.
        let refused = match part {
            Part::Host => high < 8 && value != b'%',
            Part::Zone => value != b'%' && value != b' ' && !Part::Host.keeps(value),
            _ => false,
        };
        if refused {
            return Err(bad_escape(rest));
        }
        out.push(value);
        rest = &after[2..];
    }
    Ok(out)
}

/// The scheme, and what follows it.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn checked_port(text: &str) -> Result<(), String> {
    if is_port(text) { Ok(()) } else { Err(format!("invalid port {} after host", quote(text))) }
}

/// The first segment of a path holds a colon, so that it could be taken for a scheme.
fn looks_like_scheme(path: &str) -> bool {
    path.split('/').next().is_some_and(|segment| segment.contains(':'))
}

#[derive(Default)]
struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl User {
    fn parse(text: &str) -> Result<Self, String> {
        let valid =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
        if !text.bytes().all(valid) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = match text.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (text, None),
        };
        let name = unescape(name, Part::User)?;
        let password = password.map(|password| unescape(password, Part::User)).transpose()?;
        Ok(Self { name, password })
    }

    fn shown(&self) -> String {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(':');
            out.push_str(&escape(password, Part::User));
        }
        out
    }
}

#[derive(Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<User>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: String,
    fragment: Vec<u8>,
}

fn parse(text: &str) -> Result<Url, String> {
    let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
    let failed = |of: &str, error: String| format!("parse {}: {error}", quote(of));
    let mut found = without_fragment(url).map_err(|error| failed(url, error))?;
    found.fragment = unescape(fragment, Part::Fragment).map_err(|error| failed(text, error))?;
    Ok(found)
}

fn without_fragment(text: &str) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text == "*" {
        return Ok(Url { path: b"*".to_vec(), ..Url::default() });
    }
    let (scheme, rest) = scheme(text)?;
    let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut found =
        Url { scheme: scheme.to_ascii_lowercase(), query: query.to_owned(), ..Url::default() };
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(Url { opaque: rest.to_owned(), ..found });
        }
        if looks_like_scheme(rest) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let has_authority = !scheme.is_empty() || !rest.starts_with("///");
    if let Some(after) = rest.strip_prefix("//").filter(|_| has_authority) {
        let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
        rest = path;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        found.host = parse_host(&found.scheme, host)?;
        found.user = user.map(User::parse).transpose()?;
    }
    found.path = unescape(rest, Part::Path)?;
    Ok(found)
}

fn parse_host(scheme: &str, host: &str) -> Result<Vec<u8>, String> {
    match host.rfind('[') {
        Some(0) => return parse_ip_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    // In other schemes what stands before the last colon may hold colons too.
    let colon = if matches!(scheme, "http" | "https") { host.find(':') } else { host.rfind(':') };
    if let Some(at) = colon {
        checked_port(&host[at..])?;
    }
    unescape(host, Part::Host)
}

fn parse_ip_literal(host: &str) -> Result<Vec<u8>, String> {
    let (name, port) = host
        .rfind(']')
        .map(|end| (&host[1..end], &host[end + 1..]))
        .ok_or("missing ']' in host")?;
    checked_port(port)?;
    let (address, zone) = name.split_at(name.find("%25").unwrap_or(name.len()));
    let address = unescape(address, Part::Host)?;
    let zone = unescape(zone, Part::Zone)?;
    match String::from_utf8_lossy(&address).parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) if zone.len() != 1 => {}
        Ok(IpAddr::V4(_)) if zone.is_empty() => return Err("invalid IP-literal".to_owned()),
        _ => {
            let shown = crate::print::quote_bytes(&[address, zone].concat());
            return Err(format!("invalid host: ParseAddr({shown}): unable to parse IP"));
        }
    }
    Ok([b"[", &*address, &*zone, b"]", port.as_bytes()].concat())
}

fn host_name(host: &[u8]) -> &[u8] {
    let port = host
        .iter()
        .rposition(|byte| *byte == b':')
        .filter(|at| host[at + 1..].iter().all(u8::is_ascii_digit));
    let name = &host[..port.unwrap_or(host.len())];
    name.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(name)
}

fn url_parse(call: &mut Call<'_>) -> Outcome<Value> {
    let url = parse(&call.text(0))
        .map_err(|error| Fault::new(format!("unable to parse url: {error}")))?;
    let parts = [
        ("hostname", Value::byte_text(host_name(&url.host).to_vec())),
        ("scheme", url.scheme.into()),
        ("host", Value::byte_text(url.host)),
        ("path", Value::byte_text(url.path)),
        ("query", url.query.into()),
        ("opaque", url.opaque.into()),
        ("fragment", Value::byte_text(url.fragment)),
        ("userinfo", url.user.unwrap_or_default().shown().into()),
    ];
    let parts: Entries =
        parts.into_iter().map(|(key, value)| (SmolStr::new_static(key), value)).collect();
    Ok(Value::map(parts))
}

fn url_join(call: &mut Call<'_>) -> Outcome<Value> {
    let map = call.map(0);
    let part = |key: &str| -> Outcome<Vec<u8>> {
        match map.borrow().get(key) {
            None => Ok(Vec::new()),
            Some(Value::Text(text)) => Ok(text.as_bytes().to_vec()),
            Some(Value::Raw(bytes)) => Ok(bytes.to_vec()),
            Some(Value::Nil) => {
                fail("runtime error: invalid memory address or nil pointer dereference")
            }
            Some(other) => fail(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                other.kind_name()
            )),
        }
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let user = String::from_utf8_lossy(&part("userinfo")?).into_owned();
    let user = if user.is_empty() {
        None
    } else {
        let parsed = parse(&format!("proto://{user}@host"));
        parsed
            .map_err(|error| Fault::new(format!("unable to parse userinfo in dict: {error}")))?
            .user
    };
    let mut out = Vec::new();
    if !scheme.is_empty() {
        out.extend([&*scheme, b":"].concat());
    }
    if opaque.is_empty() {
        let with_host = !host.is_empty() || user.is_some();
        if with_host || (!scheme.is_empty() && !path.is_empty()) {
            out.extend(b"//");
        }
        if let Some(user) = user {
            out.extend(user.shown().bytes());
            out.push(b'@');
        }
        out.extend(escape(&host, Part::Host).bytes());
        let path = if path == b"*" { "*".to_owned() } else { escape(&path, Part::Path) };
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && looks_like_scheme(&path) {
            out.extend(b"./");
        }
        out.extend(path.bytes());
    } else {
        out.extend(opaque);
    }
    if !query.is_empty() {
        out.push(b'?');
        out.extend(query);
    }
    if !fragment.is_empty() {
        out.push(b'#');
        out.extend(escape(&fragment, Part::Fragment).bytes());
    }
    Ok(Value::byte_text(out))
}
