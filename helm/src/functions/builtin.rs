//! The functions `text/template` brings along.

use std::fmt::Write as _;
use std::rc::Rc;

use super::Kind::{Any, Text};
use super::{Call, Function, fixed, variadic};
use crate::print::{display, is_printable, printable, sprint, sprintf, sprintln};
use crate::template::fault::{Outcome, fail};
use crate::value::{ListKind, MapKind, Object, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("not", &[Any], |call| Ok(Value::Bool(!call.arg(0).truth()))),
    fixed("len", &[Any], |call| length(call.arg(0))),
    variadic("index", &[Any], Any, |call| index(&call.args)),
    variadic("slice", &[Any], Any, super::lists::slice),
    variadic("call", &[Any], Any, |call| match call.arg(0) {
        Value::Nil => fail("call of nil"),
        other => fail(format!("{NON_FUNCTION} of type {}", other.type_name())),
    }),
    variadic("print", &[], Any, |call| Ok(sprint(&call.args, call.budget())?.into())),
    variadic("println", &[], Any, |call| Ok(sprintln(&call.args, call.budget())?.into())),
    variadic("printf", &[Text], Any, |call| {
        Ok(sprintf(&call.text(0), &call.args[1..], call.budget())?.into())
    }),
    variadic("html", &[], Any, |call| Ok(escape_html(&printed(call)?).into())),
    variadic("js", &[], Any, |call| Ok(escape_js(&printed(call)?).into())),
    variadic("urlquery", &[], Any, |call| Ok(super::urls::escape_query(&printed(call)?).into())),
    variadic("eq", &[Any], Any, |call| {
        if call.args.len() < 2 {
            return fail("missing argument for comparison");
        }
        for other in &call.args[1..] {
            if equal(call.arg(0), other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    fixed("ne", &[Any, Any], |call| Ok(Value::Bool(!equal(call.arg(0), call.arg(1))?))),
    fixed("lt", &[Any, Any], |call| Ok(Value::Bool(less(call.arg(0), call.arg(1))?))),
    fixed("le", &[Any, Any], |call| {
        Ok(Value::Bool(less(call.arg(0), call.arg(1))? || equal(call.arg(0), call.arg(1))?))
    }),
    fixed("gt", &[Any, Any], |call| {
        Ok(Value::Bool(!less(call.arg(0), call.arg(1))? && !equal(call.arg(0), call.arg(1))?))
    }),
    fixed("ge", &[Any, Any], |call| Ok(Value::Bool(!less(call.arg(0), call.arg(1))?))),
];

/// What `call` says about a value that is none; the caller puts its name in.
pub(crate) const NON_FUNCTION: &str = "non-function";

/// The arguments as the escaping functions print them.
fn printed(call: &Call<'_>) -> Outcome<String> {
    let shown = |value: &Value| {
        if value.is_nil() { super::NO_VALUE.into() } else { value.clone() }
    };
    if let [value @ Value::Object(_)] = &call.args[..] {
        return Ok(printable(value, call.budget())?);
    }
    let values: Vec<Value> = call.args.iter().map(shown).collect();
    Ok(sprint(&values, call.budget())?)
}

fn length(value: &Value) -> Outcome<Value> {
    let count = match value {
        Value::Text(text) => text.len(),
        Value::Raw(bytes) | Value::Bytes(bytes) => bytes.len(),
        Value::List(items, _) => items.len(),
        Value::Map(map, _) => map.borrow().len(),
        Value::Object(object) => match &**object {
            Object::Files(files) => files.len(),
            Object::Versions(versions) => versions.len(),
            _ => return fail(format!("len of type {}", value.type_name())),
        },
        Value::Nil => return fail("len of nil pointer"),
        _ => return fail(format!("len of type {}", value.type_name())),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn position(index: &Value, length: usize, of: &str) -> Outcome<usize> {
    match index {
        Value::Int(number) | Value::Int64(number) => match usize::try_from(*number) {
            Ok(number) if number < length => Ok(number),
            // Go looks for this one less closely.
            Ok(number) if number == length => fail(format!("reflect: {of} index out of range")),
            _ => fail(format!("index out of range: {number}")),
        },
        Value::Nil => fail("cannot index slice/array with nil"),
        other => fail(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn index(args: &[Value]) -> Outcome<Value> {
    let (mut current, indexes) = match args.split_first() {
        Some((Value::Nil, _)) | None => return fail("index of untyped nil"),
        Some((first, rest)) => (first.clone(), rest),
    };
    for index in indexes {
        let next = match (&current, index) {
            (Value::Map(map, kind), Value::Text(key)) => {
                let found = map.borrow().get(key).cloned();
                let missing = if *kind == MapKind::Text { Value::text("") } else { Value::Nil };
                found.unwrap_or(missing)
            }
            (Value::Map(..), Value::Nil) => {
                return fail("value is nil; should be of type string");
            }
            (Value::Map(..), other) => {
                return fail(format!("value has type {}; should be string", other.type_name()));
            }
            (Value::List(items, _), number) => {
                items[position(number, items.len(), "slice")?].clone()
            }
            (Value::Text(text), number) => {
                let byte = text.as_bytes()[position(number, text.len(), "string")?];
                Value::Int(i64::from(byte))
            }
            (Value::Raw(bytes) | Value::Bytes(bytes), number) => {
                let of = if matches!(current, Value::Raw(_)) { "string" } else { "slice" };
                Value::Int(i64::from(bytes[position(number, bytes.len(), of)?]))
            }
            (Value::Nil, _) => return fail("index of nil pointer"),
            (Value::Object(object), _) => match (&**object, index) {
                (Object::Files(files), Value::Text(name)) => {
                    Value::Bytes(files.get(name).unwrap_or_default().into())
                }
                (Object::Versions(versions), number) => {
                    Value::Text(versions[position(number, versions.len(), "slice")?].clone())
                }
                _ => return fail(format!("can't index item of type {}", current.type_name())),
            },
            _ => return fail(format!("can't index item of type {}", current.type_name())),
        };
        current = next;
    }
    Ok(current)
}

/// The basic kinds Go compares with one another.
fn basic(value: &Value) -> u8 {
    match value {
        Value::Nil => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Int64(_) => 2,
        Value::Float(_) => 3,
        Value::Text(_) | Value::Raw(_) => 4,
        _ => 5,
    }
}

fn equal(left: &Value, right: &Value) -> Outcome<bool> {
    let is_nil = |value: &Value| {
        matches!(value, Value::Nil | Value::List(_, ListKind::Nil | ListKind::NilText))
    };
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) && is_nil(right));
    }
    if basic(left) != basic(right) {
        return incomparable(left, right);
    }
    Ok(match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Raw(a), Value::Raw(b)) => a == b,
        (Value::Text(_), Value::Raw(_)) | (Value::Raw(_), Value::Text(_)) => false,
        (Value::Object(a), Value::Object(b)) => match (&**a, &**b) {
            (Object::Time(a), Object::Time(b)) => a == b && a.time_zone() == b.time_zone(),
            (Object::Duration(a), Object::Duration(b)) => a == b,
            _ => Rc::ptr_eq(a, b),
        },
        _ if left.kind_name() != right.kind_name() => {
            let shown = sprintf("%s", std::slice::from_ref(left), 4096)?;
            let (of, with) = (left.type_name(), right.type_name());
            let other = display(right, 4096)?;
            return fail(format!("non-comparable types {shown}: {of}, {with}: {other}"));
        }
        _ => {
            let shown = sprintf("%s", std::slice::from_ref(right), 4096)?;
            let kind = right.type_name();
            return fail(format!("non-comparable type {shown}: {kind}"));
        }
    })
}

fn incomparable<T>(left: &Value, right: &Value) -> Outcome<T> {
    let (left, right) = (left.type_name(), right.type_name());
    fail(format!("incompatible types for comparison: {left} and {right}"))
}

fn less(left: &Value, right: &Value) -> Outcome<bool> {
    Ok(match (left, right) {
        // Types that have no order are found before types that differ.
        _ if [left, right].iter().any(|value| matches!(basic(value), 0 | 5)) => {
            return fail("invalid type for comparison");
        }
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => a < b,
        (Value::Float(a), Value::Float(b)) => a < b,
        (Value::Text(a), Value::Text(b)) => a < b,
        _ if basic(left) == basic(right) => return fail("invalid type for comparison"),
        _ => return incomparable(left, right),
    })
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(symbol),
        }
    }
    out
}

fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            _ if u32::from(symbol) < 0x20
                || matches!(symbol, '<' | '>' | '&' | '=')
                || (!symbol.is_ascii() && !is_printable(symbol)) =>
            {
                let _ = write!(out, "\\u{:04X}", u32::from(symbol));
            }
            _ => out.push(symbol),
        }
    }
    out
}
