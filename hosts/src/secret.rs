//! Tokens and webhook secrets, which are never printed.

use std::fmt;

use zeroize::Zeroizing;

/// Holds a token or a webhook secret; never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the value, for the places that send it or compare with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the value out of a text that somebody will read.
    pub(crate) fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(self.0.as_str(), "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.scrub("bad hunter2!"), "bad ***!");
        assert_eq!(Secret::default().scrub("as it is"), "as it is");
    }
}
