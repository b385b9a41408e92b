//! Password hashes, derived passwords and encryption.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::{alphabet, engine::general_purpose::NO_PAD};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Kind::{Text, Unsigned};
use super::{Call, Function, RandomKind, fixed};
use crate::encoding::{base64, from_base64};
use crate::template::fault::{Outcome, fail};
use crate::value::Value;

/// Steps a hash counts for, in proportion to the time it takes.
const HASH_STEPS: u64 = 20_000;
const DERIVATION_STEPS: u64 = 100_000;

/// The cost of Go's bcrypt.
const COST: u32 = 10;
/// Longer passwords are refused by Go.
const PASSWORD_LIMIT: usize = 72;
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

const BLOCK: usize = 16;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("bcrypt", &[Text], |call| {
        let password = call.bytes(0);
        Ok(bcrypt(call, &password)?.into())
    })
    .draws(RandomKind::Password),
    fixed("htpasswd", &[Text, Text], |call| {
        let (user, password) = (call.text(0), call.bytes(1));
        if user.contains(':') {
            return Ok(format!("invalid username: {user}").into());
        }
        Ok(format!("{user}:{}", bcrypt(call, &password)?).into())
    })
    .draws(RandomKind::Password),
    fixed("derivePassword", &[Unsigned, Text, Text, Text, Text], derive),
    fixed("encryptAES", &[Text, Text], |call| {
        let plain = call.bytes(1);
        if plain.is_empty() {
            return Ok("".into());
        }
        let iv: [u8; BLOCK] = call.engine.random().array();
        let cipher = cbc::Encryptor::<Aes256>::new(&key(call).into(), &iv.into());
        let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(&plain);
        Ok(base64(&[&iv[..], &encrypted].concat()).into())
    })
    .draws(RandomKind::Password),
    fixed("decryptAES", &[Text, Text], decrypt),
];

fn bcrypt(call: &Call<'_>, password: &[u8]) -> Outcome<String> {
    if password.len() > PASSWORD_LIMIT {
        return Ok(format!(
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds {PASSWORD_LIMIT} bytes"
        ));
    }
    call.engine.spend(HASH_STEPS)?;
    let salt: [u8; 16] = call.engine.random().array();
    let hash = bcrypt::bcrypt(COST, salt, &[password, &[0]].concat());
    Ok(format!("$2a${COST:02}${}{}", BCRYPT.encode(salt), BCRYPT.encode(&hash[..23])))
}

const SEED: &str = "com.lyndir.masterpassword";

fn templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters a letter of a template stands for.
fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The Master Password algorithm.
fn derive(call: &mut Call<'_>) -> Outcome<Value> {
    let (kind, password, user, site) = (call.text(1), call.bytes(2), call.bytes(3), call.bytes(4));
    let Some(templates) = templates(&kind) else {
        return Ok(format!("cannot find password template {kind}").into());
    };
    call.engine.spend(DERIVATION_STEPS)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED.as_bytes(), &length(&user), &user].concat();
    let mut key = [0; 64];
    let failed = |error: &dyn std::fmt::Display| format!("failed to derive password: {error}");
    let derived =
        scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error)).and_then(|params| {
            scrypt::scrypt(&password, &salt, &params, &mut key).map_err(|error| failed(&error))
        });
    if let Err(message) = derived {
        return Ok(message.into());
    }
    let counter = u32::try_from(call.int(0)).unwrap_or_default().to_be_bytes();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return fail("failed to derive password");
    };
    mac.update(&[SEED.as_bytes(), &length(&site), &site, &counter].concat());
    let seed = mac.finalize().into_bytes();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let derived: String = template
        .bytes()
        .zip(&seed[1..])
        .map(|(letter, byte)| {
            let set = characters(letter);
            char::from(set[usize::from(*byte) % set.len()])
        })
        .collect();
    Ok(derived.into())
}

/// The password, cut or filled up with zeros.
fn key(call: &Call<'_>) -> [u8; 32] {
    let password = call.bytes(0);
    std::array::from_fn(|index| password.get(index).copied().unwrap_or(0))
}

fn decrypt(call: &mut Call<'_>) -> Outcome<Value> {
    let text = call.text(1);
    if text.is_empty() {
        return Ok("".into());
    }
    let Some(data) = from_base64(&text) else {
        return fail(super::convert::base64_problem(&text));
    };
    let compact = text.chars().filter(|symbol| !matches!(symbol, '\n' | '\r')).count();
    let Some((iv, encrypted)) = data.split_first_chunk::<BLOCK>() else {
        return fail(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {}",
            compact / 4 * 3
        ));
    };
    let cipher = cbc::Decryptor::<Aes256>::new(&key(call).into(), &(*iv).into());
    let Ok(plain) = cipher.decrypt_padded_vec::<NoPadding>(encrypted) else {
        return fail("crypto/cipher: input not full blocks");
    };
    let Some(padding) = plain.last().copied() else {
        return fail("runtime error: index out of range [-1]");
    };
    match plain.len().checked_sub(usize::from(padding)) {
        Some(kept) => Ok(Value::byte_text(plain[..kept].to_vec())),
        None => fail(format!(
            "runtime error: slice bounds out of range [:-{}]: the password is wrong",
            usize::from(padding) - plain.len()
        )),
    }
}
