//! The operator that turns releases into commits.
//!
//! Controllers ([`environment`], [`app`], [`release`], [`release_set`], [`artifact`]) share a [`Context`]. Each reconcile
//! is a table of contents: gather, decide, act, write the status. Only [`release`] and
//! [`environment`] commit, through one writer per repository and branch ([`remotes`]).

mod app;
mod args;
mod artifact;
mod backoff;
mod caches;
mod chart;
mod config_change;
mod context;
mod controller;
mod controllers;
mod digest;
mod environment;
mod error;
mod events;
mod feedback;
mod flux;
mod github_app;
mod hosting;
mod http;
mod lanes;
mod lease;
mod metrics;
mod notification;
mod origin;
mod preview;
mod pull_request;
mod release;
mod release_set;
mod remotes;
pub mod render;
mod repository;
mod run;
mod siblings;
mod sources;
mod status;
mod traffic;
mod views;
mod watch;
mod witness;
mod written;

pub use args::{Args, Command};
pub use run::run;
