use proptest::prelude::*;

use super::super::head;
use super::*;
use crate::yaml;

fn parsed(text: &str) -> Result<Head, String> {
    let document = yaml::from_str(text).map_err(|error| error.to_string())?;
    head::head(&document)
}

const MANIFEST: &str = r#"# Source: a comment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
  annotations:
    helm.sh/hook: pre-install,post-install
    helm.sh/hook-weight: "-5"
    checksum/config: 0123abc
spec:
  # a comment between
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: "ghcr.io/acme/web:1.2.3"
          command: ["/bin/sh", "-c", 'a, b', x]
          args:
          - --port=8080
          - |
            echo "a: b"

              deeper
            # not a comment
          env: []
          resources: {}
        - name: two
      volumes:
      - emptyDir: {}
        name: tmp
      -
      nodeSelector:
      tolerations:
        - - nested
          - list
data:
  empty: ''
  text: >-
    folded
    text
  last: |-
    end"#;

#[test]
fn an_ordinary_manifest_is_accepted_with_its_head() {
    let found = head(MANIFEST).expect("plain YAML must be accepted");
    assert_eq!(found.kind, "Deployment");
    assert_eq!(found.name, "web");
    assert_eq!(found.hook.as_deref(), Some("pre-install,post-install"));
    assert_eq!(found.weight, -5);
    assert_eq!(Ok(found), parsed(MANIFEST));
}

#[test]
fn what_is_not_plain_is_left_to_the_parser() {
    for text in [
        "- a\n- b",
        "text",
        "# only a comment",
        "a: b: c",
        "a: b\n  c: d",
        "a: b\n c",
        "a:\n  b: 1\n c: 2",
        "a: &x 1",
        "a: *x",
        "a: !!str 1",
        "a: 'it''s\n  two lines'",
        "a: \"x\" y",
        "a: \"\\q\"",
        "a: [1,\n  2]",
        "a: {b: c}",
        "a: |2\n    x",
        "a: |\n\n   \n  x",
        "a: |\n    x\n  y",
        "a: .inf",
        "null: 1",
        "<<: 1",
        "? a\n: b",
        "a: b #c: d",
        "a:\tb",
        "a: b\r\nc: d",
        "a: ü",
        "--- a",
        "a: 1\n...\nb: 2",
        "%YAML 1.1",
        "a: `b",
        "a: @b",
        "a: - b",
        "kind: 5",
        "kind:\n  a: b",
        "metadata: text",
        "metadata:\n- a",
        "metadata:\n  annotations:\n  - a",
        "metadata:\n  annotations:\n    a:\n      b: c",
        "metadata:\n  annotations:\n    a: [b]",
        "metadata:\n  name: 12",
    ] {
        assert!(head(text).is_none(), "{text:?}");
    }
}

#[test]
fn the_last_of_several_keys_counts_as_in_the_parser() {
    for text in [
        "kind: A\nkind: B",
        "metadata:\n  name: a\nkind: K\nmetadata:\n  namespace: b",
        "metadata:\n  annotations:\n    helm.sh/hook: test\n  annotations:\n    a: b",
    ] {
        assert_eq!(head(text).map(Ok), Some(parsed(text)), "{text:?}");
    }
}

/// Lines of all sorts, valid together only by chance.
fn lines() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "kind",
        "metadata",
        "name",
        "annotations",
        "helm.sh/hook",
        "a",
        "b-c",
        "1",
        "null",
        "y",
    ]);
    let value = prop::sample::select(vec![
        "", "x", "12", "~", "null", "true", "'q'", "\"d\\n\"", "\"\"", "[]", "{}", "[a, 'b']", "|",
        ">-", "|+", "a b", "a: b", "a #b", "# c", "#c", "-", "- x", "-x", "--x", ".5", "1e5",
        ".inf", "1e999", "&a b", "*a", "!t x", "{a: b}", "'", "\"", "x:", ":x", "0x1f", "1_0", "%",
        "@", "a,b", "]",
    ]);
    let line =
        (0_usize..5, prop::sample::select(vec!["", "- ", "- - ", "-", "#", "---"]), key, value)
            .prop_map(|(indent, dash, key, value)| {
                (indent, dash, format!("{key}: {value}"), value)
            });
    let text = prop::collection::vec((line, 0_u8..6), 1..9);
    text.prop_map(|lines| {
        let mut out = String::new();
        for ((indent, dash, entry, value), form) in lines {
            out.push_str(&" ".repeat(indent));
            match form {
                0 => out.extend([dash, value]),
                1 => {}
                2 => out.extend([dash, &entry]),
                _ => out.push_str(&entry),
            }
            out.push('\n');
        }
        out.trim().to_owned()
    })
}

/// The ordinary manifest with some lines moved, dropped or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let count = MANIFEST.lines().count();
    let change = (0..count, 0_u8..4, 0_usize..4, lines());
    prop::collection::vec(change, 1..4).prop_map(|changes| {
        let mut found: Vec<String> = MANIFEST.lines().map(str::to_owned).collect();
        for (index, form, amount, other) in changes {
            let line = &mut found[index];
            match form {
                0 => line.insert_str(0, &" ".repeat(amount)),
                1 => *line = line.strip_prefix(&" ".repeat(amount)).unwrap_or(line).to_owned(),
                2 => line.clear(),
                _ => *line = other.lines().next().unwrap_or_default().to_owned(),
            }
        }
        found.join("\n").trim().to_owned()
    })
}

#[test]
fn enough_of_the_damaged_manifests_are_still_accepted_for_the_comparison_to_mean_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..1000).filter(|_| {
        let text = damaged().new_tree(&mut runner).expect("the strategy rejects nothing").current();
        head(&text).is_some()
    });
    let accepted = accepted.count();
    assert!((100..900).contains(&accepted), "{accepted} of 1000");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_what_the_parser_finds(text in lines()) {
        if let Some(found) = head(&text) {
            prop_assert_eq!(Ok(found), parsed(&text), "{:?}", text);
        }
    }

    #[test]
    fn a_damaged_manifest_is_only_accepted_if_the_parser_agrees(text in damaged()) {
        if let Some(found) = head(&text) {
            prop_assert_eq!(Ok(found), parsed(&text), "{:?}", text);
        }
    }
}
