mod encrypt;
mod kind;
mod properties;
mod recipient;
mod sops;
mod unsops;

use jiff::Timestamp;
use serde_json::Value;

use crate::{Encryptor, Recipients, Seed};

/// Keys of age that were made for these tests and protect nothing.
const ALICE: &str = include_str!("keys/alice.txt");
const BOB: &str = include_str!("keys/bob.txt");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The public key that `age-keygen` wrote above a private one.
fn public(key_file: &str) -> String {
    let line = key_file.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.unwrap().to_owned()
}

fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

fn encryptor() -> Encryptor {
    Encryptor::new(Recipients::parse(&[public(ALICE)]).unwrap(), seed(1))
}

fn noon() -> Timestamp {
    "2026-11-26T12:00:00.75Z".parse().unwrap()
}

fn later() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

fn secret() -> Value {
    yaml(
        r#"
apiVersion: v1
kind: Secret
metadata:
  name: web
  namespace: shop
  labels: {app: web}
type: Opaque
stringData:
  url: postgres://web@db/web
  empty: ""
  blocks: |
    first: line
    second: äöü
data:
  password: aHVudGVyMg==
"#,
    )
}
