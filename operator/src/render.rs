//! Rendering in processes of its own.
//!
//! Charts and template texts are programs of strangers. They run in worker processes of this very
//! binary, without its environment, descriptors and credentials, and under limits of the kernel, so
//! that the worst of them ends a worker and fails its own release.

mod budget;
mod fault;
mod pool;
mod process;
mod protocol;
mod worker;

pub use budget::Budget;
pub use fault::RenderFault;
pub use pool::Renderers;
pub use process::LoadChart;
pub use protocol::{Job, Rendering};
pub use worker::serve;
