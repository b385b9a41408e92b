//! Where charts come from, and the built-in chart.
//!
//! A deploy manifest names a chart in a few words. [`Source::parse`] turns them into a place,
//! [`Fetcher::fetch`] brings the chart from there: pinned by digest, cached by content, with the
//! hosts, sizes and credentials under control of the caller's [`Access`]. Everything that
//! rendering needs is in the returned [`Fetched`]; rendering itself touches no network.

mod access;
mod archive;
mod builtin;
mod cache;
mod dependencies;
mod error;
mod fetcher;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod git;
mod http;
mod oci;
mod process;
mod range;
mod repository;
mod source;
mod tree;

pub use access::{Access, HostCredentials, Secret};
pub use builtin::{BUILT_IN_NAME, built_in_files, built_in_version};
pub use cache::CacheKey;
pub use error::ChartFetchError;
pub use fetcher::{Fetched, Fetcher, Options, load};
pub use range::{RangeError, VersionRange, parse_version};
pub use source::{ChartRef, GitReference, LocalPolicy, OciReference, Source, SourceError};

#[cfg(test)]
mod tests;
