//! Lists.

use super::Kind::{Any, Int};
use super::numbers::to_int;
use super::{Call, Function, fixed, variadic};
use crate::template::fault::{Outcome, fail};
use crate::value::{ListKind, Value};

const APPEND: super::Body = |call| {
    let mut items = Call::items(call.arg(0), "push")?;
    items.push(call.take(1));
    Ok(Value::list(items))
};
const PREPEND: super::Body = |call| {
    let mut items = Call::items(call.arg(0), "prepend")?;
    items.insert(0, call.take(1));
    Ok(Value::list(items))
};
const FIRST: super::Body =
    |call| Ok(Call::items(call.arg(0), "find first")?.first().cloned().unwrap_or(Value::Nil));
const LAST: super::Body =
    |call| Ok(Call::items(call.arg(0), "find last")?.last().cloned().unwrap_or(Value::Nil));
const REST: super::Body = |call| {
    let mut items = Call::items(call.arg(0), "find rest")?;
    if items.is_empty() {
        return Ok(Value::typed_list(items, ListKind::Nil));
    }
    items.remove(0);
    Ok(Value::list(items))
};
const INITIAL: super::Body = |call| {
    let mut items = Call::items(call.arg(0), "find initial")?;
    if items.pop().is_none() {
        return Ok(Value::typed_list(items, ListKind::Nil));
    }
    Ok(Value::list(items))
};
const REVERSE: super::Body = |call| {
    let mut items = Call::items(call.arg(0), "find reverse")?;
    items.reverse();
    Ok(Value::list(items))
};
const COMPACT: super::Body = |call| {
    let items = Call::items(call.arg(0), "compact")?;
    Ok(Value::list(items.into_iter().filter(Value::truth).collect()))
};
const UNIQ: super::Body = |call| {
    let mut kept: Vec<Value> = Vec::new();
    for item in Call::items(call.arg(0), "find uniq")? {
        if !contains(call, &kept, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
};
const WITHOUT: super::Body = |call| {
    let mut kept = Vec::new();
    for item in Call::items(call.arg(0), "find without")? {
        if !contains(call, &call.args[1..], &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
};
const HAS: super::Body = |call| {
    if call.arg(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = Call::items(call.arg(1), "find has")?;
    Ok(Value::Bool(contains(call, &items, call.arg(0))?))
};
const CHUNK: super::Body = |call| {
    let items = match Call::items(call.arg(1), "chunk") {
        Err(_) if !call.arg(1).is_nil() => {
            return fail(format!("Cannot chunk type {}", call.arg(1).kind_name()));
        }
        items => items?,
    };
    let Some(size) = usize::try_from(call.int(0)).ok().filter(|size| *size > 0) else {
        return fail("runtime error: makeslice: len out of range");
    };
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::typed_list(chunks, ListKind::Lists))
};
const CONCAT: super::Body = |call| {
    let mut joined = Vec::new();
    for value in &call.args {
        match Call::items(value, "concat") {
            Ok(items) => joined.extend(items),
            Err(fault) if value.is_nil() => return Err(fault),
            Err(_) => return fail(format!("Cannot concat type {} as list", value.kind_name())),
        }
        call.engine.check_length(i64::try_from(joined.len()).unwrap_or(i64::MAX))?;
    }
    let kind = if joined.is_empty() { ListKind::Nil } else { ListKind::Any };
    Ok(Value::typed_list(joined, kind))
};
const LIST: super::Body = |call| Ok(Value::list(std::mem::take(&mut call.args)));

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("list", &[], Any, LIST),
    variadic("tuple", &[], Any, LIST),
    fixed("append", &[Any, Any], APPEND),
    fixed("push", &[Any, Any], APPEND),
    fixed("mustAppend", &[Any, Any], APPEND),
    fixed("mustPush", &[Any, Any], APPEND),
    fixed("prepend", &[Any, Any], PREPEND),
    fixed("mustPrepend", &[Any, Any], PREPEND),
    fixed("first", &[Any], FIRST),
    fixed("mustFirst", &[Any], FIRST),
    fixed("last", &[Any], LAST),
    fixed("mustLast", &[Any], LAST),
    fixed("rest", &[Any], REST),
    fixed("mustRest", &[Any], REST),
    fixed("initial", &[Any], INITIAL),
    fixed("mustInitial", &[Any], INITIAL),
    fixed("reverse", &[Any], REVERSE),
    fixed("mustReverse", &[Any], REVERSE),
    fixed("compact", &[Any], COMPACT),
    fixed("mustCompact", &[Any], COMPACT),
    fixed("uniq", &[Any], UNIQ),
    fixed("mustUniq", &[Any], UNIQ),
    variadic("without", &[Any], Any, WITHOUT),
    variadic("mustWithout", &[Any], Any, WITHOUT),
    fixed("has", &[Any, Any], HAS),
    fixed("mustHas", &[Any, Any], HAS),
    // Sprig's slice hides the one of text/template.
    variadic("mustSlice", &[Any], Any, slice),
    variadic("concat", &[], Any, CONCAT),
    fixed("chunk", &[Int, Any], CHUNK),
    fixed("mustChunk", &[Int, Any], CHUNK),
];

fn contains(call: &Call<'_>, items: &[Value], wanted: &Value) -> Outcome<bool> {
    for item in items {
        if call.same(item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sprig's `slice list [start [end]]`.
pub(super) fn slice(call: &mut Call<'_>) -> Outcome<Value> {
    let items = match Call::items(call.arg(0), "slice") {
        Err(_) if !call.arg(0).is_nil() => {
            let kind = call.arg(0).kind_name();
            return fail(format!("list should be type of slice or array but {kind}"));
        }
        items => items?,
    };
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let at = |index: usize, otherwise: usize| match call.args.get(index) {
        Some(value) => usize::try_from(to_int(value)).ok(),
        None => Some(otherwise),
    };
    match (at(1, 0), at(2, items.len())) {
        (Some(start), Some(end)) if start <= end && end <= items.len() => {
            Ok(Value::list(items[start..end].to_vec()))
        }
        _ => fail("reflect.Value.Slice: slice index out of bounds"),
    }
}
