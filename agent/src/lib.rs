//! What runs in a workload cluster, and how it is reported to the dashboard.

#[cfg(feature = "process")]
pub mod cluster;
pub mod diagnosis;
pub mod protocol;
