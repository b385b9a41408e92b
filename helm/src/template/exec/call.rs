//! Functions called.

use super::Site;
use super::State;
use crate::functions::{Call, Function, Kind, NON_FUNCTION, Target};
use crate::template::ast::{Expr, ExprKind};
use crate::template::fault::Outcome;
use crate::value::Value;

impl<'t> State<'_, 't> {
    pub(super) fn function(
        &mut self,
        dot: &Value,
        name: &str,
        target: Target,
        args: &'t [Expr],
        last: Option<Value>,
        site: Site<'t>,
    ) -> Outcome<Value> {
        match target {
            Target::And | Target::Or => {
                self.short_circuit(dot, name, matches!(target, Target::Or), args, last)
            }
            Target::Native(function) => self.call(dot, name, function, None, args, last, site),
            Target::Custom(function) => {
                let count = args.len() + usize::from(last.is_some());
                if count != 1 {
                    return self
                        .fail(format!("wrong number of args for {name}: want 1 got {count}"));
                }
                let value = match (args.first(), last) {
                    (Some(expr), _) => self.argument(dot, Kind::Text, expr)?,
                    (None, last) => self.checked(last.unwrap_or(Value::Nil).into(), Kind::Text)?,
                };
                Ok(Value::from(function(value.as_text().unwrap_or_default())))
            }
        }
    }

    fn short_circuit(
        &mut self,
        dot: &Value,
        name: &str,
        until: bool,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Outcome<Value> {
        if args.is_empty() && last.is_none() {
            return self.fail(format!("wrong number of args for {name}: want at least 1 got 0"));
        }
        let mut value = Value::Nil;
        for expr in args {
            value = self.argument(dot, Kind::Any, expr)?;
            if value.truth() == until {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "these are the parts of a call in Go's own order"
    )]
    pub(super) fn call(
        &mut self,
        dot: &Value,
        name: &str,
        function: &'static Function,
        receiver: Option<Value>,
        args: &'t [Expr],
        last: Option<Value>,
        site: Site<'t>,
    ) -> Outcome<Value> {
        self.locate(self.engine.step(0))?;
        let count = args.len() + usize::from(last.is_some());
        let fixed = function.params.len();
        if function.rest.is_some() {
            if count < fixed {
                let got = args.len();
                return self.fail(format!(
                    "wrong number of args for {name}: want at least {fixed} got {got}"
                ));
            }
        } else if count != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        let mut values = self.engine.arguments();
        values.extend(receiver);
        for (index, expr) in args.iter().enumerate() {
            values.push(self.argument(dot, function.param(index), expr)?);
        }
        if let Some(last) = last {
            values.push(self.checked(last.into(), function.param(count - 1))?);
        }
        if let Some(kind) = function.draws {
            self.engine.note_use(kind, function.name, &self.template.file);
        }
        let mut call = Call { engine: self.engine, scope: self.scope, args: values };
        let work = call.reach().saturating_mul(function.effort);
        let result = self.engine.work(work).and_then(|()| {
            (function.body)(&mut call).map_err(|fault| match args.first() {
                // `call` names what it was given.
                Some(first) if name == "call" => {
                    let shown = shown(first);
                    fault.replaced(NON_FUNCTION, &format!("{NON_FUNCTION} {shown}"))
                }
                _ => fault,
            })
        });
        self.engine.drop_arguments(call.args);
        let result = result.and_then(|value| {
            self.engine.charge(&value)?;
            Ok(value)
        });
        self.site = if result.is_err() { site } else { self.site };
        self.locate(result.map_err(|fault| fault.wrapped(&format!("error calling {name}: "))))
    }
}

/// An expression as errors about what it is show it: without parentheses.
pub(super) fn shown(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Pipe(pipe) => pipe.to_string(),
        _ => expr.to_string(),
    }
}
