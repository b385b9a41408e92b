//! One value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]`.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, Key, Nonce, aes::Aes256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// SOPS uses nonces of 32 bytes instead of the usual 12.
type Cipher = AesGcm<Aes256, U32>;

const TAG_BYTES: usize = 16;

/// Encrypts a text; an empty one stays empty, as SOPS has it.
pub(crate) fn encrypt(plain: &str, key: &[u8; 32], iv: &[u8; 32], context: &str) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let payload = Payload { msg: plain.as_bytes(), aad: context.as_bytes() };
    let sealed = Cipher::new(&Key::<Cipher>::from(*key))
        .encrypt(&Nonce::from(*iv), payload)
        .expect("values are capped far below the limit of the cipher");
    let (data, tag) = sealed.split_at(sealed.len().saturating_sub(TAG_BYTES));
    format!(
        "ENC[AES256_GCM,data:{},iv:{},tag:{},type:str]",
        STANDARD.encode(data),
        STANDARD.encode(iv),
        STANDARD.encode(tag),
    )
}

/// Tells whether a text has the form of an encrypted value.
pub(crate) fn is_encrypted(text: &str) -> bool {
    let parts = text
        .strip_prefix("ENC[AES256_GCM,data:")
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|rest| rest.split_once(",iv:"))
        .and_then(|(data, rest)| Some((data, rest.split_once(",tag:")?)))
        .and_then(|(data, (iv, rest))| Some((data, iv, rest.split_once(",type:")?)));
    let Some((data, iv, (tag, kind))) = parts else { return false };
    let bytes = |text: &str| STANDARD.decode(text).map_or(0, |bytes| bytes.len());
    bytes(data) > 0
        && bytes(iv) > 0
        && bytes(tag) == TAG_BYTES
        && matches!(kind, "str" | "bytes" | "int" | "float" | "bool" | "time")
}
