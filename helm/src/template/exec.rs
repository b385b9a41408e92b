//! Templates executed.
//!
//! The order of evaluation and the expression an error names follow `text/template`, because
//! charts, tests and people match on those texts.

mod call;
mod evaluate;

use std::fmt;
use std::rc::Rc;

use smol_str::SmolStr;

use super::ast::{Branch, Command, Expr, Invocation, Node, Pipe, Template};
use super::fault::{Fault, Outcome, Place, fail};
use super::scope::Scope;
use crate::engine::Engine;
use crate::octets;
use crate::print::{display_short, printable, quote};
use crate::value::{ListKind, MapKind, Object, Value};

/// Runs a template and appends what it prints.
pub(crate) fn execute(
    engine: &Engine<'_>,
    scope: &Rc<Scope>,
    template: &Template,
    dot: &Value,
    out: &mut String,
) -> Outcome<()> {
    let _level = engine.enter()?;
    let mut state = State {
        engine,
        scope,
        template,
        vars: vec![(SmolStr::new_static("$"), dot.clone())],
        site: Site::Nowhere,
        boxed: false,
    };
    state.list(dot, &template.body, out).map(|_| ())
}

/// The piece of the tree an error is about.
#[derive(Clone, Copy)]
enum Site<'t> {
    Nowhere,
    Expr(&'t Expr),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Invocation(&'t Invocation),
}

impl Site<'_> {
    fn pos(self) -> usize {
        match self {
            Self::Nowhere => 0,
            Self::Expr(expr) => expr.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Invocation(invocation) => invocation.pos,
        }
    }
}

impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::Expr(expr) => expr.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Invocation(invocation) => invocation.fmt(f),
        }
    }
}

enum Flow {
    Next,
    Break,
    Continue,
}

/// A value and whether its Go type is still an interface, as that of a map's element: then a
/// nil is not accepted where a string or map is wanted, and errors do not see the type inside.
struct Found {
    value: Value,
    boxed: bool,
}

impl From<Value> for Found {
    fn from(value: Value) -> Self {
        Self { value, boxed: false }
    }
}

struct State<'e, 't> {
    engine: &'e Engine<'e>,
    scope: &'e Rc<Scope>,
    template: &'t Template,
    vars: Vec<(SmolStr, Value)>,
    site: Site<'t>,
    /// Whether the dot is an element of a list or map of anything.
    boxed: bool,
}

impl<'t> State<'_, 't> {
    /// Adds the place in this template to a fault that has none yet.
    fn locate<T>(&self, result: Outcome<T>) -> Outcome<T> {
        result.map_err(|mut fault| {
            if fault.located {
                return fault;
            }
            let source = &*self.template.source;
            let before = source.get(..self.site.pos()).unwrap_or(source);
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |index| index + 1);
            let place = Place { template: self.template.file.to_string(), line, column };
            fault.prepend(&format!(
                "template: {}:{line}:{column}: executing {} at <{}>: ",
                self.template.file,
                quote(&self.template.name),
                self.site
            ));
            fault.located = true;
            fault.inner.get_or_insert_with(|| place.clone());
            fault.outer = Some(place);
            fault
        })
    }

    fn fail<T>(&self, message: impl Into<String>) -> Outcome<T> {
        self.locate(fail(message))
    }

    fn list(&mut self, dot: &Value, nodes: &'t [Node], out: &mut String) -> Outcome<Flow> {
        let _level = self.locate(self.engine.nest())?;
        for node in nodes {
            match self.node(dot, node, out)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &'t Node, out: &mut String) -> Outcome<Flow> {
        self.locate(self.engine.step(out.len()))?;
        match node {
            Node::Text(text) => {
                self.locate(self.engine.write(text.len()))?;
                out.push_str(text);
            }
            Node::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.declared.is_empty() {
                    self.print(&value, out)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false, out),
            Node::With(branch) => return self.branch(dot, branch, true, out),
            Node::Range(branch) => return self.range(dot, branch, out),
            Node::Template(invocation) => self.invoke(dot, invocation, out)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&self, value: &Value, out: &mut String) -> Outcome<()> {
        match value {
            Value::Nil => out.push_str("<no value>"),
            Value::Text(text) => {
                self.locate(self.engine.write(text.len()))?;
                out.push_str(text);
            }
            Value::Raw(bytes) => {
                self.locate(self.engine.write(bytes.len()))?;
                self.engine.note_octets();
                out.push_str(&octets::to_text(bytes));
            }
            other => {
                if let Value::Object(object) = other
                    && let Some(text) = object.display()
                {
                    out.push_str(text);
                    return Ok(());
                }
                let room = self.engine.limits().output_bytes;
                let text = self.locate(printable(other, room).map_err(Fault::from))?;
                self.locate(self.engine.write(text.len()))?;
                out.push_str(&text);
            }
        }
        Ok(())
    }

    fn branch(
        &mut self,
        dot: &Value,
        branch: &'t Branch,
        rebinds: bool,
        out: &mut String,
    ) -> Outcome<Flow> {
        let mark = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.truth() {
            let boxed = self.boxed;
            self.boxed &= !rebinds;
            let flow = self.list(if rebinds { &value } else { dot }, &branch.body, out);
            self.boxed = boxed;
            flow
        } else {
            self.list(dot, &branch.otherwise, out)
        };
        self.vars.truncate(mark);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch, out: &mut String) -> Outcome<Flow> {
        let outer = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let mark = self.vars.len();
        let declared = branch.pipe.declared.len();
        let items = self.items(&value, declared)?;
        let elements_boxed = match &value {
            Value::List(_, kind) => *kind == ListKind::Any,
            Value::Map(_, kind) => *kind != MapKind::Text,
            _ => false,
        };
        if items.is_empty() {
            let flow = self.list(dot, &branch.otherwise, out);
            self.vars.truncate(outer);
            return flow;
        }
        for (key, item) in items {
            // An empty body takes time as well.
            self.locate(self.engine.step(out.len()))?;
            let names = &branch.pipe.declared;
            if branch.pipe.assigns {
                if let [index, element] = &names[..] {
                    self.assign(index, key)?;
                    self.assign(element, item.clone())?;
                } else if let [element] = &names[..] {
                    self.assign(element, item.clone())?;
                }
            } else if declared > 0 {
                self.vars[mark - 1].1 = item.clone();
                if declared > 1 {
                    self.vars[mark - 2].1 = key;
                }
            }
            let boxed = std::mem::replace(&mut self.boxed, elements_boxed);
            let flow = self.list(&item, &branch.body, out);
            self.boxed = boxed;
            self.vars.truncate(mark);
            if matches!(flow?, Flow::Break) {
                break;
            }
        }
        self.vars.truncate(outer);
        Ok(Flow::Next)
    }

    fn items(&self, value: &Value, declared: usize) -> Outcome<Vec<(Value, Value)>> {
        let numbered = |items: Vec<Value>| (0_i64..).map(Value::Int).zip(items).collect();
        self.locate(self.room(value))?;
        Ok(match value {
            Value::Nil => Vec::new(),
            Value::List(items, _) => numbered(items.to_vec()),
            Value::Bytes(bytes) => {
                numbered(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect())
            }
            Value::Map(map, _) => map
                .borrow()
                .iter()
                .map(|(key, item)| (Value::Text(key.clone()), item.clone()))
                .collect(),
            Value::Int(count) | Value::Int64(count) => {
                if declared > 1 {
                    return self
                        .fail(format!("can't use {count} to iterate over more than one variable"));
                }
                let wrap = |number| match value {
                    Value::Int64(_) => Value::Int64(number),
                    _ => Value::Int(number),
                };
                (0..*count).map(|number| (Value::Nil, wrap(number))).collect()
            }
            Value::Object(object) => match &**object {
                Object::Files(files) => files
                    .iter()
                    .map(|(name, data)| (Value::text(name), Value::Bytes(data.into())))
                    .collect(),
                Object::Versions(versions) => {
                    numbered(versions.iter().cloned().map(Value::Text).collect())
                }
                _ => return self.not_iterable(value),
            },
            _ => return self.not_iterable(value),
        })
    }

    /// Counts what is kept of a value for as long as it is ranged over.
    fn room(&self, value: &Value) -> Outcome<()> {
        let (length, bytes) = match value {
            Value::List(items, _) => (items.len(), 0),
            Value::Bytes(bytes) => (bytes.len(), 0),
            Value::Map(map, _) => (map.borrow().len(), 0),
            Value::Int(count) | Value::Int64(count) => {
                self.engine.check_length(*count)?;
                (usize::try_from(*count).unwrap_or(0), 0)
            }
            Value::Object(object) => match &**object {
                Object::Files(files) => (files.len(), files.size()),
                _ => (0, 0),
            },
            _ => (0, 0),
        };
        self.engine.check_length(i64::try_from(length).unwrap_or(i64::MAX))?;
        self.engine.write(length.saturating_mul(size_of::<(Value, Value)>()).saturating_add(bytes))
    }

    fn not_iterable<T>(&self, value: &Value) -> Outcome<T> {
        self.fail(format!("range can't iterate over {}", display_short(value)))
    }

    fn invoke(&mut self, dot: &Value, call: &'t Invocation, out: &mut String) -> Outcome<()> {
        self.site = Site::Invocation(call);
        self.locate(self.engine.work(self.engine.depth()))?;
        let Some(template) = self.scope.get(&call.name) else {
            return self.fail(format!("template {} not defined", quote(&call.name)));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        let result = execute(self.engine, self.scope, &template, &dot, out);
        self.locate(result)
    }

    fn assign(&mut self, name: &str, value: Value) -> Outcome<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| &**known == name) {
            Some(slot) => slot.1 = value,
            None => return self.fail(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Outcome<Value> {
        match self.vars.iter().enumerate().rev().find(|(_, (known, _))| &**known == name) {
            Some((index, (_, value))) => {
                self.locate(self.engine.work(self.vars.len() - index))?;
                Ok(value.clone())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }
}

/// A list of `[]int`.
pub(crate) fn int_list(numbers: Vec<i64>) -> Value {
    Value::typed_list(numbers.into_iter().map(Value::Int).collect(), ListKind::Int)
}
