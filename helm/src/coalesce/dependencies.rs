//! Which dependencies of a chart are wanted, and what they are asked for.

use serde_json::Value as Json;

use super::budget::Budget;
use super::{CoalesceError, Node, PATH_LIMIT, SharedDependency, lookup, scalar_at};
use crate::chart::Dependency;
use crate::print::sprintf;
use crate::render::HelmVersion;
use crate::semver::is_compatible;
use crate::value::Value;

/// Bytes of a value shown in an error.
const PRINT_LIMIT: usize = 1 << 16;

/// The tables to import, each with the place it goes to.
pub(super) fn imports(dependency: &Dependency) -> Result<Vec<(String, String)>, CoalesceError> {
    let mut found = Vec::new();
    for wanted in &dependency.import_values {
        match wanted {
            Json::Object(entries) => {
                let field = |key: &str| match entries.get(key) {
                    Some(Json::String(text)) => text.clone(),
                    other => shown("%v", other.map_or(Value::Nil, Value::from_json)),
                };
                let parent = field("parent");
                if parent.matches('.').count() >= PATH_LIMIT {
                    return Err(CoalesceError::LongPath(parent.chars().take(40).collect()));
                }
                found.push((field("child"), parent));
            }
            Json::String(export) => found.push((format!("exports.{export}"), ".".to_owned())),
            _ => {}
        }
    }
    Ok(found)
}

/// A value as Go prints it, if it is not too large for that.
pub(super) fn shown(format: &str, value: Value) -> String {
    sprintf(format, &[value], PRINT_LIMIT).unwrap_or_else(|_| "a large value".to_owned())
}

/// The subcharts that are listed, under their aliases, and those that are not listed at all.
pub(super) fn chosen<'c>(
    present: &[Node<'c>],
    wanted: &[SharedDependency],
    budget: &mut Budget,
) -> Result<Vec<Node<'c>>, CoalesceError> {
    let fits = |child: &Node<'_>, dependency: &SharedDependency| {
        let dependency = dependency.borrow();
        child.name == dependency.name
            && is_compatible(&dependency.version, &child.chart.metadata.version)
    };
    let mut kept: Vec<Node<'c>> = present
        .iter()
        .filter(|child| !wanted.iter().any(|dependency| fits(child, dependency)))
        .cloned()
        .collect();
    for dependency in wanted {
        let found = present.iter().find(|child| fits(child, dependency));
        let mut dependency = dependency.borrow_mut();
        if let Some(child) = found {
            budget.repeat(child)?;
            let mut child = child.clone();
            dependency.key().clone_into(&mut child.name);
            match budget.helm {
                HelmVersion::V3 => child.stray = true,
                HelmVersion::V4 => child.own_dependencies(),
            }
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
    Ok(kept)
}

pub(super) fn apply_tags(wanted: &[SharedDependency], values: &Value) {
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

pub(super) fn apply_conditions(
    wanted: &[SharedDependency],
    values: &Value,
    path: &str,
    budget: &mut Budget,
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
                Some(_) => budget.warn(format!(
                    "Condition path '{condition}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
    }
}
