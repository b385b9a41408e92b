//! Private keys of certificates: made, read and written as Go does.

use std::fmt::Write as _;

use ed25519_dalek::SigningKey as EdKey;
use p256::elliptic_curve::pkcs8::DecodePrivateKey;
use rsa::PrivateKey as RsaKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs1v15;
use rsa::pkcs8::EncodePublicKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};

use super::der;
use crate::encoding::base64;
use crate::random::Random;

/// PKCS#8 of an Ed25519 key up to its 32 bytes.
const ED25519_PRIVATE: &[u8] =
    &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// The public key information of an Ed25519 key up to its 32 bytes.
const ED25519_PUBLIC: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

const RSA_WITH_SHA256: &[u8] =
    &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0];
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_WITH_SHA384: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];

/// A private key of one of the kinds Sprig knows.
pub(super) enum PrivateKey {
    Rsa(Box<RsaKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    Ed25519(EdKey),
    /// Certificates cannot have such a key, so only its encoding matters.
    Dsa(Vec<u8>),
}

impl PrivateKey {
    pub(super) fn rsa(random: &mut Random, bits: usize) -> Result<Self, String> {
        RsaKey::new(random, bits)
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| error.to_string())
    }

    pub(super) fn p256(random: &mut Random) -> Self {
        loop {
            // Nearly every number is a key.
            if let Ok(key) = p256::SecretKey::from_slice(&random.bytes(32)) {
                return Self::P256(key);
            }
        }
    }

    pub(super) fn ed25519(random: &mut Random) -> Self {
        Self::Ed25519(EdKey::from_bytes(&random.array()))
    }

    pub(super) fn dsa(random: &mut Random) -> Result<Self, String> {
        let size = dsa::KeySize::DSA_2048_256;
        let components = dsa::Components::try_generate_from_rng_with_key_size(random, size)
            .map_err(|error| error.to_string())?;
        let key = dsa::SigningKey::try_generate_from_rng_with_components(random, components)
            .map_err(|error| error.to_string())?;
        let public = key.verifying_key();
        let components = public.components();
        let numbers = [
            der::unsigned(&[0]),
            der::unsigned(&components.p().to_be_bytes()),
            der::unsigned(&components.q().to_be_bytes()),
            der::unsigned(&components.g().to_be_bytes()),
            der::unsigned(&public.y().to_be_bytes()),
            der::unsigned(&key.x().to_be_bytes()),
        ];
        Ok(Self::Dsa(der::sequence(&numbers)))
    }

    /// Reads the first PEM block of a text.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let Some(block) = PemBlock::first(text) else {
            return Err("no PEM data in input".to_owned());
        };
        let Some(kind) = block.label.strip_suffix("PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {}", block.label));
        };
        let data = &*block.data;
        match kind.trim_end() {
            "" => {
                let rsa = RsaKey::from_pkcs8_der(data).map(|key| Self::Rsa(Box::new(key)));
                rsa.or_else(|_| p256::SecretKey::from_pkcs8_der(data).map(Self::P256))
                    .or_else(|_| p384::SecretKey::from_pkcs8_der(data).map(Self::P384))
                    .or_else(|_| EdKey::from_pkcs8_der(data).map(Self::Ed25519))
                    .map_err(|error| format!("decoding PEM as PKCS#8: {error}"))
            }
            "RSA" => RsaKey::from_pkcs1_der(data)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| format!("parsing RSA private key from PEM: {error}")),
            "EC" => p256::SecretKey::from_sec1_der(data)
                .map(Self::P256)
                .or_else(|_| p384::SecretKey::from_sec1_der(data).map(Self::P384))
                .map_err(|error| format!("parsing EC private key from PEM: {error}")),
            "DSA" => Ok(Self::Dsa(block.data)),
            _ => Err(format!("invalid private key type {}", block.label)),
        }
    }

    /// The key in the PEM form Sprig prints.
    pub(super) fn to_pem(&self) -> Result<String, String> {
        let fault = |error: &dyn std::fmt::Display| format!("cannot encode the key: {error}");
        Ok(match self {
            Self::Rsa(key) => {
                let data = key.to_pkcs1_der().map_err(|error| fault(&error))?;
                pem("RSA PRIVATE KEY", data.as_bytes())
            }
            Self::P256(key) => {
                pem("EC PRIVATE KEY", &key.to_sec1_der().map_err(|error| fault(&error))?)
            }
            Self::P384(key) => {
                pem("EC PRIVATE KEY", &key.to_sec1_der().map_err(|error| fault(&error))?)
            }
            Self::Ed25519(key) => pem("PRIVATE KEY", &[ED25519_PRIVATE, &key.to_bytes()].concat()),
            Self::Dsa(data) => pem("DSA PRIVATE KEY", data),
        })
    }

    /// The public key with its algorithm, as a certificate carries it.
    pub(super) fn public(&self) -> Result<Vec<u8>, String> {
        let encoded = match self {
            Self::Rsa(key) => key.to_public_key().to_public_key_der(),
            Self::P256(key) => key.public_key().to_public_key_der(),
            Self::P384(key) => key.public_key().to_public_key_der(),
            Self::Ed25519(key) => {
                return Ok([ED25519_PUBLIC, key.verifying_key().as_bytes()].concat());
            }
            Self::Dsa(_) => return Err("x509: unsupported public key type: *dsa.PublicKey".into()),
        };
        encoded.map(rsa::pkcs8::Document::into_vec).map_err(|error| error.to_string())
    }

    /// The identifier of the algorithm this key signs with.
    pub(super) fn algorithm(&self) -> Result<&'static [u8], String> {
        match self {
            Self::Rsa(_) => Ok(RSA_WITH_SHA256),
            Self::P256(_) => Ok(ECDSA_WITH_SHA256),
            Self::P384(_) => Ok(ECDSA_WITH_SHA384),
            Self::Ed25519(_) => Ok(ED25519),
            Self::Dsa(_) => {
                Err("x509: certificate private key does not implement crypto.Signer".into())
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let problem = |error: rsa::signature::Error| error.to_string();
        match self {
            Self::Rsa(key) => pkcs1v15::SigningKey::<Sha256>::new(RsaKey::clone(key))
                .try_sign(message)
                .map(|signature| signature.to_vec())
                .map_err(problem),
            Self::P256(key) => p256::ecdsa::SigningKey::from(key)
                .try_sign(message)
                .map(|signature: p256::ecdsa::DerSignature| signature.as_bytes().to_vec())
                .map_err(problem),
            Self::P384(key) => p384::ecdsa::SigningKey::from(key)
                .try_sign(message)
                .map(|signature: p384::ecdsa::DerSignature| signature.as_bytes().to_vec())
                .map_err(problem),
            Self::Ed25519(key) => {
                key.try_sign(message).map(|signature| signature.to_vec()).map_err(problem)
            }
            Self::Dsa(_) => self.algorithm().map(<[u8]>::to_vec),
        }
    }
}

/// A block of a PEM text.
pub(super) struct PemBlock {
    pub(super) label: String,
    pub(super) data: Vec<u8>,
}

impl PemBlock {
    /// The first block; like Go's reader, this one skips whatever stands around it.
    pub(super) fn first(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim_end);
        while let Some(line) = lines.next() {
            let Some(label) =
                line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
            else {
                continue;
            };
            let end = format!("-----END {label}-----");
            let mut found = false;
            let body: String = lines
                .by_ref()
                .take_while(|line| {
                    found = *line == end;
                    !found
                })
                .filter(|line| !line.contains(':'))
                .collect();
            if found && let Some(data) = crate::encoding::from_base64(&body) {
                return Some(Self { label: label.to_owned(), data });
            }
        }
        None
    }
}

/// Writes a PEM block.
pub(super) fn pem(label: &str, data: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    let encoded = base64(data);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    let _ = writeln!(out, "-----END {label}-----");
    out
}
