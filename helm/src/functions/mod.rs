//! The functions of templates: Go's own, Sprig's and Helm's.

mod builtin;
mod cases;
mod certificates;
mod convert;
mod crypto;
mod dates;
mod der;
mod flow;
mod keys;
mod lists;
mod maps;
mod methods;
mod numbers;
mod passwords;
mod paths;
mod randoms;
mod regexes;
mod strings;
mod toml;
mod urls;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use smol_str::SmolStr;

pub(crate) use builtin::NON_FUNCTION;
pub(crate) use flow::{NO_VALUE, ROOT};
pub(crate) use methods::method;
pub(crate) use regexes::Pattern;

use crate::encoding::lossy;
use crate::engine::Engine;
use crate::print;
use crate::template::fault::{Outcome, fail};
use crate::template::scope::Scope;
use crate::value::{ListKind, MapKind, Object, SharedMap, Unwalkable, Value};

/// What an identifier of a template stands for.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    And,
    Or,
    Native(&'static Function),
    /// A function of one string the caller brought along.
    Custom(fn(&str) -> String),
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Text,
    Int,
    Bool,
    Float,
    /// `uint32`.
    Unsigned,
    Map,
    List,
    Time,
    SemVer,
    /// A certificate with its key.
    Certificate,
}

/// The Go type of a certificate with its key.
const CERTIFICATE: &str = "sprig.certificate";

/// What a function draws on besides its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RandomKind {
    /// The clock.
    Clock,
    /// Random numbers, texts and identifiers.
    Value,
    /// A salted or encrypted secret.
    Password,
    /// A private key.
    Key,
    /// A certificate with its private key.
    Certificate,
}

/// A function some template called whose result depends on the seed or the clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RandomUse {
    /// The file that was rendered, such as `chart/templates/secret.yaml`.
    pub source: String,
    /// The file in which the call stands, such as `chart/templates/_helpers.tpl`.
    pub template: String,
    /// The function.
    pub function: &'static str,
    /// What the function draws on.
    pub kind: RandomKind,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Float => "float64",
            Self::Unsigned => "uint32",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Time => "time.Time",
            Self::SemVer => "*semver.Version",
            Self::Certificate => CERTIFICATE,
        }
    }

    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Map | Self::List | Self::SemVer)
    }

    pub(crate) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Text => matches!(value, Value::Text(_) | Value::Raw(_)),
            Self::Int => matches!(value, Value::Int(_)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Float => matches!(value, Value::Float(_)),
            Self::Map => matches!(value, Value::Map(_, MapKind::Any | MapKind::Values)),
            Self::List => matches!(value, Value::List(_, ListKind::Any | ListKind::Nil)),
            Self::Time | Self::SemVer | Self::Certificate => value.type_name() == self.name(),
            Self::Unsigned => false,
        }
    }
}

type Body = fn(&mut Call<'_>) -> Outcome<Value>;

/// A function with its signature.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Kind],
    /// The type of further arguments, if any are taken.
    pub(crate) rest: Option<Kind>,
    pub(crate) body: Body,
    /// How many times slower than reading it the function goes through a text.
    pub(crate) effort: usize,
    /// What the result depends on besides the arguments.
    pub(crate) draws: Option<RandomKind>,
}

impl Function {
    const fn draws(mut self, on: RandomKind) -> Self {
        self.draws = Some(on);
        self
    }

    pub(crate) fn param(&self, index: usize) -> Kind {
        self.params.get(index).copied().or(self.rest).unwrap_or(Kind::Any)
    }

    /// Counts every byte of the arguments this often.
    const fn effort(self, effort: usize) -> Self {
        Self { effort, ..self }
    }
}

const fn fixed(name: &'static str, params: &'static [Kind], body: Body) -> Function {
    Function { name, params, rest: None, body, effort: 1, draws: None }
}

const fn variadic(name: &'static str, params: &'static [Kind], rest: Kind, body: Body) -> Function {
    Function { name, params, rest: Some(rest), body, effort: 1, draws: None }
}

/// A call with its arguments, already checked against the signature.
pub(crate) struct Call<'e> {
    pub(crate) engine: &'e Engine<'e>,
    pub(crate) scope: &'e Rc<Scope>,
    pub(crate) args: Vec<Value>,
}

impl Call<'_> {
    /// What going through all arguments once counts in work.
    pub(crate) fn reach(&self) -> usize {
        self.args.iter().map(|value| value.reach() + 16).sum()
    }

    /// Takes an argument; one that is not there is nil.
    fn take(&mut self, index: usize) -> Value {
        self.args.get_mut(index).map_or(Value::Nil, |slot| std::mem::replace(slot, Value::Nil))
    }

    fn arg(&self, index: usize) -> &Value {
        self.args.get(index).unwrap_or(&Value::Nil)
    }

    /// A string argument.
    fn text(&self, index: usize) -> SmolStr {
        match self.arg(index) {
            Value::Text(text) => text.clone(),
            Value::Raw(bytes) => SmolStr::new(lossy(bytes)),
            _ => SmolStr::new_static(""),
        }
    }

    /// The bytes of a string argument.
    fn bytes(&self, index: usize) -> Rc<[u8]> {
        match self.arg(index) {
            Value::Text(text) => Rc::from(text.as_bytes()),
            Value::Raw(bytes) => Rc::clone(bytes),
            _ => Rc::from([]),
        }
    }

    fn int(&self, index: usize) -> i64 {
        match self.arg(index) {
            Value::Int(value) | Value::Int64(value) => *value,
            _ => 0,
        }
    }

    /// A map argument; nil is an empty map, as in Go.
    fn map(&self, index: usize) -> SharedMap {
        self.arg(index).as_map().cloned().unwrap_or_default()
    }

    /// A value as Sprig turns it into text.
    fn text_of(&self, value: &Value) -> Outcome<String> {
        self.counted(print::text_of(value, self.budget()))
    }

    fn display(&self, value: &Value) -> Outcome<String> {
        self.counted(print::display(value, self.budget()))
    }

    /// Counts a text that is part of a result, because many of them may be kept at once.
    fn counted(&self, text: Result<String, Unwalkable>) -> Outcome<String> {
        let text = text?;
        self.engine.write(text.len())?;
        Ok(text)
    }

    /// Walks over a value and counts how far it came.
    fn walk<T>(
        &self,
        effort: usize,
        walk: impl FnOnce(&mut usize) -> Result<T, Unwalkable>,
    ) -> Outcome<Result<T, Unwalkable>> {
        let mut left = self.budget();
        let result = walk(&mut left);
        self.engine.work(effort.saturating_mul(self.budget() - left))?;
        Ok(result)
    }

    /// How much a walk over a value may cover.
    fn budget(&self) -> usize {
        self.engine.limits().output_bytes
    }

    fn same(&self, left: &Value, right: &Value) -> Outcome<bool> {
        Ok(self.walk(8, |budget| left.deep_equal(right, budget))??)
    }

    /// The elements of a list-like value; the error text says what they were wanted for.
    fn items(value: &Value, purpose: &str) -> Outcome<Vec<Value>> {
        match value {
            Value::List(items, _) => Ok(items.to_vec()),
            Value::Bytes(bytes) => {
                Ok(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect())
            }
            Value::Object(object) => match &**object {
                Object::Versions(versions) => {
                    Ok(versions.iter().cloned().map(Value::Text).collect())
                }
                _ => fail(format!("Cannot {purpose} on type {}", value.kind_name())),
            },
            Value::Nil => fail("runtime error: invalid memory address or nil pointer dereference"),
            _ => fail(format!("Cannot {purpose} on type {}", value.kind_name())),
        }
    }

    /// The elements of a value as texts, as `join` takes them.
    fn texts(&self, value: &Value) -> Outcome<Vec<String>> {
        let of = |items: &[Value]| {
            items.iter().filter(|item| !item.is_nil()).map(|item| self.text_of(item)).collect()
        };
        match value {
            Value::Nil => Ok(Vec::new()),
            Value::List(items, _) => of(items),
            Value::Object(object) => match &**object {
                Object::Versions(versions) => {
                    Ok(versions.iter().map(ToString::to_string).collect())
                }
                _ => of(std::slice::from_ref(value)),
            },
            _ => of(std::slice::from_ref(value)),
        }
    }
}

/// Whether a template may use the functions that need randomness, a clock or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chart,
    /// A chart under Helm 4, which has functions more.
    Chart4,
    Text,
}

type Table = HashMap<&'static str, &'static Function>;

fn table(groups: &[&'static [Function]]) -> Table {
    groups.iter().copied().flatten().map(|function| (function.name, function)).collect()
}

const PURE: [&[Function]; 13] = [
    builtin::FUNCTIONS,
    convert::FUNCTIONS,
    crypto::FUNCTIONS,
    dates::PURE,
    flow::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    numbers::FUNCTIONS,
    paths::FUNCTIONS,
    regexes::FUNCTIONS,
    strings::FUNCTIONS,
    toml::FUNCTIONS,
    urls::FUNCTIONS,
];

static TEXT: LazyLock<Table> = LazyLock::new(|| table(&PURE));

static CHART: LazyLock<Table> = LazyLock::new(|| {
    let mut functions = TEXT.clone();
    functions.extend(table(&[
        certificates::FUNCTIONS,
        dates::CLOCK,
        flow::CHART,
        passwords::FUNCTIONS,
        randoms::FUNCTIONS,
    ]));
    functions
});

static CHART4: LazyLock<Table> = LazyLock::new(|| {
    let mut functions = CHART.clone();
    functions.extend(table(&[convert::HELM4, toml::HELM4]));
    functions
});

/// Finds a function by name.
pub(crate) fn find(dialect: Dialect, name: &str) -> Option<Target> {
    match name {
        "and" => return Some(Target::And),
        "or" => return Some(Target::Or),
        _ => {}
    }
    let table = match dialect {
        Dialect::Chart => &CHART,
        Dialect::Chart4 => &CHART4,
        Dialect::Text => &TEXT,
    };
    table.get(name).map(|function| Target::Native(function))
}
