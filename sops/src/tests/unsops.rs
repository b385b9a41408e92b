//! SOPS files decrypted, MAC included: the counterpart of the crate, from the formats' documents.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, aes::Aes256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};

fn expand(secret: &[u8], salt: Option<&[u8]>, info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(salt, secret).expand(info.as_bytes(), &mut key).unwrap();
    key
}

fn open(key: [u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(&key.into()).decrypt(&Nonce::from(nonce), sealed).unwrap()
}

/// The content of an armored file of age for one recipient.
pub fn age(armored: &str, key_file: &str) -> Vec<u8> {
    let private = key_file.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let private = CheckedHrpstring::new::<Bech32>(private).unwrap();
    let private: [u8; 32] = private.byte_iter().collect::<Vec<_>>().try_into().unwrap();
    let private = StaticSecret::from(private);

    let lines: Vec<_> = armored.trim_end().lines().collect();
    assert_eq!(lines[0], "-----BEGIN AGE ENCRYPTED FILE-----");
    assert_eq!(*lines.last().unwrap(), "-----END AGE ENCRYPTED FILE-----");
    let body = &lines[1..lines.len() - 1];
    assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64), "{armored}");
    let file = STANDARD.decode(body.concat()).unwrap();

    let mut parts = file.splitn(5, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next().unwrap()).unwrap();
    assert_eq!(line(), "age-encryption.org/v1");
    let stanza = line();
    let wrapped = line();
    let mac = line();
    let mut header = format!("age-encryption.org/v1\n{stanza}\n{wrapped}\n---");
    let share = STANDARD_NO_PAD.decode(stanza.strip_prefix("-> X25519 ").unwrap()).unwrap();
    let share = PublicKey::from(<[u8; 32]>::try_from(share).unwrap());
    let salt = [share.to_bytes(), PublicKey::from(&private).to_bytes()].concat();
    let shared = private.diffie_hellman(&share);
    let wrap_key = expand(shared.as_bytes(), Some(&salt), "age-encryption.org/v1/X25519");
    let file_key = open(wrap_key, [0; 12], &STANDARD_NO_PAD.decode(wrapped).unwrap());

    let header_key = expand(&file_key, None, "header");
    let mut expected = <Hmac<Sha256> as Mac>::new_from_slice(&header_key).unwrap();
    expected.update(header.as_bytes());
    header.push(' ');
    header.push_str(&STANDARD_NO_PAD.encode(expected.finalize().into_bytes()));
    assert_eq!(mac, header.rsplit_once('\n').unwrap().1);

    let payload = parts.next().unwrap();
    let payload_key = expand(&file_key, Some(&payload[..16]), "payload");
    open(payload_key, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], &payload[16..])
}

fn value(text: &str, key: &[u8], context: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let rest = text.strip_prefix("ENC[AES256_GCM,data:").unwrap();
    let rest = rest.strip_suffix(",type:str]").unwrap();
    let (data, rest) = rest.split_once(",iv:").unwrap();
    let (iv, tag) = rest.split_once(",tag:").unwrap();
    let bytes = |text| STANDARD.decode(text).unwrap();
    let iv: [u8; 32] = bytes(iv).try_into().unwrap();
    let sealed = [bytes(data), bytes(tag)].concat();
    let plain = AesGcm::<Aes256, U32>::new_from_slice(key)
        .unwrap()
        .decrypt(&iv.into(), Payload { msg: &sealed, aad: context.as_bytes() })
        .unwrap();
    String::from_utf8(plain).unwrap()
}

/// Decrypts a file that was encrypted with `^(data|stringData)$` and `mac_only_encrypted`.
pub fn decrypt(file: &Value, key_file: &str) -> Value {
    let sops = &file["sops"];
    assert_eq!(sops["encrypted_regex"], "^(data|stringData)$");
    assert_eq!(sops["mac_only_encrypted"], true);
    let own = super::public(key_file);
    let mut keys = sops["age"].as_array().unwrap().iter();
    let entry = keys.find(|entry| entry["recipient"] == own).unwrap();
    let key = age(entry["enc"].as_str().unwrap(), key_file);

    let mut hash = Sha512::new_with_prefix([
        0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe,
        0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2,
        0x7d, 0x69,
    ]);
    let mut plain = file.clone();
    plain.as_object_mut().unwrap().shift_remove("sops");
    for (field, values) in plain.as_object_mut().unwrap() {
        if field != "data" && field != "stringData" {
            continue;
        }
        for (name, encrypted) in values.as_object_mut().into_iter().flatten() {
            if let Some(text) = encrypted.as_str() {
                let text = value(text, &key, &format!("{field}:{name}:"));
                hash.update(&text);
                *encrypted = text.into();
            }
        }
    }
    let date = sops["lastmodified"].as_str().unwrap();
    let mac = value(sops["mac"].as_str().unwrap(), &key, date);
    let expected: Vec<_> = hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(mac, expected.concat());
    plain
}
