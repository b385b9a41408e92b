//! Talking git through the `git` program on a warm bare cache.

mod access;
mod command;
mod engine;
mod history;
mod objects;
mod verdict;

pub(crate) use engine::CliEngine;
