//! Keys and signatures of OpenSSH.

use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::SigningError;
use super::trusted::SignatureError;

/// What git writes into signatures, so that one of a commit passes for nothing else.
const NAMESPACE: &str = "git";

pub(super) struct SigningKey(PrivateKey);

impl SigningKey {
    pub(super) fn parse(text: &str, passphrase: Option<&str>) -> Result<Self, SigningError> {
        if text.contains("-----BEGIN") && !text.contains("OPENSSH PRIVATE KEY") {
            return Err(SigningError::Unreadable(
                "it is in another format: convert it with `ssh-keygen -p -f FILE`".into(),
            ));
        }
        let key = PrivateKey::from_openssh(text).map_err(|error| match error {
            ssh_key::Error::AlgorithmUnsupported { algorithm } => {
                SigningError::Unsupported(algorithm.to_string())
            }
            error => SigningError::Unreadable(error.to_string()),
        })?;
        let algorithm = key.algorithm();
        if !matches!(
            algorithm,
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. }
        ) {
            return Err(SigningError::Unsupported(algorithm.to_string()));
        }
        let key = if key.is_encrypted() {
            let passphrase = passphrase.ok_or(SigningError::Encrypted)?;
            key.decrypt(passphrase).map_err(|_| SigningError::Passphrase)?
        } else {
            key
        };
        // A curve that is known but not built in shows only when it is used.
        match key.sign(NAMESPACE, HashAlg::Sha512, b"") {
            Ok(_) => Ok(Self(key)),
            Err(_) => Err(SigningError::Unsupported(algorithm.to_string())),
        }
    }

    pub(super) fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(super) fn public(&self) -> Result<String, SigningError> {
        // A comment may say more about its owner than a signature should.
        let key = PublicKey::from(self.0.public_key().key_data().clone());
        key.to_openssh().map_err(|error| SigningError::Unreadable(error.to_string()))
    }

    pub(super) fn sign(&self, payload: &[u8]) -> Result<String, SigningError> {
        let unusable = |error: ssh_key::Error| SigningError::Unusable {
            key: self.fingerprint(),
            why: error.to_string(),
        };
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, payload).map_err(unusable)?;
        signature.to_pem(LineEnding::LF).map_err(unusable)
    }
}

/// Reads a signature without judging it.
pub(super) fn read(armoured: &str) -> Result<SshSig, SignatureError> {
    SshSig::from_pem(armoured).map_err(|error| SignatureError::Malformed(error.to_string()))
}

/// Names the key that a signature says it was made with.
pub(super) fn claimed(signature: &SshSig) -> String {
    signature.public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// Says whether a key made the signature.
pub(super) fn verify(
    key: &PublicKey,
    payload: &[u8],
    signature: &SshSig,
) -> Result<(), SignatureError> {
    key.verify(NAMESPACE, payload, signature).map_err(|error| match error {
        ssh_key::Error::Namespace => {
            SignatureError::Malformed("it was not made for a commit".into())
        }
        _ => SignatureError::Invalid { key: claimed(signature) },
    })
}
