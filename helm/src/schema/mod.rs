//! Values checked against the JSON schemas of the charts.

mod effort;
mod format;
mod report;
mod text;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value as Json;

use crate::coalesce::Node;
use effort::Effort;

/// Longest list of violations; one violation may quote all of the values.
const TEXT_LIMIT: usize = 64 << 10;
/// Violations of one chart that are listed.
const ERROR_LIMIT: usize = 1000;

/// A `values.schema.json`, compiled when it is first needed.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    text: Arc<[u8]>,
    compiled: Arc<OnceLock<Result<Compiled, Refusal>>>,
}

#[derive(Debug)]
struct Compiled {
    schema: Json,
    nodes: usize,
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
        let compiled = self.compiled.get_or_init(|| read(&self.text)).as_ref();
        let Compiled { schema, nodes, validator } = compiled.map_err(Refusal::clone)?;
        effort.count(schema, *nodes, values).map_err(Refusal::Limit)?;
        let errors: Vec<_> = validator.iter_errors(values).take(ERROR_LIMIT).collect();
        if errors.is_empty() {
            return Ok(());
        }
        let mut found = report::print(schema, &errors);
        if found.len() > TEXT_LIMIT {
            found.truncate(found.floor_char_boundary(TEXT_LIMIT));
            found.push_str("...\n- and more");
        } else if errors.len() == ERROR_LIMIT {
            found.push_str("\n- and more");
        }
        Err(Refusal::Unfit(found + "\n"))
    }
}

fn read(text: &[u8]) -> Result<Compiled, Refusal> {
    let schema: Json =
        serde_json::from_slice(text).map_err(|error| Refusal::Unfit(syntax(text, &error)))?;
    let nodes = effort::size(&schema).map_err(Refusal::Limit)?;
    let validator =
        compile(&schema).map_err(|error| Refusal::Unfit(shortened(unusable(&error))))?;
    Ok(Compiled { schema, nodes, validator })
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
                let _ = write!(out, "{}:\n{problem}", node.name);
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
