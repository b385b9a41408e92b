//! Whose signature is on a commit.

use gimlet_gitops::{TrustedKeys, verify};

use crate::{explained, parts};

/// Keys that are trusted, in either format, and a commit as git stores it.
pub fn signatures(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let [keys, commit] = parts(&text);
    let mut trusted = TrustedKeys::default();
    let added = if keys.contains("-----BEGIN PGP") {
        trusted.add_openpgp(keys)
    } else {
        trusted.add_allowed_signers(keys)
    };
    if let Err(error) = &added {
        explained(error);
    }
    match verify(commit.as_bytes(), &trusted) {
        Ok(signed) => {
            assert!(!trusted.is_empty(), "{signed:?} is trusted by nobody");
            let stranger = verify(commit.as_bytes(), &TrustedKeys::default());
            assert!(stranger.is_err(), "{signed:?} is trusted without a key");
            let changed = verify(format!("{commit}.").as_bytes(), &trusted);
            assert!(changed.is_err(), "{signed:?} signed something else");
        }
        Err(error) => {
            explained(&error);
        }
    }
}
