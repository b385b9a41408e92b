//! The secret that keys and nonces are derived from.

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 secret bytes, from which everything that looks random is derived.
///
/// One for each environment; see the crate's page for what follows from sharing or losing it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes 32 bytes from a cryptographic random generator.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Derives bytes that depend on the seed, a purpose and all parts, in their order.
    pub(crate) fn derive<const N: usize>(
        &self,
        purpose: &str,
        parts: &[&[u8]],
    ) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 32, "HKDF gives no more") };
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0)
            .expect("HMAC takes keys of every length");
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        for part in [b"gimlet-sops/1", purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let key = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        let mut bytes = Zeroizing::new([0; N]);
        Hkdf::<Sha256>::from_prk(key.as_slice())
            .expect("a key of 32 bytes is long enough for SHA-256")
            .expand(purpose.as_bytes(), bytes.as_mut_slice())
            .expect("the length was checked above");
        bytes
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}
