//! A branch without a clone: git's own protocol, spoken over HTTP.
//!
//! A release needs the trees on the way to the application's folder, and sends what is new in one
//! request that moves the branch if it is still where it was (`gitprotocol-v2`, `gitprotocol-pack`).

mod cache;
mod commit;
mod delta;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod graph;
mod history;
mod http;
mod pack;
mod packet;
mod parcel;
mod receive;
mod upload;
mod wanted;

pub(crate) use engine::WireEngine;
