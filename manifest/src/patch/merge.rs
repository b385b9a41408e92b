//! Strategic merge on JSON values.
//!
//! The result is that of kustomize, down to the order of lists: the elements that a patch names
//! come first. Where kustomize loses a part of the patch without a word (an element or an object that
//! is to be replaced, a port with and without its protocol, an element without its key, one that the patch
//! has twice) the patch is applied as the API server would, or refused.

use serde_json::{Map, Value};

use super::schema::{self, Field, Shape};
use super::type_name;

const DIRECTIVE: &str = "$patch";

/// Directives of the API that kustomize does not know; each would end as a field in the object.
const UNSUPPORTED: [&str; 3] = ["$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges a patch into an object; nothing is left when the patch deletes it.
pub(super) fn merge(object: Value, patch: Value) -> Result<Option<Value>, String> {
    merge_value(Some(object), patch, Field::Map(Shape::Opaque), "")
}

fn merge_value(
    old: Option<Value>,
    patch: Value,
    field: Field,
    at: &str,
) -> Result<Option<Value>, String> {
    let old = old.filter(|value| !value.is_null());
    match (old, patch) {
        (_, Value::Null) => Ok(None),
        (None, Value::Object(patch)) => added_map(patch, shape_of(field), at),
        (None, Value::Array(patch)) => added_list(patch, field, at),
        (None, patch) => Ok(Some(patch)),
        (Some(Value::Object(old)), Value::Object(patch)) => {
            merge_map(old, patch, shape_of(field), at)
        }
        (Some(Value::Array(old)), Value::Array(patch)) => merge_list(old, patch, field, at),
        (Some(old), patch) if type_name(&old) == type_name(&patch) => Ok(Some(patch)),
        (Some(old), patch) => Err(format!(
            "{} is a {} in the object and a {} in the patch",
            shown(at),
            type_name(&old),
            type_name(&patch)
        )),
    }
}

fn merge_map(
    mut old: Map<String, Value>,
    mut patch: Map<String, Value>,
    shape: Shape,
    at: &str,
) -> Result<Option<Value>, String> {
    match take_directive(&mut patch, at)? {
        Directive::Delete => return Ok(None),
        Directive::Replace => return added_map(patch, shape, at),
        Directive::Merge => {}
    }
    let shape = known_shape(shape, [&old, &patch]);
    for (key, value) in patch {
        let at = join(at, &key);
        let merged = merge_value(
            old.get_mut(&key).map(Value::take),
            value,
            schema::field(shape, &key),
            &at,
        )?;
        match merged {
            Some(merged) => {
                old.insert(key, merged);
            }
            None => {
                old.shift_remove(&key);
            }
        }
    }
    Ok(Some(Value::Object(old)))
}

/// Prepares a map of the patch for a place where there is nothing: its nulls and directives go.
fn added_map(
    mut patch: Map<String, Value>,
    shape: Shape,
    at: &str,
) -> Result<Option<Value>, String> {
    if take_directive(&mut patch, at)? == Directive::Delete {
        return Ok(None);
    }
    merge_map(Map::new(), patch, shape, at)
}

fn added_list(patch: Vec<Value>, field: Field, at: &str) -> Result<Option<Value>, String> {
    merge_list(Vec::new(), patch, field, at)
}

fn merge_list(
    old: Vec<Value>,
    mut patch: Vec<Value>,
    field: Field,
    at: &str,
) -> Result<Option<Value>, String> {
    let old = match take_list_directive(&mut patch, at)? {
        Directive::Delete => return Ok(None),
        Directive::Replace => Vec::new(),
        Directive::Merge => old,
    };
    match field {
        Field::Keyed(keys, shape) => merge_keyed(old, patch, keys, shape, at).map(Some),
        Field::Set => {
            let mut merged: Vec<Value> = Vec::new();
            for value in patch.into_iter().chain(old) {
                if !merged.contains(&value) {
                    merged.push(value);
                }
            }
            Ok(Some(Value::Array(merged)))
        }
        Field::Map(_) => match patch.iter().position(|item| item.get(DIRECTIVE).is_some()) {
            Some(index) => Err(format!(
                "{}[{index}] has a $patch directive, but the list is replaced whole: leave the \
                 directive out and write the whole list",
                shown(at)
            )),
            None => Ok(Some(Value::Array(patch))),
        },
    }
}

fn merge_keyed(
    old: Vec<Value>,
    patch: Vec<Value>,
    keys: &'static [&'static str],
    shape: Shape,
    at: &str,
) -> Result<Value, String> {
    // With a second key in play kustomize keeps the order of the object, without one that of the
    // patch.
    let second = |item: &Value| keys.iter().skip(1).any(|key| scalar(item, key).is_some());
    let keeps_order = old.iter().chain(&patch).any(second);
    let mut old: Vec<Option<Value>> = old.into_iter().map(Some).collect();
    let mut seen: Vec<Vec<Option<String>>> = Vec::new();
    let mut first = Vec::new();
    for (index, item) in patch.into_iter().enumerate() {
        let Value::Object(mut item) = item else {
            return Err(format!("{}[{index}] is not a map", shown(at)));
        };
        let identity = identify(&item, keys, at, index)?;
        if seen.contains(&identity) {
            let key = identity.iter().flatten().cloned().collect::<Vec<_>>().join("/");
            return Err(format!("{} has {key:?} twice in the patch", shown(at)));
        }
        let place = format!("{}[{}]", at, identity[0].as_deref().unwrap_or_default());
        let directive = take_directive(&mut item, &place)?;
        let position = position(&old, &identity, keys, &place)?;
        seen.push(identity);
        let found = position.and_then(|position| old[position].take());
        let merged = match (directive, found) {
            (Directive::Delete, _) => None,
            (Directive::Merge, Some(Value::Object(found))) => {
                merge_map(found, item, shape, &place)?
            }
            _ => added_map(item, shape, &place)?,
        };
        match (merged, position.filter(|_| keeps_order)) {
            (Some(merged), Some(position)) => old[position] = Some(merged),
            (Some(merged), None) => first.push(merged),
            (None, _) => {}
        }
    }
    first.extend(old.into_iter().flatten());
    Ok(Value::Array(first))
}

/// Reads the keys that tell an element from the others; the first one has to be there.
fn identify(
    item: &Map<String, Value>,
    keys: &[&str],
    at: &str,
    index: usize,
) -> Result<Vec<Option<String>>, String> {
    let identity: Vec<Option<String>> =
        keys.iter().map(|key| item.get(*key).and_then(scalar_text)).collect();
    if identity[0].is_none() {
        return Err(format!(
            "{}[{index}] has no {}: the elements of this list are matched by it",
            shown(at),
            keys[0]
        ));
    }
    Ok(identity)
}

/// Finds the element that a patch means.
fn position(
    old: &[Option<Value>],
    identity: &[Option<String>],
    keys: &[&str],
    place: &str,
) -> Result<Option<usize>, String> {
    let same = |item: &Value, count: usize| {
        keys.iter().zip(identity).take(count).all(|(key, wanted)| {
            with_default(key, scalar(item, key)) == with_default(key, wanted.clone())
        })
    };
    let all = |count: usize| {
        old.iter()
            .enumerate()
            .filter(|(_, item)| item.as_ref().is_some_and(|item| same(item, count)))
            .map(|(position, _)| position)
            .collect::<Vec<_>>()
    };
    if let Some(position) = all(keys.len()).first() {
        return Ok(Some(*position));
    }
    if identity.iter().all(Option::is_some) {
        return Ok(None);
    }
    match all(1).as_slice() {
        [] => Ok(None),
        [position] => Ok(Some(*position)),
        _ => Err(format!("{place} is there several times: set {} too", keys[1..].join(", "))),
    }
}

/// Fills in what the API server would, so that a port is the same with and without its protocol.
fn with_default(key: &str, value: Option<String>) -> Option<String> {
    value.or_else(|| (key == "protocol").then(|| "TCP".to_owned()))
}

fn scalar(item: &Value, key: &str) -> Option<String> {
    item.get(key).and_then(scalar_text)
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn take_directive(patch: &mut Map<String, Value>, at: &str) -> Result<Directive, String> {
    if let Some(key) =
        patch.keys().find(|key| UNSUPPORTED.iter().any(|directive| key.starts_with(directive)))
    {
        return Err(format!(
            "{key} at {} is not supported: set fields to null to remove them, or use a JSON patch",
            shown(at)
        ));
    }
    match patch.shift_remove(DIRECTIVE) {
        None => Ok(Directive::Merge),
        Some(value) => directive(&value, at),
    }
}

/// Takes the elements that hold nothing but a directive: they are for the list itself.
fn take_list_directive(patch: &mut Vec<Value>, at: &str) -> Result<Directive, String> {
    let mut found = Directive::Merge;
    let mut fault = None;
    patch.retain(|item| {
        let lone = item.as_object().filter(|map| map.len() == 1).and_then(|map| map.get(DIRECTIVE));
        match lone.map(|value| directive(value, at)) {
            None => true,
            Some(Ok(directive)) => {
                found = directive;
                false
            }
            Some(Err(error)) => {
                fault = Some(error);
                false
            }
        }
    });
    fault.map_or(Ok(found), Err)
}

fn directive(value: &Value, at: &str) -> Result<Directive, String> {
    match value.as_str() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => Err(format!(
            "$patch at {} is {value}: use \"delete\", \"replace\" or \"merge\"",
            shown(at)
        )),
    }
}

fn shape_of(field: Field) -> Shape {
    match field {
        Field::Map(shape) => shape,
        Field::Keyed(..) | Field::Set => Shape::Opaque,
    }
}

/// Recognises whole objects, at the root and inside of custom resources.
fn known_shape(shape: Shape, maps: [&Map<String, Value>; 2]) -> Shape {
    if shape != Shape::Opaque {
        return shape;
    }
    let text = |map: &Map<String, Value>, key: &str| {
        map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    maps.into_iter()
        .map(|map| schema::object(&text(map, "apiVersion"), &text(map, "kind")))
        .find(|shape| *shape != Shape::Opaque)
        .unwrap_or(Shape::Opaque)
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

fn shown(at: &str) -> &str {
    if at.is_empty() { "the object" } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(containers: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": containers}}}})
    }

    fn service(ports: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"ports": ports}})
    }

    fn containers(old: &Value, patch: &Value) -> Value {
        let mut merged = merge(deployment(old), deployment(patch)).unwrap().unwrap();
        merged.pointer_mut("/spec/template/spec/containers").unwrap().take()
    }

    fn ports(old: &Value, patch: &Value) -> Value {
        let mut merged = merge(service(old), service(patch)).unwrap().unwrap();
        merged.pointer_mut("/spec/ports").unwrap().take()
    }

    // What follows is where kustomize silently drops what the patch says; all else is compared
    // with it in tests/kustomize.rs.

    #[test]
    fn an_element_is_replaced_whole() {
        let old = json!([{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}]);
        let patch = json!([{"name": "a", "$patch": "replace", "image": "z"}]);
        assert_eq!(containers(&old, &patch), json!([{"name": "a", "image": "z"}]));
    }

    #[test]
    fn an_object_is_replaced_whole() {
        let mut patch = service(&json!([{"port": 1}]));
        patch["$patch"] = json!("replace");
        let old = deployment(&json!([{"name": "a"}]));
        assert_eq!(merge(old, patch).unwrap().unwrap(), service(&json!([{"port": 1}])));
    }

    #[test]
    fn a_port_without_protocol_is_tcp() {
        let old = json!([{"port": 80, "name": "old"}]);
        let patch = json!([{"port": 80, "protocol": "TCP", "name": "new"}]);
        let merged = json!([{"port": 80, "name": "new", "protocol": "TCP"}]);
        assert_eq!(ports(&old, &patch), merged);
        let old = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "name": "tcp"}]);
        let patch = json!([{"port": 53, "targetPort": 9}]);
        let merged = json!([{"port": 53, "protocol": "UDP"},
            {"port": 53, "name": "tcp", "targetPort": 9}]);
        assert_eq!(ports(&old, &patch), merged);
    }

    #[test]
    fn a_port_that_is_there_once_needs_no_protocol() {
        let old = json!([{"port": 53, "protocol": "UDP"}]);
        let patch = json!([{"port": 53, "name": "dns"}]);
        assert_eq!(ports(&old, &patch), json!([{"port": 53, "protocol": "UDP", "name": "dns"}]));
    }

    #[test]
    fn an_ambiguous_port_is_refused() {
        let old = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "SCTP"}]);
        let error = merge(service(&old), service(&json!([{"port": 53}]))).unwrap_err();
        assert_eq!(error, "spec.ports[53] is there several times: set protocol too");
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let error =
            merge(deployment(&json!([{"name": "a"}])), deployment(&json!([{"image": "x"}])))
                .unwrap_err();
        let expected = "spec.template.spec.containers[0] has no name: the elements of this list are \
                        matched by it";
        assert_eq!(error, expected);
    }

    #[test]
    fn an_element_that_the_patch_has_twice_is_refused() {
        let patch = deployment(&json!([{"name": "a"}, {"name": "a", "image": "t"}]));
        let error = merge(deployment(&json!([{"name": "a"}])), patch).unwrap_err();
        assert_eq!(error, "spec.template.spec.containers has \"a\" twice in the patch");
    }

    #[test]
    fn a_directive_for_a_new_list_does_not_end_in_it() {
        let patch =
            json!([{"name": "a", "env": [{"$patch": "replace"}, {"name": "E", "value": "2"}]}]);
        let merged = json!([{"name": "a", "env": [{"name": "E", "value": "2"}]}]);
        assert_eq!(containers(&json!([{"name": "a"}]), &patch), merged);
    }

    #[test]
    fn directives_that_are_not_supported_are_refused() {
        for key in ["$retainKeys", "$setElementOrder/env", "$deleteFromPrimitiveList/finalizers"] {
            let patch = deployment(&json!([{"name": "a", key: []}]));
            let error = merge(deployment(&json!([{"name": "a"}])), patch).unwrap_err();
            assert!(error.starts_with(key) && error.contains("containers[a]"), "{error}");
        }
        let patch = deployment(&json!([{"name": "a", "$patch": "remove"}]));
        let error = merge(deployment(&json!([])), patch).unwrap_err();
        assert!(error.contains("use \"delete\", \"replace\" or \"merge\""), "{error}");
    }

    #[test]
    fn types_that_do_not_fit_are_named() {
        let patch = deployment(&json!([{"name": "a", "ports": {"a": 1}}]));
        let old = deployment(&json!([{"name": "a", "ports": [{"containerPort": 1}]}]));
        let expected = "spec.template.spec.containers[a].ports is a list in the object and a map in \
                        the patch";
        assert_eq!(merge(old, patch).unwrap_err(), expected);
    }
}
