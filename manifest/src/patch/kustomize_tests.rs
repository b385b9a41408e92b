//! Patches compared with kustomize, from stored answers and from the program itself.

use std::path::Path;
use std::process::Command;

use gimlet_crds::{Json6902Patch, PatchTarget};
use serde_json::Value;

use super::*;

const CASES: &str = include_str!("kustomize_cases.yaml");

struct Case {
    name: String,
    objects: String,
    patch: String,
    target: Option<Value>,
    expected: Option<String>,
}

fn cases() -> Vec<Case> {
    let documents = yaml::documents(CASES).unwrap();
    let text =
        |case: &Value, field: &str| case.get(field).and_then(Value::as_str).map(str::to_owned);
    documents[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Case {
            name: text(case, "name").unwrap(),
            objects: text(case, "objects").unwrap(),
            patch: text(case, "patch").unwrap(),
            target: case.get("target").cloned(),
            expected: text(case, "expected"),
        })
        .collect()
}

fn objects(case: &Case) -> Vec<Object> {
    let documents = yaml::documents(&case.objects).unwrap();
    documents.into_iter().map(|value| Object::new(value).unwrap()).collect()
}

fn target(value: &Value) -> PatchTarget {
    serde_json::from_value(value.clone()).unwrap()
}

fn patched(case: &Case) -> Result<Vec<Value>, PatchError> {
    let mut objects = objects(case);
    match &case.target {
        None => apply_merge_patches(&mut objects, &case.patch, "default")?,
        Some(value) => {
            let patch = Json6902Patch { patch: case.patch.clone(), target: target(value) };
            apply_json_patches(&mut objects, &[patch], "default")?;
        }
    }
    Ok(by_identity(objects.into_iter().map(Object::into_value).collect()))
}

/// Orders objects, for kustomize prints them in an order of its own.
fn by_identity(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(|value| {
        ["/kind", "/metadata/namespace", "/metadata/name"]
            .map(|path| value.pointer(path).map(ToString::to_string))
    });
    values
}

fn compare(case: &Case, expected: Option<&str>) {
    let name = &case.name;
    match (patched(case), expected) {
        (Ok(ours), Some(expected)) => {
            let theirs = by_identity(yaml::documents(expected).unwrap());
            let pretty = |values: &[Value]| serde_json::to_string_pretty(values).unwrap();
            assert_eq!(ours, theirs, "{name}\n{}\n{}", pretty(&ours), pretty(&theirs));
        }
        (Err(error), Some(_)) => panic!("{name}: kustomize takes this, we say: {error}"),
        (Ok(ours), None) => panic!("{name}: kustomize refuses this, we make {ours:?}"),
        (Err(_), None) => {}
    }
}

#[test]
fn patches_do_what_kustomize_does() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in cases {
        compare(&case, case.expected.as_deref());
    }
}

#[test]
fn the_stored_answers_are_those_of_kustomize() {
    let Some(kubectl) = std::env::var_os("GIMLET_KUBECTL") else {
        eprintln!("skipped: GIMLET_KUBECTL does not name a kubectl");
        return;
    };
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let answer = kustomize(Path::new(&kubectl), folder.path(), &case);
        compare(&case, answer.as_deref());
    }
}

fn kustomize(kubectl: &Path, folder: &Path, case: &Case) -> Option<String> {
    let mut patch = serde_json::json!({"path": "patch.yaml"});
    if let Some(target) = &case.target {
        patch["target"] = target.clone();
    }
    let config = serde_json::json!({"resources": ["objects.yaml"], "patches": [patch]});
    std::fs::write(folder.join("kustomization.yaml"), config.to_string()).unwrap();
    std::fs::write(folder.join("objects.yaml"), &case.objects).unwrap();
    std::fs::write(folder.join("patch.yaml"), &case.patch).unwrap();
    let output = Command::new(kubectl).arg("kustomize").arg(folder).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}
