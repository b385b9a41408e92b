//! Charts prepared for a render: values merged from parent to child, dependencies chosen.

mod budget;
mod dependencies;

use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

pub(crate) use self::budget::Budget;
use self::budget::ENTRY_BYTES;
use self::dependencies::{apply_conditions, apply_tags, chosen, imports, shown};
use crate::chart::{Chart, Dependency};
use crate::render::HelmVersion;
use crate::value::{DEPTH_LIMIT, Entries, MapKind, SharedMap, Value};

/// Charts in the tree, aliased ones counted as often as they are named.
const CHART_LIMIT: usize = 1000;
/// Elements of the path that `import-values` may lead to.
const PATH_LIMIT: usize = 100;

/// A dependency that all copies of its chart share, as with Helm: what is done for the first
/// copy is seen by the second.
pub(crate) type SharedDependency = Rc<RefCell<Dependency>>;

/// A chart in the tree that is rendered; an aliased dependency has another name than its chart.
#[derive(Clone)]
pub(crate) struct Node<'c> {
    pub(crate) chart: &'c Chart,
    pub(crate) name: String,
    pub(crate) dependencies: Option<Vec<SharedDependency>>,
    /// Where the chart was before it was copied for an alias.
    loaded_path: String,
    /// Whether it is such a copy whose subcharts still belong to the original.
    stray: bool,
    pub(crate) values: Value,
    pub(crate) children: Vec<Self>,
}

/// Values that do not fit the chart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoalesceError {
    #[error("type mismatch on {0}: {1}")]
    NotAMap(String, String),
    #[error("the values are nested too deeply: the limit is {DEPTH_LIMIT} levels")]
    TooDeep,
    #[error("the path {0:?} of import-values is longer than the limit of {PATH_LIMIT} elements")]
    LongPath(String),
    #[error(
        "the charts and their values together take more than the limit of {0} bytes: use fewer \
         aliases or smaller values"
    )]
    TooLarge(usize),
    #[error(
        "the chart has more than the limit of {CHART_LIMIT} subcharts, aliases included: use fewer"
    )]
    TooManyCharts,
}

impl CoalesceError {
    /// Whether a limit was hit, as opposed to values that do not fit.
    pub(crate) fn is_limit(&self) -> bool {
        !matches!(self, Self::NotAMap(..))
    }
}

impl<'c> Node<'c> {
    pub(crate) fn new(chart: &'c Chart) -> Self {
        Self::below(chart, None)
    }

    fn below(chart: &'c Chart, parent: Option<&str>) -> Self {
        let loaded_path = path_below(parent, chart.name());
        let dependencies = chart.metadata.dependencies.as_ref();
        Self {
            chart,
            name: chart.name().to_owned(),
            dependencies: dependencies.map(|dependencies| {
                let shared = |dependency: &Dependency| Rc::new(RefCell::new(dependency.clone()));
                dependencies.iter().map(shared).collect()
            }),
            stray: false,
            values: Value::from_json(&chart.values),
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
        path_below(parent, &self.name)
    }

    /// The path that the subcharts' paths start with, where this chart has a path of its own.
    pub(crate) fn base<'a>(&'a self, path: &'a str) -> &'a str {
        if self.stray { &self.loaded_path } else { path }
    }

    /// Makes a copy independent of the chart it was copied from.
    fn own_dependencies(&mut self) {
        for shared in self.dependencies.iter_mut().flatten() {
            let own = shared.borrow().clone();
            *shared = Rc::new(RefCell::new(own));
        }
    }

    /// Chooses the dependencies and takes over the values they export.
    pub(crate) fn resolve(
        &mut self,
        values: &Value,
        budget: &mut Budget,
    ) -> Result<(), CoalesceError> {
        self.enable(values, "", budget)?;
        self.import(budget)
    }

    fn enable(
        &mut self,
        values: &Value,
        path: &str,
        budget: &mut Budget,
    ) -> Result<(), CoalesceError> {
        let Some(wanted) = self.dependencies.take() else { return Ok(()) };
        self.stray = false;
        self.children = chosen(&std::mem::take(&mut self.children), &wanted, budget)?;
        let values = coalesce(self, values, false, budget)?;
        apply_tags(&wanted, &values);
        apply_conditions(&wanted, &values, path, budget);
        let disabled: Vec<String> = wanted
            .iter()
            .map(|dependency| dependency.borrow())
            .filter(|dependency| !dependency.enabled)
            .map(|dependency| dependency.name.clone())
            .collect();
        self.children.retain(|child| !disabled.contains(&child.name));
        for child in &mut self.children {
            let path = format!("{path}{}.", child.name);
            child.enable(&values, &path, budget)?;
        }
        let kept = |dependency: &SharedDependency| !disabled.contains(&dependency.borrow().name);
        self.dependencies = Some(wanted.into_iter().filter(kept).collect());
        Ok(())
    }

    fn import(&mut self, budget: &mut Budget) -> Result<(), CoalesceError> {
        for child in &mut self.children {
            child.import(budget)?;
        }
        let Some(dependencies) = self.dependencies.clone() else { return Ok(()) };
        let values = coalesce(self, &Value::Nil, true, budget)?;
        let imported = SharedMap::default();
        for dependency in &dependencies {
            let mut dependency = dependency.borrow_mut();
            let name = dependency.name.clone();
            // Helm takes the imports for another type when it comes to them again.
            let wanted = if dependency.imported { Vec::new() } else { imports(&dependency)? };
            for (child, parent) in &wanted {
                match lookup(&values, &format!("{name}.{child}")) {
                    Some(table) => {
                        merge_tables(&imported, &nested(table, parent), true, budget)?;
                    }
                    None => budget.warn(format!("importValues missing table from chart {name}")),
                }
            }
            dependency.imported = true;
            dependency.import_values = wanted
                .into_iter()
                .map(|(child, parent)| serde_json::json!({"child": child, "parent": parent}))
                .collect();
        }
        let own = budget.copy(&values)?;
        if let Some(own) = own.as_map() {
            merge_tables(own, &imported, true, budget)?;
        }
        self.values = own;
        Ok(())
    }
}

fn path_below(parent: Option<&str>, name: &str) -> String {
    parent.map_or_else(|| name.to_owned(), |parent| format!("{parent}/charts/{name}"))
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
fn merge_tables(
    target: &SharedMap,
    source: &SharedMap,
    keep_nulls: bool,
    budget: &mut Budget,
) -> Result<(), CoalesceError> {
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    budget.spend((source.borrow().len() + target.borrow().len()) * size_of::<Value>())?;
    let pairs: Vec<_> =
        source.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
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
            Some(Value::Nil) if !keep_nulls && !value.is_nil() => {
                target.borrow_mut().remove(&key);
            }
            None => {
                target.borrow_mut().insert(key, value);
            }
            Some(Value::Map(own, _)) => {
                if let Value::Map(from, _) = &value {
                    merge_tables(&own, from, keep_nulls, budget)?;
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Hands the globals of a parent down to a child.
fn share_globals(
    child: &SharedMap,
    parent: &SharedMap,
    budget: &mut Budget,
) -> Result<(), CoalesceError> {
    let globals = |map: &SharedMap| match map.borrow().get("global") {
        None => Some(SharedMap::default()),
        Some(Value::Map(map, _)) => Some(Rc::clone(map)),
        Some(_) => None,
    };
    let (Some(own), Some(given)) = (globals(child), globals(parent)) else {
        return Ok(());
    };
    budget.spend(given.borrow().len() * ENTRY_BYTES)?;
    let pairs: Vec<_> =
        given.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in pairs {
        let known = own.borrow().get(&key).cloned();
        match (value, known) {
            (Value::Map(map, _), known) => {
                budget.spend(map.borrow().len() * ENTRY_BYTES)?;
                let copy: Entries =
                    map.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                let copy = Rc::new(RefCell::new(copy));
                match known {
                    None => {}
                    Some(Value::Map(known, _)) => merge_tables(&copy, &known, true, budget)?,
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
    Ok(())
}

/// The values a chart and its subcharts see: the user's over the charts' own.
pub(crate) fn coalesce(
    chart: &Node<'_>,
    values: &Value,
    keep_nulls: bool,
    budget: &mut Budget,
) -> Result<Value, CoalesceError> {
    let copy = match values {
        Value::Map(..) => budget.copy(values)?,
        _ => Value::map(Entries::default()),
    };
    if let Some(map) = copy.as_map() {
        descend(chart, map, keep_nulls, budget)?;
    }
    Ok(copy)
}

/// The values of the chart that is rendered; after this the chart has none of its own any more.
pub(crate) fn settle(
    root: &mut Node<'_>,
    values: Value,
    budget: &mut Budget,
) -> Result<Value, CoalesceError> {
    let alone = root.children.is_empty() && root.dependencies.is_none();
    let Some(map) = values.as_map().filter(|_| alone) else {
        return coalesce(root, &values, false, budget);
    };
    // Nobody else holds any of these values, so that they need not be copied.
    budget.measure(&values)?;
    budget.measure(&root.values)?;
    let defaults = std::mem::replace(&mut root.values, Value::Nil);
    put_below(root, map, &defaults, false, budget)?;
    Ok(values)
}

/// Takes nulls out of a map and the maps in it; the depth of values is limited where they are
/// copied.
fn drop_nulls(value: &Value) {
    let Some(map) = value.as_map() else { return };
    map.borrow_mut().retain(|_, value| !value.is_nil());
    map.borrow().values().for_each(drop_nulls);
}

fn descend(
    chart: &Node<'_>,
    target: &SharedMap,
    keep_nulls: bool,
    budget: &mut Budget,
) -> Result<(), CoalesceError> {
    let defaults = budget.copy(&chart.values)?;
    put_below(chart, target, &defaults, keep_nulls, budget)?;
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
            Some(other) => {
                // Helm prints the value with a verb for booleans.
                return Err(CoalesceError::NotAMap(name.to_string(), shown("%t", other)));
            }
        };
        share_globals(&below, target, budget)?;
        descend(child, &below, keep_nulls, budget)?;
    }
    Ok(())
}

/// Puts a chart's own values below those of the user.
fn put_below(
    chart: &Node<'_>,
    target: &SharedMap,
    defaults: &Value,
    keep_nulls: bool,
    budget: &mut Budget,
) -> Result<(), CoalesceError> {
    let without_nulls = budget.helm == HelmVersion::V4 && !keep_nulls;
    if let Some(defaults) = defaults.as_map() {
        for (key, value) in defaults.borrow().iter() {
            let own = target.borrow().get(key).cloned();
            let subchart = || chart.children.iter().any(|child| child.name == **key);
            if without_nulls && (own.is_none() || !subchart()) {
                drop_nulls(value);
            }
            match (own, value) {
                (None, Value::Nil) if without_nulls => {}
                (None, value) => {
                    target.borrow_mut().insert(key.clone(), value.clone());
                }
                (Some(Value::Nil), _) if !keep_nulls => {
                    target.borrow_mut().remove(key);
                }
                (Some(Value::Map(own, _)), Value::Map(from, _)) => {
                    merge_tables(&own, from, keep_nulls || subchart(), budget)?;
                }
                (Some(Value::Map(..)), other) if !other.is_nil() => budget.warn(format!(
                    "cannot overwrite table with non table for {}.{key}",
                    chart.name
                )),
                _ => {}
            }
        }
    }
    Ok(())
}
