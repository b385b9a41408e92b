//! What is wrong with what runs, why, and what a person does about it.
//!
//! All of it is a function of Kubernetes' objects: no I/O, and no clock but the one that is passed in.

mod advice;
mod alert;
mod flux;
mod job;
mod pod;
mod rollout;
mod summary;
#[cfg(test)]
mod tests;

use crate::protocol::{Cause, MAX_TEXT, clip};

pub use alert::Alerts;
pub use flux::{flux_item, flux_verdict};
pub use job::{JobOutcome, job_outcome};
pub use pod::{pod_trouble, with_event};
pub use rollout::{Rollout, judge};
#[cfg(feature = "process")]
pub(crate) use rollout::{images, refused};
pub use summary::summarize;

/// What keeps something from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Whether it stays until somebody does something.
    pub lasting: bool,
    /// Why, and what to do.
    pub cause: Cause,
}

impl Trouble {
    fn lasting(reason: &str, message: String, next_step: &str) -> Self {
        Self { lasting: true, cause: cause(reason, message, next_step) }
    }

    fn passing(reason: &str, message: String, next_step: &str) -> Self {
        Self { lasting: false, cause: cause(reason, message, next_step) }
    }
}

fn cause(reason: &str, message: String, next_step: &str) -> Cause {
    // What is kept of an object must not be as large as what somebody wrote into it.
    let message = if message.len() > MAX_TEXT { clip(&message) } else { message };
    Cause { reason: clip(reason), message, next_step: clip(next_step) }
}
