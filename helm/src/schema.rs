//! Values checked against the JSON schemas of the charts.

mod effort;

use serde_json::Value as Json;
use std::fmt::Write as _;

use crate::coalesce::Node;
use effort::Effort;

/// Longest list of violations; one violation may quote all of the values.
const TEXT_LIMIT: usize = 64 << 10;

/// Collects the violations of a chart and its subcharts, empty when all is well; an error says
/// which limit the check would exceed.
pub(crate) fn violations(node: &Node, values: &Json, steps: u64) -> Result<String, String> {
    let mut out = String::new();
    collect(node, values, &mut Effort::new(steps), &mut out)?;
    Ok(out)
}

fn collect(
    node: &Node,
    values: &Json,
    effort: &mut Effort,
    out: &mut String,
) -> Result<(), String> {
    if let Some(schema) = &node.schema
        && let Some(problem) = check(schema, values, effort)
            .map_err(|limit| format!("values.schema.json of {}: {limit}", node.name()))?
    {
        let _ = write!(out, "{}:\n{problem}\n", node.name());
    }
    for child in &node.children {
        match values.get(child.name()) {
            None | Some(Json::Null) => {}
            Some(below @ Json::Object(_)) => collect(child, below, effort, out)?,
            Some(_) => {
                let _ = write!(
                    out,
                    "{}:\ninvalid type for values: expected object (map)\n",
                    child.name()
                );
            }
        }
    }
    Ok(())
}

fn check(schema: &[u8], values: &Json, effort: &mut Effort) -> Result<Option<String>, String> {
    let schema: Json = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return Ok(Some(error.to_string())),
    };
    effort.count(&schema, values)?;
    // References to files and URLs are never followed: a chart must not read its host.
    let validator = match jsonschema::validator_for(&schema) {
        Ok(validator) => validator,
        Err(error) => return Ok(Some(shortened(error.to_string()))),
    };
    let mut found = String::new();
    for error in validator.iter_errors(values) {
        if found.len() > TEXT_LIMIT {
            found.push_str("\n- and more");
            break;
        }
        let between = if found.is_empty() { "" } else { "\n" };
        let problem = shortened(error.to_string());
        let _ = write!(found, "{between}- at '{}': {problem}", error.instance_path());
    }
    Ok((!found.is_empty()).then_some(found))
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        text.truncate(text.floor_char_boundary(TEXT_LIMIT));
        text.push_str("...");
    }
    text
}
