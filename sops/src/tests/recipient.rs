use insta::assert_snapshot;

use super::{ALICE, BOB, public};
use crate::Recipients;

fn refusal(text: &str) -> String {
    let error = Recipients::parse(&[public(ALICE).as_str(), text]).unwrap_err();
    assert_eq!(error.reason(), "InvalidRecipients");
    error.to_string()
}

#[test]
fn order_and_repetitions_do_not_matter() {
    let (alice, bob) = (public(ALICE), public(BOB));
    let once = Recipients::parse(&[&alice, &bob]).unwrap();
    let again = Recipients::parse(&[format!(" {bob}\n"), alice.clone(), alice]).unwrap();
    assert_eq!(once, again);
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let private = ALICE.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let message = refusal(private);
    assert!(!message.contains(&private[16..]), "{message}");
    assert_snapshot!(message, @"recipient 2 is a private key of age: replace that key, and name the public one, which begins with age1");
}

#[test]
fn what_is_no_public_key_of_age_is_refused_by_its_place() {
    let mut mistyped = public(BOB);
    mistyped.replace_range(20..21, if &mistyped[20..21] == "q" { "p" } else { "q" });
    assert_snapshot!(refusal(&mistyped), @"recipient 2 is not a public key of age: its check sum is wrong, so it was mistyped or cut");
    assert_snapshot!(refusal("ssh-ed25519 AAAA me@home"), @"recipient 2 is a key of SSH; Flux decrypts with X25519 keys of age, which begin with age1 and have 62 characters");
    assert_snapshot!(refusal("age1pq1qqqq"), @"recipient 2 is a post-quantum key; Flux decrypts with X25519 keys of age, which begin with age1 and have 62 characters");
    assert_snapshot!(refusal("FBC7B9E2A4F9289AC0C1D4843D16CEE4A27B4A18"), @"recipient 2 is not a public key of age: it does not begin with age1");
    assert_snapshot!(refusal("age1"), @"recipient 2 is not a public key of age: it does not have 62 characters");
    assert_snapshot!(Recipients::parse::<&str>(&[]).unwrap_err(), @"no age recipient is given; name at least one, which begins with age1");
    assert_snapshot!(Recipients::parse(&["x"; 65]).unwrap_err(), @"65 age recipients are more than 64");
}

#[test]
fn a_weak_key_is_refused() {
    let hrp = bech32::Hrp::parse("age").unwrap();
    let weak = bech32::encode::<bech32::Bech32>(hrp, &[0; 32]).unwrap();
    assert_snapshot!(refusal(&weak), @"recipient 2 is not a public key of age: it is a weak key");
}
