//! Keys and signatures of OpenPGP.

use pgp::composed::{
    ArmorOptions, Deserializable as _, DetachedSignature, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Fingerprint, KeyDetails, KeyVersion, Password, Timestamp};

use super::SigningError;
use super::certificate::{self, Component};

pub(super) struct SigningKey {
    secret: SignedSecretKey,
    certificate: SignedPublicKey,
    chosen: Component,
}

impl SigningKey {
    pub(super) fn parse(text: &str, passphrase: Option<&str>) -> Result<Self, SigningError> {
        let unreadable = |error: pgp::errors::Error| SigningError::Unreadable(error.to_string());
        let (mut secret, _) = SignedSecretKey::from_string(text).map_err(unreadable)?;
        if secret.primary_key.version() != KeyVersion::V4 {
            return Err(SigningError::Unsupported("OpenPGP other than version 4".into()));
        }
        let certificate = secret.to_public_key();
        let key = upper(&certificate.fingerprint());
        let components = certificate::components(&certificate);
        // The one that is good for longest; of several the newest.
        let chosen = components
            .into_iter()
            .max_by_key(|c| (c.expires.unwrap_or(i64::MAX), c.created))
            .ok_or_else(|| SigningError::Unusable {
                key,
                why: "no part of it is for signing: make a signing key".into(),
            })?;
        if !is_repeatable(chosen.algorithm) {
            return Err(SigningError::Unsupported(format!("{:?}", chosen.algorithm)));
        }
        let password = passphrase.map_or_else(Password::empty, Password::from);
        let failed = |_| match passphrase {
            None => SigningError::Encrypted,
            Some(_) => SigningError::Passphrase,
        };
        // Only what signs is decrypted; the rest is of no use here.
        if secret.primary_key.fingerprint() == chosen.fingerprint {
            secret.primary_key.remove_password(&password).map_err(failed)?;
        }
        for subkey in &mut secret.secret_subkeys {
            if subkey.key.fingerprint() == chosen.fingerprint {
                subkey.key.remove_password(&password).map_err(failed)?;
            }
        }
        let key = Self { secret, certificate, chosen };
        // A key whose secret is kept on a card, or was taken out, shows only when it is used.
        key.sign(b"", 0)?;
        Ok(key)
    }

    pub(super) fn fingerprint(&self) -> String {
        upper(&self.certificate.fingerprint())
    }

    pub(super) fn public(&self) -> Result<String, SigningError> {
        self.certificate
            .to_armored_string(ArmorOptions::default())
            .map_err(|error| SigningError::Unreadable(error.to_string()))
    }

    /// Signs as of the commit's time, or of the key's creation if that is later: a signature that is
    /// older than its key would be refused.
    pub(super) fn sign(&self, payload: &[u8], time: i64) -> Result<String, SigningError> {
        let time = time.max(self.chosen.created);
        if self.chosen.expires.is_some_and(|expires| time >= expires) {
            return Err(self.unusable("it has expired: extend it or give another one"));
        }
        if self.secret.primary_key.fingerprint() == self.chosen.fingerprint {
            return self.sign_with(&self.secret.primary_key, payload, time);
        }
        let mut subkeys = self.secret.secret_subkeys.iter();
        match subkeys.find(|s| s.key.fingerprint() == self.chosen.fingerprint) {
            Some(subkey) => self.sign_with(&subkey.key, payload, time),
            None => Err(self.unusable("the secret part that signs is not there: export it too")),
        }
    }

    fn sign_with(
        &self,
        key: &impl pgp::types::SigningKey,
        payload: &[u8],
        time: i64,
    ) -> Result<String, SigningError> {
        let failed = |error: pgp::errors::Error| self.unusable(&error.to_string());
        let time = Timestamp::from_secs(u32::try_from(time).unwrap_or(u32::MAX));
        let mut config =
            SignatureConfig::v4(SignatureType::Binary, key.algorithm(), key.hash_alg());
        for data in [
            SubpacketData::IssuerFingerprint(key.fingerprint()),
            SubpacketData::SignatureCreationTime(time),
        ] {
            config.hashed_subpackets.push(Subpacket::regular(data).map_err(failed)?);
        }
        let id = SubpacketData::IssuerKeyId(key.legacy_key_id());
        config.unhashed_subpackets.push(Subpacket::regular(id).map_err(failed)?);
        let signature = config.sign(key, &Password::empty(), payload).map_err(failed)?;
        DetachedSignature::new(signature).to_armored_string(ArmorOptions::default()).map_err(failed)
    }

    fn unusable(&self, why: &str) -> SigningError {
        SigningError::Unusable { key: self.fingerprint(), why: why.to_owned() }
    }
}

/// Says whether the same key makes the same signature of the same text.
fn is_repeatable(algorithm: PublicKeyAlgorithm) -> bool {
    matches!(
        algorithm,
        PublicKeyAlgorithm::RSA
            | PublicKeyAlgorithm::RSASign
            | PublicKeyAlgorithm::ECDSA
            | PublicKeyAlgorithm::EdDSALegacy
            | PublicKeyAlgorithm::Ed25519
    )
}

/// Writes a fingerprint as gpg shows it.
pub(super) fn upper(fingerprint: &Fingerprint) -> String {
    fingerprint.to_string().to_uppercase()
}
