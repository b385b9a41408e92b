//! Values checked against the JSON schemas of the charts.

use serde_json::Value as Json;
use std::fmt::Write as _;

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
        let _ = write!(out, "{}:\n{problem}\n", node.name());
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

fn check(schema: &[u8], values: &Json) -> Result<(), String> {
    let schema: Json = serde_json::from_slice(schema).map_err(|error| error.to_string())?;
    // References to files and URLs are never followed: a chart must not read its host.
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    let found: Vec<String> = validator
        .iter_errors(values)
        .map(|error| format!("- at '{}': {error}", error.instance_path()))
        .collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}
