//! Connections outward: which addresses are never contacted, and which authorities are trusted.
//!
//! Addresses come from people who may not be allowed to reach the cloud's metadata service or the
//! program's own machine. What is connected to is checked, and not the name: that leaves nothing
//! to DNS tricks.

#[cfg(feature = "ureq")]
mod client;
mod pinned;
mod reach;
mod url;

#[cfg(feature = "ureq")]
pub use client::{GuardedResolver, InvalidAuthority, authorities, refused};
pub use pinned::Pinned;
pub use reach::{Reach, Refused};
pub use url::{host_of, is_loopback, literal};
