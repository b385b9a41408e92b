//! What random functions of a chart draw from on this machine.

use clap::Args;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

use crate::error::CommandError;

/// Flags for randomness.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SeedArgs {
    /// Draw random values from this text: the same text gives the same output. Who knows it knows
    /// the passwords
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
}

impl SeedArgs {
    /// Returns the seed: another one for each run, unless one was given.
    ///
    /// A fixed one would be convenient, but what is rendered here may be applied, and then
    /// everybody could work out its passwords.
    pub(crate) fn seed(&self) -> Result<[u8; 32], CommandError> {
        if let Some(text) = &self.seed {
            return Ok(Sha256::digest(text.as_bytes()).into());
        }
        let mut seed = [0; 32];
        OsRng.try_fill_bytes(&mut seed).map_err(|error| {
            CommandError::general(format!("the system has no random bytes: {error}"))
        })?;
        Ok(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_seed_that_was_given_comes_again() {
        let given = |text: &str| SeedArgs { seed: Some(text.to_owned()) }.seed().unwrap();
        assert_eq!(given("a"), given("a"));
        assert_ne!(given("a"), given("b"));
        assert_ne!(SeedArgs::default().seed(), SeedArgs::default().seed());
    }
}
