//! Deploy manifests rendered to files.
//!
//! The way of a release through this crate: [`file::parse`] reads `.gimlet/*.yaml`, [`resolve`]
//! puts the variables in, [`render`] makes the files of the app's folder, [`plan`] says what they
//! change. All of it is pure: no network, no clock, no environment. The same input gives the same
//! bytes, so a retry of a release makes the same tree.

pub mod component;
mod digest;
pub mod file;
pub mod flux;
mod hook;
mod label;
mod layout;
pub mod lint;
mod object;
mod patch;
pub mod plan;
pub mod policy;
pub mod preview;
mod randomness;
mod reason;
pub mod record;
mod render;
mod scope;
pub mod secret;
mod suggestion;
mod template;
mod variables;
mod yaml;

pub use object::{Object, ObjectError};
pub use patch::PatchError;
pub use reason::RenderReason;
pub use render::{RenderError, RenderInput, RenderedApp, render};
pub use variables::{Vars, VarsError, resolve};
