//! Whatever is sent, rightly signed or not: never a panic, and never more than was allowed.

use gimlet_hosts::{Address, Event, MAX_COMMITS, Provider, Secret, receive};
use proptest::prelude::*;
use serde_json::Value;

use crate::fixture::{self, now, text};

const SECRET: &str = "webhook-secret";
const PROVIDERS: [Provider; 3] = [Provider::GitHub, Provider::GitLab, Provider::Gitea];
const FILES: [(Provider, &str, &str); 7] = [
    (Provider::GitHub, "push", "github/hook_push.json"),
    (Provider::GitHub, "pull_request", "github/hook_pull_request.json"),
    (Provider::GitHub, "ping", "github/hook_ping.json"),
    (Provider::GitLab, "Push Hook", "gitlab/hook_push.json"),
    (Provider::GitLab, "Merge Request Hook", "gitlab/hook_merge_request.json"),
    (Provider::Gitea, "push", "gitea/hook_push.json"),
    (Provider::Gitea, "delete", "gitea/hook_delete.json"),
];

fn signed(provider: Provider, event: &str, body: &[u8]) -> http::HeaderMap {
    match provider {
        Provider::GitHub => fixture::github(event, body, SECRET),
        Provider::GitLab => fixture::gitlab(event, SECRET),
        Provider::Gitea => fixture::gitea(event, body, SECRET),
    }
}

fn check(provider: Provider, event: &str, body: &[u8]) {
    let headers = signed(provider, event, body);
    match receive(provider, &headers, body, &Secret::new(SECRET), now()) {
        Ok(delivery) => {
            if let Event::Push(push) = delivery.event {
                assert!(push.commits.len() <= MAX_COMMITS);
            }
        }
        Err(error) => {
            assert_eq!(error.reason(), "Malformed");
            assert!(error.to_string().len() < 2000);
        }
    }
    let other = Secret::new("another secret");
    assert!(receive(provider, &headers, body, &other, now()).is_err());
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::from("0".repeat(40))),
        Just(Value::from("refs/heads/main")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts a value in the place of one that is chosen by walking down.
fn replace(value: &mut Value, path: &[usize], new: Value) {
    let child = match (path.split_first(), &mut *value) {
        (Some((at, rest)), Value::Object(map)) if !map.is_empty() => {
            let at = at % map.len();
            map.values_mut().nth(at).map(|child| (child, rest))
        }
        (Some((at, rest)), Value::Array(list)) if !list.is_empty() => {
            let at = at % list.len();
            list.get_mut(at).map(|child| (child, rest))
        }
        _ => None,
    };
    match child {
        Some((child, rest)) => replace(child, rest, new),
        None => *value = new,
    }
}

proptest! {
    #[test]
    fn bytes_are_no_event(body in prop::collection::vec(any::<u8>(), 0..400), event in "[ -~]{1,40}") {
        for provider in PROVIDERS {
            check(provider, &event, &body);
        }
    }

    #[test]
    fn events_with_one_thing_changed_are_read_or_refused(
        file in 0..FILES.len(),
        path in prop::collection::vec(any::<usize>(), 1..5),
        new in json(),
    ) {
        let (provider, event, file) = FILES[file];
        let mut body: Value = serde_json::from_str(&text(file)).unwrap();
        replace(&mut body, &path, new);
        check(provider, event, body.to_string().as_bytes());
    }

    #[test]
    fn events_that_end_too_early_are_refused(file in 0..FILES.len(), part in 0.0..1.0_f64) {
        let (provider, event, file) = FILES[file];
        let body = text(file);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let end = (body.trim_end().len() as f64 * part) as usize;
        check(provider, event, &body.as_bytes()[..end]);
    }

    #[test]
    fn signatures_of_any_kind_are_refused(value in "[ -~]{0,200}", provider in 0..3_usize) {
        let body = text("github/hook_push.json");
        let mut headers = signed(PROVIDERS[provider], "push", body.as_bytes());
        for name in ["x-hub-signature-256", "x-gitea-signature", "x-gitlab-token"] {
            headers.insert(name, value.parse().unwrap());
        }
        prop_assume!(value != SECRET);
        let secret = Secret::new(SECRET);
        prop_assert!(receive(PROVIDERS[provider], &headers, body.as_bytes(), &secret, now()).is_err());
    }

    #[test]
    fn addresses_are_read_or_refused(address in ".{0,80}") {
        if let Ok(address) = Address::parse(&address) {
            prop_assert!(!address.host().is_empty());
            prop_assert!(Address::parse(&address.to_string()).is_ok());
        }
    }

    #[test]
    fn deep_nesting_is_refused(depth in 1..5000_usize) {
        check(Provider::GitHub, "push", "[".repeat(depth).as_bytes());
        check(Provider::GitLab, "Push Hook", format!("{{\"project\":{}", "[".repeat(depth)).as_bytes());
    }
}
