//! The generated definitions in `config/crd` are those of the types.

use std::path::Path;

#[test]
fn config_crd_is_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/crd");
    for definition in gimlet_crds::definitions() {
        let file = folder.join(format!("{}.yaml", definition.spec.names.plural));
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        let wanted = serde_saphyr::to_string(&definition).unwrap();
        assert!(written == wanted, "{} is out of date: run `make crds`", file.display());
    }
}

#[test]
fn every_kind_can_be_found_and_read_at_a_glance() {
    for definition in gimlet_crds::definitions() {
        let names = &definition.spec.names;
        assert!(
            names.categories.as_ref().is_some_and(|c| c.contains(&"gimlet".to_owned())),
            "{names:?}"
        );
        assert!(names.short_names.as_ref().is_some_and(|s| !s.is_empty()), "{names:?}");
        let version = &definition.spec.versions[0];
        let columns = version.additional_printer_columns.as_ref().unwrap();
        // An Approval is a statement: nobody reconciles it.
        if names.kind == "Approval" {
            assert!(columns.iter().any(|c| c.name == "Decision"), "{names:?}");
            continue;
        }
        assert!(columns.iter().any(|c| c.name == "Status"), "{names:?}");
        assert!(version.subresources.as_ref().is_some_and(|s| s.status.is_some()), "{names:?}");
    }
}

#[test]
fn every_field_is_described() {
    fn check(path: &str, schema: &serde_json::Value, missing: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if property["description"].as_str().unwrap_or_default().is_empty() {
                missing.push(path.clone());
            }
            check(&path, property, missing);
            check(&path, &property["items"], missing);
        }
    }
    let mut missing = Vec::new();
    for definition in gimlet_crds::definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let schema = &schema["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            check(&format!("{}.{part}", definition.spec.names.kind), &schema[part], &mut missing);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
