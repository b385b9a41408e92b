//! What runs in a workload cluster, and how it is reported to the dashboard.

pub mod diagnosis;
pub mod protocol;

#[cfg(feature = "process")]
mod args;
#[cfg(feature = "process")]
pub mod ask;
#[cfg(feature = "process")]
pub mod cluster;
#[cfg(feature = "process")]
pub mod connection;
#[cfg(feature = "process")]
mod identity;
#[cfg(feature = "process")]
mod metrics;
#[cfg(feature = "process")]
mod probes;
#[cfg(feature = "process")]
mod run;

#[cfg(feature = "process")]
pub use args::Args;
#[cfg(feature = "process")]
pub use run::run;
