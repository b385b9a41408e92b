//! YAML, JSON and base64.

use serde_json::Value as Json;
use smol_str::SmolStr;

use super::Kind::{Any, Text};
use super::{Call, Function, fixed};
use crate::encoding::{JsonStyle, base64, from_base64, write_json};
use crate::json_syntax;
use crate::template::fault::{Fault, Outcome};
use crate::value::{Entries, Unwalkable, Value};
use crate::yaml::{self, Layout};

const COMPACT: JsonStyle = JsonStyle { escape_html: true, pretty: false };
const PRETTY: JsonStyle = JsonStyle { escape_html: true, pretty: true };
const RAW: JsonStyle = JsonStyle { escape_html: false, pretty: false };

/// What helm says before a problem with the JSON it made of YAML.
const OF_YAML: &str = "error unmarshaling JSON: while decoding JSON: json";

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toYaml", &[Any], |call| to_yaml(call, Layout::Compact)),
    fixed("toYamlPretty", &[Any], |call| to_yaml(call, Layout::Pretty)),
    fixed("fromYaml", &[Text], |call| {
        Ok(match yaml_of(call)? {
            Ok(value) => as_map(value, OF_YAML),
            Err(error) => error_map(&format!("error converting YAML to JSON: {error}")),
        })
    }),
    fixed("fromYamlArray", &[Text], |call| {
        Ok(match yaml_of(call)? {
            Ok(value) => as_list(value, OF_YAML),
            Err(error) => error_list(&format!("error converting YAML to JSON: {error}")),
        })
    }),
    fixed("toJson", &[Any], |call| to_json(call, COMPACT, false)),
    fixed("mustToJson", &[Any], |call| to_json(call, COMPACT, true)),
    fixed("toRawJson", &[Any], |call| to_json(call, RAW, false)),
    fixed("mustToRawJson", &[Any], |call| to_json(call, RAW, true)),
    fixed("toPrettyJson", &[Any], |call| to_json(call, PRETTY, false)),
    fixed("mustToPrettyJson", &[Any], |call| to_json(call, PRETTY, true)),
    fixed("fromJson", &[Text], |call| {
        Ok(match parsed_json(call)? {
            Ok(json) => as_map(Value::from_json(&json), "json"),
            Err(error) => error_map(&error),
        })
    }),
    fixed("fromJsonArray", &[Text], |call| {
        Ok(match parsed_json(call)? {
            Ok(json) => as_list(Value::from_json(&json), "json"),
            Err(error) => error_list(&error),
        })
    }),
    fixed("mustFromJson", &[Text], |call| {
        parsed_json(call)?.map(|json| Value::from_json(&json)).map_err(Fault::new)
    }),
    fixed("b64enc", &[Text], |call| Ok(base64(&call.bytes(0)).into())),
    fixed("b64dec", &[Text], |call| {
        Ok(match from_base64(&call.text(0)) {
            Some(bytes) => Value::byte_text(bytes),
            None => base64_problem(&call.text(0)).into(),
        })
    }),
    fixed("b32enc", &[Text], |call| Ok(base32(&call.bytes(0)).into())),
    fixed("b32dec", &[Text], |call| {
        Ok(match base32_decoded(&call.text(0)) {
            Ok(bytes) => Value::byte_text(bytes),
            Err(at) => format!("illegal base32 data at input byte {at}").into(),
        })
    }),
];

/// What only Helm 4 knows.
pub(super) const HELM4: &[Function] = &[fixed("mustToYaml", &[Any], |call| {
    // The walk of `toYaml` would hide the error.
    match call.walk(1, |budget| call.arg(0).to_json(budget))? {
        Err(Unwalkable::Number(value)) => {
            Err(Fault::new(format!("error marshaling into JSON: json: unsupported value: {value}")))
        }
        Err(problem) => Err(problem.into()),
        Ok(_) => to_yaml(call, Layout::Compact),
    }
})];

/// Memory a value takes that is read from text, for every symbol that may begin one.
const NODE_BYTES: usize = 128;

/// Counts what reading a text takes before it is read.
fn count_nodes(call: &Call<'_>, symbols: &[u8]) -> Outcome<()> {
    let text = call.text(0);
    let nodes = text.bytes().filter(|byte| symbols.contains(byte)).count();
    call.engine.allocate(nodes.saturating_mul(NODE_BYTES).saturating_add(text.len()))?;
    call.engine.work(nodes.saturating_mul(16).saturating_add(text.len().saturating_mul(4)))
}

fn yaml_of(call: &Call<'_>) -> Outcome<Result<Value, yaml::YamlError>> {
    count_nodes(call, b"\n,[{:-?")?;
    let text = call.text(0);
    // What an alias stands for must not be shared between maps that can be changed.
    if text.contains('&') {
        return Ok(yaml::from_str(&text).map(|json| Value::from_json(&json)));
    }
    Ok(yaml::read(&text))
}

fn parsed_json(call: &Call<'_>) -> Outcome<Result<Json, String>> {
    count_nodes(call, b",[{:")?;
    Ok(json_syntax::read(&call.text(0)))
}

/// Values that contain themselves give an empty text, as in Helm; oversized ones are an error.
fn json_of(call: &Call<'_>, effort: usize) -> Outcome<Result<Json, Unwalkable>> {
    match call.walk(effort, |budget| call.arg(0).to_json(budget))? {
        Err(Unwalkable::Size) => Err(Unwalkable::Size.into()),
        result => Ok(result),
    }
}

/// Helm reads the JSON of a value as YAML before it writes it, which folds line ends that JSON
/// has no escape for; false when it stumbles over a control character.
fn passes_as_yaml(json: &mut Json) -> bool {
    match json {
        Json::String(text) => text_passes(text),
        Json::Array(items) => items.iter_mut().all(passes_as_yaml),
        Json::Object(entries) => {
            entries.keys().all(|key| yaml::passes(key))
                && entries.iter_mut().all(|(_, value)| passes_as_yaml(value))
        }
        _ => true,
    }
}

fn text_passes(text: &mut String) -> bool {
    if text.contains('\u{85}') {
        let mut folded = String::with_capacity(text.len());
        let mut breaks = 0;
        for (index, part) in text.split('\u{85}').enumerate() {
            if index > 0 {
                folded.truncate(folded.trim_end_matches(' ').len());
                breaks += 1;
            }
            let part = if index > 0 { part.trim_start_matches(' ') } else { part };
            if !part.is_empty() && breaks > 0 {
                folded.push_str(&fold(breaks));
                breaks = 0;
            }
            folded.push_str(part);
        }
        if breaks > 0 {
            folded.push_str(&fold(breaks));
        }
        *text = folded;
    }
    yaml::passes(text)
}

/// What is left of line ends inside of a quoted text.
fn fold(breaks: usize) -> String {
    if breaks == 1 { " ".to_owned() } else { "\n".repeat(breaks - 1) }
}

fn to_yaml(call: &Call<'_>, layout: Layout) -> Outcome<Value> {
    if layout == Layout::Compact {
        let mut left = call.budget();
        if call.arg(0).is_plain_tree(&mut left) == Ok(true) {
            call.engine.work(4_usize.saturating_mul(call.budget() - left))?;
            return Ok(without_line_end(yaml::write(call.arg(0), layout)));
        }
    }
    let Ok(mut json) = json_of(call, 4)? else { return Ok(Value::text("")) };
    if layout == Layout::Compact && !passes_as_yaml(&mut json) {
        return Ok(Value::text(""));
    }
    Ok(without_line_end(yaml::write(&json, layout)))
}

fn without_line_end(mut text: String) -> Value {
    if text.ends_with('\n') {
        text.pop();
    }
    text.into()
}

fn to_json(call: &Call<'_>, style: JsonStyle, must: bool) -> Outcome<Value> {
    match json_of(call, 2)? {
        Ok(json) => Ok(write_json(&json, style).into()),
        Err(problem) if must => Err(problem.into()),
        Err(_) => Ok(Value::text("")),
    }
}

/// The type of a value that was read, as JSON calls it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::List(..) => "array",
        Value::Map(..) => "object",
        _ => "null",
    }
}

pub(super) fn error_map(message: &str) -> Value {
    let entries: Entries =
        [(SmolStr::new_static("Error"), Value::text(message))].into_iter().collect();
    Value::map(entries)
}

fn error_list(message: &str) -> Value {
    Value::list(vec![Value::text(message)])
}

fn as_map(value: Value, prefix: &str) -> Value {
    match value {
        Value::Map(..) => value,
        Value::Nil => Value::map(Entries::default()),
        other => error_map(&format!(
            "{prefix}: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            kind_of(&other)
        )),
    }
}

fn as_list(value: Value, prefix: &str) -> Value {
    match value {
        Value::List(..) => value,
        Value::Nil => Value::list(Vec::new()),
        other => error_list(&format!(
            "{prefix}: cannot unmarshal {} into Go value of type []interface {{}}",
            kind_of(&other)
        )),
    }
}

/// Where Go's decoder stumbles over base64.
pub(super) fn base64_problem(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut at = 0;
    let position = loop {
        let (mut count, mut quantum_ends) = (0, false);
        while count < 4 && !quantum_ends {
            let Some(&byte) = bytes.get(at) else {
                return format!("illegal base64 data at input byte {}", at - count);
            };
            at += 1;
            if is_break(byte) {
                continue;
            }
            if is_digit(byte) {
                count += 1;
                continue;
            }
            if byte != b'=' || count < 2 {
                return format!("illegal base64 data at input byte {}", at - 1);
            }
            let skip = |mut at: usize| {
                while bytes.get(at).is_some_and(|byte| is_break(*byte)) {
                    at += 1;
                }
                at
            };
            if count == 2 {
                at = skip(at);
                match bytes.get(at) {
                    None => return format!("illegal base64 data at input byte {}", bytes.len()),
                    Some(b'=') => at += 1,
                    Some(_) => return format!("illegal base64 data at input byte {}", at - 1),
                }
            }
            at = skip(at);
            quantum_ends = true;
        }
        if quantum_ends || at >= bytes.len() {
            break at;
        }
    };
    format!("illegal base64 data at input byte {position}")
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut block = [0; 5];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = block.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let used = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let symbol = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or(0);
            out.push(if index < used { char::from(BASE32[symbol]) } else { '=' });
        }
    }
    out
}

fn base32_decoded(text: &str) -> Result<Vec<u8>, usize> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    if !compact.len().is_multiple_of(8) {
        let is_known = |byte: &u8| BASE32.contains(byte) || *byte == b'=';
        let unknown = compact.iter().position(|byte| !is_known(byte));
        return Err(unknown.unwrap_or(compact.len() / 8 * 8));
    }
    let end = compact.iter().position(|byte| *byte == b'=').unwrap_or(compact.len());
    if end < compact.len() && matches!(end % 8, 0 | 1 | 3 | 6) {
        return Err(end);
    }
    if let Some(at) = compact[end..].iter().position(|byte| *byte != b'=') {
        return Err(end + at);
    }
    let (mut bits, mut count) = (0_u32, 0);
    let mut out = Vec::new();
    for (at, byte) in compact[..end].iter().enumerate() {
        let digit = BASE32.iter().position(|symbol| symbol == byte).ok_or(at)?;
        bits = bits << 5 | u32::try_from(digit).map_err(|_| at)?;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Ok(out)
}
