//! Go's `text/template` language.

pub(crate) mod ast;
pub(crate) mod exec;
pub(crate) mod fault;
mod lex;
mod literal;
pub(crate) use literal::{parse_float, parse_int};
pub(crate) mod parse;
pub(crate) mod scope;
