//! Pipelines evaluated: commands, arguments, fields and calls.

use smol_str::SmolStr;

use super::call::shown;
use super::{Found, Site, State};
use crate::functions::{Kind, method};
use crate::template::ast::{Command, Expr, ExprKind, Number, Pipe};
use crate::template::fault::{Fault, Outcome};
use crate::value::{MapKind, Object, Value};

impl<'t> State<'_, 't> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Outcome<Value> {
        self.site = Site::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            self.locate(self.engine.work(16))?;
            value = Some(self.command(dot, command, value)?.value);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.declared {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.vars.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    /// `last` is the value piped into the command.
    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Outcome<Found> {
        let Some((first, args)) = command.args.split_first() else {
            return self.fail("empty command");
        };
        match &first.kind {
            ExprKind::Field(fields) => {
                self.site = Site::Expr(first);
                let base = Found { value: Value::clone(dot), boxed: self.boxed };
                self.chain(dot, base, fields, args, last, Site::Expr(first))
            }
            ExprKind::Chain(base, fields) => {
                self.site = Site::Expr(first);
                let base = self.base(dot, first, base)?;
                self.chain(dot, base.into(), fields, args, last, Site::Expr(first))
            }
            ExprKind::Function(name, target) => {
                self.site = Site::Expr(first);
                let site = Site::Command(command);
                self.function(dot, name, *target, args, last, site).map(Found::from)
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(command, last.is_some())?;
                self.nested(dot, pipe)
            }
            ExprKind::Variable(name, fields) => {
                self.site = Site::Expr(first);
                let value = self.variable(name)?;
                if fields.is_empty() {
                    self.not_a_function(command, last.is_some())?;
                    return Ok(value.into());
                }
                self.chain(dot, value.into(), fields, args, last, Site::Expr(first))
            }
            kind => {
                self.site = Site::Expr(first);
                self.not_a_function(command, last.is_some())?;
                match kind {
                    ExprKind::Nil => self.fail("nil is not a command"),
                    ExprKind::Dot => Ok(Value::clone(dot).into()),
                    _ => self.constant(first).map(Found::from),
                }
            }
        }
    }

    fn not_a_function(&self, command: &Command, piped: bool) -> Outcome<()> {
        match command.args.first() {
            Some(first) if piped || command.args.len() > 1 => {
                self.fail(format!("can't give argument to non-function {}", shown(first)))
            }
            _ => Ok(()),
        }
    }

    fn base(&mut self, dot: &Value, chain: &'t Expr, base: &'t Expr) -> Outcome<Value> {
        if matches!(base.kind, ExprKind::Nil) {
            return self.fail(format!("indirection through explicit nil in {chain}"));
        }
        Ok(self.any(dot, base)?.value)
    }

    /// Evaluates an operand where any type is welcome.
    fn any(&mut self, dot: &Value, expr: &'t Expr) -> Outcome<Found> {
        self.site = Site::Expr(expr);
        match &expr.kind {
            ExprKind::Dot => Ok(Value::clone(dot).into()),
            ExprKind::Nil => Ok(Value::Nil.into()),
            ExprKind::Field(fields) => {
                let base = Found { value: Value::clone(dot), boxed: self.boxed };
                self.chain(dot, base, fields, &[], None, Site::Expr(expr))
            }
            ExprKind::Variable(name, fields) => {
                let value = self.variable(name)?;
                self.chain(dot, value.into(), fields, &[], None, Site::Expr(expr))
            }
            ExprKind::Chain(base, fields) => {
                let base = self.base(dot, expr, base)?;
                self.chain(dot, base.into(), fields, &[], None, Site::Expr(expr))
            }
            ExprKind::Function(name, target) => {
                self.function(dot, name, *target, &[], None, Site::Expr(expr)).map(Found::from)
            }
            ExprKind::Pipe(pipe) => self.nested(dot, pipe),
            _ => self.constant(expr).map(Found::from),
        }
    }

    fn nested(&mut self, dot: &Value, pipe: &'t Pipe) -> Outcome<Found> {
        let _level = self.locate(self.engine.nest())?;
        self.pipeline(dot, pipe).map(Found::from)
    }

    /// A constant without a wanted type.
    fn constant(&self, expr: &Expr) -> Outcome<Value> {
        Ok(match &expr.kind {
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Text { value, .. } => Value::Text(value.clone()),
            ExprKind::Raw { value, .. } => Value::byte_text(value.to_vec()),
            ExprKind::Number(number) => match (number.int, number.float) {
                _ if number.overflows() => {
                    return self.fail(format!("{} overflows int", number.literal));
                }
                (_, Some(value)) if number.is_float() => Value::Float(value),
                (Some(value), _) => Value::Int(value),
                (None, value) => Value::Float(value.unwrap_or_default()),
            },
            _ => Value::Nil,
        })
    }

    /// Evaluates an argument for a parameter of some kind.
    pub(super) fn argument(&mut self, dot: &Value, kind: Kind, expr: &'t Expr) -> Outcome<Value> {
        self.site = Site::Expr(expr);
        self.locate(self.engine.work(16))?;
        let wrong = |wanted: &str| format!("expected {wanted}; found {expr}");
        match (&expr.kind, kind) {
            (ExprKind::Nil, _) if kind.can_be_nil() => Ok(Value::Nil),
            (ExprKind::Nil, _) => self.fail(format!("cannot assign nil to {}", kind.name())),
            (
                ExprKind::Bool(_)
                | ExprKind::Number(_)
                | ExprKind::Text { .. }
                | ExprKind::Raw { .. },
                _,
            ) => match (kind, &expr.kind) {
                (Kind::Any, _)
                | (Kind::Text, ExprKind::Text { .. } | ExprKind::Raw { .. })
                | (Kind::Bool, ExprKind::Bool(_)) => self.constant(expr),
                (Kind::Int, ExprKind::Number(Number { int: Some(value), .. }))
                | (Kind::Unsigned, ExprKind::Number(Number { int: Some(value @ 0..), .. })) => {
                    Ok(Value::Int(*value))
                }
                (Kind::Float, ExprKind::Number(Number { float: Some(value), .. })) => {
                    Ok(Value::Float(*value))
                }
                (Kind::Text, _) => self.fail(wrong("string")),
                (Kind::Bool, _) => self.fail(wrong("bool")),
                (Kind::Int, _) => self.fail(wrong("integer")),
                (Kind::Float, _) => self.fail(wrong("float")),
                (Kind::Unsigned, _) => self.fail(wrong("unsigned integer")),
                _ => self.fail(format!("can't handle {expr} for arg of type {}", kind.name())),
            },
            _ => {
                let found = self.any(dot, expr)?;
                self.checked(found, kind)
            }
        }
    }

    pub(super) fn checked(&self, found: Found, kind: Kind) -> Outcome<Value> {
        if found.value.is_nil() {
            if kind == Kind::Any || (kind.can_be_nil() && !found.boxed) {
                return Ok(Value::Nil);
            }
            return self.fail(if found.boxed {
                let name = kind.name();
                format!("wrong type for value; expected {name}; got interface {{}}")
            } else {
                format!("invalid value; expected {}", kind.name())
            });
        }
        if kind.accepts(&found.value) {
            return Ok(found.value);
        }
        self.fail(format!(
            "wrong type for value; expected {}; got {}",
            kind.name(),
            found.value.type_name()
        ))
    }

    /// Follows fields from a value; the last one may be a method with arguments.
    fn chain(
        &mut self,
        dot: &Value,
        base: Found,
        fields: &'t [SmolStr],
        args: &'t [Expr],
        last: Option<Value>,
        site: Site<'t>,
    ) -> Outcome<Found> {
        self.locate(self.engine.work(fields.len()))?;
        let mut current = base;
        let mut last = last;
        for (index, field) in fields.iter().enumerate() {
            let is_last = index + 1 == fields.len();
            let args = if is_last { args } else { &[] };
            let last = if is_last { last.take() } else { None };
            current = self.field(dot, current, field, args, last, site)?;
        }
        Ok(current)
    }

    fn field(
        &mut self,
        dot: &Value,
        receiver: Found,
        name: &str,
        args: &'t [Expr],
        last: Option<Value>,
        site: Site<'t>,
    ) -> Outcome<Found> {
        let Found { value: receiver, boxed } = receiver;
        let has_args = !args.is_empty() || last.is_some();
        match &receiver {
            Value::Nil if boxed => {
                self.fail(format!("nil pointer evaluating interface {{}}.{name}"))
            }
            Value::Nil if self.engine.missing_key_fails() => {
                self.locate(Err(Fault::missing_key(name)))
            }
            // A variable or a parenthesis that holds nothing yields nothing.
            Value::Nil => Ok(Value::Nil.into()),
            Value::Map(map, kind) => {
                if has_args {
                    return self.fail(format!("{name} is not a method but has arguments"));
                }
                match (map.borrow().get(name), kind) {
                    (Some(value), kind) => {
                        Ok(Found { boxed: !matches!(kind, MapKind::Text), value: value.clone() })
                    }
                    (None, _) if self.engine.missing_key_fails() => {
                        self.locate(Err(Fault::missing_key(name)))
                    }
                    (None, MapKind::Text) => Ok(Value::text("").into()),
                    (None, _) => Ok(Found { boxed: true, value: Value::Nil }),
                }
            }
            Value::Object(object) => {
                if let Some(function) = method(object, name) {
                    let result =
                        self.call(dot, name, function, Some(receiver.clone()), args, last, site);
                    return result.map(Found::from);
                }
                match &**object {
                    Object::Struct(inner) => {
                        match inner.fields.iter().find(|field| field.name == name) {
                            Some(_) if has_args => self.fail(format!(
                                "{name} has arguments but cannot be invoked as function"
                            )),
                            Some(field) => Ok(field.value.clone().into()),
                            None => self.no_field(name, &receiver, boxed),
                        }
                    }
                    Object::Files(_) if has_args => {
                        self.fail(format!("{name} is not a method but has arguments"))
                    }
                    Object::Files(files) => {
                        let data = files.get(name).unwrap_or_default();
                        Ok(Value::Bytes(data.into()).into())
                    }
                    _ => self.no_field(name, &receiver, boxed),
                }
            }
            _ => self.no_field(name, &receiver, boxed),
        }
    }

    fn no_field<T>(&self, name: &str, receiver: &Value, boxed: bool) -> Outcome<T> {
        let kind = if boxed { "interface {}" } else { receiver.type_name() };
        self.fail(format!("can't evaluate field {name} in type {kind}"))
    }
}
