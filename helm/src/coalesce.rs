//! Charts prepared for a render: values merged from parent to child, dependencies chosen.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::chart::{Chart, Dependency, File, Metadata};
use crate::print::sprintf;
use crate::semver::is_compatible;
use crate::value::{Entries, MapKind, SharedMap, Unwalkable, Value};

/// Values of one chart that are too large or deep to handle.
const COPY_BUDGET: usize = 1 << 30;
/// Bytes of a value shown in an error.
const PRINT_LIMIT: usize = 1 << 20;

/// A dependency that all copies of its chart share, as with Helm: what is done for the first
/// copy is seen by the second.
pub(crate) type SharedDependency = Rc<RefCell<Dependency>>;

/// A chart in the tree that is rendered; an aliased dependency is a copy with another name.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) metadata: Metadata,
    pub(crate) dependencies: Option<Vec<SharedDependency>>,
    /// Where the chart was before it was copied for an alias.
    loaded_path: String,
    /// Whether it is such a copy whose subcharts still belong to the original.
    stray: bool,
    pub(crate) values: Value,
    pub(crate) templates: Vec<File>,
    pub(crate) files: Vec<File>,
    pub(crate) schema: Option<Arc<[u8]>>,
    pub(crate) children: Vec<Self>,
}

/// Values that do not fit the chart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoalesceError {
    #[error("type mismatch on {0}: {1}")]
    NotAMap(String, String),
    #[error("the values are nested too deeply or too large")]
    Unwalkable,
}

impl From<Unwalkable> for CoalesceError {
    fn from(_: Unwalkable) -> Self {
        Self::Unwalkable
    }
}

impl Node {
    pub(crate) fn new(chart: &Chart) -> Self {
        Self::below(chart, None)
    }

    fn below(chart: &Chart, parent: Option<&str>) -> Self {
        let loaded_path = path_below(parent, chart.name());
        let dependencies = chart.metadata.dependencies.as_ref();
        Self {
            metadata: chart.metadata.clone(),
            dependencies: dependencies.map(|dependencies| {
                let shared = |dependency: &Dependency| Rc::new(RefCell::new(dependency.clone()));
                dependencies.iter().map(shared).collect()
            }),
            stray: false,
            values: Value::from_json(&chart.values),
            templates: chart.templates.clone(),
            files: chart.files.clone(),
            schema: chart.schema.clone(),
            children: chart
                .subcharts
                .iter()
                .map(|chart| Self::below(chart, Some(&loaded_path)))
                .collect(),
            loaded_path,
        }
    }

    /// The path of the chart within the one that is rendered.
    pub(crate) fn path(&self, parent: Option<&str>) -> String {
        path_below(parent, self.name())
    }

    /// The path that the subcharts' paths start with, where this chart has a path of its own.
    pub(crate) fn base<'a>(&'a self, path: &'a str) -> &'a str {
        if self.stray { &self.loaded_path } else { path }
    }

    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
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
        let Some(wanted) = self.dependencies.take() else { return Ok(()) };
        self.stray = false;
        self.children = chosen(&std::mem::take(&mut self.children), &wanted);
        let values = coalesce(self, values, false, warnings)?;
        apply_tags(&wanted, &values);
        apply_conditions(&wanted, &values, path, warnings);
        let disabled: Vec<String> = wanted
            .iter()
            .map(|dependency| dependency.borrow())
            .filter(|dependency| !dependency.enabled)
            .map(|dependency| dependency.name.clone())
            .collect();
        self.children.retain(|child| !disabled.iter().any(|name| name == child.name()));
        for child in &mut self.children {
            let path = format!("{path}{}.", child.name());
            child.enable(&values, &path, warnings)?;
        }
        let kept = |dependency: &SharedDependency| !disabled.contains(&dependency.borrow().name);
        self.dependencies = Some(wanted.into_iter().filter(kept).collect());
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
            let mut dependency = dependency.borrow_mut();
            let name = dependency.name.clone();
            // Helm takes the imports for another type when it comes to them again.
            let wanted = if dependency.imported { Vec::new() } else { imports(&dependency)? };
            for (child, parent) in &wanted {
                match lookup(&values, &format!("{name}.{child}")) {
                    Some(table) => merge_tables(&imported, &nested(table, parent), true),
                    None => warnings.push(format!("importValues missing table from chart {name}")),
                }
            }
            dependency.imported = true;
            dependency.import_values = wanted
                .into_iter()
                .map(|(child, parent)| serde_json::json!({"child": child, "parent": parent}))
                .collect();
        }
        let own = values.deep_copy(&mut { COPY_BUDGET })?;
        if let Some(own) = own.as_map() {
            merge_tables(own, &imported, true);
        }
        self.values = own;
        Ok(())
    }
}

fn path_below(parent: Option<&str>, name: &str) -> String {
    parent.map_or_else(|| name.to_owned(), |parent| format!("{parent}/charts/{name}"))
}

/// The tables to import, each with the place it goes to.
fn imports(dependency: &Dependency) -> Result<Vec<(String, String)>, CoalesceError> {
    let mut found = Vec::new();
    for wanted in &dependency.import_values {
        match wanted {
            Json::Object(entries) => {
                let field = |key: &str| {
                    let value = entries.get(key).map_or(Value::Nil, Value::from_json);
                    sprintf("%v", &[value], PRINT_LIMIT)
                };
                found.push((field("child")?, field("parent")?));
            }
            Json::String(export) => found.push((format!("exports.{export}"), ".".to_owned())),
            _ => {}
        }
    }
    Ok(found)
}

/// The subcharts that are listed, under their aliases, and those that are not listed at all.
fn chosen(present: &[Node], wanted: &[SharedDependency]) -> Vec<Node> {
    let fits = |child: &Node, dependency: &SharedDependency| {
        let dependency = dependency.borrow();
        child.name() == dependency.name
            && is_compatible(&dependency.version, &child.metadata.version)
    };
    let mut kept: Vec<Node> = present
        .iter()
        .filter(|child| !wanted.iter().any(|dependency| fits(child, dependency)))
        .cloned()
        .collect();
    for dependency in wanted {
        let found = present.iter().find(|child| fits(child, dependency)).cloned();
        let mut dependency = dependency.borrow_mut();
        if let Some(mut child) = found {
            dependency.key().clone_into(&mut child.metadata.name);
            child.stray = true;
            kept.push(child);
        }
        if !dependency.alias.is_empty() {
            let Dependency { name, alias, .. } = &mut *dependency;
            name.clone_from(alias);
        }
    }
    for dependency in wanted {
        dependency.borrow_mut().enabled = true;
    }
    kept
}

fn apply_tags(wanted: &[SharedDependency], values: &Value) {
    let Some(tags) = lookup(values, "tags") else { return };
    for dependency in wanted {
        let tags = tags.borrow();
        let mut dependency = dependency.borrow_mut();
        let set = |state: bool| {
            dependency.tags.iter().any(
                |tag| matches!(tags.get(tag.as_str()), Some(Value::Bool(found)) if *found == state),
            )
        };
        let enabled = set(true) || !set(false);
        dependency.enabled = enabled;
    }
}

fn apply_conditions(
    wanted: &[SharedDependency],
    values: &Value,
    path: &str,
    warnings: &mut Vec<String>,
) {
    for dependency in wanted {
        let mut dependency = dependency.borrow_mut();
        let conditions = dependency.condition.clone();
        for condition in conditions.trim().split(',').filter(|part| !part.is_empty()) {
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
            [(Rc::from(key), Value::Map(inner, MapKind::Any))].into_iter().collect();
        Rc::new(RefCell::new(entries))
    })
}

/// Merges a source into a target that wins; `keep_nulls` is Helm's merge as opposed to coalesce.
fn merge_tables(target: &SharedMap, source: &SharedMap, keep_nulls: bool) {
    if Rc::ptr_eq(target, source) {
        return;
    }
    let pairs: Vec<_> =
        source.borrow().iter().map(|(key, value)| (Rc::clone(key), value.clone())).collect();
    let mut defaulted: Vec<Rc<str>> = Vec::new();
    for (key, value) in &pairs {
        if !value.is_nil() {
            defaulted.push(Rc::clone(key));
        }
    }
    let nulls: Vec<Rc<str>> = target
        .borrow()
        .iter()
        .filter(|(_, value)| value.is_nil())
        .map(|(key, _)| Rc::clone(key))
        .collect();
    // A null of the user stays visible to charts that share the source.
    for key in &nulls {
        source.borrow_mut().insert(Rc::clone(key), Value::Nil);
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
        given.borrow().iter().map(|(key, value)| (Rc::clone(key), value.clone())).collect();
    for (key, value) in pairs {
        let known = own.borrow().get(&key).cloned();
        match (value, known) {
            (Value::Map(map, _), known) => {
                let copy: Entries = map
                    .borrow()
                    .iter()
                    .map(|(key, value)| (Rc::clone(key), value.clone()))
                    .collect();
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
    child.borrow_mut().insert(Rc::from("global"), Value::Map(own, MapKind::Any));
}

/// The values a chart and its subcharts see: the user's over the charts' own.
pub(crate) fn coalesce(
    chart: &Node,
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
    chart: &Node,
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
                    target.borrow_mut().insert(Rc::clone(key), value.clone());
                }
                (Some(Value::Nil), _) if !keep_nulls => {
                    target.borrow_mut().remove(key);
                }
                (Some(Value::Map(own, _)), Value::Map(from, _)) => {
                    let subchart = chart.children.iter().any(|child| child.name() == &**key);
                    merge_tables(&own, from, keep_nulls || subchart);
                }
                (Some(Value::Map(..)), other) if !other.is_nil() => warnings.push(format!(
                    "cannot overwrite table with non table for {}.{key}",
                    chart.name()
                )),
                _ => {}
            }
        }
    }
    for child in &chart.children {
        let name: Rc<str> = Rc::from(child.name());
        let known = target.borrow().get(&name).cloned();
        let below = match known {
            None => {
                let below = SharedMap::default();
                let value = Value::Map(Rc::clone(&below), MapKind::Any);
                target.borrow_mut().insert(name, value);
                below
            }
            Some(Value::Map(below, _)) => below,
            Some(other) => {
                // Helm prints the value with a verb for booleans.
                let shown = sprintf("%t", &[other], PRINT_LIMIT)?;
                return Err(CoalesceError::NotAMap(name.to_string(), shown));
            }
        };
        share_globals(&below, target);
        descend(child, &below, keep_nulls, warnings)?;
    }
    Ok(())
}
