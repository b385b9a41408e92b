//! The real SOPS: a file that it wrote, and itself as a judge of ours where it is built.

use std::io::Write;
use std::process::{Command, Stdio};

use super::unsops::decrypt;
use super::{ALICE, encryptor, noon, secret, yaml};
use crate::{SecretKind, classify};

/// Written by `sops encrypt` 3.13 with `encrypted_regex` and `mac_only_encrypted` in `.sops.yaml`.
const BY_SOPS: &str = include_str!("files/by-sops.yaml");

#[test]
fn the_tests_own_decryption_reads_what_sops_wrote() {
    let file = yaml(BY_SOPS);
    assert_eq!(classify(&file), SecretKind::SopsEncrypted);
    assert_eq!(decrypt(&file, ALICE), secret());
}

#[test]
fn a_file_has_the_same_fields_as_one_of_sops() {
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<_> = value["sops"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let ours = encryptor().encrypt(&secret(), None, noon()).unwrap();
    assert_eq!(keys(&ours), keys(&yaml(BY_SOPS)));
}

/// Runs when `GIMLET_UNSOPS` names the program of `e2e/tools/cmd/unsops`.
#[test]
fn sops_decrypts_a_file_and_finds_its_mac_right() {
    let Some(program) = std::env::var_os("GIMLET_UNSOPS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.txt");
    std::fs::write(&keys, ALICE).unwrap();
    let encrypted = encryptor().encrypt(&secret(), None, noon()).unwrap();
    let mut child = Command::new(program)
        .arg(&keys)
        .env("HOME", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = serde_saphyr::to_string(&encrypted).unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(yaml(&String::from_utf8(output.stdout).unwrap()), secret());
}
