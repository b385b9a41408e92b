//! Deploy manifests and the variables in them.

use gimlet_crds::{Chart, DeployManifest, Json6902Patch, PatchTarget, Values};
use gimlet_helm::yaml;
use gimlet_manifest::file::{ManifestFile, parse, parse_each, parse_files};
use gimlet_manifest::lint::{self, Severity};
use gimlet_manifest::{Vars, resolve};
use serde_json::{Value as Json, json};

use crate::{explained, parts, same};

/// A `.gimlet/*.yaml` file as somebody pushed it.
pub fn manifest(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (whole, each) = (parse_files(&text), parse_each(&text));
    match &whole {
        Ok(files) => {
            assert!(!files.is_empty(), "a file of nothing was taken");
            let alone: Vec<_> = each.iter().flatten().collect();
            assert_eq!(alone, files.iter().collect::<Vec<_>>());
            files.iter().for_each(read_back);
        }
        Err(error) => {
            explained(error);
            assert!(each.iter().any(Result::is_err), "{error} is hidden by {each:?}");
            each.iter().filter_map(|one| one.as_ref().err()).for_each(|error| {
                explained(error);
            });
        }
    }
    let (findings, drafts) = lint::check(&text, &vars("v1.2.3"));
    let lines = text.lines().count().max(1);
    for finding in &findings {
        explained(&finding.message);
        let place = finding.place;
        assert!((1..=lines + 1).contains(&place.line), "{finding:?} in {lines} lines");
        assert!(place.column >= 1 && place.length >= 1, "{finding:?}");
    }
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        assert!(whole.is_ok(), "lint finds nothing in what is refused: {whole:?}");
    }
    assert!(drafts.len() <= whole.map_or(0, |files| files.len()));
}

/// What was read is read again from what is written of it, by a person's tool or by ours.
fn read_back(file: &ManifestFile) {
    let written = serde_json::to_value(&file.manifest).expect("a manifest has texts as keys");
    // Helm's way of writing these does not give them back; see the target `yaml`.
    let text = yaml::to_string(&written);
    if text.contains(['\u{2028}', '\u{2029}']) || text.contains("<<") {
        return;
    }
    let again = parse(&text);
    let again: Vec<Json> = again
        .iter()
        .flatten()
        .map(|manifest| serde_json::to_value(manifest).unwrap_or_default())
        .collect();
    assert!(again.len() == 1 && same(&again[0], &written), "{written} became {again:?} by\n{text}");
}

/// A text with expressions, and the value of a variable that somebody else chose.
pub fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let [template, value] = parts(&text);
    let written = DeployManifest {
        namespace: "shop".into(),
        manifests: Some(template.to_owned()),
        ..DeployManifest::default()
    };
    let result = || resolve(&written, &vars(value)).map_err(|error| explained(&error));
    assert_eq!(result(), result());
    if !value.contains("{{") {
        stays_in_its_place(value);
    }
}

/// A value never changes the structure around it.
fn stays_in_its_place(value: &str) {
    let text = |text: &str| Some(text.to_owned());
    let manifest = DeployManifest {
        app: text("{{ .VALUE }}"),
        namespace: "x {{ .VALUE }}".into(),
        chart: Some(Chart {
            name: "app".into(),
            version: text("{{ .VALUE }}"),
            ..Chart::default()
        }),
        values: Some(Values(serde_json::Map::from_iter([
            ("leaf".to_owned(), json!("{{ .VALUE }}")),
            ("x {{ .VALUE }}".to_owned(), json!([{"a": "x {{ .VALUE }}"}])),
        ]))),
        json6902_patches: vec![Json6902Patch {
            patch: "- {op: add, path: /a, value: 'x {{ .VALUE }}'}".into(),
            target: PatchTarget { kind: "x {{ .VALUE }}".into(), ..PatchTarget::default() },
        }],
        manifests: text(
            "a: {{ .VALUE }}\nb: [1, 'x {{ .VALUE }}']\nx {{ .VALUE }}: |\n  c: {{ .VALUE }}\n  d\n",
        ),
        ..DeployManifest::default()
    };
    let resolved = resolve(&manifest, &vars(value));
    assert!(resolved.is_ok(), "{resolved:?} by {value:?}");
    let resolved = resolved.unwrap_or_default();
    let longer = format!("x {value}");
    assert_eq!(resolved.app.as_deref(), Some(value));
    assert_eq!(resolved.namespace, longer);
    assert_eq!(resolved.chart.and_then(|chart| chart.version).as_deref(), Some(value));
    let values = Json::Object(resolved.values.unwrap_or_default().0);
    assert_eq!(values, json!({"leaf": value, longer.as_str(): [{"a": longer}]}));
    let patch = &resolved.json6902_patches[0];
    assert_eq!(patch.target.kind, longer);
    let operations = yaml::from_str(&patch.patch).unwrap_or_default();
    assert_eq!(operations, json!([{"op": "add", "path": "/a", "value": longer}]));
    let manifests = resolved.manifests.unwrap_or_default();
    let documents = yaml::documents(&manifests).unwrap_or_default();
    assert_eq!(documents.len(), 1, "{value:?} made other documents:\n{manifests}");
    let document = &documents[0];
    assert_eq!(document.as_object().map(serde_json::Map::len), Some(3), "{manifests}");
    assert!(!document["a"].is_array() && !document["a"].is_object(), "{manifests}");
    assert_eq!(document["b"], json!([1, longer]), "{manifests}");
    assert_eq!(document[&longer], json!(format!("c: {value}\nd\n")), "{manifests}");
}

fn vars(value: &str) -> Vars {
    [("VALUE", value), ("SHA", "4e1f09c0a1b2c3d4e5f60718293a4b5c6d7e8f90"), ("BRANCH", "main")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
