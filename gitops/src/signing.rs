//! Signatures inside commits: making them, and telling whose they are.
//!
//! No agent and no other program is asked: a key is given as text, and the signature is a function
//! of the key, the commit and the commit's date. With Ed25519, ECDSA and RSA (PKCS#1 v1.5) keys of
//! either format the same change on the same base therefore stays the same commit, signed or not.
//! Where a format adds randomness of its own, as DSA keys and version 6 keys of OpenPGP do, the key
//! is refused.
//!
//! Even then nothing would land twice: a change is found by its trailer, never by its commit's id.

mod certificate;
mod commit;
mod openpgp;
mod ssh;
mod trusted;

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{GitError, GitErrorKind};
use crate::remote::Secret;

pub(crate) use commit::with_signature;
pub use trusted::{
    SignatureError, SignatureFormat, SignedBy, TrustedKeys, TrustedKeysError, verify,
};

/// The largest text that is read as a key, in bytes.
const MAX_KEY: usize = 256 * 1024;

/// Says why a key cannot be used to sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The text is neither of the two formats.
    #[error(
        "signing key is not readable: {0}: give an OpenSSH private key or an armoured OpenPGP secret key"
    )]
    Unreadable(String),
    /// The key is encrypted and there is no passphrase.
    #[error("signing key is encrypted: give its passphrase as well")]
    Encrypted,
    /// The passphrase does not fit.
    #[error("signing key cannot be decrypted: check its passphrase")]
    Passphrase,
    /// The key is of a type that cannot be used.
    #[error("signing key is of the type {0}, which cannot be used: use Ed25519, ECDSA or RSA")]
    Unsupported(String),
    /// The key may not be used to sign, or not at this time.
    #[error("signing key {key} cannot sign: {why}")]
    Unusable {
        /// The key's fingerprint.
        key: String,
        /// Why, and what to do.
        why: String,
    },
}

impl SigningError {
    /// Returns the class as a word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "SigningKeyUnreadable",
            Self::Encrypted | Self::Passphrase => "SigningKeyEncrypted",
            Self::Unsupported(_) => "SigningKeyUnsupported",
            Self::Unusable { .. } => "SigningKeyUnusable",
        }
    }
}

impl From<SigningError> for GitError {
    fn from(error: SigningError) -> Self {
        Self::new(GitErrorKind::Signing, error.to_string())
    }
}

/// Signs commits with one key, which never leaves it.
pub struct Signer {
    key: Key,
    fingerprint: String,
    public: String,
}

enum Key {
    Ssh(Box<ssh::SigningKey>),
    OpenPgp(Box<openpgp::SigningKey>),
}

impl Signer {
    /// Reads an OpenSSH private key or an armoured OpenPGP secret key.
    ///
    /// The passphrase is needed once, for a key that is encrypted, and ignored for one that is not.
    /// Decrypting takes a moment by design: call it where that holds nobody up.
    pub fn parse(key: &Secret, passphrase: Option<&Secret>) -> Result<Self, SigningError> {
        let text = key.expose();
        if text.len() > MAX_KEY {
            return Err(SigningError::Unreadable("it is too large".into()));
        }
        // Secrets tend to lose the newline at their end, without which no reader takes them.
        let text = Zeroizing::new(format!("{}\n", text.trim()));
        let passphrase = passphrase.map(Secret::expose).filter(|text| !text.is_empty());
        if text.starts_with("-----BEGIN PGP PRIVATE KEY BLOCK-----") {
            let key = openpgp::SigningKey::parse(&text, passphrase)?;
            let (fingerprint, public) = (key.fingerprint(), key.public()?);
            return Ok(Self { key: Key::OpenPgp(Box::new(key)), fingerprint, public });
        }
        let key = ssh::SigningKey::parse(&text, passphrase)?;
        let (fingerprint, public) = (key.fingerprint(), key.public()?);
        Ok(Self { key: Key::Ssh(Box::new(key)), fingerprint, public })
    }

    /// Returns the name that the format gives the key, for people to compare.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the public key: a line for an allowed signers file, less its first word, or an
    /// armoured OpenPGP key.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// Signs a commit as it is before the signature goes in. `time` is the commit's, in seconds.
    pub(crate) fn sign(&self, payload: &[u8], time: i64) -> Result<String, SigningError> {
        match &self.key {
            Key::Ssh(key) => key.sign(payload),
            Key::OpenPgp(key) => key.sign(payload, time),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.fingerprint)
    }
}
