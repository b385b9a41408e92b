//! Talking git through the `git` program on a warm bare cache.

mod access;
mod command;
mod engine;
mod history;
mod mirror;
mod objects;
mod record;
mod verdict;

pub(crate) use command::{Invocation, run};
pub(crate) use engine::{CliEngine, digest};
pub(crate) use history::{changed_paths, read_messages};
pub use mirror::{Answer, Mirror, Reference, SourceCommit, SourceFile, SourceFolder};
pub(crate) use objects::Reader;
