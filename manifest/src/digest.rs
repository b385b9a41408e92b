//! Digests as text.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Digests the parts one after the other; the result is in hexadecimal.
pub(crate) fn sha256(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_all_parts() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(Vec::<&[u8]>::new()), empty);
        assert_eq!(sha256(["ab", "c"]), sha256(["abc"]));
    }
}
