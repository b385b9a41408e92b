//! Templates called from templates, defaults, errors and types.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::Kind::{Any, Bool, Text};
use super::{Call, Function, fixed, variadic};
use crate::memo::Parsed;
use crate::print::quote;
use crate::template::exec::execute;
use crate::template::fault::{Fault, Outcome, fail};
use crate::template::parse::parse;
use crate::template::scope::Scope;
use crate::value::{Entries, Value};

/// What Go prints for a missing value; Helm removes it from every output.
pub(crate) const NO_VALUE: &str = "<no value>";
/// The name of the template Helm hangs all others on.
pub(crate) const ROOT: &str = "gotpl";

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("include", &[Text, Any], include),
    fixed("tpl", &[Text, Any], tpl),
    fixed("required", &[Text, Any], |call| {
        let empty = match call.arg(1) {
            Value::Nil => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        if empty { Err(Fault::raised(&call.text(0))) } else { Ok(call.take(1)) }
    }),
    fixed("fail", &[Text], |call| Err(Fault::raised(&call.text(0)))),
    variadic("default", &[Any], Any, |call| {
        let index = usize::from(call.args.get(1).is_some_and(Value::truth));
        Ok(call.take(index))
    }),
    fixed("empty", &[Any], |call| Ok(Value::Bool(!call.arg(0).truth()))),
    variadic("coalesce", &[], Any, |call| {
        Ok(call.args.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Nil))
    }),
    variadic("all", &[], Any, |call| Ok(Value::Bool(call.args.iter().all(Value::truth)))),
    variadic("any", &[], Any, |call| Ok(Value::Bool(call.args.iter().any(Value::truth)))),
    fixed("ternary", &[Any, Any, Bool], |call| {
        let index = usize::from(!call.arg(2).truth());
        Ok(call.take(index))
    }),
    fixed("typeOf", &[Any], |call| Ok(call.arg(0).type_name().into())),
    fixed("typeIs", &[Text, Any], |call| {
        Ok(Value::Bool(*call.text(0) == *call.arg(1).type_name()))
    }),
    fixed("typeIsLike", &[Text, Any], |call| {
        let (wanted, found) = (call.text(0), call.arg(1).type_name());
        Ok(Value::Bool(*wanted == *found || found.strip_prefix('*') == Some(&*wanted)))
    }),
    fixed("kindOf", &[Any], |call| Ok(call.arg(0).kind_name().into())),
    fixed("kindIs", &[Text, Any], |call| {
        Ok(Value::Bool(*call.text(0) == *call.arg(1).kind_name()))
    }),
    fixed("deepEqual", &[Any, Any], |call| Ok(Value::Bool(call.same(call.arg(0), call.arg(1))?))),
];

/// Functions about a cluster, which a render does not have.
pub(super) const CHART: &[Function] = &[
    fixed("lookup", &[Text, Text, Text, Text], |_| Ok(Value::map(Entries::default()))),
    fixed("getHostByName", &[Text], |_| Ok("".into())),
];

fn include(call: &mut Call<'_>) -> Outcome<Value> {
    let name = call.text(0);
    call.engine.work(call.engine.depth())?;
    if !call.engine.begin_include(&name) {
        return fail(format!(
            "rendering template has a nested reference name: {name}: unable to execute template"
        ));
    }
    let result = match call.scope.get(&name) {
        Some(template) => {
            let mut out = call.engine.buffer();
            let result = execute(call.engine, call.scope, &template, call.arg(1), &mut out);
            let result = result.map(|()| call.engine.printed(&out));
            call.engine.give_back(out);
            result
        }
        None => fail(format!(
            "template: no template {} associated with template {}",
            quote(&name),
            quote(ROOT)
        )),
    };
    call.engine.end_include();
    result
}

fn tpl(call: &mut Call<'_>) -> Outcome<Value> {
    let text = call.text(0);
    if !text.contains("{{") {
        return Ok(text.replace(NO_VALUE, "").into());
    }
    let snippet = call.engine.memo().snippets.get(&text, |text| {
        let file = SmolStr::new_static(ROOT);
        let parsed = parse(&file, &Arc::from(text), call.engine.lookup()).map_err(|error| {
            let kind = if error.is_limit { Fault::limit } else { Fault::new };
            kind(format!("cannot parse template {}: {}", quote(text), error.message))
        })?;
        Ok::<_, Fault>(Parsed::from(parsed))
    })?;
    call.engine.count_snippet(&text, &snippet)?;
    let Some((main, defined)) = snippet.split_last() else { return Ok(Value::text("")) };
    let scope = if defined.is_empty() {
        Rc::clone(call.scope)
    } else {
        let inner = Scope::below(call.scope);
        inner.add(defined);
        Rc::new(inner)
    };
    let mut out = call.engine.buffer();
    let result = execute(call.engine, &scope, main, call.arg(1), &mut out);
    let result = result.map(|()| {
        if out.contains(NO_VALUE) {
            call.engine.printed(&out.replace(NO_VALUE, ""))
        } else {
            call.engine.printed(&out)
        }
    });
    call.engine.give_back(out);
    result.map_err(|fault| {
        fault.wrapped(&format!("error during tpl function execution for {}: ", quote(&text)))
    })
}
