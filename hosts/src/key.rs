//! Deploy keys as hosts list them.

use serde::Deserialize;

/// A deploy key of a repository.
#[derive(Deserialize)]
pub(crate) struct KeyShape {
    /// Its number.
    pub(crate) id: u64,
    key: String,
}

impl KeyShape {
    /// Tells whether it is a public key; their comments do not matter.
    pub(crate) fn is(&self, key: &str) -> bool {
        bare(&self.key) == bare(key)
    }
}

/// Returns a public key without its comment.
fn bare(key: &str) -> Vec<&str> {
    key.split_whitespace().take(2).collect()
}
