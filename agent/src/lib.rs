//! What runs in a workload cluster, and how it is reported to the dashboard.

pub mod diagnosis;
pub mod protocol;
