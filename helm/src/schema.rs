//! Values checked against the JSON schemas of the charts.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::coalesce::Node;

/// A `values.schema.json`, compiled when it is first needed.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    text: Arc<[u8]>,
    compiled: Arc<OnceLock<Result<Validator, String>>>,
}

impl Schema {
    pub(crate) fn new(text: Arc<[u8]>) -> Self {
        Self { text, compiled: Arc::default() }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    fn check(&self, values: &Json) -> Result<(), String> {
        let validator = self.compiled.get_or_init(|| compile(&self.text)).as_ref();
        let found: Vec<String> = validator
            .map_err(String::clone)?
            .iter_errors(values)
            .map(|error| format!("- at '{}': {error}", error.instance_path()))
            .collect();
        if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
    }
}

/// References to files and URLs are never followed: a chart must not read its host.
fn compile(text: &[u8]) -> Result<Validator, String> {
    let schema: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    jsonschema::validator_for(&schema).map_err(|error| error.to_string())
}

/// Whether a chart or one of its subcharts has a schema.
pub(crate) fn is_wanted(node: &Node<'_>) -> bool {
    node.chart.schema.is_some() || node.children.iter().any(is_wanted)
}

/// Collects the violations of a chart and its subcharts; empty when all is well.
pub(crate) fn violations(node: &Node<'_>, values: &Json) -> String {
    let mut out = String::new();
    collect(node, values, &mut out);
    out
}

fn collect(node: &Node<'_>, values: &Json, out: &mut String) {
    if let Some(schema) = &node.chart.schema
        && let Err(problem) = schema.check(values)
    {
        let _ = write!(out, "{}:\n{problem}\n", node.name);
    }
    for child in &node.children {
        match values.get(&child.name) {
            None | Some(Json::Null) => {}
            Some(below @ Json::Object(_)) => collect(child, below, out),
            Some(_) => {
                let _ = write!(
                    out,
                    "{}:\ninvalid type for values: expected object (map)\n",
                    child.name
                );
            }
        }
    }
}
