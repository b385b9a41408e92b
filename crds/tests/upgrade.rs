//! What an earlier version wrote is read by this one, and nothing of it is lost.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a file that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn earlier(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap()).collect()
}

/// Reads an object into a type and writes it again.
fn again<K: DeserializeOwned + Serialize>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<K>(object.clone()).unwrap()).unwrap()
}

fn through_todays_type(object: &Value) -> Value {
    match object["kind"].as_str().unwrap() {
        "App" => again::<App>(object),
        "Approval" => again::<Approval>(object),
        "Artifact" => again::<Artifact>(object),
        "ConfigChange" => again::<ConfigChange>(object),
        "Environment" => again::<Environment>(object),
        "Release" => again::<Release>(object),
        "ReleaseSet" => again::<ReleaseSet>(object),
        "Repository" => again::<Repository>(object),
        kind => panic!("no type reads the kind {kind}"),
    }
}

/// Lists what is not the same any more. What says nothing may be left out.
fn lost(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let says_nothing = match old {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) => false,
    };
    match (old, new) {
        (_, Value::Null) if says_nothing => {}
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                lost(&format!("{path}.{name}"), value, &new[name], found);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (item, other) in items.iter().zip(others) {
                lost(&format!("{path}[]"), item, other, found);
            }
        }
        _ if old == new => {}
        _ => found.push(format!("{path}: {old} became {new}")),
    }
}

#[test]
fn objects_of_an_earlier_version_are_read_without_loss() {
    let mut found = Vec::new();
    for object in earlier("objects") {
        let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
        lost(&name, &object, &through_todays_type(&object), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Notes every field that an object has.
fn fields(path: &str, value: &Value, seen: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        fields(&path, value, seen);
        seen.insert(path);
    }
    for item in value.as_array().into_iter().flatten() {
        fields(&format!("{path}[]"), item, seen);
    }
}

/// Notes every field that a schema has and no object.
fn missing(path: &str, schema: &Value, seen: &BTreeSet<String>, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        missing(&path, property, seen, found);
        missing(&format!("{path}[]"), &property["items"], seen, found);
        if !seen.contains(&path) {
            found.push(path);
        }
    }
}

#[test]
fn the_objects_have_every_field_that_the_earlier_version_knew() {
    let mut seen = BTreeSet::new();
    for object in earlier("objects") {
        fields(object["kind"].as_str().unwrap(), &object, &mut seen);
    }
    let mut found = Vec::new();
    let definitions = earlier("crd");
    assert_eq!(definitions.len(), gimlet_crds::definitions().len());
    for definition in definitions {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for part in ["spec", "status"] {
            let schema = &schema["properties"][part];
            missing(&format!("{kind}.{part}"), schema, &seen, &mut found);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
