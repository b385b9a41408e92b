//! Helm charts rendered in-process, byte for byte as `helm template` prints them.
//!
//! The crate stands alone: no cluster, no network, no clock, no environment. What a render may
//! depend on comes in through [`RenderOptions`].

mod chart;
mod coalesce;
mod encoding;
mod engine;
mod files;
mod functions;
mod json_syntax;
mod kube_version;
mod manifest;
mod memo;
mod number;
mod objects;
mod octets;
mod print;
mod random;
mod render;
mod schema;
mod semver;
pub mod set_values;
mod stack;
mod template;
pub mod text;
mod time;
mod value;
pub mod yaml;

pub use chart::{Chart, ChartError, ChartFile, LockedDependency, OutOfSync};
pub use engine::{Limits, Usage};
pub use functions::{RandomKind, RandomUse};
pub use render::{
    Document, ErrorKind, HelmVersion, Hook, RenderError, RenderOptions, Rendered, merge_values,
    render,
};
pub use stack::{DEEP_STACK_BYTES, on_deep_stack};
