//! Ids of commits.

use std::fmt;

/// Names a commit by its full id: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha(String);

/// Says that a text is not a full commit id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a commit id has 40 or 64 hexadecimal digits, not all of them zero")]
pub struct ShaError;

impl Sha {
    /// Parses a full id; that of no commit at all, which consists of zeros, is refused.
    pub fn parse(text: &str) -> Result<Self, ShaError> {
        Self::parse_or_none(text)?.ok_or(ShaError)
    }

    /// Parses a full id; hosts write zeros for a commit that is not there.
    pub(crate) fn parse_or_none(text: &str) -> Result<Option<Self>, ShaError> {
        if !matches!(text.len(), 40 | 64) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ShaError);
        }
        let absent = text.bytes().all(|b| b == b'0');
        Ok((!absent).then(|| Self(text.to_ascii_lowercase())))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_of_commits_are_accepted() {
        assert_eq!(Sha::parse(&"aB".repeat(20)).unwrap().as_str(), "ab".repeat(20));
        assert!(Sha::parse(&"c".repeat(64)).is_ok());
        for text in ["", "abc123", &"g".repeat(40), &"0".repeat(40), &"a".repeat(41)] {
            assert_eq!(Sha::parse(text), Err(ShaError), "{text}");
        }
        assert_eq!(Sha::parse_or_none(&"0".repeat(64)), Ok(None));
    }
}
