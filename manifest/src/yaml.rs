//! YAML as the cluster reads it, and as Gimlet writes it.

use serde_json::{Map, Value};

/// Keys that come first in an object, in this order; the rest is sorted.
const OBJECT_KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
/// Keys that come first in `metadata`.
const METADATA_KEYS: [&str; 5] = ["name", "generateName", "namespace", "labels", "annotations"];
/// Key that comes first in the items of a list: it says which item one looks at.
const ITEM_KEYS: [&str; 1] = ["name"];

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    message: String,
}

/// Reads all documents of a text, as `sigs.k8s.io/yaml` reads them; empty documents are dropped.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, YamlError> {
    gimlet_helm::yaml::documents(text).map_err(|error| YamlError { message: error.to_string() })
}

/// Writes a Kubernetes object with its keys in a fixed order.
pub(crate) fn object_to_string(value: &Value) -> Result<String, YamlError> {
    to_string(&ordered_object(value))
}

/// Writes any value, its keys in the order in which they are.
pub(crate) fn to_string(value: &Value) -> Result<String, YamlError> {
    // Folding long lines would make one changed word a diff of a paragraph.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| YamlError { message: error.to_string() })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn ordered_object(value: &Value) -> Value {
    let Value::Object(map) = value else { return sorted(value, &[]) };
    let keys = ordered_keys(map, &OBJECT_KEYS);
    let mut result = Map::new();
    for key in keys {
        let first: &[&str] = if key == "metadata" { &METADATA_KEYS } else { &[] };
        result.insert(key.clone(), sorted(&map[key], first));
    }
    Value::Object(result)
}

fn sorted(value: &Value, first: &[&str]) -> Value {
    match value {
        Value::Object(map) => {
            let entries = ordered_keys(map, first)
                .into_iter()
                .map(|key| (key.clone(), sorted(&map[key], &[])));
            Value::Object(entries.collect())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| sorted(item, &ITEM_KEYS)).collect())
        }
        other => other.clone(),
    }
}

fn ordered_keys<'a>(map: &'a Map<String, Value>, first: &[&str]) -> Vec<&'a String> {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by_key(|key| {
        (first.iter().position(|name| name == key).unwrap_or(first.len()), *key)
    });
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_depend_on_the_input() {
        let one = json!({
            "spec": {"b": 1, "a": [{"image": "x", "name": "m"}]},
            "data": 1, "kind": "K", "aaa": 0, "apiVersion": "v1",
            "metadata": {"labels": {}, "name": "m", "annotations": {}, "namespace": "s"},
        });
        let text = object_to_string(&one).unwrap();
        let expected = "apiVersion: v1\nkind: K\nmetadata:\n  name: m\n  namespace: s\n  labels: {}\n  \
                        annotations: {}\nspec:\n  a:\n  - name: m\n    image: x\n  b: 1\naaa: 0\ndata: 1\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn awkward_strings_are_read_back_as_they_were() {
        for text in AWKWARD {
            let value = json!({"value": text, "list": [text], "map": {*text: 1}});
            let written = to_string(&value).unwrap();
            let read = documents(&written).unwrap();
            assert_eq!(read, std::slice::from_ref(&value), "{text:?} was written as\n{written}");
        }
    }

    #[test]
    fn numbers_are_read_back_as_they_were() {
        let value = json!({"a": 0, "b": -7, "c": 1.5, "d": 9_007_199_254_740_991_i64, "e": true,
            "f": null, "g": [], "h": {}, "i": [[1, [2]], {"a": [{}]}]});
        assert_eq!(documents(&to_string(&value).unwrap()).unwrap(), [value]);
    }

    #[test]
    fn kubectl_reads_awkward_strings_as_they_were() {
        let Some(kubectl) = std::env::var_os("GIMLET_KUBECTL") else {
            eprintln!("skipped: GIMLET_KUBECTL does not name a kubectl");
            return;
        };
        let data: Map<String, Value> =
            AWKWARD.iter().enumerate().map(|(n, text)| (format!("k{n}"), json!(text))).collect();
        let annotations: Map<String, Value> =
            AWKWARD.iter().map(|text| ((*text).to_owned(), json!("v"))).collect();
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "m", "annotations": annotations}, "data": data});
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("configmap.yaml");
        std::fs::write(&file, object_to_string(&object).unwrap()).unwrap();
        let output = std::process::Command::new(kubectl)
            .args(["patch", "--local", "--type=merge", "--patch={}", "--output=json", "--filename"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(read["data"], object["data"]);
        assert_eq!(read["metadata"]["annotations"], object["metadata"]["annotations"]);
    }

    const AWKWARD: &[&str] = &[
        "",
        " ",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "Yes",
        "NO",
        "true",
        "True",
        "null",
        "~",
        "Null",
        "1e3",
        "1e+3",
        "0o7",
        "017",
        "0777",
        "08",
        "1_000",
        "0x1F",
        "0b11",
        "1:30",
        "190:20:30",
        ".5",
        "+1",
        "-",
        "--",
        "---",
        "...",
        "<<",
        "=",
        "2001-01-01",
        "2001-12-14t21:59:43.10-05:00",
        ".inf",
        ".nan",
        "1.0",
        "1.",
        "12e03",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\n",
        "\na",
        " a\nb",
        "a \nb ",
        "a ",
        " a",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#a",
        "- a",
        "? a",
        "!a",
        "&a",
        "*a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        "'",
        "\"",
        "\\",
        "a\\nb",
        "\t",
        "a\tb",
        "\ta",
        "a\r\nb",
        "\r",
        "\u{7}",
        "\u{1b}[0m",
        "ä",
        "😀",
        "\u{feff}a",
        "\u{85}",
        "\u{2028}",
        "\u{a0}",
        "[a]",
        "{a}",
        "{{ .x }}",
        "a, b",
        "1,000",
        "0",
        "-0",
        "1",
        "0.1",
        "a\n  b\n c",
        "  a\n b",
        "line one is long enough to be folded by a writer that folds its lines at eighty columns, is it not",
        "long first line that goes on and on and on beyond the eightieth column of the page\nsecond\n\n\n",
        "{\"a\":1}",
        "x\u{0}y",
        "1__0",
        "0_1",
        "infinity",
        "NaN",
        "e1",
        "1e",
        "0x",
        "12:30:45",
        "a\n---\nb",
    ];
}
