//! What checking values against a schema takes, found out before it is done.
//!
//! A schema of a few lines can take longer than the age of the universe: references that double
//! at every level, or lead back to themselves. The library that checks has no budget, so its
//! way is walked here first, without looking at the outcome, and every step of it is counted.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::{Map, Value as Json};

/// Nesting of schemas and values together; the library uses the stack as well.
const DEPTH_LIMIT: usize = 1000;
/// Nodes of a schema; each becomes a much larger object.
const NODE_LIMIT: usize = 200_000;
/// Steps for a pattern that must be matched by trying, which is when it looks around or back.
const TRIED_PATTERN: u64 = 20_000;

/// Steps that are left for all schemas of a render.
pub(super) struct Effort {
    limit: u64,
    left: u64,
}

impl Effort {
    pub(super) fn new(steps: u64) -> Self {
        Self { limit: steps, left: steps }
    }

    /// Counts what checking values takes, compiling a schema of so many nodes included.
    pub(super) fn count(
        &mut self,
        schema: &Json,
        nodes: usize,
        values: &Json,
    ) -> Result<(), String> {
        self.spend(nodes as u64 * 4)?;
        Walk { root: schema, names: OnceCell::new(), effort: self }.visit(schema, values, 0)
    }

    fn spend(&mut self, steps: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(steps).ok_or_else(|| {
            let limit = self.limit;
            format!(
                "checking the values takes more than the limit of {limit} steps: use fewer \
                 alternatives and references"
            )
        })?;
        Ok(())
    }
}

/// Counts the nodes of a schema before it is compiled, and refuses too many.
pub(super) fn size(schema: &Json) -> Result<usize, String> {
    let nodes = weight(schema);
    if nodes > NODE_LIMIT {
        return Err(format!("schema has more than the limit of {NODE_LIMIT} nodes: shorten it"));
    }
    Ok(nodes)
}

/// The nodes of a tree.
fn weight(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(weight).sum::<usize>() + 1,
        Json::Object(entries) => entries.values().map(weight).sum::<usize>() + 1,
        Json::String(text) => text.len() / 64 + 1,
        _ => 1,
    }
}

/// Collects what references may name.
fn name<'s>(schema: &'s Json, names: &mut HashMap<&'s str, Vec<&'s Json>>) {
    match schema {
        Json::Array(items) => items.iter().for_each(|item| name(item, names)),
        Json::Object(entries) => {
            for keyword in ["$id", "id", "$anchor", "$dynamicAnchor"] {
                if let Some(Json::String(known)) = entries.get(keyword) {
                    let known = known.trim_start_matches('#');
                    names.entry(known).or_default().push(schema);
                }
            }
            entries.values().for_each(|value| name(value, names));
        }
        _ => {}
    }
}

struct Walk<'s, 'e> {
    root: &'s Json,
    /// Collected at the first reference that is no path: few schemas have one.
    names: OnceCell<HashMap<&'s str, Vec<&'s Json>>>,
    effort: &'e mut Effort,
}

impl<'s> Walk<'s, '_> {
    fn visit(&mut self, schema: &'s Json, value: &Json, depth: usize) -> Result<(), String> {
        if depth > DEPTH_LIMIT {
            return Err(format!(
                "schema is nested deeper than the limit of {DEPTH_LIMIT} levels, or refers to \
                 itself without end"
            ));
        }
        let Json::Object(keywords) = schema else { return self.effort.spend(1) };
        self.effort.spend(keywords.len() as u64 + 1)?;
        // What is left over is found by evaluating all else once more.
        let again = keywords.keys().any(|keyword| keyword.starts_with("unevaluated"));
        for _ in 0..=usize::from(again) {
            for (keyword, argument) in keywords {
                self.keyword(keyword, argument, value, depth + 1)?;
            }
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        argument: &'s Json,
        value: &Json,
        depth: usize,
    ) -> Result<(), String> {
        match (keyword, argument) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Json::String(reference)) => {
                for target in self.targets(reference) {
                    self.visit(target, value, depth)?;
                }
            }
            ("allOf" | "anyOf" | "oneOf", Json::Array(schemas)) => {
                for schema in schemas {
                    self.visit(schema, value, depth)?;
                }
            }
            ("not" | "if" | "then" | "else", schema) => self.visit(schema, value, depth)?,
            ("dependentSchemas" | "dependencies", Json::Object(schemas)) => {
                for schema in schemas.values() {
                    self.visit(schema, value, depth)?;
                }
            }
            ("enum" | "const" | "required" | "dependentRequired", wanted) => {
                self.effort.spend(weight(wanted) as u64)?;
            }
            _ => match value {
                Json::Object(entries) => self.of_object(keyword, argument, entries, depth)?,
                Json::Array(items) => self.of_list(keyword, argument, items, depth)?,
                Json::String(text) => self.of_text(keyword, argument, text)?,
                _ => {}
            },
        }
        Ok(())
    }

    fn of_object(
        &mut self,
        keyword: &str,
        argument: &'s Json,
        entries: &Map<String, Json>,
        depth: usize,
    ) -> Result<(), String> {
        match (keyword, argument) {
            ("properties", Json::Object(schemas)) => {
                self.effort.spend(schemas.len() as u64)?;
                for (key, schema) in schemas {
                    if let Some(value) = entries.get(key) {
                        self.visit(schema, value, depth)?;
                    }
                }
            }
            ("patternProperties", Json::Object(schemas)) => {
                for (pattern, schema) in schemas {
                    for (key, value) in entries {
                        self.pattern(pattern, key)?;
                        self.visit(schema, value, depth)?;
                    }
                }
            }
            ("additionalProperties" | "unevaluatedProperties", schema) => {
                for value in entries.values() {
                    self.visit(schema, value, depth)?;
                }
            }
            ("propertyNames", schema) => {
                for key in entries.keys() {
                    self.visit(schema, &Json::String(key.clone()), depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn of_list(
        &mut self,
        keyword: &str,
        argument: &'s Json,
        items: &[Json],
        depth: usize,
    ) -> Result<(), String> {
        match (keyword, argument) {
            ("items" | "prefixItems", Json::Array(schemas)) => {
                for (schema, item) in schemas.iter().zip(items) {
                    self.visit(schema, item, depth)?;
                }
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema) => {
                for item in items {
                    self.visit(schema, item, depth)?;
                }
            }
            ("uniqueItems", _) => {
                let nodes: usize = items.iter().map(weight).sum();
                self.effort.spend(nodes as u64 * 4)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn of_text(&mut self, keyword: &str, argument: &Json, text: &str) -> Result<(), String> {
        match (keyword, argument) {
            ("pattern", Json::String(pattern)) => self.pattern(pattern, text),
            ("format" | "contentEncoding" | "contentMediaType", _) => {
                self.effort.spend(text.len() as u64 / 16)
            }
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, pattern: &str, text: &str) -> Result<(), String> {
        let tried = ["(?=", "(?!", "(?<", "\\1", "\\k"].iter().any(|mark| pattern.contains(mark));
        self.effort.spend(if tried { TRIED_PATTERN } else { 1 })?;
        self.effort.spend((pattern.len() as u64).saturating_mul(text.len() as u64) / 64)
    }

    fn names(&self) -> &HashMap<&'s str, Vec<&'s Json>> {
        self.names.get_or_init(|| {
            let mut names = HashMap::new();
            name(self.root, &mut names);
            names
        })
    }

    /// What a reference leads to inside the schema; files and addresses are never read.
    fn targets(&self, reference: &str) -> Vec<&'s Json> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let mut targets = Vec::new();
        if fragment.is_empty() || fragment.starts_with('/') {
            let bases = match base {
                "" => vec![self.root],
                base => self.names().get(base).cloned().unwrap_or_default(),
            };
            targets.extend(bases.into_iter().filter_map(|base| base.pointer(fragment)));
            // The pointer may start at a schema with an identity of its own.
            if targets.is_empty() {
                let all = self.names().values().flatten();
                targets.extend(all.filter_map(|base| base.pointer(fragment)));
            }
        } else {
            targets.extend(self.names().get(fragment).into_iter().flatten().copied());
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count(schema: &Json, values: &Json) -> Result<(), String> {
        Effort::new(100_000).count(schema, weight(schema), values)
    }

    #[test]
    fn an_ordinary_schema_takes_little() {
        let schema = json!({
            "$defs": {"port": {"type": "integer", "minimum": 1}},
            "type": "object",
            "properties": {
                "port": {"$ref": "#/$defs/port"},
                "tree": {"$ref": "#"},
                "names": {"type": "array", "items": {"enum": ["a", "b"], "pattern": "^[a-z]+$"}}
            },
            "additionalProperties": false
        });
        let values = json!({"port": 1, "tree": {"tree": {"port": 2}}, "names": ["a", "b"]});
        let mut effort = Effort::new(100_000);
        effort.count(&schema, weight(&schema), &values).unwrap();
        assert!(effort.limit - effort.left < 500, "{}", effort.limit - effort.left);
    }

    #[test]
    fn references_that_double_are_refused() {
        let mut defs = Map::new();
        for level in 0..60 {
            let next = format!("#/$defs/d{}", level + 1);
            defs.insert(format!("d{level}"), json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
        }
        let schema = json!({"$defs": defs, "$ref": "#/$defs/d0"});
        assert!(count(&schema, &json!({})).unwrap_err().contains("limit of 100000 steps"));
    }

    #[test]
    fn a_schema_that_refers_to_itself_is_refused() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$id": "https://a.b/c", "not": {"$ref": "https://a.b/c"}}),
            json!({"$anchor": "x", "if": {"$ref": "#x"}}),
        ] {
            assert!(count(&schema, &json!({})).unwrap_err().contains("without end"), "{schema}");
        }
    }

    #[test]
    fn many_alternatives_times_many_values_are_refused() {
        let schema = json!({"items": {"enum": vec![json!("x"); 1000]}});
        assert!(count(&schema, &json!(vec![1; 1000])).is_err());
        let patterns: Map<_, _> = (0..1000).map(|n| (format!("^{n}"), json!({}))).collect();
        let values: Map<_, _> = (0..1000).map(|n| (n.to_string(), json!(1))).collect();
        assert!(count(&json!({"patternProperties": patterns}), &Json::Object(values)).is_err());
    }
}
