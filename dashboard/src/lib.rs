//! The dashboard's server: it serves the web app, and acts as whoever is signed in.
//!
//! It writes nothing by its own rights, and reads by them only what it then shows to those who may
//! read it themselves.

mod access;
mod args;
mod caller;
mod cluster;
mod denials;
mod gateway;
mod groundwork;
mod http;
mod live;
mod metrics;
mod oidc;
mod origin;
mod overview;
mod page;
mod passthrough;
mod people;
mod probes;
mod problem;
mod rights;
mod run;
mod session;
mod sight;
mod sso;
mod token;
mod watched;
mod word;

pub use args::Args;
pub use run::run;
