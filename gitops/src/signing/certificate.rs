//! What the parts of an OpenPGP key may do, and until when.

use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::types::{Fingerprint, KeyDetails as _, Tag};

use super::openpgp::upper;
use super::trusted::SignatureError;

/// A key has a handful of signatures; checking one with very many would take long.
const MAX_SIGNATURES: usize = 500;

/// A part of a key that may sign. Times are in seconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) fingerprint: Fingerprint,
    pub(super) algorithm: PublicKeyAlgorithm,
    pub(super) created: i64,
    /// None if it is good for ever.
    pub(super) expires: Option<i64>,
}

/// Lists the parts of a key that its owner made for signing and did not revoke.
pub(super) fn components(key: &SignedPublicKey) -> Vec<Component> {
    let mut found = Vec::new();
    let Some(primary) = newest(primary_signatures(key)) else { return found };
    // A revocation counts even if it cannot be checked: somebody wants this key not to be used.
    if count(key) > MAX_SIGNATURES || !key.details.revocation_signatures.is_empty() {
        return found;
    }
    let created = i64::from(key.created_at().as_secs());
    let expires = end(created, primary);
    if may_sign(primary, true) {
        found.push(Component {
            fingerprint: key.fingerprint(),
            algorithm: key.algorithm(),
            created,
            expires,
        });
    }
    for subkey in &key.public_subkeys {
        let Some(binding) = binding(key, subkey) else { continue };
        let created = i64::from(subkey.key.created_at().as_secs());
        let own = end(created, binding);
        found.push(Component {
            fingerprint: subkey.key.fingerprint(),
            algorithm: subkey.key.algorithm(),
            created,
            // A part is good no longer than the whole.
            expires: [own, expires].into_iter().flatten().min(),
        });
    }
    found
}

fn count(key: &SignedPublicKey) -> usize {
    let users: usize = key.details.users.iter().map(|user| user.signatures.len()).sum();
    let subkeys: usize = key.public_subkeys.iter().map(|subkey| subkey.signatures.len()).sum();
    users + subkeys + key.details.direct_signatures.len()
}

/// Returns what the primary key says of itself.
fn primary_signatures(key: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter();
    let direct = direct.filter(|s| s.verify_key(primary).is_ok());
    let users = key.details.users.iter().flat_map(move |user| {
        user.signatures.iter().take(MAX_SIGNATURES).filter(move |s| {
            let certifies = matches!(
                s.typ(),
                Some(
                    SignatureType::CertGeneric
                        | SignatureType::CertPersona
                        | SignatureType::CertCasual
                        | SignatureType::CertPositive
                )
            );
            certifies && s.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        })
    });
    direct.chain(users)
}

/// Returns the signature that makes a subkey a signing key of this key.
fn binding<'a>(key: &SignedPublicKey, subkey: &'a SignedPublicSubKey) -> Option<&'a Signature> {
    let revokes = |s: &&Signature| s.typ() == Some(SignatureType::SubkeyRevocation);
    if subkey.signatures.iter().any(|s| revokes(&s)) {
        return None;
    }
    let valid = subkey.signatures.iter().filter(|s| {
        s.typ() == Some(SignatureType::SubkeyBinding)
            && s.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
    });
    let newest = newest(valid)?;
    // Without its own word the subkey of another could be claimed.
    let back = newest.embedded_signature()?;
    let owned = back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok();
    (owned && may_sign(newest, false)).then_some(newest)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|s| s.created().map(pgp::types::Timestamp::as_secs))
}

/// Very old keys do not say what they are for; then the primary key signs.
fn may_sign(signature: &Signature, primary: bool) -> bool {
    let mut subpackets =
        signature.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    let says = subpackets.any(|p| matches!(p.data, SubpacketData::KeyFlags(_)));
    if says { signature.key_flags().sign() } else { primary }
}

fn end(created: i64, signature: &Signature) -> Option<i64> {
    let lifetime = signature.key_expiration_time().map(pgp::types::Duration::as_secs);
    lifetime.filter(|seconds| *seconds > 0).map(|seconds| created + i64::from(seconds))
}

/// A key whose signatures are believed.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    key: SignedPublicKey,
    components: Vec<Component>,
    name: String,
}

impl Certificate {
    /// Reads all keys of an armoured text.
    pub(super) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let (keys, _) =
            SignedPublicKey::from_string_many(text).map_err(|error| error.to_string())?;
        let keys = keys.map(|key| {
            let key = key.map_err(|error| error.to_string())?;
            let components = components(&key);
            let fingerprint = upper(&key.fingerprint());
            if components.is_empty() {
                return Err(format!("key {fingerprint} is revoked or not for signing"));
            }
            let mut users = key.details.users.iter();
            let name = users.find_map(|user| user.id.as_str()).unwrap_or(&fingerprint).to_owned();
            Ok(Self { key, components, name })
        });
        keys.collect()
    }

    /// Returns the name that the key's owner gave.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn fingerprint(&self) -> String {
        upper(&self.key.fingerprint())
    }
}

/// Reads a signature without judging it.
pub(super) fn read(armoured: &str) -> Result<Signature, SignatureError> {
    DetachedSignature::from_string(armoured)
        .map(|(detached, _)| detached.signature)
        .map_err(|error| SignatureError::Malformed(error.to_string()))
}

/// Names the key that a signature says it was made with.
pub(super) fn claimed(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|f| upper(f));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "that is not named".to_owned())
}

/// Says whether a part of a key made the signature; none if the signature names another key.
pub(super) fn verify(
    certificate: &Certificate,
    payload: &[u8],
    signature: &Signature,
) -> Option<Result<(), SignatureError>> {
    let is_meant = |fingerprint: &Fingerprint, id: pgp::types::KeyId| {
        signature.issuer_fingerprint().contains(&fingerprint)
            || signature.issuer_fingerprint().is_empty() && signature.issuer_key_id().contains(&&id)
    };
    let key = &certificate.key;
    let primary = is_meant(&key.fingerprint(), key.legacy_key_id());
    let subkey = key
        .public_subkeys
        .iter()
        .find(|subkey| is_meant(&subkey.key.fingerprint(), subkey.key.legacy_key_id()));
    let named = match (primary, subkey) {
        (true, _) => key.fingerprint(),
        (false, Some(subkey)) => subkey.key.fingerprint(),
        (false, None) => return None,
    };
    let invalid = || SignatureError::Invalid { key: upper(&named) };
    let Some(component) = certificate.components.iter().find(|c| c.fingerprint == named) else {
        let why = "it is revoked or not for signing".to_owned();
        return Some(Err(SignatureError::Unusable { key: upper(&named), why }));
    };
    let strong = matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha224
                | HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    );
    if signature.typ() != Some(SignatureType::Binary) || !strong {
        return Some(Err(invalid()));
    }
    let result = match subkey.filter(|_| !primary) {
        Some(subkey) => signature.verify(&subkey.key, payload),
        None => signature.verify(&key.primary_key, payload),
    };
    if result.is_err() {
        return Some(Err(invalid()));
    }
    let made = signature.created().map_or(0, |time| i64::from(time.as_secs()));
    let expired = component.expires.is_some_and(|expires| made >= expires);
    if expired || made < component.created {
        let why = "it was not valid when the signature was made".to_owned();
        return Some(Err(SignatureError::Unusable { key: upper(&named), why }));
    }
    Some(Ok(()))
}
