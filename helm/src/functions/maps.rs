//! Dictionaries.

use std::rc::Rc;

use smol_str::SmolStr;

use super::Kind::{Any, Map, Text};
use super::{Call, Function, fixed, variadic};
use crate::template::fault::{Fault, Outcome, fail};
use crate::value::{Entries, MapKind, SharedMap, Value};

/// Nesting at which merging gives up.
const DEPTH_LIMIT: usize = 500;

const MERGE: super::Body = |call| merge_all(call, false);
const MERGE_OVERWRITE: super::Body = |call| merge_all(call, true);
const DEEP_COPY: super::Body = |call| match call.arg(0) {
    Value::Nil => fail("reflect: call of reflect.Value.Type on zero Value"),
    other => Ok(call.walk(4, |budget| other.deep_copy(budget))??),
};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("dict", &[], Any, |call| {
        let mut entries = Entries::default();
        for pair in call.args.chunks(2) {
            let value = pair.get(1).cloned().unwrap_or_else(|| Value::text(""));
            let key = match &pair[0] {
                Value::Text(key) => {
                    call.engine.write(key.len())?;
                    key.clone()
                }
                other => SmolStr::from(call.text_of(other)?),
            };
            entries.insert(key, value);
        }
        Ok(Value::map(entries))
    }),
    fixed("get", &[Map, Text], |call| {
        let found = call.map(0).borrow().get(&call.text(1)).cloned();
        Ok(found.unwrap_or_else(|| Value::text("")))
    }),
    fixed("set", &[Map, Text, Any], |call| {
        if call.arg(0).is_nil() {
            return fail("assignment to entry in nil map");
        }
        let (map, key, value) = (call.map(0), call.text(1), call.take(2));
        call.engine.note_holder(&map, &value);
        // The old value is dropped only after the map is free again.
        let old = map.borrow_mut().insert(key, value);
        drop(old);
        Ok(Value::Map(map, MapKind::Any))
    }),
    fixed("unset", &[Map, Text], |call| {
        let map = call.map(0);
        let old = map.borrow_mut().remove(&call.text(1));
        drop(old);
        Ok(Value::Map(map, MapKind::Any))
    }),
    fixed("hasKey", &[Map, Text], |call| {
        Ok(Value::Bool(call.map(0).borrow().contains_key(&call.text(1))))
    }),
    variadic("pluck", &[Text], Map, |call| {
        let key = call.text(0);
        let found = (1..call.args.len())
            .filter_map(|index| call.map(index).borrow().get(&key).cloned())
            .collect();
        Ok(Value::list(found))
    }),
    variadic("keys", &[], Map, |call| {
        let mut keys = Vec::new();
        for index in 0..call.args.len() {
            call.engine.write(call.map(index).borrow().len().saturating_mul(64))?;
            keys.extend(call.map(index).borrow().keys().cloned());
        }
        Ok(Value::texts(keys))
    }),
    fixed("values", &[Map], |call| {
        Ok(Value::list(call.map(0).borrow().values().cloned().collect()))
    }),
    variadic("pick", &[Map], Text, |call| {
        let map = call.map(0);
        let map = map.borrow();
        let kept = (1..call.args.len())
            .map(|index| call.text(index))
            .filter_map(|key| map.get(&key).cloned().map(|value| (key, value)))
            .collect();
        Ok(Value::map(kept))
    }),
    variadic("omit", &[Map], Text, |call| {
        let omitted: Vec<_> = (1..call.args.len()).map(|index| call.text(index)).collect();
        let kept = call.map(0);
        let size = kept.borrow().len();
        call.engine.allocate(size.saturating_mul(64))?;
        call.engine.work(size.saturating_mul(16).saturating_mul(omitted.len() + 1))?;
        let kept = kept
            .borrow()
            .iter()
            .filter(|(key, _)| !omitted.contains(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(Value::map(kept))
    }),
    variadic("merge", &[Map], Map, MERGE),
    variadic("mustMerge", &[Map], Map, MERGE),
    variadic("mergeOverwrite", &[Map], Map, MERGE_OVERWRITE),
    variadic("mustMergeOverwrite", &[Map], Map, MERGE_OVERWRITE),
    fixed("deepCopy", &[Any], DEEP_COPY),
    fixed("mustDeepCopy", &[Any], DEEP_COPY),
    variadic("dig", &[], Any, dig),
];

fn merge_all(call: &mut Call<'_>, overwrite: bool) -> Outcome<Value> {
    let target = call.map(0);
    for index in 1..call.args.len() {
        merge(call, &target, &call.map(index), overwrite, 0)?;
    }
    Ok(Value::Map(target, MapKind::Any))
}

/// Merges as mergo does: what counts as empty in the target is replaced, maps are merged, and
/// the source's collections are shared, not copied.
fn merge(
    call: &Call<'_>,
    target: &SharedMap,
    source: &SharedMap,
    overwrite: bool,
    depth: usize,
) -> Outcome<()> {
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    if depth > DEPTH_LIMIT {
        return Err(Fault::limit("maps are nested too deeply to merge"));
    }
    let pairs: Vec<_> =
        source.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in pairs {
        call.engine.step(0)?;
        call.engine.allocate(64)?;
        let old = target.borrow().get(&key).cloned();
        let replaces = match (&value, &old) {
            (Value::Nil, _) => overwrite,
            (Value::Map(from, _), Some(Value::Map(into, _))) => {
                merge(call, into, from, overwrite, depth + 1)?;
                // What is still empty is replaced by the source's own map.
                into.borrow().is_empty()
            }
            (_, None) => true,
            (_, Some(old)) => overwrite || !old.truth(),
        };
        if replaces {
            call.engine.note_holder(target, &value);
            let old = target.borrow_mut().insert(key, value);
            drop(old);
        }
    }
    Ok(())
}

fn dig(call: &mut Call<'_>) -> Outcome<Value> {
    let [keys @ .., default, container] = &call.args[..] else {
        return fail("dig needs at least three arguments");
    };
    if keys.is_empty() {
        return fail("dig needs at least three arguments");
    }
    let not_a_map = |value: &Value| {
        let found = if value.is_nil() { "nil" } else { value.type_name() };
        fail(format!(
            "interface conversion: interface {{}} is {found}, not map[string]interface {{}}"
        ))
    };
    if !matches!(container, Value::Map(_, MapKind::Any)) {
        return not_a_map(container);
    }
    if let Some(other) = keys.iter().find(|key| !matches!(key, Value::Text(_))) {
        let kind = if other.is_nil() { "nil" } else { other.type_name() };
        return fail(format!("interface conversion: interface {{}} is {kind}, not string"));
    }
    let mut current = container.clone();
    for key in keys.iter().filter_map(Value::as_text) {
        let Value::Map(map, MapKind::Any) = &current else { return not_a_map(&current) };
        let Some(next) = map.borrow().get(key).cloned() else { return Ok(default.clone()) };
        current = next;
    }
    Ok(current)
}
