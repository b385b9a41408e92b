//! Where a message goes: a secret address, and for signed webhooks a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use crate::NotifyError;

/// Where a message goes; its `Debug` output shows neither the address nor the key.
#[derive(Clone)]
pub struct Target {
    pub(crate) url: Url,
    key: Option<Zeroizing<Vec<u8>>>,
}

impl Target {
    /// Reads an address and, for a signed webhook, its key.
    ///
    /// The key is `whsec_` with 24 to 64 bytes in base64, the form of Standard Webhooks.
    pub fn parse(address: &str, signing_key: Option<&str>) -> Result<Self, NotifyError> {
        let invalid = |field, problem| NotifyError::InvalidTarget { field, problem };
        let url = Url::parse(address.trim())
            .map_err(|_| invalid("address", "is not a URL; copy it anew from the receiver"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(invalid("address", "must begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("address", "must not hold a user or a password"));
        }
        let key = signing_key.map(|text| {
            let encoded = text.trim().strip_prefix("whsec_");
            let key = encoded.and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
            key.filter(|key| (24..=64).contains(&key.len())).ok_or_else(|| {
                invalid("signing key", "must be whsec_ and 24 to 64 bytes in base64")
            })
        });
        Ok(Self { url, key: key.transpose()? })
    }

    /// Returns the host for messages: the one part of an address that is no secret.
    pub(crate) fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// Signs a delivery; nothing if there is no key.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &str) -> Option<String> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.key.as_deref()?)
            .expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("signed", &self.key.is_some()).finish_non_exhaustive()
    }
}
