//! A few bytes encrypted to one recipient, as an armored file of age (version 1).
//!
//! The usual implementation draws from the system's random generator; here everything has to
//! follow from the seed. <https://age-encryption.org/v1> is what this follows.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::recipient::Recipient;

const ARMOR_BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";
const ARMOR_END: &str = "-----END AGE ENCRYPTED FILE-----\n";
const ARMOR_COLUMNS: usize = 64;

/// The secrets of one file; none of them may be used for another file.
pub(crate) struct FileSecrets {
    pub(crate) file_key: Zeroizing<[u8; 16]>,
    pub(crate) ephemeral: Zeroizing<[u8; 32]>,
    pub(crate) payload_nonce: Zeroizing<[u8; 16]>,
}

/// Encrypts a data key to one recipient.
pub(crate) fn wrap(data_key: &[u8; 32], recipient: &Recipient, secrets: &FileSecrets) -> String {
    let FileSecrets { file_key, ephemeral, payload_nonce } = secrets;
    let ephemeral = StaticSecret::from(**ephemeral);
    let share = PublicKey::from(&ephemeral);
    let shared = ephemeral.diffie_hellman(&recipient.key());
    let salt = [share.to_bytes(), recipient.key().to_bytes()].concat();
    let wrap_key = expand(shared.as_bytes(), Some(&salt), b"age-encryption.org/v1/X25519");
    let header = format!(
        "age-encryption.org/v1\n-> X25519 {}\n{}\n---",
        STANDARD_NO_PAD.encode(share.as_bytes()),
        STANDARD_NO_PAD.encode(seal(&wrap_key, [0; 12], file_key.as_slice())),
    );

    let header_key = expand(file_key.as_slice(), None, b"header");
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(header_key.as_slice())
        .expect("HMAC takes keys of every length");
    mac.update(header.as_bytes());
    let header_mac = STANDARD_NO_PAD.encode(mac.finalize().into_bytes());

    let payload_key = expand(file_key.as_slice(), Some(payload_nonce.as_slice()), b"payload");
    // The last byte marks the last chunk, which is the only one here.
    let last_chunk = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut file = format!("{header} {header_mac}\n").into_bytes();
    file.extend_from_slice(payload_nonce.as_slice());
    file.extend(seal(&payload_key, last_chunk, data_key));
    armor(&file)
}

fn expand(secret: &[u8], salt: Option<&[u8]>, info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(salt, secret)
        .expand(info, key.as_mut_slice())
        .expect("HKDF with SHA-256 gives 32 bytes");
    key
}

fn seal(key: &Zeroizing<[u8; 32]>, nonce: [u8; 12], plain: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(&Key::from(**key))
        .encrypt(&Nonce::from(nonce), plain)
        .expect("a few bytes are far below the limit of the cipher")
}

fn armor(file: &[u8]) -> String {
    let encoded = STANDARD.encode(file);
    let mut text = ARMOR_BEGIN.to_owned();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(ARMOR_COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = next;
    }
    text.push_str(ARMOR_END);
    text
}
