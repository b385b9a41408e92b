//! The syntax tree of a template; it is shared between threads and renders.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::functions::Target;
use crate::print::quote;

/// A parsed template.
pub(crate) struct Template {
    pub(crate) name: SmolStr,
    /// The file the template stands in.
    pub(crate) file: SmolStr,
    pub(crate) source: Arc<str>,
    pub(crate) body: Vec<Node>,
    /// Nodes of the body.
    pub(crate) nodes: usize,
}

impl Template {
    /// Whether the template holds white space only.
    pub(crate) fn is_blank(&self) -> bool {
        is_blank(&self.body)
    }
}

pub(super) fn is_blank(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

pub(crate) enum Node {
    Text(Box<str>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Invocation),
    Break,
    Continue,
}

/// `if`, `with` or `range`.
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// `{{template "name" pipeline}}`.
pub(crate) struct Invocation {
    pub(crate) pos: usize,
    pub(crate) name: SmolStr,
    pub(crate) pipe: Option<Pipe>,
}

pub(crate) struct Pipe {
    pub(crate) pos: usize,
    pub(crate) declared: Vec<SmolStr>,
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) args: Vec<Expr>,
}

pub(crate) struct Expr {
    pub(crate) pos: usize,
    pub(crate) kind: ExprKind,
}

pub(crate) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text {
        literal: SmolStr,
        value: SmolStr,
    },
    /// A text that is not UTF-8.
    Raw {
        literal: SmolStr,
        value: Arc<[u8]>,
    },
    Field(Vec<SmolStr>),
    Variable(SmolStr, Vec<SmolStr>),
    Chain(Box<Expr>, Vec<SmolStr>),
    Function(SmolStr, Target),
    Pipe(Pipe),
}

/// A number constant; an integral float is an integer as well.
pub(crate) struct Number {
    pub(crate) literal: SmolStr,
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
    pub(crate) is_char: bool,
}

impl Number {
    /// Whether the constant is an integer that is unsigned only.
    pub(crate) fn overflows(&self) -> bool {
        let has = |symbols: &[char]| self.literal.contains(symbols);
        let hex = has(&['x', 'X']);
        self.int.is_none() && !has(&['.', 'p', 'P']) && (hex || !has(&['e', 'E']))
    }

    /// Whether the constant is a float where nothing demands a type.
    pub(crate) fn is_float(&self) -> bool {
        let hex = self.literal.contains(['x', 'X']);
        !self.is_char
            && (self.int.is_none() || (!hex && self.literal.contains(['.', 'e', 'E', 'p', 'P'])))
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[SmolStr]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Dot => f.write_str("."),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Bool(value) => write!(f, "{value}"),
            ExprKind::Number(number) => f.write_str(&number.literal),
            ExprKind::Text { literal, .. } | ExprKind::Raw { literal, .. } => f.write_str(literal),
            ExprKind::Field(fields) => write_fields(f, fields),
            ExprKind::Variable(name, fields) => {
                f.write_str(name)?;
                write_fields(f, fields)
            }
            ExprKind::Chain(base, fields) => {
                write!(f, "{base}")?;
                write_fields(f, fields)
            }
            ExprKind::Function(name, _) => f.write_str(name),
            ExprKind::Pipe(pipe) => write!(f, "({pipe})"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{arg}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.declared.is_empty() {
            let operator = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {operator} ", self.declared.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", quote(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}
