//! Values checked against the JSON schemas of the charts.

mod effort;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::coalesce::Node;
use effort::Effort;

/// Longest list of violations; one violation may quote all of the values.
const TEXT_LIMIT: usize = 64 << 10;

/// A `values.schema.json`, compiled when it is first needed.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    text: Arc<[u8]>,
    compiled: Arc<OnceLock<Result<Compiled, Refusal>>>,
}

#[derive(Debug)]
struct Compiled {
    schema: Json,
    validator: Validator,
}

/// Why values are not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// They do not fit, or the schema is none.
    Unfit(String),
    /// Finding out would exceed a limit.
    Limit(String),
}

impl Schema {
    pub(crate) fn new(text: Arc<[u8]>) -> Self {
        Self { text, compiled: Arc::default() }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    fn check(&self, values: &Json, effort: &mut Effort) -> Result<(), Refusal> {
        let compiled = self.compiled.get_or_init(|| compile(&self.text)).as_ref();
        let Compiled { schema, validator } = compiled.map_err(Refusal::clone)?;
        effort.count(schema, values).map_err(Refusal::Limit)?;
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
        if found.is_empty() { Ok(()) } else { Err(Refusal::Unfit(found)) }
    }
}

/// References to files and URLs are never followed: a chart must not read its host.
fn compile(text: &[u8]) -> Result<Compiled, Refusal> {
    let schema: Json =
        serde_json::from_slice(text).map_err(|error| Refusal::Unfit(error.to_string()))?;
    effort::check_size(&schema).map_err(Refusal::Limit)?;
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| Refusal::Unfit(shortened(error.to_string())))?;
    Ok(Compiled { schema, validator })
}

/// Whether a chart or one of its subcharts has a schema.
pub(crate) fn is_wanted(node: &Node<'_>) -> bool {
    node.chart.schema.is_some() || node.children.iter().any(is_wanted)
}

/// Checks the values of a chart and its subcharts, and lists all that does not fit.
pub(crate) fn check(node: &Node<'_>, values: &Json, steps: u64) -> Result<(), Refusal> {
    let mut out = String::new();
    collect(node, values, &mut Effort::new(steps), &mut out)?;
    if out.is_empty() { Ok(()) } else { Err(Refusal::Unfit(out)) }
}

fn collect(
    node: &Node<'_>,
    values: &Json,
    effort: &mut Effort,
    out: &mut String,
) -> Result<(), Refusal> {
    if let Some(schema) = &node.chart.schema {
        match schema.check(values, effort) {
            Ok(()) => {}
            Err(Refusal::Unfit(problem)) => {
                let _ = write!(out, "{}:\n{problem}\n", node.name);
            }
            Err(Refusal::Limit(problem)) => {
                let chart = &node.name;
                return Err(Refusal::Limit(format!("values.schema.json of {chart}: {problem}")));
            }
        }
    }
    for child in &node.children {
        match values.get(&child.name) {
            None | Some(Json::Null) => {}
            Some(below @ Json::Object(_)) => collect(child, below, effort, out)?,
            Some(_) => {
                let _ = write!(
                    out,
                    "{}:\ninvalid type for values: expected object (map)\n",
                    child.name
                );
            }
        }
    }
    Ok(())
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        text.truncate(text.floor_char_boundary(TEXT_LIMIT));
        text.push_str("...");
    }
    text
}
