use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::unsops::decrypt;
use super::{ALICE, encryptor, later, noon};
use crate::{classify, is_encrypted};

fn values() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[-._a-zA-Z0-9]{1,12}", ".{0,40}", 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_encrypted_is_decrypted_to_the_same(data in values(), text in values()) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "any"},
            "data": data, "stringData": text,
        });
        let encrypted = encryptor().encrypt(&secret, None, noon()).unwrap();
        if encrypted.get("sops").is_some() {
            prop_assert!(is_encrypted(&encrypted));
            prop_assert_eq!(decrypt(&encrypted, ALICE), secret.clone());
            let again = encryptor().encrypt(&secret, Some(&encrypted), later()).unwrap();
            prop_assert_eq!(again, encrypted);
        } else {
            prop_assert!(data.values().chain(text.values()).all(String::is_empty));
        }
    }

    #[test]
    fn no_object_makes_it_panic(text in r#"[\{\}\[\]a:,"0-9 -]{0,60}"#) {
        let any: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({
            "apiVersion": "v1", "kind": "Secret", "data": text,
        }));
        classify(&any);
        let _ = encryptor().encrypt(&any, Some(&any), noon());
    }
}
