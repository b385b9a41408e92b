//! A Secret in, the same Secret with encrypted values out.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::age::{self, FileSecrets};
use crate::field::{ENCRYPTED_REGEX, FIELDS};
use crate::{Recipients, SecretKind, Seed, SopsError, cipher, classify, field};

/// What Kubernetes stores in one Secret.
const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// The first version of SOPS that knows `mac_only_encrypted`.
const SOPS_VERSION: &str = "3.9.0";

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const FLUX_DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";

/// SOPS begins the MAC with these bytes when it covers encrypted values only, so that the two
/// sorts of MAC can never be taken for each other.
const MAC_ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Encrypts Secrets for fixed recipients.
#[derive(Clone, Debug)]
pub struct Encryptor {
    recipients: Recipients,
    seed: Seed,
}

impl Encryptor {
    /// Makes an encryptor; see [`Seed`] for where the seed should come from.
    pub fn new(recipients: Recipients, seed: Seed) -> Self {
        Self { recipients, seed }
    }

    /// Encrypts the values in `data` and `stringData` of a `Secret`.
    ///
    /// `previous` is the encrypted Secret that is there now, if any: when neither values nor
    /// recipients changed, its ciphertexts and its date are kept. Otherwise `now` becomes the date,
    /// cut to seconds. Metadata and type stay readable and are not authenticated, since Flux may
    /// add labels before it decrypts.
    ///
    /// A Secret that is encrypted already comes back as it is, one without values too. What cannot
    /// be encrypted as a whole is an error.
    pub fn encrypt(
        &self,
        secret: &Value,
        previous: Option<&Value>,
        now: Timestamp,
    ) -> Result<Value, SopsError> {
        match classify(secret) {
            // A list was judged by its items, but is none of these itself.
            _ if secret.get("kind").and_then(Value::as_str) != Some("Secret") => {
                let kind = secret.get("kind").and_then(Value::as_str).unwrap_or("an object");
                Err(SopsError::NotASecret { kind: kind.to_owned() })
            }
            SecretKind::SopsEncrypted | SecretKind::EmptySecret => Ok(secret.clone()),
            SecretKind::HalfEncrypted { field } => {
                Err(SopsError::HalfEncrypted { name: name(secret), field })
            }
            SecretKind::PlainSecret => {
                check(secret)?;
                Ok(self.kept(secret, previous).unwrap_or_else(|| self.seal(secret, &date(now))))
            }
            SecretKind::SealedSecret | SecretKind::ExternalSecret | SecretKind::Other => {
                Err(SopsError::NotASecret { kind: "a Secret of another apiVersion".to_owned() })
            }
        }
    }

    /// Encrypts with the date of the previous file, and returns that if nothing else differs.
    fn kept(&self, secret: &Value, previous: Option<&Value>) -> Option<Value> {
        let previous = previous?;
        let date = previous.pointer("/sops/lastmodified")?.as_str()?;
        let again = self.seal(secret, date);
        let same = FIELDS.iter().chain(&["sops"]).all(|key| again.get(*key) == previous.get(*key));
        same.then_some(again)
    }

    /// Encrypts all values under one key.
    fn seal(&self, secret: &Value, date: &str) -> Value {
        let names = ["namespace", "name"]
            .map(|part| secret["metadata"][part].as_str().unwrap_or_default().as_bytes());
        let texts = self.recipients.iter().map(|recipient| recipient.text().as_bytes());
        let owners: Vec<&[u8]> = names.into_iter().chain(texts).collect();
        let key: Zeroizing<[u8; 32]> = self.seed.derive("data-key", &owners);
        let iv = |context: &str, plain: &str| -> Zeroizing<[u8; 32]> {
            self.seed.derive("iv", &[key.as_slice(), context.as_bytes(), plain.as_bytes()])
        };

        let mut sealed = Map::new();
        let mut hash = Sha512::new_with_prefix(MAC_ONLY_ENCRYPTED);
        for (name, value) in secret.as_object().into_iter().flatten() {
            if name != "sops" && !FIELDS.contains(&name.as_str()) {
                sealed.insert(name.clone(), value.clone());
            }
        }
        for field in FIELDS {
            let Some(values) = secret.get(field) else { continue };
            let Some(values) = values.as_object() else {
                sealed.insert(field.to_owned(), values.clone());
                continue;
            };
            // The MAC depends on the order. Sorted keys are what most programs write, so that
            // the MAC survives them.
            let mut sorted: Vec<_> = values.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let mut encrypted = Map::new();
            for (name, value) in sorted {
                let value = value.as_str().map_or(Value::Null, |plain| {
                    let context = format!("{field}:{name}:");
                    hash.update(plain);
                    cipher::encrypt(plain, &key, &iv(&context, plain), &context).into()
                });
                encrypted.insert(name.clone(), value);
            }
            sealed.insert(field.to_owned(), encrypted.into());
        }
        let mac = hex_upper(&hash.finalize());
        sealed.insert(
            "sops".to_owned(),
            json!({
                "age": self.wrapped(&key),
                "encrypted_regex": ENCRYPTED_REGEX,
                "lastmodified": date,
                "mac": cipher::encrypt(&mac, &key, &iv(date, &mac), date),
                "mac_only_encrypted": true,
                "version": SOPS_VERSION,
            }),
        );
        sealed.into()
    }

    /// Encrypts the key to each recipient.
    fn wrapped(&self, key: &[u8; 32]) -> Vec<Value> {
        let wrap = |recipient: &crate::recipient::Recipient| {
            let parts = [key.as_slice(), recipient.text().as_bytes()];
            let secrets = FileSecrets {
                file_key: self.seed.derive("age-file-key", &parts),
                ephemeral: self.seed.derive("age-ephemeral", &parts),
                payload_nonce: self.seed.derive("age-payload-nonce", &parts),
            };
            json!({
                "recipient": recipient.text(),
                "enc": age::wrap(key, recipient, &secrets),
            })
        };
        self.recipients.iter().map(wrap).collect()
    }
}

/// Refuses what Kubernetes would refuse later, and what would come back wrong from Flux.
fn check(secret: &Value) -> Result<(), SopsError> {
    let name = || name(secret);
    let invalid = |field: String, wanted| SopsError::InvalidField { name: name(), field, wanted };
    for field in FIELDS {
        if secret.get(field).is_some_and(|value| !value.is_object() && !value.is_null()) {
            return Err(invalid(field.to_owned(), "a map"));
        }
    }
    let mut bytes = 0_usize;
    for (field, key, value) in field::values(secret) {
        match value {
            Value::Null => {}
            Value::String(text) => bytes = bytes.saturating_add(text.len()),
            _ => return Err(invalid(format!("{field}.{key}"), "text; put it in quotes")),
        }
    }
    // Values in `data` are in base64, which needs a third more than what is stored.
    if bytes / 4 * 3 > MAX_VALUE_BYTES {
        return Err(SopsError::TooLarge { name: name(), limit: MAX_VALUE_BYTES });
    }
    let unfit = |field: String, problem| SopsError::Unfit { name: name(), field, problem };
    let annotations = secret.pointer("/metadata/annotations");
    let annotation = |name: &str| annotations.and_then(|all| all.get(name));
    if annotation(LAST_APPLIED).is_some() {
        let problem = "the annotation repeats the values in plain text";
        return Err(unfit(LAST_APPLIED.to_owned(), problem));
    }
    let decrypt = annotation(FLUX_DECRYPT).and_then(Value::as_str);
    if decrypt.is_some_and(|value| value.eq_ignore_ascii_case("disabled")) {
        let problem = "the annotation keeps Flux from decrypting the values";
        return Err(unfit(FLUX_DECRYPT.to_owned(), problem));
    }
    let others = secret.as_object().into_iter().flatten();
    let misleading = others
        .filter(|(name, _)| !FIELDS.contains(&name.as_str()))
        .find_map(|(name, value)| field::misleading(value, name));
    misleading.map_or(Ok(()), |field| {
        Err(unfit(field, "SOPS takes every field of this name for an encrypted one"))
    })
}

fn name(secret: &Value) -> String {
    let name = secret.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or("without a name").chars().take(253).collect()
}

fn date(now: Timestamp) -> String {
    let seconds = jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc);
    now.round(seconds).unwrap_or(now).to_string()
}

fn hex_upper(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}
