//! Kubernetes Secrets encrypted in the SOPS file format, for age recipients.
//!
//! [`classify`] says what an object does with secrets, [`Encryptor::encrypt`] encrypts the values
//! of a plain `Secret`, so that it can be committed and Flux decrypts it when it applies it. The
//! crate is pure: time and the secret [`Seed`] come from the caller, nothing is read or drawn.
//!
//! # The same input gives the same bytes
//!
//! Keys and nonces are derived from the seed instead of being drawn at random. The caller keeps
//! one seed per environment, for example in a Secret beside the environment:
//!
//! - The key of a Secret depends on the seed, its namespace and name, and the recipients. When
//!   a recipient is removed, everything is encrypted anew with a key it never saw.
//! - The nonce of a value depends on the seed, the key's name and the value. Two different values
//!   never meet the same nonce, so that a fixed key is safe; an unchanged value keeps its text.
//! - Given the file that is there now, an encryptor keeps its date when nothing else changed. The
//!   result then has the same bytes, and there is nothing to commit.
//!
//! What a reader of the repository without a key learns:
//!
//! - Names and lengths of the values, as in every SOPS file.
//! - Which values changed between two commits, and whether one returned to an earlier value. The
//!   `sops` program gives the first away as well.
//! - With one seed for several environments, whether Secrets with the same namespace, name and
//!   recipients hold the same values: hence a seed for each environment.
//! - Whoever knows the seed can decrypt everything that was written with it, hence guard it like
//!   an age identity. A lost seed costs one commit in which all ciphertexts change, no secret.
//!
//! A digest of the plaintext in an annotation would do the same job worse: without a key it can
//! be guessed, with one it needs the same secret as this does, and tells equality as well.

mod age;
mod cipher;
mod encryptor;
mod error;
mod field;
mod kind;
mod recipient;
mod seed;

pub use encryptor::Encryptor;
pub use error::SopsError;
pub use kind::{SecretKind, classify, is_encrypted};
pub use recipient::{Recipients, RecipientsError};
pub use seed::Seed;

#[cfg(test)]
mod tests;
