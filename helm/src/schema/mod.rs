//! Values checked against the JSON schemas of the charts.

mod format;
mod report;
mod text;

use std::fmt::Write as _;

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value as Json;

use crate::coalesce::Node;

/// Collects the violations of a chart and its subcharts; empty when all is well.
pub(crate) fn violations(node: &Node, values: &Json) -> String {
    let mut out = String::new();
    collect(node, values, &mut out);
    out
}

fn collect(node: &Node, values: &Json, out: &mut String) {
    if let Some(schema) = &node.schema
        && let Err(problem) = check(schema, values)
    {
        let _ = write!(out, "{}:\n{problem}", node.name());
    }
    for child in &node.children {
        match values.get(child.name()) {
            None | Some(Json::Null) => {}
            Some(below @ Json::Object(_)) => collect(child, below, out),
            Some(_) => {
                let _ = write!(
                    out,
                    "{}:\ninvalid type for values: expected object (map)\n",
                    child.name()
                );
            }
        }
    }
}

/// Resolves no reference to another place: a chart must not read its host or the network.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        // Helm lets everything pass that only has a name.
        if uri.scheme().as_str() == "urn" {
            return Ok(Json::Bool(true));
        }
        Err(format!("failing loading \"{uri}\": a schema may not refer to other files").into())
    }
}

/// Where the schema is, as helm names it.
const BASE: &str = "file:///values.schema.json";

fn compile(schema: &Json) -> Result<Validator, ValidationError<'static>> {
    format::OLD
        .iter()
        .fold(jsonschema::options(), |options, (name, accepts)| options.with_format(*name, accepts))
        .with_retriever(Nowhere)
        .with_base_uri(BASE)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(ValidationError::to_owned)
}

/// The schema at a place inside another one.
fn part(schema: &Json, pointer: &str) -> Option<Validator> {
    let mut whole = schema.as_object()?.clone();
    let dialect = whole.get("$schema").cloned();
    let old = dialect.as_ref().and_then(Json::as_str).is_some_and(|name| name.contains("draft-04"));
    let id = if old { "id" } else { "$id" };
    let base = whole.entry(id).or_insert_with(|| Json::from("file:///part.json"));
    let reference = format!("{}#{pointer}", base.as_str()?.trim_end_matches('#'));
    let mut outer = serde_json::Map::new();
    outer.extend(dialect.map(|dialect| ("$schema".to_owned(), dialect)));
    outer.insert("$ref".to_owned(), reference.into());
    outer.insert("definitions".to_owned(), serde_json::json!({ "whole": whole }));
    compile(&Json::Object(outer)).ok()
}

fn check(schema: &[u8], values: &Json) -> Result<(), String> {
    let schema: Json = serde_json::from_slice(schema).map_err(|error| syntax(schema, &error))?;
    let validator = compile(&schema).map_err(|error| unusable(&error))?;
    let errors: Vec<_> = validator.iter_errors(values).collect();
    if errors.is_empty() { Ok(()) } else { Err(report::print(&schema, &errors) + "\n") }
}

/// Why a schema cannot be used.
fn unusable(error: &ValidationError<'_>) -> String {
    let text = error.to_string();
    if let Some((_, reason)) = text.split_once("retrieving it failed: ") {
        return reason.to_owned();
    }
    let pointer =
        text.strip_prefix("Pointer '").and_then(|rest| rest.strip_suffix("' does not exist"));
    if let Some(pointer) = pointer {
        return format!("json-pointer in \"{BASE}#{pointer}\" not found");
    }
    let place = error.instance_path().as_str();
    format!("\"{BASE}#\" is not valid against metaschema: at {}: {text}", text::quote(place))
}

/// Words a syntax error as Go does, where that is simple.
fn syntax(schema: &[u8], error: &serde_json::Error) -> String {
    if schema.trim_ascii().is_empty() {
        return "EOF".to_owned();
    }
    if error.is_eof() {
        return "unexpected EOF".to_owned();
    }
    let text = error.to_string();
    if text.starts_with("trailing characters") {
        return "invalid character after top-level value".to_owned();
    }
    text
}
