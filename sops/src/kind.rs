//! What an object does with secrets.

use serde_json::Value;

use crate::{cipher, field};

/// What an object does with secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A `Secret` whose values can be read.
    PlainSecret,
    /// A `Secret` without any value, for others to fill in.
    EmptySecret,
    /// A `Secret` all of whose values are encrypted in SOPS format.
    SopsEncrypted,
    /// A `Secret` that is encrypted in part, which is an accident.
    HalfEncrypted {
        /// The first field that differs from the others, such as `data.password`.
        field: String,
    },
    /// A `SealedSecret` of Bitnami's controller.
    SealedSecret,
    /// An `ExternalSecret` or `ClusterExternalSecret` of the External Secrets operator.
    ExternalSecret,
    /// Anything else.
    Other,
}

impl SecretKind {
    /// How much an object needs attention; a list is as its worst item.
    fn weight(&self) -> u8 {
        match self {
            Self::Other => 0,
            Self::ExternalSecret => 1,
            Self::SealedSecret => 2,
            Self::EmptySecret => 3,
            Self::SopsEncrypted => 4,
            Self::HalfEncrypted { .. } => 5,
            Self::PlainSecret => 6,
        }
    }
}

/// Says what an object does with secrets.
///
/// A `List` is what its worst item is, since appliers look into lists.
pub fn classify(object: &Value) -> SecretKind {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "Secret") => classify_secret(object),
        ("", _) if kind.ends_with("List") => {
            let items = object.get("items").and_then(Value::as_array);
            items
                .into_iter()
                .flatten()
                // The items of a SecretList need not repeat what they are.
                .map(|item| match kind {
                    "SecretList" => classify_secret(item),
                    _ => classify(item),
                })
                .max_by_key(SecretKind::weight)
                .unwrap_or(SecretKind::Other)
        }
        ("bitnami.com", "SealedSecret") => SecretKind::SealedSecret,
        ("external-secrets.io", "ExternalSecret" | "ClusterExternalSecret") => {
            SecretKind::ExternalSecret
        }
        _ => SecretKind::Other,
    }
}

/// Tells whether an object is a `Secret` all of whose values are encrypted in SOPS format.
pub fn is_encrypted(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && classify(object) == SecretKind::SopsEncrypted
}

fn classify_secret(secret: &Value) -> SecretKind {
    let has_metadata = secret.pointer("/sops/mac").and_then(Value::as_str).is_some();
    let (mut readable, mut encrypted) = (None, None);
    for (field, key, value) in field::values(secret) {
        if field::is_blank(value) {
            continue;
        }
        let place = format!("{field}.{key}");
        if value.as_str().is_some_and(cipher::is_encrypted) {
            encrypted.get_or_insert(place);
        } else {
            readable.get_or_insert(place);
        }
    }
    // A field of a wrong type is refused later; here it must not look empty.
    for name in field::FIELDS {
        if secret.get(name).is_some_and(|value| !value.is_null() && !value.is_object()) {
            readable.get_or_insert_with(|| name.to_owned());
        }
    }
    match (has_metadata, readable, encrypted) {
        (true, None, _) => SecretKind::SopsEncrypted,
        (true, Some(field), _) | (false, Some(field), Some(_)) => {
            SecretKind::HalfEncrypted { field }
        }
        (false, None, Some(_)) => SecretKind::HalfEncrypted { field: "sops.mac".to_owned() },
        (false, Some(_), None) => SecretKind::PlainSecret,
        (false, None, None) if secret.get("sops").is_some() => {
            SecretKind::HalfEncrypted { field: "sops.mac".to_owned() }
        }
        (false, None, None) => SecretKind::EmptySecret,
    }
}
