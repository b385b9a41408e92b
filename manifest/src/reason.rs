//! Why nothing was rendered, in one word.

use serde::{Deserialize, Serialize};

/// Why nothing was rendered, as conditions, events and metrics say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[expect(missing_docs, reason = "the errors that have these reasons say what they mean")]
pub enum RenderReason {
    ChartFailed,
    ChartNotLoaded,
    DuplicateObject,
    InvalidObject,
    InvalidTemplate,
    MissingVariable,
    NothingRendered,
    PatchFailed,
    SecretRefused,
    TooLarge,
}
