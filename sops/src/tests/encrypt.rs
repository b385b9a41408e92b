use insta::assert_snapshot;
use serde_json::{Value, json};

use super::unsops::decrypt;
use super::{ALICE, BOB, encryptor, later, noon, public, secret, seed, yaml};
use crate::{Encryptor, Recipients, SecretKind, classify, is_encrypted};

fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut secret = secret();
    change(&mut secret);
    let error = encryptor().encrypt(&secret, None, noon()).unwrap_err();
    format!("{}: {error}", error.reason())
}

#[test]
fn every_recipient_decrypts_all_values() {
    let recipients = Recipients::parse(&[public(ALICE), public(BOB)]).unwrap();
    let encrypted = Encryptor::new(recipients, seed(1)).encrypt(&secret(), None, noon()).unwrap();
    assert_eq!(decrypt(&encrypted, ALICE), secret());
    assert_eq!(decrypt(&encrypted, BOB), secret());
    assert_eq!(classify(&encrypted), SecretKind::SopsEncrypted);
}

#[test]
fn a_file_looks_like_this() {
    let encrypted = encryptor().encrypt(&secret(), None, noon()).unwrap();
    assert_snapshot!(serde_saphyr::to_string(&encrypted).unwrap());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let once = encryptor().encrypt(&secret(), None, noon()).unwrap();
    let again = encryptor().encrypt(&secret(), None, noon()).unwrap();
    assert_eq!(once.to_string(), again.to_string());
}

#[test]
fn an_unchanged_secret_keeps_its_date_and_its_bytes() {
    let once = encryptor().encrypt(&secret(), None, noon()).unwrap();
    let again = encryptor().encrypt(&secret(), Some(&once), later()).unwrap();
    assert_eq!(once.to_string(), again.to_string());
}

#[test]
fn another_label_leaves_the_ciphertext_alone() {
    let once = encryptor().encrypt(&secret(), None, noon()).unwrap();
    let mut changed = secret();
    changed["metadata"]["labels"]["app"] = "shop".into();
    let again = encryptor().encrypt(&changed, Some(&once), later()).unwrap();
    assert_eq!(again["sops"], once["sops"]);
    assert_eq!(again["metadata"]["labels"]["app"], "shop");
}

#[test]
fn only_a_changed_value_gets_another_text() {
    let once = encryptor().encrypt(&secret(), None, noon()).unwrap();
    let mut changed = secret();
    changed["stringData"]["url"] = "postgres://web@other/web".into();
    let again = encryptor().encrypt(&changed, Some(&once), later()).unwrap();
    assert_ne!(again["stringData"]["url"], once["stringData"]["url"]);
    assert_eq!(again["stringData"]["blocks"], once["stringData"]["blocks"]);
    assert_eq!(again["data"], once["data"]);
    assert_eq!(again["sops"]["lastmodified"], "2026-11-27T12:00:00Z");
    assert_eq!(decrypt(&again, ALICE), changed);
}

#[test]
fn a_changed_value_never_shares_its_nonce_with_the_old_one() {
    let iv = |value: &str| {
        let mut changed = secret();
        changed["stringData"]["url"] = value.into();
        let encrypted = encryptor().encrypt(&changed, None, noon()).unwrap();
        let text = encrypted["stringData"]["url"].as_str().unwrap().to_owned();
        text.split_once(",iv:").unwrap().1.split_once(",tag:").unwrap().0.to_owned()
    };
    assert_ne!(iv("one"), iv("two"));
    assert_eq!(iv("one"), iv("one"));
}

#[test]
fn recipients_seed_and_name_each_lead_to_another_key() {
    let data = |encryptor: &Encryptor, secret: &Value| {
        encryptor.encrypt(secret, None, noon()).unwrap()["data"]["password"].clone()
    };
    let both = Recipients::parse(&[public(ALICE), public(BOB)]).unwrap();
    let alice = Recipients::parse(&[public(ALICE)]).unwrap();
    let mut renamed = secret();
    renamed["metadata"]["name"] = "worker".into();
    let texts = [
        data(&encryptor(), &secret()),
        data(&encryptor(), &renamed),
        data(&Encryptor::new(alice, seed(2)), &secret()),
        data(&Encryptor::new(both, seed(1)), &secret()),
    ];
    for (index, text) in texts.iter().enumerate() {
        assert!(!texts[..index].contains(text), "{index}");
    }
}

#[test]
fn a_removed_recipient_means_new_ciphertexts() {
    let both = Recipients::parse(&[public(ALICE), public(BOB)]).unwrap();
    let once = Encryptor::new(both, seed(1)).encrypt(&secret(), None, noon()).unwrap();
    let again = encryptor().encrypt(&secret(), Some(&once), later()).unwrap();
    assert_ne!(again["data"], once["data"]);
    assert_eq!(again["sops"]["age"].as_array().unwrap().len(), 1);
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let reordered =
        yaml("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {b: one, a: two}}");
    let sorted =
        yaml("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: two, b: one}}");
    let encrypt = |secret| encryptor().encrypt(secret, None, noon()).unwrap().to_string();
    assert_eq!(encrypt(&reordered), encrypt(&sorted));
}

#[test]
fn an_encrypted_secret_passes_untouched() {
    let encrypted = encryptor().encrypt(&secret(), None, noon()).unwrap();
    assert!(is_encrypted(&encrypted));
    let bob = Encryptor::new(Recipients::parse(&[public(BOB)]).unwrap(), seed(3));
    assert_eq!(bob.encrypt(&encrypted, None, later()).unwrap(), encrypted);
}

#[test]
fn an_empty_secret_passes_untouched() {
    let empty = yaml("{apiVersion: v1, kind: Secret, metadata: {name: token}, type: x/y}");
    assert_eq!(encryptor().encrypt(&empty, None, noon()).unwrap(), empty);
}

#[test]
fn null_values_stay_as_they_are() {
    let mut changed = secret();
    changed["data"]["nothing"] = Value::Null;
    let encrypted = encryptor().encrypt(&changed, None, noon()).unwrap();
    assert_eq!(encrypted["data"]["nothing"], Value::Null);
    assert_eq!(decrypt(&encrypted, ALICE), changed);
}

#[test]
fn a_value_added_to_an_encrypted_secret_is_found() {
    let mut encrypted = encryptor().encrypt(&secret(), None, noon()).unwrap();
    encrypted["data"]["added"] = "aGVsbG8=".into();
    assert!(!is_encrypted(&encrypted));
    let error = encryptor().encrypt(&encrypted, None, noon()).unwrap_err();
    assert_snapshot!(error, @"Secret web is encrypted in part: data.added is not; encrypt the whole file with sops, or none of it");
}

#[test]
fn what_cannot_be_encrypted_is_refused_with_the_way_out() {
    assert_snapshot!(refusal(|s| s["stringData"]["port"] = json!(5432)), @"InvalidSecret: Secret web: stringData.port must be text; put it in quotes");
    assert_snapshot!(refusal(|s| s["data"] = json!(["a"])), @"InvalidSecret: Secret web: data must be a map");
    assert_snapshot!(refusal(|s| s["metadata"]["labels"]["data"] = json!("x")), @"SecretUnfit: Secret web cannot be encrypted with metadata.labels.data: SOPS takes every field of this name for an encrypted one; remove it");
    assert_snapshot!(refusal(|s| s["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/decrypt": "Disabled"})), @"SecretUnfit: Secret web cannot be encrypted with kustomize.toolkit.fluxcd.io/decrypt: the annotation keeps Flux from decrypting the values; remove it");
    assert_snapshot!(refusal(|s| s["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"})), @"SecretUnfit: Secret web cannot be encrypted with kubectl.kubernetes.io/last-applied-configuration: the annotation repeats the values in plain text; remove it");
    assert_snapshot!(refusal(|s| s["apiVersion"] = json!("example.com/v1")), @"NotASecret: a Secret of another apiVersion is not a Secret of apiVersion v1; only those are encrypted");
    assert_snapshot!(refusal(|s| s["kind"] = json!("SecretList")), @"NotASecret: SecretList is not a Secret of apiVersion v1; only those are encrypted");
    assert_snapshot!(refusal(|s| s["data"]["big"] = "a".repeat(2 << 20).into()), @"SecretTooLarge: Secret web has more than 1048576 bytes of values, which Kubernetes refuses");
}

#[test]
fn neither_seed_nor_values_are_shown_in_debug_output() {
    let shown = format!("{:?}", encryptor());
    assert!(shown.contains("Seed(…)"), "{shown}");
    assert!(!shown.contains("1, 1, 1"), "{shown}");
}
