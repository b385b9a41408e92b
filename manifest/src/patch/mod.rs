//! Patches on rendered objects.

mod json6902;
mod merge;
mod schema;

use gimlet_crds::Json6902Patch;
use serde_json::Value;

use crate::object::{self, Object, ObjectError};
use crate::suggestion;
use crate::yaml;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The text of the patches is not YAML.
    #[error("{field} is not valid YAML: {message}")]
    Yaml {
        /// Where the patch is in the manifest.
        field: String,
        /// What the parser says.
        message: String,
    },
    /// A strategic merge patch does not say which object it is for.
    #[error("{field} does not name its object: {source}")]
    Identity {
        /// Where the patch is in the manifest.
        field: String,
        /// What is wrong with the identity.
        source: ObjectError,
    },
    /// No object is matched.
    #[error("{field} matches no object: there is no {target}{hint}")]
    NoMatch {
        /// Where the patch is in the manifest.
        field: String,
        /// What the patch is for.
        target: String,
        /// What is there instead, or nothing.
        hint: String,
    },
    /// A strategic merge patch without a namespace matches objects in several.
    #[error("{field} matches {target} in several namespaces: set metadata.namespace in the patch")]
    Ambiguous {
        /// Where the patch is in the manifest.
        field: String,
        /// What the patch is for.
        target: String,
    },
    /// A target is not a valid regular expression.
    #[error(
        "{field} has the target {pattern:?}, which is not a valid regular expression: {message}"
    )]
    Pattern {
        /// Where the patch is in the manifest.
        field: String,
        /// The pattern.
        pattern: String,
        /// What the parser says.
        message: String,
    },
    /// The patch does not fit the object.
    #[error("{field} does not fit {target}: {message}")]
    Fault {
        /// Where the patch is in the manifest.
        field: String,
        /// The object.
        target: String,
        /// What does not fit.
        message: String,
    },
}

/// Applies strategic merge patches, document by document.
pub(crate) fn apply_merge_patches(
    objects: &mut Vec<Object>,
    patches: &str,
    namespace: &str,
) -> Result<(), PatchError> {
    const FIELD: &str = "strategicMergePatches";
    let documents = yaml::documents(patches)
        .map_err(|error| PatchError::Yaml { field: FIELD.into(), message: error.to_string() })?;
    for (index, patch) in documents.into_iter().flat_map(object::flatten).enumerate() {
        let field = format!("{FIELD}[{index}]");
        let patch = Object::new(patch)
            .map_err(|source| PatchError::Identity { field: field.clone(), source })?;
        let position = find(objects, &patch, namespace, &field)?;
        apply_merge_patch(objects, position, patch, &field)?;
    }
    Ok(())
}

/// Applies JSON patches in their order.
pub(crate) fn apply_json_patches(
    objects: &mut [Object],
    patches: &[Json6902Patch],
    namespace: &str,
) -> Result<(), PatchError> {
    for (index, patch) in patches.iter().enumerate() {
        json6902::apply(objects, patch, namespace, &format!("json6902Patches[{index}]"))?;
    }
    Ok(())
}

fn apply_merge_patch(
    objects: &mut Vec<Object>,
    position: usize,
    patch: Object,
    field: &str,
) -> Result<(), PatchError> {
    let object = &objects[position];
    let target = object.to_string();
    let fault =
        |message| PatchError::Fault { field: field.to_owned(), target: target.clone(), message };
    let namespace = object.namespace().map(str::to_owned);
    let merged = merge::merge(object.clone().into_value(), patch.into_value()).map_err(fault)?;
    let Some(merged) = merged else {
        objects.remove(position);
        return Ok(());
    };
    let mut merged = Object::new(merged).map_err(|error| fault(error.to_string()))?;
    // The patch names its object by the namespace; it does not move it.
    match namespace {
        Some(namespace) => merged.set_namespace(&namespace),
        None => merged.remove_namespace(),
    }
    objects[position] = merged;
    Ok(())
}

/// Finds the object that a patch names: by type and name, and by namespace where that is needed.
fn find(
    objects: &[Object],
    patch: &Object,
    namespace: &str,
    field: &str,
) -> Result<usize, PatchError> {
    let same: Vec<usize> = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| {
            object.api_version() == patch.api_version()
                && object.kind() == patch.kind()
                && object.name() == patch.name()
        })
        .map(|(position, _)| position)
        .collect();
    let effective = |object: &Object| object.namespace().unwrap_or(namespace).to_owned();
    let wanted = effective(patch);
    let target = format!("{} of {}", patch, patch.api_version());
    if let Some(position) = same.iter().find(|position| effective(&objects[**position]) == wanted) {
        return Ok(*position);
    }
    match (patch.namespace(), same.as_slice()) {
        (None, [position]) => Ok(*position),
        (None, [_, ..]) => Err(PatchError::Ambiguous { field: field.to_owned(), target }),
        _ => {
            let hint = hint(objects, patch.kind(), patch.name());
            Err(PatchError::NoMatch { field: field.to_owned(), target, hint })
        }
    }
}

/// Says what could have been meant: the same name, a similar name, or the names of the kind.
fn hint(objects: &[Object], kind: &str, name: &str) -> String {
    let of_kind: Vec<&Object> = objects.iter().filter(|object| object.kind() == kind).collect();
    if let Some(same) = of_kind.iter().find(|object| object.name() == name) {
        let place = same.namespace().map(|n| format!(" in namespace {n}")).unwrap_or_default();
        return format!("; {kind} {name:?} is of {}{place}", same.api_version());
    }
    if let Some(close) = suggestion::closest(name, of_kind.iter().map(|object| object.name())) {
        return format!("; did you mean {close:?}?");
    }
    let names: Vec<&str> = of_kind.iter().take(5).map(|object| object.name()).collect();
    if names.is_empty() {
        format!("; nothing of kind {kind} was rendered")
    } else {
        format!("; rendered were: {}", names.join(", "))
    }
}

/// Names the type of a value for a person.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "map",
        Value::Array(_) => "list",
        _ => "single value",
    }
}

#[cfg(test)]
mod kustomize_tests;
