//! What parsers of outside bytes are fed with, and what must hold whatever it is.
//!
//! A target is a function of bytes that panics when something does not hold. That there is no
//! panic, no hang and no exhausted memory besides is what the caller watches: a fuzzer
//! (`make fuzz`), or `tests/corpus.rs`, which runs the corpus and changes to it with all other tests.
//!
//! Targets of what only a crate itself may see are in that crate: `gimlet_gitops::fuzzing`,
//! `gimlet_charts::fuzzing`. Their corpora are here too.

#![expect(clippy::missing_panics_doc, reason = "a target that finds something panics")]

mod addresses;
mod charts;
mod frames;
mod manifests;
mod objects;
mod policies;
mod signatures;
mod webhooks;

use std::fmt::Display;

use serde_json::Value as Json;

pub use addresses::{addresses, ranges};
pub use charts::{archive, split, templates, values, yaml};
pub use frames::{agent, dashboard};
pub use manifests::{manifest, variables};
pub use objects::{patches, paths};
pub use policies::{policies, schedules};
pub use signatures::signatures;
pub use webhooks::webhooks;

/// A target with its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets of this crate, for callers that run one after the other.
pub const TARGETS: [Target; 17] = [
    ("archive", archive),
    ("values", values),
    ("templates", templates),
    ("yaml", yaml),
    ("split", split),
    ("manifest", manifest),
    ("variables", variables),
    ("patches", patches),
    ("paths", paths),
    ("policies", policies),
    ("schedules", schedules),
    ("addresses", addresses),
    ("ranges", ranges),
    ("signatures", signatures),
    ("webhooks", webhooks),
    ("agent", agent),
    ("dashboard", dashboard),
];

/// What separates the parts of an input that has several.
const SEPARATOR: &str = "\n=====\n";

/// Cuts an input into its parts; those that are not there are empty.
fn parts<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.split(SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Returns the text of an error: it has one, and not one without end.
fn explained(error: &dyn Display) -> String {
    let text = error.to_string();
    assert!(!text.trim().is_empty(), "an error without a text");
    assert!(text.len() < 1 << 20, "an error of {} bytes", text.len());
    text
}

/// Equal but for the kind of a number: what is written as 1e+06 may have been an integer.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}
