//! What Helm reads of a manifest to know where it goes.

use serde_json::{Map, Value as Json};

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";

/// How Go calls the field when it cannot fill it.
const METADATA: &str = "struct field SimpleHead.metadata of type struct { Name string \"json:\\\"name\\\"\"; \
    Annotations map[string]string \"json:\\\"annotations\\\"\" }";

/// The part of a manifest that decides where it goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) name: String,
    /// The events it is a hook for, as written.
    pub(super) hook: Option<String>,
    pub(super) weight: i64,
}

impl Head {
    /// Takes in an annotation, if it is one of Helm's about hooks.
    pub(super) fn annotate(&mut self, key: &str, value: &str) {
        match key {
            HOOK => self.hook = Some(value.to_owned()),
            HOOK_WEIGHT => self.weight = value.parse().unwrap_or(0),
            _ => {}
        }
    }
}

fn text_of(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()),
        other @ (Json::Bool(_) | Json::Number(_)) => Some(other.to_string()),
        _ => None,
    }
}

/// Reads the head as Helm does, which decodes it into a Go struct.
pub(super) fn head(document: &Json) -> Result<Head, String> {
    let go_kind = |value: &Json| match value {
        Json::Array(_) => "array",
        Json::String(_) => "string",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        _ => "object",
    };
    let wrong = |value: &Json, target: &str| {
        format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go {target}",
            go_kind(value)
        )
    };
    let entries = match document {
        Json::Null => return Ok(Head::default()),
        Json::Object(entries) => entries,
        other => return Err(wrong(other, "value of type releaseutil.SimpleHead")),
    };
    let text = |entries: &Map<String, Json>, key, owner| match entries.get(key) {
        Some(found @ (Json::Object(_) | Json::Array(_))) => {
            Err(wrong(found, &format!("struct field {owner}.{key} of type string")))
        }
        found => Ok(text_of(found).unwrap_or_default()),
    };
    text(entries, "apiVersion", "SimpleHead")?;
    let mut found = Head { kind: text(entries, "kind", "SimpleHead")?, ..Head::default() };
    let metadata = match entries.get("metadata") {
        None | Some(Json::Null) => return Ok(found),
        Some(Json::Object(metadata)) => metadata,
        Some(other) => {
            return Err(wrong(other, METADATA));
        }
    };
    let none = Map::new();
    let annotations = match metadata.get("annotations") {
        None | Some(Json::Null) => &none,
        Some(Json::Object(annotations)) => annotations,
        Some(other) => {
            return Err(wrong(
                other,
                "struct field .metadata.annotations of type map[string]string",
            ));
        }
    };
    if let Some(bad) =
        annotations.values().find(|value| matches!(value, Json::Object(_) | Json::Array(_)))
    {
        return Err(wrong(bad, "struct field .metadata.annotations of type string"));
    }
    found.name = text(metadata, "name", ".metadata")?;
    for key in [HOOK, HOOK_WEIGHT] {
        if let Some(value) = annotations.get(key) {
            found.annotate(key, &text_of(Some(value)).unwrap_or_default());
        }
    }
    Ok(found)
}
