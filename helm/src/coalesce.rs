//! Charts prepared for a render: values merged from parent to child, dependencies chosen.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::chart::{Chart, Dependency};
use crate::semver::is_compatible;
use crate::value::{Entries, MapKind, SharedMap, Unwalkable, Value};

/// Values of one chart that are too large or deep to handle.
const COPY_BUDGET: usize = 1 << 30;

/// A chart in the tree that is rendered; an aliased dependency has another name than its chart.
#[derive(Clone)]
pub(crate) struct Node<'c> {
    pub(crate) chart: &'c Chart,
    pub(crate) name: String,
    pub(crate) dependencies: Option<Vec<Dependency>>,
    pub(crate) values: Value,
    pub(crate) children: Vec<Self>,
}

/// Values that do not fit the chart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoalesceError {
    #[error("type mismatch on {0}: the values of a subchart must be a map")]
    NotAMap(String),
    #[error("the values are nested too deeply or too large")]
    Unwalkable,
}

impl From<Unwalkable> for CoalesceError {
    fn from(_: Unwalkable) -> Self {
        Self::Unwalkable
    }
}

impl<'c> Node<'c> {
    pub(crate) fn new(chart: &'c Chart) -> Self {
        Self {
            chart,
            name: chart.metadata.name.clone(),
            dependencies: chart.metadata.dependencies.clone(),
            values: Value::from_json(&chart.values),
            children: chart.subcharts.iter().map(Self::new).collect(),
        }
    }

    /// Chooses the dependencies and takes over the values they export.
    pub(crate) fn resolve(
        &mut self,
        values: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<(), CoalesceError> {
        self.enable(values, "", warnings)?;
        self.import(warnings)
    }

    fn enable(
        &mut self,
        values: &Value,
        path: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), CoalesceError> {
        let Some(mut wanted) = self.dependencies.take() else { return Ok(()) };
        self.children = chosen(&std::mem::take(&mut self.children), &mut wanted);
        let values = coalesce(self, values, false, warnings)?;
        apply_tags(&mut wanted, &values);
        apply_conditions(&mut wanted, &values, path, warnings);
        let disabled: Vec<String> = wanted
            .iter()
            .filter(|dependency| !dependency.enabled)
            .map(|dependency| dependency.name.clone())
            .collect();
        self.children.retain(|child| !disabled.contains(&child.name));
        wanted.retain(|dependency| !disabled.contains(&dependency.name));
        for child in &mut self.children {
            let path = format!("{path}{}.", child.name);
            child.enable(&values, &path, warnings)?;
        }
        self.dependencies = Some(wanted);
        Ok(())
    }

    fn import(&mut self, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
        for child in &mut self.children {
            child.import(warnings)?;
        }
        let Some(dependencies) = self.dependencies.clone() else { return Ok(()) };
        let values = coalesce(self, &Value::Nil, true, warnings)?;
        let imported = SharedMap::default();
        for dependency in &dependencies {
            for wanted in &dependency.import_values {
                let name = &dependency.name;
                let table = match wanted {
                    Json::Object(entries) => {
                        let field = |key: &str| entries.get(key).and_then(Json::as_str);
                        let (child, parent) =
                            (field("child").unwrap_or_default(), field("parent").unwrap_or("."));
                        lookup(&values, &format!("{name}.{child}")).map(|map| nested(map, parent))
                    }
                    Json::String(export) => lookup(&values, &format!("{name}.exports.{export}")),
                    _ => None,
                };
                match table {
                    Some(table) => merge_tables(&imported, &table, true),
                    None => warnings.push(format!("importValues missing table from chart {name}")),
                }
            }
        }
        let own = values.deep_copy(&mut { COPY_BUDGET })?;
        if let Some(own) = own.as_map() {
            merge_tables(own, &imported, true);
        }
        self.values = own;
        Ok(())
    }
}

/// The subcharts that are listed, under their aliases, and those that are not listed at all.
fn chosen<'c>(present: &[Node<'c>], wanted: &mut [Dependency]) -> Vec<Node<'c>> {
    let fits = |child: &Node<'_>, dependency: &Dependency| {
        child.name == dependency.name
            && is_compatible(&dependency.version, &child.chart.metadata.version)
    };
    let mut kept: Vec<Node<'c>> = present
        .iter()
        .filter(|child| !wanted.iter().any(|dependency| fits(child, dependency)))
        .cloned()
        .collect();
    for dependency in wanted {
        if let Some(child) = present.iter().find(|child| fits(child, dependency)) {
            let mut child = child.clone();
            dependency.key().clone_into(&mut child.name);
            kept.push(child);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }
    kept
}

fn apply_tags(wanted: &mut [Dependency], values: &Value) {
    let Some(tags) = lookup(values, "tags") else { return };
    for dependency in wanted {
        let tags = tags.borrow();
        let set = |state: bool| {
            dependency.tags.iter().any(
                |tag| matches!(tags.get(tag.as_str()), Some(Value::Bool(found)) if *found == state),
            )
        };
        dependency.enabled = set(true) || !set(false);
    }
}

fn apply_conditions(
    wanted: &mut [Dependency],
    values: &Value,
    path: &str,
    warnings: &mut Vec<String>,
) {
    for dependency in wanted {
        for condition in dependency.condition.trim().split(',').filter(|part| !part.is_empty()) {
            match scalar_at(values, &format!("{path}{condition}")) {
                Some(Value::Bool(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(_) => warnings.push(format!(
                    "Condition path '{condition}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
    }
}

/// The map at a dotted path.
fn lookup(values: &Value, path: &str) -> Option<SharedMap> {
    let mut current = values.as_map()?.clone();
    for key in path.split('.') {
        let next = current.borrow().get(key).and_then(|value| value.as_map().cloned())?;
        current = next;
    }
    Some(current)
}

fn scalar_at(values: &Value, path: &str) -> Option<Value> {
    let (table, key) = match path.rsplit_once('.') {
        Some((table, key)) => (lookup(values, table)?, key),
        None => (values.as_map()?.clone(), path),
    };
    let found = table.borrow().get(key).cloned()?;
    (!found.is_map()).then_some(found)
}

fn nested(map: SharedMap, path: &str) -> SharedMap {
    if path == "." {
        return map;
    }
    path.split('.').rev().fold(map, |inner, key| {
        let entries: Entries =
            [(SmolStr::new(key), Value::Map(inner, MapKind::Any))].into_iter().collect();
        Rc::new(RefCell::new(entries))
    })
}

/// Merges a source into a target that wins; `keep_nulls` is Helm's merge as opposed to coalesce.
fn merge_tables(target: &SharedMap, source: &SharedMap, keep_nulls: bool) {
    if Rc::ptr_eq(target, source) {
        return;
    }
    let pairs: Vec<_> =
        source.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut defaulted: Vec<SmolStr> = Vec::new();
    for (key, value) in &pairs {
        if !value.is_nil() {
            defaulted.push(key.clone());
        }
    }
    let nulls: Vec<SmolStr> = target
        .borrow()
        .iter()
        .filter(|(_, value)| value.is_nil())
        .map(|(key, _)| key.clone())
        .collect();
    // A null of the user stays visible to charts that share the source.
    for key in &nulls {
        source.borrow_mut().insert(key.clone(), Value::Nil);
    }
    for (key, value) in pairs {
        let own = target.borrow().get(&key).cloned();
        match own {
            Some(Value::Nil) if !keep_nulls && defaulted.contains(&key) => {
                target.borrow_mut().remove(&key);
            }
            None => {
                target.borrow_mut().insert(key, value);
            }
            Some(Value::Map(own, _)) => {
                if let Value::Map(from, _) = &value {
                    merge_tables(&own, from, keep_nulls);
                }
            }
            Some(_) => {}
        }
    }
}

/// Hands the globals of a parent down to a child.
fn share_globals(child: &SharedMap, parent: &SharedMap) {
    let globals = |map: &SharedMap| match map.borrow().get("global") {
        None => Some(SharedMap::default()),
        Some(Value::Map(map, _)) => Some(Rc::clone(map)),
        Some(_) => None,
    };
    let (Some(own), Some(given)) = (globals(child), globals(parent)) else { return };
    let pairs: Vec<_> =
        given.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in pairs {
        let known = own.borrow().get(&key).cloned();
        match (value, known) {
            (Value::Map(map, _), known) => {
                let copy: Entries =
                    map.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                let copy = Rc::new(RefCell::new(copy));
                match known {
                    None => {}
                    Some(Value::Map(known, _)) => merge_tables(&copy, &known, true),
                    Some(_) => continue,
                }
                own.borrow_mut().insert(key, Value::Map(copy, MapKind::Any));
            }
            (_, Some(Value::Map(..))) => {}
            (value, _) => {
                own.borrow_mut().insert(key, value);
            }
        }
    }
    child.borrow_mut().insert(SmolStr::new_static("global"), Value::Map(own, MapKind::Any));
}

/// The values a chart and its subcharts see: the user's over the charts' own.
pub(crate) fn coalesce(
    chart: &Node<'_>,
    values: &Value,
    keep_nulls: bool,
    warnings: &mut Vec<String>,
) -> Result<Value, CoalesceError> {
    let copy = match values {
        Value::Map(..) => values.deep_copy(&mut { COPY_BUDGET })?,
        _ => Value::map(Entries::default()),
    };
    if let Some(map) = copy.as_map() {
        descend(chart, map, keep_nulls, warnings)?;
    }
    Ok(copy)
}

fn descend(
    chart: &Node<'_>,
    target: &SharedMap,
    keep_nulls: bool,
    warnings: &mut Vec<String>,
) -> Result<(), CoalesceError> {
    let defaults = chart.values.deep_copy(&mut { COPY_BUDGET })?;
    if let Some(defaults) = defaults.as_map() {
        for (key, value) in defaults.borrow().iter() {
            let own = target.borrow().get(key).cloned();
            match (own, value) {
                (None, value) => {
                    target.borrow_mut().insert(key.clone(), value.clone());
                }
                (Some(Value::Nil), _) if !keep_nulls => {
                    target.borrow_mut().remove(key);
                }
                (Some(Value::Map(own, _)), Value::Map(from, _)) => {
                    let subchart = chart.children.iter().any(|child| child.name == **key);
                    merge_tables(&own, from, keep_nulls || subchart);
                }
                (Some(Value::Map(..)), other) if !other.is_nil() => warnings.push(format!(
                    "cannot overwrite table with non table for {}.{key}",
                    chart.name
                )),
                _ => {}
            }
        }
    }
    for child in &chart.children {
        let name = SmolStr::new(&child.name);
        let known = target.borrow().get(&name).cloned();
        let below = match known {
            None => {
                let below = SharedMap::default();
                let value = Value::Map(Rc::clone(&below), MapKind::Any);
                target.borrow_mut().insert(name, value);
                below
            }
            Some(Value::Map(below, _)) => below,
            Some(_) => return Err(CoalesceError::NotAMap(name.to_string())),
        };
        share_globals(&below, target);
        descend(child, &below, keep_nulls, warnings)?;
    }
    Ok(())
}
