//! Values given one by one, as with `helm template --set a.b=c`.
//!
//! Whole numbers set here are integers, those of a values file floats; templates see the
//! difference. Read files with [`from_file`], and render the result with
//! [`RenderOptions::keep_integers`](crate::RenderOptions::keep_integers).

mod assignment;
mod json;

use serde_json::{Map, Value as Json};

use crate::yaml;
use assignment::{Assignments, End, Reading};

/// Reads the file that an assignment of `--set-file` names.
pub type FileReader<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// How an assignment is read.
pub enum SetMode<'a> {
    /// As `--set`: numbers, booleans and null are what they look like.
    Typed,
    /// As `--set-string`: every value is text.
    Text,
    /// As `--set-json`: every value is JSON.
    Json,
    /// As `--set-file`: every value is the name of a file that holds it.
    File(&'a mut FileReader<'a>),
    /// As `--set-literal`: all that follows the first `=` is text.
    Literal,
}

/// An assignment that cannot be read, or does not fit the values that are there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetError(String);

/// Sets values: `a.b=c`, `a[0]=b`, `a={b,c}`, several of them separated by commas.
///
/// When it fails, a part of the values may be set already.
pub fn set(values: &mut Json, expression: &str, mode: SetMode<'_>) -> Result<(), SetError> {
    if values.is_null() {
        *values = Json::Object(Map::new());
    }
    let (flag, reading) = match mode {
        SetMode::Typed => ("--set", Reading::Typed),
        SetMode::Text => ("--set-string", Reading::Text),
        SetMode::Json => ("--set-json", Reading::Json),
        SetMode::File(read) => ("--set-file", Reading::File(read)),
        SetMode::Literal => ("--set-literal", Reading::Literal),
    };
    let json = matches!(reading, Reading::Json);
    let failed = |message: &str| {
        // Helm keeps the reason to itself for JSON.
        let end = if json { format!(" {expression}") } else { format!(": {message}") };
        SetError(format!("failed parsing {flag} data{end}"))
    };
    let Json::Object(values) = values else { return Err(failed("the values are no map")) };
    match Assignments::new(expression, reading).run(values) {
        Ok(()) | Err(End::Input) => Ok(()),
        Err(End::Failed(message)) => Err(failed(&message)),
    }
}

/// Reads a values file; its numbers are floats, as Helm has them.
pub fn from_file(text: &str) -> Result<Json, SetError> {
    match yaml::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Json::Null) => Ok(Json::Object(Map::new())),
        Ok(Json::Object(entries)) => Ok(floats(Json::Object(entries))),
        Ok(other) => {
            let kind = match other {
                Json::Array(_) => "array",
                Json::String(_) => "string",
                Json::Bool(_) => "bool",
                _ => "number",
            };
            Err(SetError(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into \
                 Go value of type map[string]interface {{}}"
            )))
        }
        Err(error) => Err(SetError(format!("error converting YAML to JSON: {error}"))),
    }
}

/// Makes floats of all numbers.
pub(crate) fn floats(json: Json) -> Json {
    match json {
        Json::Number(number) => {
            let float = number.as_f64().and_then(serde_json::Number::from_f64);
            Json::Number(float.unwrap_or(number))
        }
        Json::Array(items) => items.into_iter().map(floats).collect(),
        Json::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, floats(value))).collect()
        }
        other => other,
    }
}
